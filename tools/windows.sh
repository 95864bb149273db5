#!/bin/sh
# windows.sh - 64-bit Windows from a Debian 12: install what is missing, build the libraries and build/windows/wkv.exe, and
# run the tests under Wine. The last line is "N passed, N failed".
set -e
cd "$(dirname "$0")/.."
. tools/setup.sh

with_windows=1
setup
for tool in x86_64-w64-mingw32-gcc-posix wine dpkg-source tclsh; do
    command -v $tool >/dev/null 2>&1 || {
        say "make windows needs $tool, of a Debian 12"
        exit 1
    }
done
tools/windows-libraries.sh build/windows-libraries
cmake --preset windows >&2
cmake --build build/windows -j "$(nproc 2>/dev/null || echo 2)" >&2
exec tools/check.sh build/windows
