#!/bin/sh
# Fuzz the file readers: tools/fuzz.sh [SECONDS] [TARGET...]
# Each libFuzzer target runs for so many seconds from its seeds (clang); its corpus stays in build/fuzz/corpus/TARGET,
# and an input that fails in build/fuzz as crash-, leak- or timeout-*. The target "mutants" is the fuzzer that knows the
# formats, under AddressSanitizer and UndefinedBehaviorSanitizer: FUZZ_MUTANTS (default 100000) files of FUZZ_SEED
# (default 1); those that fail are left in build/asan. The target "server" sends hostile requests to a running wkv serve
# under the same sanitizers until it has used so many seconds of the processor; those that fail are left in build/asan.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//') mutants server
jobs=$(nproc 2>/dev/null || echo 2)
for target; do
    if [ "$target" = mutants ]; then
        cmake --preset asan >/dev/null
        cmake --build build/asan --target mutants -j "$jobs"
        build/asan/mutants -n "${FUZZ_MUTANTS:-100000}" -s "${FUZZ_SEED:-1}" -o build/asan
        continue
    fi
    if [ "$target" = server ]; then
        cmake --preset asan >/dev/null
        cmake --build build/asan --target attack -j "$jobs"
        (cd build/asan && ./attack -c "$seconds" -s "${FUZZ_SEED:-1}")
        continue
    fi
    cmake --preset fuzz >/dev/null
    cmake --build build/fuzz --target fuzzers -j "$jobs"
    echo "fuzz_$target: $seconds s"
    mkdir -p "build/fuzz/corpus/$target"
    seeds=tests/fuzz/seeds/$target
    [ -d "$seeds" ] || seeds=
    "build/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=60 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix=build/fuzz/ "build/fuzz/corpus/$target" $seeds
done
