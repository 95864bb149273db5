#!/bin/sh
# test_curve.sh - wkv curve: every part of its report, the numbers as JSON, pictures without overlapping text, another
# program's lines, wrong options. Times are the machine's business.
. "$(dirname "$0")/expect.sh"
model=$here/golden/models/v7-n32-f16.pth

# field FILTER WANTED: the value of a jq filter in the JSON report
if command -v jq >/dev/null; then
    field() { is "$(jq -c "$1" out)" "$2" "$1"; }
else
    echo "skip jq is not here to parse the JSON"
    skipped=$((skipped + 1))
    field() { :; }
fi
# pictures FILE...: the checks of tests/svg.h
checker=$(dirname "$WKV")/test_report
pictures() {
    if [ -x "$checker" ]; then
        if "$checker" "$@" >checked; then pass; else fail "$(head -n 5 checked)"; fi
    else
        echo "skip test_report is not here to check pictures" && skipped=$((skipped + 1))
    fi
}

# ---- time and memory -------------------------------------------------------------------------------------------------
run 0 curve -n 300 -t 1 --html page.html --svg c.svg --json
is "$(wc -c <err | tr -d ' ')" 0 "messages beside the report"
field '[.charts[].name]' '["time","memory","time-transformer","cumulative","cache"]'
field '.charts[0].series[0] | (.x | length) == 12 and (.y | min) > 0 and (.low | length) == 12' true
field '.charts[3].series[0] | .x[-1] == 300 and (.y | . == sort)' true
field '[.facts[].name] | index("time per token") != null and index("change of the memory") != null' true
field '.facts[] | select(.name == "a GPT-NeoX cache is larger than the state from token") | .value' 66
field '.tables[0].rows | length' 3
field '.command' '"wkv curve -n 300 -t 1 --html page.html --svg c.svg --json"'
pictures page.html c-*.svg
is "$(ls c-*.svg | wc -l | tr -d ' ')" 5 "pictures"
lacks page.html http
if posix "a fine clock of processor time"; then
    run 0 curve -n 300 -t 1 --processor-time
    holds out 'ms, the fastest tenth of 300 tokens'
    holds out 'cache larger than the state of 270 kB from token 66 on'
else
    run 1 curve -n 300 -t 1 --processor-time
    holds err 'counts processor time in steps of 16 ms, too coarse for a token'
fi
run 0 curve --synthetic 7:0.1B --type q4 -n 12 -t 2 # fewer tokens than bins
holds out 'RWKV-7 0.1B'

# ---- loss ------------------------------------------------------------------------------------------------------------
awk 'BEGIN { for (i = 0; i < 400; i++) printf "The old man of the sea told a story %d. ", i * i }' >text.txt
run 0 curve --text text.txt --length 500 --trained 100 --no-time --json --html page.html --svg one.svg
field '.charts | length' 1
field '.charts[0].series[0] | (.x | length) == (.low | length) and (.y | max) < 20 and (.y | min) > 0' true
field '.charts[0].rules' '[{"label":"trained on 100 tokens","at":100,"axis":"x"}]'
pictures page.html one.svg
run 0 curve --text text.txt --length 500 --streams 1 --no-time --json
field '.charts[0].series[0].low | map(. == null) | all' true
run 1 curve --text text.txt --length 1000000 --no-time
holds err 'too few for streams of 1000000; a smaller --length needs fewer'
run 1 curve --text missing.txt --no-time

# ---- recall and sizes ------------------------------------------------------------------------------------------------
run 0 curve --recall 128,256 --samples 2 --no-time --json
field '[.charts[].name]' '["recall-loss","recall-choice"]'
field '.charts[0].series[0].x' '[128,256]'
run 0 curve --sizes 7:0.1B --type q4 --no-time --json
field '.charts[0].series[0] | (.x[0] > 1.5e8 and .y[0] > 0 and .labels == ["7:0.1B"])' true

# ---- another program -------------------------------------------------------------------------------------------------
cat >other <<'END'
echo '# position ms bytes'
for i in 1 2 3 4 5; do echo "$((i * 1000)) $i.5 1000000"; done
END
if posix "pausing another program"; then
    run 0 curve -n 300 -t 1 --against 'sh other' --json --html page.html
    field '.charts[2].series[3] | [.x[4], .y[4]]' '[5000,5.5]'
    field '[.facts[].name] | index("the measured transformer is slower from token") != null' true
    pictures page.html
    run 1 curve -n 300 --against 'echo 1 2'
    holds err "line 1 is '1 2', expected 'position ms bytes'"
    run 1 curve -n 300 --against 'echo 1 nan 2'
    run 1 curve -n 300 --against 'exit 3'
    holds err 'failed with status 3'
    run 1 curve -n 300 --against 'true'
    holds err "no line 'position ms bytes'"
else
    run 1 curve -n 300 --against 'echo 1 2 3'
    holds err 'this system cannot pause another program'
fi

# ---- wrong options ---------------------------------------------------------------------------------------------------
cp text.txt kept.txt
run 1 curve --text text.txt --length 500 --no-time --html text.txt
holds err "text.txt: is an input, the text text.txt"
same text.txt kept.txt "a text after it was refused as output"
run 2 curve -n 100 --length 500
holds err "--length belongs to --text"
run 2 curve -n 100 --streams 2
holds err "--streams belongs to --text"
if posix "pausing another program"; then
    run 0 curve -n 50 --seed 7 --against "printf '1 2 3'" --json # the command as it was typed, for a shell
    holds out "wkv curve -n 50 --seed 7 --against 'printf '\\\\''1 2 3'\\\\''' --json"
fi
run 1 curve --text text.txt --length 500 --no-time --html same --svg same
holds err "same: two outputs in one file"
run 1 curve -n 100 --html nowhere/x.html
holds err "nowhere/x.html: cannot be written"
is "$(wc -c <out | tr -d ' ')" 0 "bytes printed before an impossible output"
run 2 curve --no-time
run 2 curve --processor-time -t 2
run 2 curve --no-time --against true
run 2 curve --synthetic 7:0.1B --text text.txt
run 2 curve --synthetic 7:0.1B "$model"
run 2 curve --sizes 7:0.3B
run 2 curve --sizes 7:0.1B,,7:0.4B
run 2 curve --recall 12,x
run 1 curve -n 300 --html none/page.html
run 1 curve --synthetic 7:9B -n 10

# ---- a signal: the report has the measurements until then ------------------------------------------------------------
"$WKV" curve -n 100000000 --json >out 2>err &
sleep $slower
kill -$stop $!
wait $!
is $? 130 "status after a signal"
holds err 'interrupted'

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
