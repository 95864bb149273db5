#!/bin/sh
# opencl.sh BUILD [ctest options] - the tests of a build with WKV_DEVICE=opencl. tests/opencl.txt lists those that do
# not run there: programs are left out, checks are expected to fail, and one that passes is a failure too.
build=$(cd "$1" && pwd) || exit 1
shift
list=$(cd "$(dirname "$0")/../tests" && pwd)/opencl.txt
if ! "$build/wkv" info --devices | grep -q opencl:0; then
    echo "skip opencl: no plug-in, driver or device (wkv info --devices)"
    exit 0
fi
unset WKV_LONG # its tests run in minutes on a processor, not on OpenCL there
export WKV_DEVICE=opencl XDG_CACHE_HOME="$build/cache" POCL_CACHE_DIR="$build/cache/pocl"
out=$(sed -n 's/^\([a-z_0-9]*\) *|.*/\1/p' "$list" | paste -sd '|' -)
ctest --test-dir "$build" -j "$(nproc 2>/dev/null || echo 2)" --timeout 1800 -E "^($out)\$" "$@" >/dev/null 2>&1

# Of each program: its checks that failed, or itself if it ended without a count.
awk -F ' *[|] *' -v list="$list" '
    BEGIN {
        while ((getline row < list) > 0) {
            if (row ~ /^#/ || row !~ /[|]/) continue
            split(row, part, / *[|] */)
            reason[part[1]] = part[2]
            if (part[1] !~ / /) print part[1] " left out: " part[2]
        }
    }
    /^[0-9]+\/[0-9]+ Testing: / { sub(/^.*Testing: /, ""); name = $0; counted = failures = 0; ran[name] = 1 }
    /^FAIL / {
        check = name " " substr($0, 6); failures++
        if (!(check in reason)) { print "FAIL " check; failed++; next }
        print check ": " reason[check]
        expected[check] = 1
    }
    /^[0-9]+ passed, [0-9]+ failed/ { split($0, n, /[ ,]+/); counted = 1; passed += n[1] }
    /^Test Passed\./ { if (!counted) passed++ }
    /^Test Failed\./ { if (!failures) { print "FAIL " name; failed++ } }
    END {
        for (check in reason) {
            split(check, part, " ")
            if (check ~ / / && part[1] in ran && !(check in expected)) {
                print "FAIL " check " is in the list and passes"; failed++
            }
        }
        printf "%d passed, %d failed\n", passed, failed
        exit failed > 0
    }' "$build/Testing/Temporary/LastTest.log"
