#!/bin/sh
# check.sh BUILD [ctest options] - run the tests of a build: the output of what fails, what was skipped and why, and as the
# last line the sums over all test programs, "N passed, N failed". A program that dies without a count is one failure.
build=$1
shift
ctest --test-dir "$build" -j "$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)" --output-on-failure "$@"
status=$?

awk '/^[0-9]+\/[0-9]+ Testing: /     { name = $3; counted = failures = 0 }
     /^skip .*\.\.\/shared\//         { elsewhere++; skipped++; next } # data that is not part of the repository
     /^skip /                        { print name ": " $0; skipped++ }
     /^[0-9]+ passed, [0-9]+ failed/ { counted = 1; passed += $1; failed += failures = $3 }
     /^Test Passed\./                { if (!counted) passed++ }
     /^Test Failed\./                { if (!failures) failed++ }
     END { if (elsewhere) printf "%d skipped: their data is not part of this repository\n", elsewhere
           if (skipped) printf "%d skipped\n", skipped; printf "%d passed, %d failed\n", passed, failed }' \
    "$build/Testing/Temporary/LastTest.log"
exit $status
