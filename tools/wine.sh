#!/bin/sh
# wine.sh PROGRAM.exe [arguments] - run a program of Windows under Wine, quietly, with a Windows of its own in build/wine.
root=$(cd "$(dirname "$0")/.." && pwd)
export WINEPREFIX="${WINEPREFIX:-$root/build/wine}" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=" DISPLAY=
exec wine "$@"
