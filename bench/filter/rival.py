"""sqlite-vec over the rows of a database's table docs: one query a line on stdin
({"query": hex, "where": sql}), one answer a line on stdout ({"ids": [...], "ns": time})."""

import json
import sqlite3
import sys
import time

extension, file, dims = sys.argv[1:4]
db = sqlite3.connect(":memory:")
db.enable_load_extension(True)
db.load_extension(extension)
db.execute("ATTACH ? AS src", (file,))
start = time.perf_counter()
db.execute(
    "CREATE VIRTUAL TABLE v USING vec0(id integer primary key, e float[%s] distance_metric=cosine, "
    "pos text, lexname text, row integer, u integer, c integer)" % dims
)
db.execute("INSERT INTO v(id, e, pos, lexname, row, u, c) SELECT id, e, pos, lexname, row, u, c FROM src.docs")
db.commit()
db.execute("DETACH src")
print("sqlite-vec %s, SQLite %s, %.1f s to load" % (
    db.execute("SELECT vec_version()").fetchone()[0], sqlite3.sqlite_version, time.perf_counter() - start), flush=True)
for line in sys.stdin:
    ask = json.loads(line)
    query = bytes.fromhex(ask["query"])
    try:
        sql = "SELECT id FROM v WHERE e MATCH ? AND k = 10 AND " + ask["where"]
        begin = time.perf_counter_ns()
        rows = db.execute(sql, (query,)).fetchall()
        took = time.perf_counter_ns() - begin
        answer = {"ids": [r[0] for r in rows], "ns": took}
    except sqlite3.Error as e:
        answer = {"error": str(e)}
    print(json.dumps(answer), flush=True)
