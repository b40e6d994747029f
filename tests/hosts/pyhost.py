"""pyhost.py DATABASE SCRIPT EXTENSION: one SQL script in Python's sqlite3 module."""
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.enable_load_extension(True)
db.load_extension(sys.argv[3])
for statement in open(sys.argv[2], encoding="utf-8").read().split(";\n"):
    if not statement.strip():
        continue
    try:
        for row in db.execute(statement):
            print("|".join("" if v is None else str(v) for v in row))
    except sqlite3.Error as e:
        print("ERROR", e)
db.close()
