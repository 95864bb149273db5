#!/bin/sh
# test_dump.sh - wkv dump: values at sites as .npz and .safetensors, against numpy and the equations in PyTorch, the list
# of sites, and the refusals. The model is tests/golden/models/v7-n32-f16.pth (V = 96, random weights).
. "$(dirname "$0")/expect.sh"
models=$here/golden/models
model=$models/v7-n32-f16.pth
vocab=$here/cli/small.vocab.txt

# ---- the list --------------------------------------------------------------------------------------------------------
run 0 dump --list "$model"
is "$(wc -l <out | tr -d ' ')" 15 "sites of version 7"
holds out "blocks.0-1.state             2 x 32 x 32"
holds out "blocks.0-1.ffn_act           64"
run 0 dump --list -m "$models/v4-c40-f16.pth"
lacks out ".g "
holds out "blocks.0-2.w                 one row of 40"
holds out "blocks.0-2.state             3 x 40"
run 0 dump --list -m "$models/v4-c40-f16.pth" --sites blocks.0.k,blocks.2.k,blocks.1.attn.hook_q
is "$(cut -d ' ' -f 1 out | tr '\n' ' ')" "blocks.1.r blocks.0.k blocks.2.k " "listed names"

# ---- files -----------------------------------------------------------------------------------------------------------
run 0 dump -m "$model" --vocab "$vocab" "the end" -o all.npz
holds err "arrays of "
run 0 dump -m "$model" --vocab "$vocab" "the end" -o all.safetensors
run 0 dump -m "$model" --ids "5 6 7 8 9 10" --sites state,blocks.1.r --positions 1:4 -o part.npz -t 1
run 0 dump -m "$model" --ids -p 5,6,7,8,9,10 --sites state,blocks.1.r --positions 1:4 -o part2.npz -t 2
same part.npz part2.npz "another number of threads"
printf 'the end\n' >text.txt
cp text.txt text.safetensors
run 0 dump -m "$model" --vocab "$vocab" -f text.txt -o file.npz
same all.npz file.npz "the text from a file"
run 0 dump -m "$model" --ids "5 6 7" --sites embed,blocks.0-1.resid_post --json
holds out '"name": "blocks.1.resid_post"'
holds out '"file": null'
if command -v jq >/dev/null; then
    is "$(jq -c '[.tokens, (.arrays | length), .arrays[0].shape]' out)" "[3,3,[3,64]]" "the summary"
fi

if python3 -c 'import numpy' 2>/dev/null; then
    python3 - "$model" >sum 2>&1 <<'END'
import json, numpy as np, struct
z = np.load("all.npz")
data = open("all.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + n])
meta = head.pop("__metadata__")
assert json.loads(z["metadata.json"]) == meta and meta["text"] == "the end" and meta["version"] == "7", meta
names = [name for name in z.files if name != "metadata.json"]
assert sorted(names) == sorted(head), (names, head.keys())
for name in names:
    begin, end = head[name]["data_offsets"]
    kind = {"F32": "<f4", "I32": "<i4"}[head[name]["dtype"]]
    x = np.frombuffer(data[8 + n + begin:8 + n + end], kind).reshape(head[name]["shape"])
    assert z[name].dtype == kind and (z[name] == x).all(), name
T = len(z["tokens"])
assert z["tokens"].dtype == np.int32 and T > 1
for layer in range(2):
    at = lambda site: z["blocks.%d.%s" % (layer, site)]
    assert at("state").shape == (1, 2, 32, 32) and at("ffn_act").shape == (T, 64)
    assert (at("resid_mid") == at("resid_pre") + at("att_out")).all()
    assert (at("resid_post") == at("resid_mid") + at("ffn_out")).all()
    assert (at("ffn_act") >= 0).all() and (at("w") > 0.5).all() and (at("w") < 1).all()
part = np.load("part.npz")
assert part["blocks.0.state"].shape == (3, 2, 32, 32) and part["blocks.1.r"].shape == (3, 64)
assert list(part["tokens"]) == [5, 6, 7, 8, 9, 10]
assert json.loads(part["metadata.json"])["positions"] == "1:4"
print("sound")
END
    is "$(tail -n 1 sum)" sound "the arrays as numpy reads them"
else
    echo "skip the arrays in numpy: python3 with numpy is not here"
    skipped=$((skipped + 1))
fi
if python3 -c 'import numpy, torch' 2>/dev/null; then
    if python3 "$here/../tools/check-dump.py" "$WKV" "$models"/v4-c40-f16.pth "$models"/v5.0-n16-bf16.pth \
        "$models"/v5.1-n16-f16.pth "$models"/v5.2-n32-bf16.pth "$models"/v6-n16-bf16.pth "$models"/v7-n16-bf16.pth \
        "$models"/v7a-n16-bf16.pth >sum 2>&1; then pass; else fail "tools/check-dump.py: $(tail -n 20 sum)"; fi
else
    echo "skip the equations in PyTorch: python3 with torch is not here"
    skipped=$((skipped + 1))
fi

# ---- the default by its name
run 0 dump -m "$model" --vocab "$vocab" "the end" --sites all -o named.safetensors
same named.safetensors all.safetensors "--sites all and the default"

# ---- a text with a NUL is not in the metadata as a part of itself
printf 'the\0end' >zero.txt
run 0 dump -f zero.txt --sites k -o zero.safetensors # the built-in vocabulary has byte 0
if head -c 2000 zero.safetensors | grep -aqF '"text"'; then fail "a text with NUL is in the metadata"; else pass; fi

# ---- refusals --------------------------------------------------------------------------------------------------------
refused() { # STATUS TEXT ARGUMENTS...
    expected=$1 text=$2
    shift 2
    run "$expected" dump -m "$model" --vocab "$vocab" "$@"
    holds err "$text"
}
refused 2 "no output" abc
refused 2 "two texts" abc -f text.txt -o x.npz
refused 2 "x.pth: arrays are written as .safetensors or .npz" abc -o x.pth
refused 1 "blocks.7.k: the model has no layer 7; its layers are 0 to 1" abc -o x.npz --sites blocks.7.k
refused 1 "q is no site" abc -o x.npz --sites q
refused 2 "--positions: 2:9 is no range of the text's 3 tokens, 0:3" --ids "1 2 3" -o x.npz --positions 2:9
refused 2 "expected last, all or A:B, found '1'" --ids "1 2 3" -o x.npz --positions 1
refused 2 "expected last, all or A:B" --ids "1 2 3" -o x.npz --positions 0:2x
refused 2 "expected last, all or A:B" --ids "1 2 3" -o x.npz --positions=-1:2
refused 1 "token 1 is 96; the model's ids are 0 to 95" --ids "1 96" -o x.npz
refused 1 "the text has no tokens" --ids "" -o x.npz
refused 2 "--list prints names only; omit --out" --list -o x.npz
refused 2 "--list prints names only; omit --json" --list --json
refused 1 "nowhere/x.npz: cannot be written" abc -o nowhere/x.npz
lacks err "arrays of"
refused 1 "text.safetensors: is an input" -f text.safetensors -o text.safetensors
cp "$model" copy.pth
ln -s copy.pth link.npz
run 1 dump -m copy.pth --ids "1 2" -o link.npz
same copy.pth "$model" "the model after the refusal"
run 1 dump -m "$models/v5.0-n16-bf16.pth" --ids "1 2" -o x.npz --sites g
holds err "g: version 5.0 has no site g; its sites are embed"
if [ -e x.npz ]; then fail "a refused file exists"; else pass; fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
