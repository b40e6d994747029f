"""Uses the installed package nearlite."""
import array
import importlib.metadata
import os
import sqlite3
import struct

import nearlite

assert os.path.isfile(nearlite.loadable_path()), nearlite.loadable_path()
assert "site-packages" in nearlite.__file__, nearlite.__file__
assert importlib.metadata.version("nearlite") == nearlite.__version__, nearlite.__version__


def fails(call, kind, text):
    try:
        call()
    except kind as e:
        assert text in str(e), e
    else:
        raise AssertionError(f"no {kind.__name__} with {text!r}")


assert nearlite.serialize_float32([1, 2.5, -3]) == struct.pack("<3f", 1, 2.5, -3)
assert nearlite.serialize_float32(x for x in (0.5,)) == struct.pack("<f", 0.5)
assert nearlite.serialize_float32(array.array("d", [0.1])) == struct.pack("<f", 0.1)
assert nearlite.serialize_float32([]) == b""
fails(lambda: nearlite.serialize_float32("[1,2]"), TypeError, "got str, want a sequence of numbers")
fails(lambda: nearlite.serialize_float32([1, "x"]), TypeError, "")
fails(lambda: nearlite.load(7), TypeError, "got int, want an open sqlite3.Connection")

db = sqlite3.connect(":memory:")
for allowed, text in ((False, "not authorized"), (True, "nosuchfile")):
    db.enable_load_extension(allowed)
    nearlite.load(db)
    fails(lambda: db.load_extension("nosuchfile"), sqlite3.OperationalError, text)
db.execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(3))")
db.execute("CREATE VIRTUAL TABLE notes_vec USING hnsw(notes, embedding)")
db.execute("CREATE VIRTUAL TABLE notes_text USING lexical(notes, body)")
with db:
    db.executemany("INSERT INTO notes(body, embedding) VALUES (?, ?)", [
        ("apple pie", nearlite.serialize_float32([0.9, 0.1, 0])),
        ("train at nine", nearlite.serialize_float32([0, 0.1, 0.9])),
    ])
got = db.execute("SELECT body FROM vector_search('notes_vec', ?, 1) JOIN notes USING (id)", [nearlite.serialize_float32([1, 0, 0])]).fetchall()
assert got == [("apple pie",)], got
got = db.execute("SELECT body FROM hybrid_search('notes_vec', 'notes_text', 'train', ?, 1) JOIN notes USING (id)", [nearlite.serialize_float32([0, 0, 1])]).fetchall()
assert got == [("train at nine",)], got
print(f"wheel: nearlite {nearlite.__version__} in Python {'.'.join(map(str, __import__('sys').version_info[:2]))}, SQLite {sqlite3.sqlite_version}: ok")
