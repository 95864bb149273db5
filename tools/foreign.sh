#!/bin/sh
# foreign.sh NAME - wkv for another processor or system, built on a Debian 12: install what is missing, build the
# libraries and the program, and run the tests under qemu or Wine. NAME: aarch64, armv7, riscv64 or windows; macos or
# macos-intel, whose files are only read, since nothing on Linux runs them.
set -e
cd "$(dirname "$0")/.."
. tools/setup.sh

case $1 in
aarch64) with_host=aarch64-linux-gnu ;;
armv7) with_host=arm-linux-gnueabihf ;;
riscv64) with_host=riscv64-linux-gnu ;;
windows) with_host=x86_64-w64-mingw32 ;;
macos) with_host=aarch64-macos ;;
macos-intel) with_host=x86_64-macos ;;
*)
    say "foreign.sh: expected aarch64, armv7, riscv64, windows, macos or macos-intel"
    exit 2
    ;;
esac
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
setup
case $with_host in *-macos)
    tools/ziglang.sh $with_host build/ziglang
    export PATH="$PWD/build/ziglang:$PATH"
    ;;
esac
tools/libraries.sh $with_host build/libraries/$with_host
cmake --preset "$1"
cmake --build "build/$1" -j "$jobs"
case $with_host in
*-macos) exec python3 tools/check-macos.py "build/$1" ;;
*) exec tools/check.sh "build/$1" ;;
esac
