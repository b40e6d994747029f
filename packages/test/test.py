"""test.py DIST NODE_MODULES: installs the built packages where nothing else is, and uses them.

NODE_MODULES is a folder with better-sqlite3 and libsql.
"""
import glob
import os
import platform
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DIST, MODULES = (os.path.abspath(p) for p in sys.argv[1:3])


def one(pattern):
    found = glob.glob(os.path.join(DIST, pattern))
    if len(found) != 1:
        raise SystemExit(f"{DIST}: {pattern} is {len(found)} files, want one: run make packages")
    return found[0]


def clean():
    """An environment in which nothing points to another Python or Node folder."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "NODE_", "npm_", "VIRTUAL_ENV"))}


def python(tmp):
    env = os.path.join(tmp, "venv")
    # Debian's Python: its sqlite3 module may load extensions.
    subprocess.run(["/usr/bin/python3", "-m", "venv", env], check=True, env=clean())
    pip = [os.path.join(env, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--no-index", one(f"nearlite-*_{platform.machine()}.whl")], check=True, env=clean())
    subprocess.run([*pip, "check"], check=True, env=clean(), stdout=subprocess.DEVNULL)
    shutil.copy(os.path.join(HERE, "use.py"), tmp)
    subprocess.run([os.path.join(env, "bin", "python"), "use.py"], check=True, cwd=tmp, env=clean())
    subprocess.run([*pip, "uninstall", "--yes", "nearlite"], check=True, env=clean())
    left = glob.glob(os.path.join(env, "lib", "python3*", "site-packages", "nearlite*"))
    if left:
        raise SystemExit(f"files left after uninstalling: {left}")


def node(tmp):
    folder = os.path.join(tmp, "app")
    os.mkdir(folder)
    with open(os.path.join(folder, "package.json"), "w") as f:
        f.write('{"name": "app", "private": true}')
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--offline", one("nearlite-*.tgz")], check=True, cwd=folder, env=clean())
    for module in ("better-sqlite3", "libsql"):
        # Beside the folder: Node looks there when the package is not in it. So the two
        # need not be compiled again.
        if not os.path.exists(os.path.join(MODULES, module)):
            raise SystemExit(f"{MODULES} has no {module}: run make test-hosts")
    os.symlink(MODULES, os.path.join(tmp, "node_modules"))
    for name in ("use.js", "use.mjs"):
        shutil.copy(os.path.join(HERE, name), folder)
    subprocess.run(["node", "use.js"], check=True, cwd=folder, env=clean())
    subprocess.run(["node", "use.mjs"], check=True, cwd=folder, env=clean())


with tempfile.TemporaryDirectory() as tmp:
    python(tmp)
    node(tmp)
