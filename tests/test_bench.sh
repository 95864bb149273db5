#!/bin/sh
# test_bench.sh - wkv bench: its report has every figure, figures are above zero, nonsense and too large models are refused.
# How large the figures are is the machine's business.
. "$(dirname "$0")/expect.sh"
model=$here/golden/models/v7-n32-f16.pth

# positive KEY N: the report has KEY N times, and each is a number above zero
positive() {
    is "$(sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*$/\1/p" out | awk '$1 > 0' | wc -l | tr -d ' ')" "$2" "numbers above zero called $1"
}

# ---- the report for programs: one decode, two prompts, four batches ------------------------------------------------------
echo "the user and the end" >text
run 0 bench -m "$model" --vocab "$here/cli/small.vocab.txt" -f text --quick --json -t 2
is "$(wc -c <err | tr -d ' ')" 0 "what it says beside the report"
for key in bandwidth_gbs fma_gflops int8_gops load_ms first_token_ms rss_bytes rss_before_bytes needed_bytes relu2_zeros streams; do positive $key 1; done
for key in tokens_per_s slowest fastest repeats bytes_per_token dense_bytes_per_token gbs gflops share_of_roof share_of_dense_roof; do
    positive $key 7
done
holds out '"decode": {'
holds out '"prefill": ['
holds out '"batch": ['
holds out '"threads": 2'
is "$(grep -c '"barriers_per_token": [0-9]' out)" 7 "numbers of barriers" # such a small model may need none
holds out '"reading": "text"'
if command -v jq >/dev/null; then
    is "$(jq -c '[.decode.texts, [.prefill[].tokens], [.batch[].texts]]' out)" '[1,[64,512],[1,4,16,32]]' "what was measured"
    is "$(jq '.decode | .slowest <= .tokens_per_s and .tokens_per_s <= .fastest' out)" true "the median lies between the extremes"
    is "$(jq -r '.version + " " + .types' out)" "7 f16" "what was opened"
else
    echo "skip jq is not here to parse the JSON"
    skipped=$((skipped + 1))
fi

run 0 bench -m "$model" --quick --json -t 1 --only batch
positive tokens_per_s 4
lacks out '"decode"'
run 0 bench -m "$model" --quick --json -t 1 --only train
positive tokens_per_s 1
holds out '"train"'

run 0 bench --only scan --quick --json -t 2
for key in tokens channels forward_ms backward_ms scan_forward_ms scan_backward_ms; do positive $key 4; done
run 0 bench --only scan --quick
holds out "scan"
run 2 bench --only scan -m "$model"
holds err "--only scan uses no model"

# ---- published GPUs, calculated ----
run 0 bench --only cards
holds out "calculated, not run"
holds out "7:7.2B   q8"
is "$(awk '$1 == "7:7.2B" && $2 == "f16" { print ($4 < 14.6) }; $1 == "7:7.2B" && $2 == "q8" { print ($4 < 7.75) }' out | tr '\n' ' ')" \
    "1 1 " "7.2B in f16 takes less than 14.6 GB, and in q8 less than 7.75"
run 0 bench --only cards --json
is "$(grep -c '"RTX 4090"' out)" "$(grep -c '"weight_bytes": [1-9]' out | awk '{ print $1 - 2 }')" "sizes that fit in 24 GB"
run 2 bench --only cards -m "$model"
holds err "--only cards uses no model"

# ---- zeros -----------------------------------------------------------------------------------------------------------------
seq 1 400 >numbers
run 0 bench --sparsity numbers --json # the built-in model
for key in tokens units layers; do positive $key 1; done
holds out '"zeros_of_layers": ['
if command -v jq >/dev/null; then
    is "$(jq -c '[.version, .layers, (.zeros_of_layers | length), (.tokens % 16)]' out)" '["7",4,4,0]' "what was counted"
    is "$(jq -c '[.zeros, .zeros_of_layers[]] | all(. == (sort | reverse) and .[4] > 0 and .[0] < 1)' out)" true \
        "all of many tokens are zero in fewer units than one"
fi
run 0 bench --sparsity numbers
holds out "RWKV-7, 4 layers, feed-forward 1024"
holds out "####"
is "$(grep -c '^  [012]  ' out)" 3 "the table has a line a layer"

# ---- for people ------------------------------------------------------------------------------------------------------------
run 0 bench -m "$here/golden/models/v4-c32-f32.pth" --quick -t 1
holds out "RWKV-4"
holds out "GB/s"
holds out "1 thread,"
holds out "random ids"
holds out "prefill 512"
holds out "32 texts at once"
run 0 bench -m "$model" --vocab "$here/cli/small.vocab.txt" --quick # which cannot spell the built-in text
holds out "random ids"

# ---- refused ---------------------------------------------------------------------------------------------------------------
run 1 bench --sparsity missing.txt
holds err "missing.txt"
echo "a b" >short
run 1 bench --sparsity short
holds err "at least 16"
run 2 bench --sparsity short -f text
holds err "give one"
run 1 bench --synthetic 7:1T
holds err '"7:1T"'
holds err "7:0.1B"
run 2 bench --synthetic 7:0.1B -m "$model"
holds err "give one"
run 2 bench -o x.gguf
holds err "--synthetic gives its size"
run 1 bench --synthetic 7:0.1B --type q9
holds err '"q9"'
run 1 bench -m "$model" --type q9
holds err '"q9"'
run 1 bench -m missing.pth
holds err "missing.pth"
run 1 bench -m "$model" --vocab missing.txt --quick
holds err "missing.txt"
run 1 bench -m "$model" -f text --quick # and no vocabulary
holds err "vocabulary"
run 1 bench -m "$model" -f missing.txt --quick
holds err "missing.txt"
if [ -z "${WKV_WINDOWS:-}" ] && (ulimit -v 4000000 && "$WKV" --version) >/dev/null 2>&1; then
    (ulimit -v 4000000 && "$WKV" bench --synthetic 7:7.2B >out 2>err)
    is $? 1 "the status when there is not memory enough"
    holds err "needs"
    holds err "are available"
else
    echo "skip the limit of memory: this program or shell does not live with one"
    skipped=$((skipped + 1))
fi

# ---- 7.2B in 16 bits on a machine of 16 GB, which a limit of the address space stands for --------------------------------
available=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo 2>/dev/null)
if [ -z "$WKV_LONG" ]; then
    : # a minute
elif [ "${available:-0}" -lt 16777216 ]; then
    echo "skip 7.2B in 16 bits: it takes 16 GB of free memory"
    skipped=$((skipped + 1))
else
    (ulimit -v 16777216 && "$WKV" bench --synthetic 7:7.2B --type f16 --quick --only decode --json >out 2>err)
    is $? 0 "the status of 7.2B in 16 GB: $(tail -n 1 err)"
    positive tokens_per_s 1
    is "$(sed -n 's/^ *"needed_bytes": \([0-9]*\),*$/\1/p' out | awk '{ print $1 < 15e9 }')" 1 "less than 15 GB needed"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
