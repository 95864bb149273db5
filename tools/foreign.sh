#!/bin/sh
# foreign.sh NAME - wkv for another processor or system, built on a Debian 12: install missing packages, build the
# libraries and the program, and run the tests under qemu, Wine, or node and Chromium. NAME: aarch64, armv7, riscv64,
# windows or wasm; macos or macos-intel, whose files are only read, since nothing on Linux runs them.
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
wasm) with_host=wasm32-unknown-emscripten ;;
*)
    say "foreign.sh: expected aarch64, armv7, riscv64, windows, wasm, macos or macos-intel"
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
case $1 in aarch64 | armv7 | riscv64)
    tools/qemu.sh build/qemu || say "Continuing with qemu 7.2, which takes several times as long"
    ;;
esac
case $1 in aarch64 | armv7 | windows)
    tools/foreign-python.sh $with_host build/libraries/$with_host/python || say "Continuing without Python for its test"
    ;;
esac
cmake --preset "$1"
cmake --build "build/$1" -j "$jobs"
case $1 in
macos*)
    python3 tools/check-macos.py "build/$1"
    exec python3 python/wheel.py "build/$1"
    ;;
wasm) # beside the program, whose answers its page is to have
    make JOBS="$jobs"
    WKV=$PWD/build/wkv exec sh tests/test_wasm.sh
    ;;
*)
    python3 python/wheel.py "build/$1"
    exec tools/check.sh "build/$1"
    ;;
esac
