#!/bin/sh
# test_state_command.sh - wkv state: files made, described, verified, compared, mixed and converted, and the refusals.
# The model is tests/golden/models/v7-n32-f16.pth (V = 96, random weights) with the vocabulary cli/small.vocab.txt.
. "$(dirname "$0")/expect.sh"
model=$here/golden/models/v7-n32-f16.pth
with="-m $model --vocab $here/cli/small.vocab.txt"

refused() {
    text=$1
    shift
    run 1 "$@"
    holds err "$text"
    is "$(wc -l <err | tr -d ' ')" 1 "lines of standard error of wkv $*"
}
wrong() {
    text=$1
    shift
    run 2 "$@"
    holds err "$text"
    holds err "Try: wkv state --help"
}

# ---- make, info ------------------------------------------------------------------------------------------------------
printf 'the end of the story\n' >a.txt
printf 'a house in the wood' >b.txt
# shellcheck disable=SC2086
run 0 state make a.txt -o a.safetensors $with
holds out "a.safetensors: "
holds out " tokens in "
# shellcheck disable=SC2086
"$WKV" state make - -o b.safetensors -q $with <b.txt >out 2>err
is $? 0 "status of wkv state make -"
is "$(cat err)" "" "standard error of a quiet make"
run 0 state info a.safetensors b.safetensors
holds out "  state of     RWKV-7, 2 layers, 64 channels, 2 heads of 32, ffn 64, vocabulary 96"
holds out "  model        v7-n32-f16.pth, f16"
holds out "  arithmetic   f32 1"
holds out '  text         20 bytes: "the end of the story"'
holds out '  text         19 bytes: "a house in the wood"'
run 0 state info a.safetensors --json
holds out '"text": "the end of the story"'
holds out '"arithmetic": "f32 1"'
if command -v python3 >/dev/null; then
    python3 - a.safetensors >sum <<'END'
import hashlib, json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + n])
meta = head.pop("__metadata__")
h = hashlib.sha256()
for key in sorted(meta):
    if key != "sha256": h.update(f"{key}\0{meta[key]}\0".encode())
for name in sorted(head):
    t = head[name]
    begin, end = t["data_offsets"]
    shape = ",".join(map(str, t["shape"]))
    h.update(f"{name}\0{t['dtype'].lower()}\0{shape}\0".encode() + data[8 + n + begin:8 + n + end])
print(h.hexdigest() == meta["sha256"])
END
    is "$(cat sum)" True "the checksum as docs/states.md describes it"
else
    skipped=$((skipped + 1))
    echo "skip the checksum in Python: no python3 here"
fi
printf '\377\376 no text' >c.txt # the built-in vocabulary has all bytes; metadata has only UTF-8
run 0 state make c.txt -o c.safetensors
run 0 state info c.safetensors
holds out "  model        built-in, q8_0, f32"
lacks out "  text  "
run 0 state verify c.safetensors -m built-in
holds out "c.safetensors: the same bits from its "

# ---- verify ----------------------------------------------------------------------------------------------------------
run 0 state verify a.safetensors b.safetensors
is "$(cat out)" "a.safetensors: sound
b.safetensors: sound" "wkv state verify"
run 0 state verify a.safetensors -m "$model"
holds out "a.safetensors: the same bits from its "
run 0 state verify a.safetensors -m "$model" -t 1
holds out "a.safetensors: the same bits from its "
run 0 state verify a.safetensors -m "$model" --type q8_0
holds out " tokens this model computes values that differ by at most "
holds err "a.safetensors: was computed with weights of type f16, and the model has "
run 0 state verify a.safetensors -m "$model" --device reference
holds err "a.safetensors: was computed with arithmetic f32 1, and the context has f32 1 reference"
refused "a.safetensors: is a state of RWKV-7, 2 layers, 64 channels" state verify a.safetensors -m \
    "$here/golden/models/v6-n64-f16.pth"
head -c 3000 a.safetensors >cut.safetensors
refused "cut.safetensors: has 3000 bytes, expected" state verify cut.safetensors
run 1 state verify cut.safetensors a.safetensors
is "$(cat out)" "a.safetensors: sound" "a sound file after a damaged one"
refused "is a model (it has emb.weight), expected a state" state info "$model"
refused "none.safetensors: No such file" state info none.safetensors

# ---- diff ------------------------------------------------------------------------------------------------------------
# shellcheck disable=SC2086
run 0 state diff a.safetensors b.safetensors $with --probe the
holds out "A = a.safetensors"
is "$(grep -cE '^ +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.e-]+$' out)" 2 "lines of layers"
holds out "after B the next token has a KL divergence of "
holds out 'both followed by "the"'
# shellcheck disable=SC2086
run 0 state diff a.safetensors b.safetensors $with --heads
is "$(grep -cE '^ +[0-9]+\.[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.e-]+$' out)" 4 "lines of heads"
# shellcheck disable=SC2086
run 0 state diff a.safetensors a.safetensors $with --heads --json
holds out '"kl": 0.0'
holds out '"heads": ['
lacks out '"difference": 1'
# shellcheck disable=SC2086
refused "--probe: has no text to read" state diff a.safetensors b.safetensors $with --probe ""

# ---- mix, convert ----------------------------------------------------------------------------------------------------
run 0 state mix a.safetensors b.safetensors --weights 3,1 -o mix.safetensors
holds out "mix.safetensors: mix of 2 states, "
run 0 state info mix.safetensors
holds out "  origin       mix of a.safetensors (3), b.safetensors (1)"
run 0 state verify mix.safetensors -m "$model"
holds out "mix.safetensors: fits the model; not computed again: mix of a.safetensors (3), b.safetensors (1)"
run 0 state mix a.safetensors a.safetensors a.safetensors -o same.safetensors
# shellcheck disable=SC2086
run 0 state diff a.safetensors same.safetensors $with
lacks out "nan"
is "$(awk '/^ +[0-9]+ / && $4 != 0' out)" "" "a mix of a state with itself differs from it"
for form in pth safetensors st state; do
    run 0 state convert a.safetensors -o "tuned.$form"
    holds out "tuned.$form: tuned state of 2 layers, 2 heads of 32, "
    run 0 state info "tuned.$form"
    holds out "  tuned state  2 layers, 2 heads of 32"
    run 0 logits -m "$model" --state "tuned.$form" --tokens 1,2,3 -o "$form.f32"
done
same pth.f32 safetensors.f32 "logits after two forms of a tuned state"
run 0 state mix tuned.pth tuned.st -o both.pth
run 0 state info both.pth
holds out "  tuned state  2 layers"
refused "tuned.pth: is a tuned state of 2 layers" state mix a.safetensors tuned.pth -o x.safetensors
refused "a.safetensors: is an input, the state a.safetensors" state mix a.safetensors b.safetensors -o a.safetensors
refused "a.txt: is an input, the text a.txt" state make a.txt -o a.txt
refused "x.bin: a tuned state is written as .pth, .safetensors, .st or .state" state convert a.safetensors -o x.bin
wrong "--weights 1: expected 2 numbers" state mix a.safetensors b.safetensors --weights 1 -o x.safetensors
wrong "--weights 1,2,3: expected 2 numbers" state mix a.safetensors b.safetensors --weights 1,2,3 -o x.safetensors
wrong "--weights 1,x: expected 2 numbers" state mix a.safetensors b.safetensors --weights 1,x -o x.safetensors
refused "the weights of the mix have the sum 0" state mix a.safetensors b.safetensors --weights 1,-1 -o x.safetensors

# ---- usage -----------------------------------------------------------------------------------------------------------
wrong "expected 'make TEXT'" state
wrong "expected 'make TEXT'" state made a.txt
wrong "expected 'make TEXT'" state diff a.safetensors
wrong "--out is missing" state make a.txt
wrong "--out is missing" state mix a.safetensors
wrong "--out is missing" state convert a.safetensors
wrong "--out x.pth: a state file is .safetensors" state make a.txt -o x.pth
wrong "--out x.st: a state file is .safetensors" state mix a.safetensors b.safetensors -o x.st
: >empty.txt
refused "empty.txt: has no text to read" state make empty.txt -o x.safetensors
refused "none.txt" state make none.txt -o x.safetensors
if ls x.* *.part-* >/dev/null 2>&1; then fail "a failed command leaves a file"; else pass; fi
if command -v bash >/dev/null; then
    run 0 help --completion bash
    cp out completion
    is "$(bash -c '. ./completion; COMP_WORDS=(wkv state m); COMP_CWORD=2; _wkv; echo ${COMPREPLY[*]}')" "make mix" \
        "completion of wkv state m"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
