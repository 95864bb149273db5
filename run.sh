#!/bin/sh
# run.sh - on a fresh machine: install what is missing, build, and let the built-in model write.
# Arguments are passed on to wkv: ./run.sh chat, ./run.sh generate -n 200 "The fox"
set -e
cd "$(dirname "$0")"
. tools/setup.sh

setup
make >&2
[ $# -gt 0 ] || set -- generate "Once upon a time"
exec ./wkv "$@"
