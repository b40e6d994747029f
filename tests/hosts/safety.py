"""safety.py EXTENSION: what the extension does to its host, each check in a process of its own.

Prints a table; exits with 1 if a check failed.
"""
import array
import ctypes
import ctypes.util
import faulthandler
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

EXTENSION = os.path.abspath(sys.argv[1])
TABLE = """CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT, embedding F32_BLOB(4));
CREATE VIRTUAL TABLE docs_vec USING hnsw(docs, embedding);
CREATE VIRTUAL TABLE docs_text USING lexical(docs, body);
INSERT INTO docs VALUES (1, 'apple pie', vector32('[1,0,0,0]')), (2, 'plum cake', vector32('[0,1,0,0]'));"""
NEAREST = "SELECT id FROM vector_search('docs_vec', '[1,0.1,0,0]', 1)"
HYBRID = "SELECT id FROM hybrid_search('docs_vec', 'docs_text', 'plum', '[0,1,0,0]', 1)"


def connect(path=":memory:", extension=EXTENSION):
    db = sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
    db.enable_load_extension(True)
    db.load_extension(extension)
    return db


def want(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, want {expected!r}")


def searches(db):
    want(db.execute(NEAREST).fetchall(), [(1,)], NEAREST)
    want(db.execute(HYBRID).fetchall(), [(2,)], HYBRID)


def loaded_again():
    """Loading again, on one connection and on others, changes nothing."""
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "a.db")
        a = connect(path)
        a.executescript(TABLE)
        for _ in range(3):
            a.load_extension(EXTENSION)
            searches(a)
        b = connect(path)
        searches(b)
        b.execute("DELETE FROM docs WHERE id = 1")
        want(a.execute(NEAREST).fetchall(), [(2,)], "after the other connection's DELETE")


def two_runtimes():
    """A copy of the library is a second Go runtime in the process; both use one file."""
    with tempfile.TemporaryDirectory() as tmp:
        copy = shutil.copy(EXTENSION, os.path.join(tmp, "nearlite.so"))
        path = os.path.join(tmp, "a.db")
        a, b = connect(path), connect(path, copy)
        a.executescript(TABLE)
        for i in range(3, 203):
            (a, b)[i % 2].execute("INSERT INTO docs VALUES (?, 'row', vector32(?))", (i, f"[0,0,1,{i}]"))
        for db in (a, b):
            searches(db)
            want(db.execute("SELECT count(*) FROM docs_vec").fetchall(), [(202,)], "rows indexed")
            db.execute("INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')")
        # Both on one connection: the second finds the names taken, or takes them over.
        a.load_extension(copy)
        searches(a)
        a.close()
        searches(b)


def fork_before_load():
    """Processes that fork first and load then each have a runtime that works."""
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                db = connect()
                db.executescript(TABLE)
                searches(db)
                db.close()
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
    for pid in children:
        want(os.waitpid(pid, 0)[1], 0, f"status of child {pid}")
    db = connect()
    db.executescript(TABLE)
    # A process started by one that has loaded: fork and exec.
    want(subprocess.run(["true"]).returncode, 0, "status of a program started after the load")
    searches(db)


class SigAction(ctypes.Structure):
    _fields_ = [("handler", ctypes.c_void_p), ("rest", ctypes.c_char * 256)]


def handlers():
    libc = ctypes.CDLL(None)
    found = {}
    for n in range(1, 65):
        action = SigAction()
        if libc.sigaction(n, None, ctypes.byref(action)) == 0:
            found[n] = action.handler
    return found


# Faults of the processor are Go's: its handler gives those that are not Go's back to
# the handler it found. SIGURG, which it uses within the process, is handed on.
GO_SIGNALS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGURG}


def signals():
    """The host keeps its signal handlers, and hears of signals while nearlite works."""
    heard = []
    for n in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM, signal.SIGPROF, signal.SIGURG):
        signal.signal(n, lambda n, _: heard.append(n))
    before = handlers()
    db = connect()
    db.executescript(TABLE)
    searches(db)
    with tempfile.TemporaryDirectory() as tmp:
        db.load_extension(shutil.copy(EXTENSION, os.path.join(tmp, "nearlite.so")))
    searches(db)
    after = handlers()
    changed = {n for n in before if before[n] != after[n]} - GO_SIGNALS
    want(sorted(changed), [], "signals whose handlers changed")
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    end = time.time() + 0.5
    while time.time() < end:
        searches(db)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if heard.count(signal.SIGALRM) < 10:
        raise AssertionError(f"{heard.count(signal.SIGALRM)} alarms were heard, want some hundred")
    want(heard.count(signal.SIGURG), 0, "SIGURG that the host heard though nobody sent it one")
    for n in (signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGURG):
        os.kill(os.getpid(), n)
        searches(db)
        want(n in heard, True, f"signal {n} heard")
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    want(signal.SIGCHLD in heard, True, "SIGCHLD heard")
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
        raise AssertionError("SIGINT raised no KeyboardInterrupt")
    except KeyboardInterrupt:
        pass


def broken_pipe():
    """A program that ends by SIGPIPE still does."""
    script = "import signal, sys; signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n" \
        "import sqlite3; db = sqlite3.connect(':memory:'); db.enable_load_extension(True); db.load_extension(sys.argv[1])\n" \
        "while True: print(db.execute('SELECT nearlite_version()').fetchone()[0], flush=True)"
    p = subprocess.Popen([sys.executable, "-c", script, EXTENSION], stdout=subprocess.PIPE)
    p.stdout.readline()
    p.stdout.close()
    want(p.wait(60), -signal.SIGPIPE, "exit status")


def fault_of_host():
    """A fault outside Go reaches the handler that the host had before the load."""
    p = subprocess.run([sys.executable, __file__, EXTENSION, "--one", "crash"], capture_output=True, text=True)
    if "Fatal Python error: Segmentation fault" not in p.stderr:
        raise AssertionError(f"the host's handler did not run: {p.stderr[-2000:]}")
    want(p.returncode, -signal.SIGSEGV, "exit status")


def crash():
    faulthandler.enable()
    connect().executescript(TABLE)
    ctypes.string_at(0)


def interrupt():
    """sqlite3_interrupt stops a search and a build that are under way."""
    rng = random.Random(1)
    noise = array.array("f", (rng.gauss(0, 1) for _ in range(100_000)))
    db = connect()
    db.execute("CREATE TABLE v(id INTEGER PRIMARY KEY, e F32_BLOB(128))")
    db.execute("BEGIN")
    db.executemany("INSERT INTO v VALUES (?, ?)", ((i, noise[o : o + 128].tobytes()) for i, o in enumerate(rng.sample(range(99_000), 15_000))))
    db.execute("COMMIT")
    build = "CREATE VIRTUAL TABLE v_idx USING hnsw(v, e)"
    start = time.time()
    stopped(db, build, 0.1)
    want(db.execute("SELECT count(*) FROM sqlite_schema").fetchall(), [(1,)], "tables after the build was stopped")
    stop = time.time() - start
    start = time.time()
    db.execute(build)
    whole = time.time() - start
    if stop > whole / 2:
        raise AssertionError(f"a build of {whole:.1f} s stopped after {stop:.1f} s")
    stopped(db, "SELECT count(*) FROM v, v_idx WHERE vector MATCH v.e AND k = 10", 0.1)
    want(db.execute("SELECT count(*) FROM v_idx WHERE vector MATCH (SELECT e FROM v) AND k = 10").fetchall(), [(10,)], "hits afterwards")


def stopped(db, sql, after):
    timer = threading.Timer(after, db.interrupt)
    timer.start()
    try:
        db.execute(sql).fetchall()
    except sqlite3.OperationalError as e:
        want(str(e), "interrupted", sql)
    else:
        raise AssertionError(f"{sql}: ran to its end")
    finally:
        timer.cancel()


def closes():
    """sqlite3_close, which refuses while a statement is open, succeeds."""
    lib = ctypes.CDLL("libsqlite3.so.0")
    lib.sqlite3_errmsg.restype = ctypes.c_char_p
    with tempfile.TemporaryDirectory() as tmp:
        for sql in ("SELECT 1", TABLE, NEAREST, HYBRID, "INSERT INTO docs VALUES (3, 'x', vector32('[0,0,1,0]'))", "SELECT nearlite_reconcile()",
                    "CREATE INDEX docs_i ON docs(libsql_vector_idx(embedding))", "SELECT id FROM vector_top_k('docs_i', '[1,0,0,0]', 1)",
                    "BEGIN; DELETE FROM docs", "SELECT nonsense", "SELECT * FROM hnsw_stats('docs_vec')"):
            db = ctypes.c_void_p()
            want(lib.sqlite3_open(os.path.join(tmp, "a.db").encode(), ctypes.byref(db)), 0, "sqlite3_open")
            lib.sqlite3_enable_load_extension(db, 1)
            for again in range(2):
                want(lib.sqlite3_load_extension(db, EXTENSION.encode(), None, None), 0, "sqlite3_load_extension")
                lib.sqlite3_exec(db, sql.encode(), None, None, None)
            want(lib.sqlite3_close(db), 0, f"sqlite3_close after {sql}")


def old_host():
    """SQLite before 3.38 is refused with a message that says what it is."""
    lib, sqlite = ctypes.CDLL(EXTENSION), ctypes.CDLL("libsqlite3.so.0")
    # Where sqlite3ext.h has mprintf, libversion and libversion_number in its table.
    table = (ctypes.c_void_p * 400)()
    version = ctypes.CFUNCTYPE(ctypes.c_char_p)(lambda: b"3.37.2")
    number = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3037002)
    table[MPRINTF] = ctypes.cast(sqlite.sqlite3_mprintf, ctypes.c_void_p).value
    table[LIBVERSION] = ctypes.cast(version, ctypes.c_void_p).value
    table[LIBVERSION_NUMBER] = ctypes.cast(number, ctypes.c_void_p).value
    message = ctypes.c_char_p()
    want(lib.sqlite3_nearlite_init(None, ctypes.byref(message), table), 1, "result code")
    want(message.value, b"nearlite: this is SQLite 3.37.2, want 3.38.0 or newer", "message")


MPRINTF, LIBVERSION, LIBVERSION_NUMBER = 69, 66, 67


def threads_share():
    """One connection is used by several threads, and outlives the one that opened it."""
    if sqlite3.threadsafety != 3:
        return  # a host whose connections may not be shared
    made = []
    t = threading.Thread(target=lambda: made.append(connect()))
    t.start()
    t.join()
    db = made[0]
    db.executescript(TABLE)
    errors = []

    def work():
        try:
            for _ in range(200):
                searches(db)
        except Exception as e:  # noqa: BLE001 - the main thread reports it
            errors.append(e)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    want(errors, [], "errors")


CHECKS = [loaded_again, two_runtimes, fork_before_load, signals, broken_pipe, fault_of_host, interrupt, closes, old_host, threads_share]

if len(sys.argv) > 3 and sys.argv[2] == "--one":
    globals()[sys.argv[3]]()
    sys.exit(0)
failures = []
print(f"safety in Python's process, SQLite {sqlite3.sqlite_version}:")
for check in CHECKS:
    try:
        p = subprocess.run([sys.executable, __file__, EXTENSION, "--one", check.__name__], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
        status, out = p.returncode, p.stdout
    except subprocess.TimeoutExpired as e:
        status, out = "time-out", str(e.stdout)
    print(f"  {'ok  ' if status == 0 else 'FAIL'} {check.__doc__}", flush=True)
    if status != 0:
        failures.append(f"{check.__name__}: status {status}\n{out[-4000:]}")
for f in failures:
    print("\n" + f)
sys.exit(1 if failures else 0)
