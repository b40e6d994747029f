"""Runs the SQL scripts of sql/ in every host and prints a table host x script.

    run.py EXTENSION GOHOST [--write | --arm64 ROOT]

Output must equal the .expected file beside the script; --write makes those files
from the first host that a script is for. --arm64 takes arm64's sqlite3 shell below ROOT
(arm64-root.sh), in an emulator, instead of the others. Then each host makes a file that every other host reads and
changes. A host that is not installed is shown as "-", and makes the run fail if
CI=true.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SQL = os.path.join(HERE, "sql")
EXTENSION, GOHOST = (os.path.abspath(p) for p in sys.argv[1:3])
NODE = os.path.join(HERE, "node")
SHELL_ERROR = re.compile(r"^(?:Runtime|Parse) error near line \d+: (.*?)(?: \(\d+\))?$")


def run(argv, text=None):
    p = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    out = p.stdout
    if p.returncode < 0:
        out += f"KILLED by signal {-p.returncode}\n"
    return out


def shell(db, script, argv=("stdbuf", "-o0", "sqlite3")):  # unbuffered, or errors would overtake rows
    out = run([*argv, "-batch", db], f".load {EXTENSION}\n" + open(script, encoding="utf-8").read())
    lines = []
    for line in out.splitlines():
        m = SHELL_ERROR.match(line)
        if m:
            line = "ERROR " + m.group(1)
        elif re.match(r"^  .*\^--- error here$|^  (SELECT|INSERT|CREATE) ", line):
            continue  # the shell shows where
        lines.append(line)
    return "".join(l + "\n" for l in lines)


def python(db, script):
    return run(["/usr/bin/python3", os.path.join(HERE, "pyhost.py"), db, script, EXTENSION])


def node(module):
    return lambda db, script: run(["node", os.path.join(NODE, "host.js"), module, db, script, EXTENSION])


def go(db, script):
    return run([GOHOST, db, script])


def has_node(module):
    return os.path.isdir(os.path.join(NODE, "node_modules", module)) and run(
        ["node", "-e", f"const D=require('{NODE}/node_modules/{module}');new D(':memory:')"]) == ""


HOSTS = {
    "go": (go, lambda: True),
    "sqlite3": (shell, lambda: shutil.which("sqlite3")),
    "python": (python, lambda: os.path.exists("/usr/bin/python3")),
    "better-sqlite3": (node("better-sqlite3"), lambda: has_node("better-sqlite3")),
    "libsql": (node("libsql"), lambda: has_node("libsql")),
}

if "--arm64" in sys.argv:
    ROOT = os.path.abspath(sys.argv[sys.argv.index("--arm64") + 1])
    HOSTS = {"go": HOSTS["go"], "sqlite3 arm64": (lambda db, script: shell(db, script, (
        "qemu-aarch64-static", "-L", ROOT, ROOT + "/usr/bin/sqlite3")), lambda: True)}


def expand(name, tmp):
    """The script with its include lines replaced, and the hosts it is not for."""
    skip, out = [], []
    for line in open(os.path.join(SQL, name), encoding="utf-8"):
        if line.startswith("-- skip: "):
            skip = line.split(":", 1)[1].split()
        elif line.startswith("-- only: "):
            skip = [h for h in HOSTS if h not in line.split(":", 1)[1].split()]
        elif line.startswith("-- include: "):
            out.append(open(os.path.join(SQL, line.split(":", 1)[1].strip()), encoding="utf-8").read())
        else:
            out.append(line)
    path = os.path.join(tmp, name)
    open(path, "w", encoding="utf-8").write("".join(out))
    return path, skip


CHANGE = """DELETE FROM docs WHERE id = 1;
INSERT INTO docs VALUES (6, 'Plum cake', 'plums and apples', 'en', 2024, vector32('[0.5,0.5,0]'));
"""
CHECK = """SELECT rowid, printf('%.4f', distance) FROM docs_vec WHERE vector MATCH '[1,0,0]' AND k = 9;
SELECT rowid, printf('%.4f', score) FROM docs_text WHERE docs_text MATCH 'apple' ORDER BY score DESC LIMIT 9;
INSERT INTO docs_vec(docs_vec) VALUES ('integrity-check');
INSERT INTO docs_text(docs_text) VALUES ('integrity-check');
PRAGMA integrity_check;
"""


def shared_files(hosts, tmp):
    """Each host makes a file, each other changes it, both see the same afterwards."""
    scripts = {}
    for name, text in (("make", open(os.path.join(SQL, "schema.inc")).read()), ("change", CHANGE), ("check", CHECK)):
        scripts[name] = os.path.join(tmp, name + ".sql")
        open(scripts[name], "w").write(text)
    db = os.path.join(tmp, "want.db")
    go(db, scripts["make"]), go(db, scripts["change"])
    want = go(db, scripts["check"])
    if not want.endswith("ok\n") or "ERROR" in want:
        return [f"the Go driver alone: {want}"]
    bad = []
    for a in hosts:
        for b in hosts:
            db = os.path.join(tmp, f"{a}-{b}.db")
            out = HOSTS[a][0](db, scripts["make"]) + HOSTS[b][0](db, scripts["change"])
            for who in (a, b):
                got = HOSTS[who][0](db, scripts["check"])
                if out or got != want:
                    bad.append(f"made by {a}, changed by {b}, read by {who}:\n{out}{got}want:\n{want}")
    return bad


def main():
    write = "--write" in sys.argv
    names = sorted(n for n in os.listdir(SQL) if n.endswith(".sql"))
    failures, missing = [], []
    results = {}
    hosts = [h for h, (_, there) in HOSTS.items() if there() or missing.append(h)]
    with tempfile.TemporaryDirectory() as tmp:
        for name in names:
            script, skip = expand(name, tmp)
            expected = os.path.join(SQL, name[:-4] + ".expected")
            if write:
                first = next(HOSTS[h][0] for h in hosts if h not in skip)
                open(expected, "w", encoding="utf-8").write(first(os.path.join(tmp, "w" + name), script))
            want = open(expected, encoding="utf-8").read()
            for host in hosts:
                if host in skip:
                    results[host, name] = "skip"
                    continue
                got = HOSTS[host][0](os.path.join(tmp, f"{host}-{name}.db"), script)
                results[host, name] = "ok" if got == want else "FAIL"
                if got != want:
                    a, b = os.path.join(tmp, "want"), os.path.join(tmp, "got")
                    open(a, "w").write(want), open(b, "w").write(got)
                    failures.append(f"{host} {name}\n" + run(["diff", a, b]))
        bad = shared_files(hosts, tmp)
        failures += bad
    width = max(map(len, names))
    print(" " * width, *HOSTS, sep="  ")
    for name in names:
        print(name.ljust(width), *(results.get((h, name), "-").ljust(len(h)) for h in HOSTS), sep="  ")
    print("one file, every pair of hosts:", "FAIL" if bad else f"ok ({len(hosts) ** 2} pairs)")
    for f in failures:
        print("\n" + f)
    if missing:
        print("not installed:", ", ".join(missing))
    sys.exit(1 if failures or missing and os.environ.get("CI") == "true" else 0)


main()
