#!/bin/sh
# foreign.sh NAME - wkv for another processor or system, built on a Debian 12: install what is missing, build the libraries
# and the program, and run the tests under qemu or Wine. NAME: aarch64,
# armv7, riscv64 or windows.
set -e
cd "$(dirname "$0")/.."
. tools/setup.sh

case $1 in
aarch64) with_host=aarch64-linux-gnu ;;
armv7) with_host=arm-linux-gnueabihf ;;
riscv64) with_host=riscv64-linux-gnu ;;
windows) with_host=x86_64-w64-mingw32 ;;
*)
    say "foreign.sh: expected aarch64, armv7, riscv64 or windows"
    exit 2
    ;;
esac
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
setup
tools/libraries.sh $with_host build/libraries/$with_host
cmake --preset "$1"
cmake --build "build/$1" -j "$jobs"
exec tools/check.sh "build/$1"
