#!/bin/sh
# test_nan.sh - logits that are NaN or infinite end each command with one sentence and status 1.
. "$(dirname "$0")/expect.sh"
. "$here/safetensors.sh"
"$WKV" convert "$here/golden/models/v7-n32-f32.pth" good.safetensors >out 2>err || cat err
for i in $(seq 26); do
    printf "%d '\\\\x%02x' 1\n" "$i" $((96 + i))
done >letters.txt
printf '%s\n' "27 ' ' 1" "28 ':' 1" "29 '\\n' 1" "30 'U' 1" "31 'A' 1" >>letters.txt
words="--vocab letters.txt"

# one TEXT: one sentence on standard error, with these words
one() {
    is "$(grep -c . err)" 1 "sentences ($(cat err))"
    holds err "$1"
}

# every way of sampling, and every place of the NaN: squared ReLU, head, embedding
for tensor in blocks.0.ffn.key.weight head.weight ln_out.bias; do
    cp good.safetensors bad.safetensors
    put_nan bad.safetensors $tensor
    for how in "-T 1" "-T 0" "--mirostat 3" "-k 1" "--min-p 0.1 --typical 0.5 -T 1.5" "--device reference"; do
        run 1 generate -m bad.safetensors $words $how -n 5 abc
        one "bad.safetensors: its logits are NaN or infinite; probably weights in it are"
    done
    run 1 logits -m bad.safetensors --tokens 1,2,3 -o rows
    one "bad.safetensors: its logits are NaN or infinite"
    is "$(wc -c <rows | tr -d ' ')" $((4 * 48)) "bytes of the rows"
    rm rows
done
run 1 logits -m bad.safetensors --tokens 1,2,3 --all --chunk 2
one "bad.safetensors: its logits are NaN or infinite"
is "$(wc -c <out | tr -d ' ')" $((4 * 3 * 48)) "bytes of the rows"
printf 'hi\nyou\n' | "$WKV" chat -m bad.safetensors $words >out 2>err
is $? 1 "the status of chat"
one "bad.safetensors: its logits are NaN or infinite"
run 0 logits -m good.safetensors --tokens 1,2,3 -o rows

# adapters and states beside the weights
all_of ones lora.safetensors blocks.0.att.key.lora_A 1,32 32 blocks.0.att.key.lora_B 32,1 32
all_of ones state.safetensors blocks.0.att.time_state 1,32,32 1024
run 1 generate -m good.safetensors $words --lora lora.safetensors --lora-alpha 1 abc
one "good.safetensors: its logits are NaN or infinite; probably weights in it or in lora.safetensors are"
run 1 generate -m good.safetensors $words --state state.safetensors abc
one "nan, expected a finite one"
run 1 merge good.safetensors merged.safetensors --lora lora.safetensors --lora-alpha 1
one "good.safetensors: its logits are NaN or infinite; probably weights in it or in lora.safetensors are"

# two models side by side
printf 'abcabcabcabc' >text
run 1 convert bad.safetensors copy.pth --check text $words
one "its logits after token 0 are NaN or infinite"

# every id banned
run 1 generate -m good.safetensors $words $(seq 0 47 | sed 's/^/--ban /') abc
one "every id is banned"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
