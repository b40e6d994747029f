"""One host of bench/hosts: reads a command a line, answers with a line of JSON."""
import json
import sqlite3
import sys
import time

conf = json.loads(sys.argv[1])
db = sqlite3.connect(conf["file"], isolation_level=None)
db.enable_load_extension(True)
db.load_extension(conf["extension"])
db.enable_load_extension(False)
raw = open(conf["queries"], "rb").read()
size = 4 * conf["dims"]
queries = [raw[i : i + size] for i in range(0, len(raw), size)]
sql = conf["sql"]  # sqlite3 keeps the statement prepared: it caches by text
cursor = db.cursor()

at = 0
for line in sys.stdin:
    if line.strip() == "answers":
        print(json.dumps([[row[0] for row in cursor.execute(sql, (q,))] for q in queries]), flush=True)
        continue
    n, start, cpu = 0, time.perf_counter(), time.process_time()
    end = start + float(line)
    while time.perf_counter() < end:
        for _ in range(20):
            cursor.execute(sql, (queries[at],)).fetchall()
            at = (at + 1) % len(queries)
        n += 20
    took = time.perf_counter() - start
    print(json.dumps({"QPS": n / took, "CPU": (time.process_time() - cpu) * 1e6 / n}), flush=True)
