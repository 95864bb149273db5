#!/bin/sh
# test_lens_command.sh - wkv decay and wkv lens: half-lives against the tensors of the files, tables, pages and pictures, JSON,
# every version, bad input.
. "$(dirname "$0")/expect.sh"
. "$here/safetensors.sh"
models=$here/golden/models
model=$models/v7-n32-f16.pth # V = 96
vocab=$here/cli/small.vocab.txt
if command -v jq >/dev/null; then
    field() { is "$(jq -c "$1" out)" "$2" "$1 of $(head -c 80 out)"; }
else
    echo "skip the JSON: jq is not here" && skipped=$((skipped + 1))
    field() { :; }
fi
checker=$(dirname "$WKV")/test_report
pictures() { # FILE...: the checks of tests/svg.h
    if [ -x "$checker" ]; then
        if "$checker" "$@" >checked; then pass; else fail "$(head -n 5 checked)"; fi
    else
        echo "skip test_report is not here to check pictures" && skipped=$((skipped + 1))
    fi
}
ids="5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"

# ---- decay -----------------------------------------------------------------------------------------------------------
run 0 decay -t 1 --html decay.html --svg decay.svg --json
field '[.charts[].name]' '["half-lives","layer-0","layer-1","layer-2","layer-3"]'
field '.charts[0].series | length' 4
field '.charts[0].series[0] | (.y == (.y | sort)) and (.y | min) > 1' true
field '.charts[1].series[0] | [range(.y | length) as $i | .low[$i] <= .high[$i]] | all' true
field '.tables[0].rows | length' 4
pictures decay.html decay-*.svg
lacks decay.html http
run 0 decay -t 1
holds out "Layer 3: half of the channels keep half of a value for less than "
run 0 decay "$models/v4-c40-f16.pth" --svg v4.svg
holds out "Half-lives follow from the weights alone."
pictures v4.svg
run 0 decay "$models/v6-n16-bf16.pth" --ids "$ids" --json
field '.charts | length' 3
if python3 -c 'import torch' 2>/dev/null; then
    for name in v4-c40-f16 v5.0-n16-bf16 v5.1-n16-f16 v5.2-n32-bf16; do
        "$WKV" decay "$models/$name.pth" --json >"$name.json"
    done
    python3 - "$models" >sum 2>&1 <<'END'
import json, math, sys, torch
for name in "v4-c40-f16", "v5.0-n16-bf16", "v5.1-n16-f16", "v5.2-n32-bf16":
    w = torch.load(sys.argv[1] + "/" + name + ".pth", map_location="cpu", weights_only=True)
    w = {key.removeprefix("module.").removeprefix("_forward_module."): x for key, x in w.items()}
    lines = json.load(open(name + ".json"))["charts"][0]["series"]
    C = w["emb.weight"].shape[1]
    for layer, line in enumerate(lines):
        raw = w["blocks.%d.att.time_decay" % layer].double().flatten()
        want = sorted(math.log(2) / math.exp(x) for x in raw.repeat_interleave(C // len(raw)).tolist())
        assert len(want) == len(line["y"]) == C
        worst = max(abs(a - b) / b for a, b in zip(line["y"], want))
        assert worst < 1e-7, (name, layer, worst)
print("equal")
END
    is "$(tail -n 1 sum)" equal "half-lives from the tensors: $(tail -n 2 sum | head -n 1)"
else
    echo "skip the half-lives from the tensors: python3 with torch is not here" && skipped=$((skipped + 1))
fi

# ---- lens ------------------------------------------------------------------------------------------------------------
run 0 lens -t 1 -n 24 --layer 1 --html lens.html --svg lens.svg --json
field '[.charts[] | select(.kind == "map") | .name]' '["logits","attention-0","attention-1","attention-2","attention-3","attention-head-0","attention-head-1","attention-head-2","attention-head-3","carried"]'
field '.charts[0] | (.values | length) == 9 and (.cell_labels | length) == 9 * 24' true
field '.charts[0].values | flatten | (min) > 0 and (max) <= 1' true
# shares of a read-out add up to 1
field '[.charts[] | select(.name | startswith("attention-")) | select(.kind == "map") | .values[] | add | . > 0.999 and . < 1.001] | all' true
field '.tables[] | select(.name == "reach") | [.rows[] | .[1:3]]' '[["23, the end of the text","no end"],["8","8"],["8","8"],["4","4"]]'
field '.charts[] | select(.name == "shift") | .series[3].y | map(select(. > 0)) | length' 5
field '.tables[] | select(.name == "depths") | .rows[-1][2:]' '["0.000","100 %"]'
pictures lens.html lens-*.svg
lacks lens.html http
cp out first
run 0 lens -t 2 -n 24 --layer 1 --json
sed '/"command"/d' first >a
sed '/"command"/d' out >b
same a b "the numbers with two threads"

for name in v4-c40-f16 v5.0-n16-bf16 v5.1-n16-f16 v5.2-n32-bf16 v6-n16-bf16 v7-n16-bf16 v7a-n16-bf16; do
    run 0 lens "$models/$name.pth" --ids "$(echo "$ids" | tr ' ' ,)" -n 16 --html page.html --svg part.svg
    holds out "state emptied"
    lacks out nan
    pictures page.html part-*.svg
    rm part-*.svg
done
for row in "v4-c40-f16 6 3 3" "v5.0-n16-bf16 4 2 2" "v5.1-n16-f16 4 4 2" "v6-n16-bf16 4 4 2" "v7-n16-bf16 6 6 3"; do
    # shellcheck disable=SC2086
    set -- $row
    run 0 lens "$models/$1.pth" --ids "$ids" --view shift
    is "$(sed -n 's/^state emptied *\([0-9]*\) .*/\1/p; s/^read-out 0 *\([0-9]*\) .*/\1/p; s/^time mix 0 *\([0-9]*\) .*/\1/p' out |
        tr '\n' ' ')" "$2 $3 $4 " "the reach of $1"
done

run 0 lens -m "$model" --vocab "$vocab" "abc abc abc abc abc" --view logits,steer --line abc --json
field '[.charts[].name]' '["logits","depth","steer","carried"]'
run 0 lens -m "$models/v4-c40-f16.pth" --ids "$ids" --view spectrum,health
holds out "rms"

# ---- conversations ---------------------------------------------------------------------------------------------------
echo '{"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello there"},
    {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "How are you?"}]}' >chat.json
run 0 lens -f chat.json --view health --json
field '[.tables[0].rows[] | .[1]]' '["user","assistant","user"]'
echo '{"messages": [{"role": "user"}, {"role": "user"}, {"role": "user"}]}' >chat.json
run 1 lens -f chat.json --view health
holds err 'message 0: "role" or "content" is missing'
printf 'One turn is here.\n\nAnother turn is here.\n\nAnd a third.\n' >turns.txt
run 0 lens -f turns.txt --view health
is "$(grep -c '^[1-3] ' out)" 3 "turns"

# ---- refusals --------------------------------------------------------------------------------------------------------
refused() { # STATUS TEXT ARGUMENTS...
    expected=$1 text=$2
    shift 2
    run "$expected" "$@"
    holds err "$text"
}
refused 2 "--view: 'logit' is no view; the views are logits, attention" lens --view logit
refused 2 "--view: the list is empty" lens --view ""
refused 2 "two texts" lens abc -f turns.txt
refused 2 "two texts" decay abc -p def
refused 1 "at least 2 are needed" lens -m "$model" --ids "1"
run 0 lens -m "$model" --ids "1 2" --html two.html
pictures two.html
run 0 lens "The sky is" --html three.html
pictures three.html
refused 1 "token 2 is 96; the model's ids are 0 to 95" lens -m "$model" --ids "1 2 96 4 5 6 7 8 9"
refused 1 "token 1 is 4000; the model's ids are 0 to 95" decay -m "$model" --ids "1 4000"
refused 1 "--layer 9: the model's layers are 0 to 3" lens --layer 9 --view attention
refused 1 "turns.txt: is an input" lens -f turns.txt --html turns.txt
refused 1 "turns.txt: is an input" decay -f turns.txt --svg turns.txt
refused 1 "none.txt" lens -f none.txt
refused 1 "the text has no tokens" decay -m "$model" --vocab "$vocab" ""
cp "$model" copy.pth
run 1 decay -m copy.pth --ids "1 2" --html copy.pth
same copy.pth "$model" "the model after the refusal"
refused 2 "--layer is for the view attention" lens --layer 1 --view logits
refused 2 "--line is for the view steer" lens --line abc --view logits

# the name of a chart is that of an input, or of the page
cp "$model" own-logits.pth
refused 1 "own-logits.pth: is an input" lens -m own-logits.pth --ids "$ids" --view logits --svg own.pth
same own-logits.pth "$model" "the model that has the name of a chart"
cp turns.txt own-depth.txt
refused 1 "own-depth.txt: is an input" lens -f own-depth.txt --view logits --svg own.txt
same own-depth.txt turns.txt "the text that has the name of a chart"
refused 1 "page-depth.svg: is the page and a chart" lens "The sky is" --view logits --html page-depth.svg --svg page.svg

# a state of a text would be left out
printf 'abc' >read.txt
run 0 state -m "$model" --vocab "$vocab" make read.txt -o read.safetensors
for name in decay lens; do
    refused 1 "--state read.safetensors: is a state of a text" $name -m "$model" --ids "$ids" --state read.safetensors
done

# ---- models with NaN -------------------------------------------------------------------------------------------------
run 0 convert "$models/v4-c40-f16.pth" nan4.safetensors --type f32
put_nan nan4.safetensors blocks.1.att.time_decay
refused 1 "nan4.safetensors: the decay of channel 0 of layer 1 is NaN" decay nan4.safetensors
run 0 convert "$models/v6-n16-bf16.pth" nan6.safetensors --type f32
put_nan nan6.safetensors blocks.0.ffn.value.weight
refused 1 "nan6.safetensors: the decay of channel 0 of layer 1 is NaN" decay nan6.safetensors --ids "$ids"
for name in attention shift spectrum sparsity steer; do
    refused 1 "its logits are NaN or infinite" lens nan6.safetensors --ids "$ids" --view $name
done
run 0 lens nan6.safetensors --ids "$ids" --view health

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
