"""build.py DIST: packs what make built in DIST as an npm package and Python wheels.

Takes nearlite.so of this machine, and arm64/nearlite.so and nearlite.dylib if they are
there. Needs only Python's standard library and npm. The version is what the extension says.
"""
import base64
import hashlib
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
DIST = os.path.abspath(sys.argv[1])
SUMMARY = "Vector and hybrid search inside SQLite: the nearlite extension"


def read(*parts):
    with open(os.path.join(*parts), "rb") as f:
        return f.read()


def version():
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    db.load_extension(os.path.join(DIST, "nearlite.so"))
    return db.execute("SELECT nearlite_version()").fetchone()[0]


def glibc(library):
    """The newest glibc whose symbols the library needs."""
    minor = max(int(n) for n in re.findall(rb"GLIBC_2\.(\d+)", read(library)))
    return f"manylinux_2_{minor}"


def libraries():
    """Each library with npm's and Python's names of its platform."""
    cpu = {"x86_64": ("x64", "x86_64"), "aarch64": ("arm64", "aarch64")}
    here = cpu[platform.machine()]
    found = [("linux-" + here[0], "nearlite.so", here[1])]
    if os.path.exists(os.path.join(DIST, "arm64", "nearlite.so")):
        found.append(("linux-arm64", "arm64/nearlite.so", "aarch64"))
    for node, file, machine in found:
        path = os.path.join(DIST, file)
        yield node, path, f"{glibc(path)}_{machine}"
    if os.path.exists(os.path.join(DIST, "nearlite.dylib")):
        yield "darwin-" + here[0], os.path.join(DIST, "nearlite.dylib"), "macosx_11_0_" + platform.machine()


def npm(release):
    stage = os.path.join(DIST, "npm")
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(os.path.join(HERE, "npm"), stage)
    shutil.copy(os.path.join(ROOT, "LICENSE"), stage)
    for node, library, _ in libraries():
        os.makedirs(os.path.join(stage, "lib", node))
        shutil.copy(library, os.path.join(stage, "lib", node))
    manifest = json.loads(read(stage, "package.json"))
    manifest["version"] = release
    with open(os.path.join(stage, "package.json"), "w", encoding="utf-8") as f:
        json.dump(manifest, f, indent=2)
    out = subprocess.run(["npm", "pack", "--silent", "--pack-destination", DIST], cwd=stage, check=True, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(stage)
    return out.stdout.strip()


def wheel(release, library, tag):
    # The version as Python writes it: 0.1.0-dev is 0.1.0.dev0.
    release = re.sub(r"-dev$", ".dev0", release)
    info = f"nearlite-{release}.dist-info"
    readme = read(HERE, "python", "README.md").decode()
    metadata = f"""Metadata-Version: 2.1
Name: nearlite
Version: {release}
Summary: {SUMMARY}
License: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.8
Description-Content-Type: text/markdown

{readme}"""
    code = read(HERE, "python", "nearlite", "__init__.py").decode()
    files = {
        "nearlite/__init__.py": code.replace('__version__ = "0.0.0"', f'__version__ = "{release}"').encode(),
        "nearlite/" + os.path.basename(library): read(library),
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: nearlite\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode(),
        f"{info}/LICENSE": read(ROOT, "LICENSE"),
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    name = f"nearlite-{release}-py3-none-{tag}.whl"
    with zipfile.ZipFile(os.path.join(DIST, name), "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))  # the same input gives the same file
            entry.external_attr = (0o755 if path.endswith(".so") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(entry, data)
    return name


def main():
    for old in os.listdir(DIST):
        if old.startswith("nearlite-") and old.endswith((".whl", ".tgz")):
            os.remove(os.path.join(DIST, old))
    release = version()
    made = [npm(release)] + [wheel(release, library, tag) for _, library, tag in libraries()]
    for name in made:
        print(f"{name}  {os.path.getsize(os.path.join(DIST, name)) / 2**20:.1f} MiB")


main()
