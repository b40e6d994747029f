#!/usr/bin/env bash
# newer-sqlite.sh FOLDER: a libsqlite3.so.0 from the SQLite that better-sqlite3 was
# compiled with, newer than Debian's, for programs that are run with LD_LIBRARY_PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
object=$(find tests/hosts/node/node_modules/better-sqlite3/build/Release -name sqlite3.o | head -1)
# better-sqlite3 leaves out two functions that Python's module refers to.
gcc -shared -fPIC -o "$1/libsqlite3.so.0" "$object" -x c - -lm -lpthread -ldl <<'C'
int sqlite3_enable_shared_cache(int on) { return 0; }
void sqlite3_progress_handler(void *db, int n, int (*f)(void *), void *arg) {}
C
