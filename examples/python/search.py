"""Searches a table by meaning, from Python's own sqlite3 module."""
import array
import pathlib
import sqlite3

EXTENSION = pathlib.Path(__file__).resolve().parents[2] / "dist" / "nearlite"


def f32(*values):
    """A vector as the blob that F32_BLOB columns hold."""
    return array.array("f", values).tobytes()


db = sqlite3.connect(":memory:")
db.enable_load_extension(True)
db.load_extension(str(EXTENSION))
db.enable_load_extension(False)
db.execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(3))")
db.execute("CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding)")
with db:
    db.executemany(
        "INSERT INTO notes(body, embedding) VALUES (?, ?)",
        [("apple pie", f32(0.9, 0.1, 0)), ("train at nine", f32(0, 0.1, 0.9)), ("apple cake", f32(0.8, 0.3, 0))],
    )
query = "SELECT body, distance FROM vector_search('notes_vec', ?, 2) JOIN notes USING (id)"
for body, distance in db.execute(query, [f32(1, 0, 0)]):
    print(f"{distance:.3f}  {body}")
