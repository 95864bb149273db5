#!/bin/sh
# oclgrind.sh [BUILD] - every OpenCL kernel at small odd sizes under oclgrind (Debian: oclgrind), which reports accesses
# outside of buffers and data races. It interprets the kernels: some minutes.
build=${1:-build}
command -v oclgrind >/dev/null || {
    echo "oclgrind is missing; Debian and Ubuntu have it in the package oclgrind" >&2
    exit 1
}
cache=$(mktemp -d) && log=$cache/log || exit 1
trap 'rm -rf "$cache"' EXIT
XDG_CACHE_HOME=$cache WKV_OPENCL_SMALL=1 oclgrind --data-races --build-options -cl-opt-disable --log "$log" "$build/test_opencl" || exit 1
if [ -s "$log" ]; then
    sort "$log" | uniq -c | sort -rn | head -n 40
    echo "oclgrind has $(grep -c . "$log") lines about the kernels"
    exit 1
fi
echo "oclgrind has nothing to report"
