# test_first_question.sh - the built-in model gives the first question and the name of the user, after other turns; the bench
# that counts such answers reads its list and refuses other files.
. "$(dirname "$0")/expect.sh"
bench=$(dirname "$WKV")/bench_first_question

chat() { printf '%s\n' "$@" | "$WKV" chat --temperature 0 >out 2>err; }

chat "What is the capital of France?" "Which colour does the sea have?" "What was my first question?"
holds out 'Your first question was: "What is the capital of France?"'
chat "法国的首都是哪里？" "狗怎么叫？" "我的第一个问题是什么？"
holds out '你的第一个问题是：“法国的首都是哪里？”'
chat "Hello, my name is Tom." "What is the capital of France?" "What is my name?"
holds out 'Tom.'

if [ -x "$bench" ]; then
    turns=$(for i in $(seq 30); do printf '\tWhat is %d plus 1?\t%d + 1 = %d.' $i $i $((i + 1)); done)
    printf 'en\tfirst question\tWhat was my first question?\tWhat is 1 plus 1?%s\n' "$turns" >rows
    "$bench" "" rows answers >out 2>err
    is $? 0 "status of the bench ($(cat err))"
    holds out "| first question, all | after 5 turns | after 30 turns |"
    is "$(wc -l <answers)" 12 "answers of the bench"
    printf 'en\tfirst question\n' >rows
    "$bench" "" rows >out 2>err
    is $? 1 "status of the bench for a short row"
    holds err "rows: a row has other than 64 fields"
else
    skipped=$((skipped + 1))
    echo "skipped: bench_first_question is not built"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
