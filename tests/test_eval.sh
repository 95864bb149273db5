# test_eval.sh - wkv eval: the table, JSON, items, pages and comparisons of tasks, texts and needles; one sentence for
# anything wrong; an interrupted run; the same items from several processes, and by tools/check-eval.py.
. "$(dirname "$0")/expect.sh"

mkdir data
cat >data/piqa_valid.jsonl <<'END'
{"goal": "The dog was hungry, so", "sol1": "he ate the bread.", "sol2": "he.", "label": 0}
{"goal": "The dog was happy, because", "sol1": "the sun was shining.", "sol2": "it saw the cat.", "label": 1}
{"goal": "Once", "sol1": "a", "sol2": "upon a time", "label": 1}
{"goal": "The dog ran", "sol1": "away", "sol2": "home", "label": 0}
END
cat >data/lambada_test.jsonl <<'END'
{"text": "Once upon a time there was a little girl"}
{"text": "The cat sat on the mat and looked at the dog. The dog looked at the cat"}
END
cat >data/blimp_100each.jsonl <<'END'
{"UID": "agreement", "good": "The dogs are happy.", "bad": "The dogs is happy."}
{"UID": "agreement", "good": "She was happy.", "bad": "She were happy."}
{"UID": "order", "good": "The dog saw the cat.", "bad": "Dog the cat the saw."}
END

# ---- tasks
run 0 eval --data data -o items.jsonl
holds out "piqa                          4  acc "
holds out "lambada                       2  perplexity"
holds out "blimp                         3  acc "
holds out "± stderr"
lacks out "order"
is "$(wc -l <items.jsonl)" 9 "items written"
holds items.jsonl '"arguments":[["Question: Once\nAnswer:"," a"],["Question: Once\nAnswer:"," upon a time"]]'
run 0 eval --data data --task blimp --groups --rule harness-0.3
holds out "  order                       1  acc "
run 0 eval --data data --task piqa,lambada --limit 1 --json
holds out '"task": "piqa"'
holds out '"rule": "harness-0.4"'
holds out '"stderr": null'
run 0 eval --data data/piqa_valid.jsonl --task piqa --shots 1
holds out "piqa                          3  acc "
run 0 eval --data data --rule blinkdl
holds out "lambada "
lacks out "piqa"

# the same bytes of items for any batch and number of threads
for how in "--batch 1 -t 1" "--batch 3 -t 2"; do
    run 0 eval --data data -o other.jsonl $how
    same items.jsonl other.jsonl "items with $how"
done

# ---- own tasks
run 0 eval --list
holds out "lambada        LAMBADA (OpenAI)"
holds out "needle "
run 0 eval --list --task piqa --json
sed 's/"piqa"/"own"/' out >own.json
run 0 eval --task ./own.json --data data/piqa_valid.jsonl -o own.jsonl
is "$(sed 's/"own"/"piqa"/' own.jsonl | head -n 4)" "$(grep '"piqa"' items.jsonl)" "items of the printed description"
echo '{"name": "capital", "file": ["capitals"], "context": "{country|strip}:", "choices": "{cities}", "answer": "{right}", "labels": "{cities}"}' >capital.json
echo '{"country": "France ", "cities": ["Rome", "Paris"], "right": "Paris"}' >capitals.jsonl
run 0 eval --task capital.json
holds out "capital                       1  acc "

# ---- comparisons
run 0 eval --data data --type q4 -o q4.jsonl
run 0 eval --diff items.jsonl items.jsonl
holds out "piqa                 4"
holds out "        0        0         1     +0.0000   0.0000"
run 0 eval --diff items.jsonl q4.jsonl --json
holds out '"mcnemar_p"'
holds out '"moved"'
run 1 eval --diff items.jsonl data/piqa_valid.jsonl
holds err "data/piqa_valid.jsonl, line 1: no item with \"doc_id\""
run 1 eval --diff items.jsonl none.jsonl
holds err "none.jsonl"
run 2 eval --diff items.jsonl
holds err "--diff compares two files"
sed 's/he ate/she ate/' items.jsonl >altered.jsonl
run 1 eval --diff items.jsonl altered.jsonl
holds err "item 0 of piqa is not the same in both files"
run 0 eval --data data --task lambada --json
cp out results.json
run 0 eval --published --results results.json --html published.html --svg published.svg
holds out "lambada        ln perplexity RWKV-4 Pile       6    -1.031"
holds out "behind by 2.21"
holds out "lambada, perplexity: own model"
holds published.html "<svg"
is "$(ls published-*.svg | wc -l)" 12 "charts of published scores"
echo '{"model": 3}' >results.json
run 1 eval --published --results results.json
holds err "results.json: no \"model\" with \"parameters\""

# ---- texts
mkdir -p texts/zh
printf 'Once upon a time there was a little girl who had a dog. They were happy.\n' >texts/story.txt
printf '{"text": "The cat sat on the mat."}\n{"text": "The dog ran home."}\n' >texts/lines.jsonl
printf '\346\261\237\346\271\226\350\277\234\357\274\214\344\272\272\345\277\203\350\277\221\343\200\202\n' >texts/zh/poem.txt
run 0 eval --text texts --html texts.html
holds out "texts                         4  bits_per_byte"
holds out "  lines                       2  bits_per_byte"
holds out "  story                       1  bits_per_byte"
holds out "  zh                          1  bits_per_byte"
holds texts.html "Bits per byte by domain"
holds texts.html "wkv eval --text texts --html texts.html"
run 0 eval --text texts/story.txt -c 8 --stride 4 --json
holds out '"context": 8'
run 0 eval --text texts/story.txt -o whole.jsonl -t 1
run 0 eval --text texts/story.txt -c 1000 -o window.jsonl -t 2 # one window is the whole document
same whole.jsonl window.jsonl "one window and the whole document"

# ---- needles
run 0 eval --task needle --lengths 150,300 --depths 0,100 --samples 1 --keys 2 --html needle.html
holds out "needle                        4  greedy"
holds out "      300 tokens"
holds needle.html "Recall of a hidden number"
run 1 eval --task needle --lengths 20 --samples 1
holds err "more than the length 20"

# ---- wrong use
run 2 eval
holds err "--data, --text or --task needle is missing"
run 1 eval --task piqa
holds err "task piqa: no data were given; --data takes its file, or a folder with piqa_valid.jsonl or"
holds err "published at https://huggingface.co/datasets/ybisk/piqa"
run 1 eval --task copa --data data
holds err "task copa: no file of it in data"
run 1 eval --data texts
holds err "the folder has no file of a task"
run 1 eval --data data/piqa_valid.jsonl
holds err "--task must name the task of this file"
run 1 eval --task nothing --data data
holds err "no task 'nothing'; there are lambada, piqa"
run 1 eval --task piqa --data data/lambada_test.jsonl
holds err 'data/lambada_test.jsonl: line 1: no field "goal"; the item has text'
run 1 eval --task mmlu --rule chatrwkv --data data
holds err "task mmlu has no rule chatrwkv; it has harness-0.4, blinkdl"
run 1 eval --data data -o data/piqa_valid.jsonl
holds err "data/piqa_valid.jsonl"
run 1 eval --data data --html data/piqa_valid.jsonl
holds err "data/piqa_valid.jsonl"
is "$(wc -l <data/piqa_valid.jsonl)" 4 "lines of an input after it was refused as output"
: >empty.txt
run 1 eval --task needle --lengths 300 --samples 1 --filler empty.txt
holds err "empty.txt: is empty"
printf 'a\0b' >zeros.txt
run 1 eval --task needle --lengths 300 --samples 1 --filler zeros.txt
holds err "zeros.txt: has NUL characters"
cp own.json kept.json
run 1 eval --task own.json --data data/piqa_valid.jsonl -o own.json
holds err "own.json: is an input, the description own.json"
same own.json kept.json "a description after it was refused as output"
run 1 eval --text texts --html texts/story.txt
holds err "texts/story.txt: is in a folder of inputs"
run 1 eval --data data -o both --html both
holds err "both: two outputs in one file"
for option in -o --html --svg; do # before the evaluation, not after it
    run 1 eval --data data $option nowhere/x
    holds err "nowhere/x: cannot be written"
    is "$(wc -c <out | tr -d ' ')" 0 "bytes printed before an impossible output"
done
for wrong in "--published -o x" "--published --task piqa" "--published MODEL" "--list --html x" "--list --data data" \
    "--diff items.jsonl items.jsonl --html x" "--diff items.jsonl items.jsonl -m x"; do
    run 2 eval $wrong
    holds err "does not belong to"
done
run 2 eval --text texts --stride 4
holds err "--stride belongs to --context"
run 2 eval --data data -c 8
holds err "--context belongs to --text"
run 1 eval --diff whole.jsonl whole.jsonl
holds err "whole.jsonl, line 1: a text, which is neither right nor wrong"
latin=$(printf 'caf\351.txt')
if posix "names that are not UTF-8" && cp texts/story.txt "$latin" 2>path; then
    run 1 eval --text "$latin"
    holds err "the name is not UTF-8"
    rm "$latin"
fi
run 0 eval --list --task piqa,needle
holds out "piqa "
holds out "needle "
run 1 eval --list --task needle --json
holds err "needle has no description"
run 2 eval --text texts -c 8 --stride 8
holds err "--stride 8 is not less than --context 8"
run 2 eval --task needle --depths 0,101
holds err "not a list of at most 32 integers from 0 to 100"
run 1 eval --text none.txt
holds err "none.txt"
printf '{"text": "a b"}\n{"text": "a' >broken.jsonl
run 1 eval --task lambada --data broken.jsonl
holds err "broken.jsonl: line 2"
printf '{"name": "x", "context": "{a", "target": "b"}' >broken.json
run 1 eval --task ./broken.json --data broken.jsonl
holds err './broken.json: "context": no } after the {'

# ---- an interrupted run prints the part that is done
"$WKV" eval --data data --text "$here/../docs/manual.md" --text "$here/../docs/manual.md" -t 1 -o part.jsonl >out 2>err </dev/null &
pid=$!
sleep $slower
kill -$stop $pid 2>/dev/null
wait $pid
is $? 130 "status of an interrupted run ($(head -n 3 err))"
holds err "interrupted: "
holds out "± stderr"

# ---- several processes
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:"$TSAN_OPTIONS"
PMI_SIZE=2 PMI_RANK=0 "$WKV" eval --data data >out 2>err </dev/null
if grep -qF "built without MPI" err || ! command -v mpirun >path; then
    echo "skip mpirun: this wkv was built without MPI, or there is no mpirun here"
    skipped=$((skipped + 1))
else
    ASAN_OPTIONS=detect_leaks=0:"$ASAN_OPTIONS" mpirun -n 2 "$WKV" eval --data data -t 1 -o two.jsonl >out 2>err </dev/null
    is $? 0 "status of two processes ($(head -n 3 err))"
    same items.jsonl two.jsonl "items of one process and of two"
    is "$(grep -c '^piqa' out)" 1 "tables printed by two processes"
    ASAN_OPTIONS=detect_leaks=0:"$ASAN_OPTIONS" mpirun -n 2 "$WKV" eval --data texts -t 1 >out 2>err </dev/null
    if [ $? != 0 ]; then pass; else fail "two processes without data end with 0"; fi
    is "$(grep -c 'no file of a task' err)" 1 "sentences of two processes"
fi

# ---- the independent scorer
if command -v python3 >path && python3 -c 'import numpy' 2>err; then
    for task in piqa:piqa_valid:harness-0.4 lambada:lambada_test:blinkdl blimp:blimp_100each:chatrwkv piqa:piqa_valid:harness-0.3; do
        file=${task#*:}
        python3 "$here/../tools/check-eval.py" "$WKV" built-in "${task%%:*}" "${file#*:}" "data/${file%%:*}.jsonl" >out 2>err
        is $? 0 "tools/check-eval.py $task ($(head -n 2 out err))"
        holds out "0 differ"
    done
else
    echo "skip tools/check-eval.py: python3 with numpy is missing"
    skipped=$((skipped + 1))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
