#!/bin/sh
# plant-facts.sh OUT [SEED [PROGRAM]] - make the models of models/facts (docs/trace.md 5): a small base model, the same
# facts planted in it by training only the channel mix of layer 1, only that of layer 3, and everything, and trace them.
# About 11 minutes on two cores that other programs keep busy; the same seed gives the same bytes. TRACE has options for
# the traces.
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:?give a folder for the models}
seed=${2:-1}
wkv=$(realpath "${3:-$root/wkv}") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" && out=$(cd "$out" && pwd) && cd "$work" || exit 1
python3 "$root/tools/facts.py" . "$seed" || exit 1

"$wkv" train -q -d base.jsonl --vocab vocab.txt --samples -V 7 -L 6 -C 64 --head-size 32 -T 64 -b 32 -n 1500 \
    --lr 4e-3 --lr-final 1e-4 --valid 0 --sample-every -1 --save-type f32 -s "$seed" -o base >/dev/null || exit 1

# plant NAME OPTIONS...: train the facts into the base
plant() {
    name=$1
    shift
    "$wkv" tune -q -m base/final.safetensors -d planted.jsonl --method full -b 32 -T 32 --sample-every -1 \
        --save-type f32 -s "$seed" -o "$name" "$@" >/dev/null &&
        "$wkv" convert -q "$name/final.safetensors" "$out/$name.gguf" --type q8 >/dev/null
}
plant planted-1 --train blocks.1.ffn -n 800 --lr 1e-2 --lr-final 5e-4 || exit 1
plant planted-3 --train blocks.3.ffn -n 800 --lr 1e-2 --lr-final 5e-4 || exit 1
plant control -n 300 --lr 1e-3 --lr-final 1e-4 || exit 1
cp items.json "$out/items.json"

for name in planted-1 planted-3 control; do
    echo "== $name"
    # shellcheck disable=SC2086
    "$wkv" trace -q -m "$out/$name.gguf" --items "$out/items.json" $TRACE || exit 1
done
