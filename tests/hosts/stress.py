"""stress.py EXTENSION [THREADS [ROUNDS]]: threads that search and insert in one file,
then connections opened and closed, whose memory must stay flat.
"""
import os
import random
import sqlite3
import sys
import tempfile
import threading

EXTENSION = os.path.abspath(sys.argv[1])
THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 16
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
LIMIT_MIB = 32  # growth allowed between round 100 and the last


def connect(path):
    db = sqlite3.connect(path, isolation_level=None, timeout=300)
    db.enable_load_extension(True)
    db.load_extension(EXTENSION)
    return db


def vector(rng):
    return "[%s]" % ",".join("%.3f" % rng.gauss(0, 1) for _ in range(16))


def worker(path, n, errors):
    try:
        rng = random.Random(n)
        db = connect(path)
        db.execute("PRAGMA synchronous = off")
        for i in range(ROUNDS):
            db.execute("INSERT INTO docs VALUES (?, ?, vector32(?))", (n * ROUNDS + i, f"row {i}", vector(rng)))
            got = db.execute("SELECT id FROM vector_search('docs_vec', ?, 5)", (vector(rng),)).fetchall()
            # Other threads insert, too: all that is certain is a lower bound.
            if len(got) < min(5, i + 1):
                raise AssertionError(f"round {i}: {len(got)} rows")
        db.close()
    except Exception as e:  # noqa: BLE001 - whatever it is, the main thread must know
        errors.append(f"thread {n}: {e!r}")


def rss_mib():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


with tempfile.TemporaryDirectory() as tmp:
    path = os.path.join(tmp, "stress.db")
    db = connect(path)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(16))")
    db.execute("CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding)")
    errors = []
    threads = [threading.Thread(target=worker, args=(path, n, errors)) for n in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    rows = db.execute("SELECT count(*) FROM docs_vec").fetchone()[0]
    db.execute("INSERT INTO docs_vec(docs_vec) VALUES ('integrity-check')")
    if rows != THREADS * ROUNDS and not errors:
        errors.append(f"{rows} rows are indexed, want {THREADS * ROUNDS}")
    print(f"{THREADS} threads, {ROUNDS} searches and inserts each: {rows} rows, {len(errors)} errors")
    db.close()

    path = os.path.join(tmp, "small.db")
    db = connect(path)
    db.execute("CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(16))")
    db.execute("CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding)")
    db.execute("CREATE VIRTUAL TABLE docs_text USING lexical(docs, body)")
    rng = random.Random(1)
    db.executemany("INSERT INTO docs VALUES (?, ?, vector32(?))", [(i, f"apple number {i}", vector(rng)) for i in range(100)])
    db.close()
    start = 0.0
    for i in range(1000):
        db = connect(path)
        db.execute("SELECT id FROM vector_search('docs_vec', ?, 5)", (vector(rng),)).fetchall()
        db.execute("SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'apple', ?, 5, 'id > 50')", (vector(rng),)).fetchall()
        db.execute("SELECT snippet(docs_text, 0, '<', '>', '…', 5) FROM docs_text WHERE docs_text MATCH 'apple' LIMIT 3").fetchall()
        db.execute("SELECT vector_avg(embedding), count(*) FROM docs WHERE vector_distance_l2(embedding, ?) > 1", (vector(rng),)).fetchall()
        db.execute("UPDATE docs SET body = ? WHERE id = ?", (f"apple number {i}", i % 100))
        try:
            db.execute("SELECT id FROM vector_search('docs_vec', '[1]', 5)").fetchall()
            errors.append("a query of one dimension was answered")
        except sqlite3.IntegrityError:
            pass
        db.close()
        if i == 99:
            start = rss_mib()
    grown = rss_mib() - start
    files = sum("small.db" in os.readlink(f"/proc/self/fd/{f}") for f in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{f}"))
    print(f"1000 connections: {grown:+.1f} MiB since the 100th, {files} files left open")
    if grown > LIMIT_MIB:
        errors.append(f"memory grew by {grown:.1f} MiB, want at most {LIMIT_MIB}")
    if files:
        errors.append(f"{files} handles of the file were not closed")
for e in errors:
    print(e)
sys.exit(bool(errors))
