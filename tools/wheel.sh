#!/bin/sh
# wheel.sh [FOLDER] - build the Python package for Linux on this machine's processor into FOLDER (build).
#
# In a fresh build folder the same sources give the same bytes, wherever it is and at any time.
set -e
cd "$(dirname "$0")/.."
. tools/pack.sh
setup
need python3:python3 objcopy:binutils

mkdir -p "${1:-build}"
to=$(cd "${1:-build}" && pwd)
[ -e build/CMakeCache.txt ] || CFLAGS="-ffile-prefix-map=$PWD=." cmake --preset release >&2
cmake --build build -j "${JOBS:-$(nproc)}" --target wkv_python >&2
python3 python/wheel.py build "$to"
