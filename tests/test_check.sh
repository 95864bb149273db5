#!/bin/sh
# test_check.sh - wkv convert --check: what is lost is said; nothing is where nothing changes, little with 8 bits, more with 4.
. "$(dirname "$0")/expect.sh"
cp "$here/../models/default.gguf" m.vocab.txt # a GGUF serves as a vocabulary
"$WKV" convert m.vocab.txt m.safetensors --type bf16 2>err
"$WKV" generate -n 500 --seed 1 --no-stop "Once upon a time" >text 2>err

# number AFTER: the number behind these words
number() { sed -n "s/.*$1 *\([0-9.e+-]*\).*/\1/p" out | head -n 1; }
below() { if awk "BEGIN { exit !($1 < $2) }"; then pass; else fail "$3: $1, expected less than $2"; fi; }

run 0 convert m.safetensors same.safetensors --check text
holds out "same.safetensors: safetensors, official names, bf16"
holds out "top-1 agreement  100.00 %"
holds out "KL divergence    0 on average"
holds out "position"
run 0 convert m.safetensors same.pth --type f32 --check text --check-tokens 100
holds out "Read 99 tokens of text"
holds out "top-1 agreement  100.00 %"
run 0 convert m.safetensors eight.gguf --type q8_0 --check text
eight=$(number "KL divergence")
below 0 "$eight" "the divergence of 8 bits"
below "$eight" 0.002 "the divergence of 8 bits"
below "$(number perplexity)" 100 "the perplexity of what the model wrote itself"
run 0 convert m.safetensors four.gguf --type q4_0 --check text
below "$eight" "$(number "KL divergence")" "the divergence of 8 bits against that of 4"

run 1 convert m.safetensors a.pth --check missing.txt
holds err "missing.txt"
run 1 convert m.safetensors a.pth --check text --vocab missing.vocab
holds err "missing.vocab"
printf a >short
run 1 convert m.safetensors a.pth --check short
holds err "at least 2"
if [ -e a.pth ]; then fail "a.pth was written though the text could not be read"; else pass; fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
