#!/bin/sh
# test.sh - on a fresh machine: install what is missing, build, and run the tests. The last line is "N passed, N failed".
set -e
cd "$(dirname "$0")"
. tools/setup.sh

with_tests=1
setup
make all >&2
exec tools/check.sh build
