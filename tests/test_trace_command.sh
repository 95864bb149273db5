#!/bin/sh
# test_trace_command.sh - wkv trace: the shipped models whose facts are at a known place, pages and pictures, and the refusals.
# With WKV_LONG set, tools/plant-facts.sh makes the models again, with the same bytes.
. "$(dirname "$0")/expect.sh"
facts=$here/../models/facts
items=$facts/items.json
subject=$(sed -n 's/.*"subject": "\(.*\)",/\1/p' "$items" | head -n 1)
prompt="At the fair in Aldmoor, $subject plays the"

planted="1 3"
[ -z "${WKV_EMULATOR:-}" ] || [ -n "$WKV_LONG" ] || planted=1 # a minute each there

# ---- the planted layers are named, and the control's are not -----------------------------------------------------------
for k in $planted; do
    run 0 trace -m "$facts/planted-$k.gguf" --items "$items" --kinds ffn
    holds out "32 prompts of"
    is "$(grep -c "^channel mix: layer $k at .* restores .*; the lead exceeds its 95 % interval" out)" 2 "sentences of layer $k"
done
run 0 trace -m "$facts/control.gguf" --items "$items" --kinds ffn
is "$(grep -c "^channel mix: .*; the lead is within its 95 % interval" out)" 2 "sentences of the control"
lacks out "exceeds"

# ---- one prompt ------------------------------------------------------------------------------------------------------
model=$facts/planted-1.gguf
run 0 trace -m "$model" "$prompt" --subject "$subject" --samples 4 --html page.html --svg map.svg -t 1
cp out once.txt
grep -v "wkv trace" page.html >once.html
run 0 trace -m "$model" "$prompt" --subject "$subject" --samples 4 --html page.html -t 2
same out once.txt "another number of threads"
grep -v "wkv trace" page.html >again.html
same again.html once.html "the page with another number of threads, without its command"
run 0 trace -m "$model" "$prompt" --subject "$subject" --samples 4 --seed 1
if cmp -s out once.txt; then fail "another seed gives the same figures"; else pass; fi
for kind in resid att ffn state layers; do
    if [ -s "map-$kind.svg" ]; then pass; else fail "no map-$kind.svg"; fi
done
lacks page.html "http"
run 0 trace -m "$model" "$prompt" --subject "$subject" --samples 2 --kinds ffn,state --json
holds out '"name": "ffn"'
lacks out '"name": "resid"'
lacks out "NaN"
if command -v jq >/dev/null; then
    is "$(jq '[.charts[0].values | length, (.[0] | length)] | join(" ")' out)" '"12 6"' "the map of 12 tokens and 6 layers"
    is "$(jq '[.charts[0].values[0:6][][]] | map(select(. != 0)) | length' out)" 0 "effects before the subject"
fi
run 0 trace -m "$model" "$prompt" --subject "$subject" --samples 2 --noise 0
holds out "effect     probability +0.0000"
run 0 trace -m "$model" "$prompt" --subject "$subject" --samples 2 --answer zither --measure logits --window 3
holds err "the model's own answer is another"
holds out "-> zither"
run 0 trace -m "$model" "$prompt the $subject" --subject "$subject" --samples 2
holds err "occurs more than once"
run 0 trace -m "$model" "$prompt" --subject "${subject#?}" --samples 2 # the first token has a letter more
holds err "more byte"

# ---- wrong use -------------------------------------------------------------------------------------------------------
refused() {
    text=$1
    shift
    run "${status:-1}" trace -m "$model" "$@"
    holds err "$text"
}
refused "the subject \"Nobody\" does not occur in the prompt" "$prompt" --subject Nobody
refused "the answer \"#\" has no token" "$prompt" --subject "$subject" --answer "#"
refused "cannot encode the text" "$prompt #" --subject "$subject"
refused "missing.json" --items missing.json
printf '[{"prompt": "A is", "subject": "A"}]' >bad.json
refused '"attribute" is missing' --items bad.json
head -c 300 "$items" >cut.json
refused "cut.json" --items cut.json
sed 's/"attribute": ".*"/"attribute": "viol"/' "$items" | sed 's/"known_id": [0-9]*/"known_id": 0/' >viol.json
run 0 trace -m "$model" --items viol.json --samples 2 --kinds ffn
holds out "2 prompts of viol.json (30 more have another answer)"
sed 's/"attribute": ".*"/"attribute": "plays"/' "$items" >plays.json
refused "the model gives none of its 32 prompts the expected answer" --items plays.json
refused "is an input" "$prompt" --subject "$subject" --html "$model"
status=2
refused "the prompt is missing" --subject "$subject"
refused "--subject is missing" "$prompt"
refused "--kinds: 'mlp' is not one of" "$prompt" --subject "$subject" --kinds ffn,mlp
refused "--answer is empty" "$prompt" --subject "$subject" --answer ""
refused "omit PROMPT" "$prompt" --items "$items"
refused "--limit is for --items" "$prompt" --subject "$subject" --limit 3
unset status

# ---- the models again ------------------------------------------------------------------------------------------------
if [ -n "$WKV_LONG" ] && command -v python3 >/dev/null; then
    if TRACE="--kinds ffn" sh "$here/../tools/plant-facts.sh" again 1 "$WKV" >planting 2>&1; then pass; else
        fail "tools/plant-facts.sh: $(tail -n 3 planting)"
    fi
    for name in planted-1.gguf planted-3.gguf control.gguf items.json; do
        same "again/$name" "$facts/$name" "the file made again"
    done
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
