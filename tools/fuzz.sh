#!/bin/sh
# Build the fuzz targets and run each for some seconds from its seeds: tools/fuzz.sh [SECONDS] [TARGET...]
# What a run learns stays in build/fuzz/corpus/TARGET; an input that fails is left in build/fuzz as crash-, leak- or timeout-*.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
cmake --preset fuzz >/dev/null
cmake --build build/fuzz --target fuzzers -j "$(nproc 2>/dev/null || echo 2)"
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
for target; do
    echo "fuzz_$target: $seconds s"
    mkdir -p "build/fuzz/corpus/$target"
    seeds=tests/fuzz/seeds/$target
    [ -d "$seeds" ] || seeds=
    "build/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=60 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix=build/fuzz/ "build/fuzz/corpus/$target" $seeds
done
