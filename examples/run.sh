#!/usr/bin/env bash
# run.sh NODE_MODULES: runs the examples of nearlite.so and compares what they print with
# the files named expected.txt. The others are run by Go's tests and the clients' tests.
set -euo pipefail
modules=$(realpath "$1")
cd "$(dirname "$0")"
run() { # run FOLDER COMMAND…: in FOLDER, with Node's modules from elsewhere
  local folder=$1 status=ok
  shift
  (cd "$folder" && NODE_PATH=$modules "$@" 2>&1) | diff "$folder/expected.txt" - || status=FAIL
  echo "examples/$folder: $status"
  test $status = ok
}
run sqlite-shell bash -c 'sqlite3 < search.sql'
run python /usr/bin/python3 search.py
run node node search.js
run libsql node search.js
