#!/bin/sh
# foreign.sh NAME - wkv for another processor or system, built on a Debian 12: install what is missing, build the libraries
# and the program, and run the tests under qemu, Wine or node and Chromium. NAME: aarch64, windows or wasm.
set -e
cd "$(dirname "$0")/.."
. tools/setup.sh

case $1 in
aarch64) with_host=aarch64-linux-gnu ;;
windows) with_host=x86_64-w64-mingw32 ;;
wasm) with_host=wasm32-unknown-emscripten ;;
*)
    say "foreign.sh: expected aarch64, windows or wasm"
    exit 2
    ;;
esac
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
setup
tools/libraries.sh $with_host build/libraries/$with_host
cmake --preset "$1"
cmake --build "build/$1" -j "$jobs"
if [ "$1" = wasm ]; then # beside the program, whose answers its page is to have
    make JOBS="$jobs"
    WKV=$PWD/build/wkv exec sh tests/test_wasm.sh
fi
exec tools/check.sh "build/$1"
