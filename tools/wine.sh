#!/bin/sh
# wine.sh PROGRAM.exe [arguments] - run a program of Windows under Wine, quietly, with a Windows of its own in build/wine.
# wine.sh --begin, wine.sh --end - keep this Windows running between programs. Its services would else start with each
# one, and hold the output that it was given: whoever reads that to the end would wait for them.
root=$(cd "$(dirname "$0")/.." && pwd)
# Names of files are UTF-8, whatever the locale, or none, of whoever starts a test.
export LC_ALL=C.UTF-8
export WINEPREFIX="${WINEPREFIX:-$root/build/wine}" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=" DISPLAY=
# Random addresses: about once in a thousand times one that Wine needs is taken, and it ends with status 1.
fixed=
! setarch -R true 2>/dev/null || fixed="setarch -R" # two words
case $1 in
--begin)
    $fixed wine wineboot -i >/dev/null 2>&1
    $fixed wine ping -n 86400 127.0.0.1 </dev/null >/dev/null 2>&1 &
    ;;
--end) wineserver -k ;;
*) exec $fixed wine "$@" ;;
esac
