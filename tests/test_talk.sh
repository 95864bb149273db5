#!/bin/sh
# test_talk.sh - the conversation of wkv chat as a tree: going back, other answers and questions, names, mixes, files; and
# texts that are read before the first turn. Nothing depends on the words of the built-in model's answers.
. "$(dirname "$0")/expect.sh"
talk() { "$WKV" chat --seed 1 -n 8 "$@" >out 2>err; }
# places: the numbers of the places in the picture, and the last picture alone
places() { grep -oE '[0-9]*  *[^ ]* .* |^[(]' out | grep -c .; }

# ---- there and back ---------------------------------------------------------------------------------------------------
printf 'Hello, my name is Tom.\nWhat is my name?\n' >two
talk <two
cp out straight
printf 'Hello, my name is Tom.\nTell me a story.\n/undo\nWhat is my name?\n/check\n' | talk
head -n 1 straight >expected && tail -n 1 straight >>expected
sed -n '1p;$p' out >got
same got expected "the turn after /undo answers as without the one undone"
holds err "give the same state, bit for bit"
printf 'Hello.\nTell me a story.\nWhat is my name?\n/edit 1 Hello, my name is Tom.\nWhat is my name?\n/check\n' | talk
tail -n 2 out >got
same got straight "an edited first question begins as if it had been asked"
holds err "bit for bit"
printf 'Tell me a story.\n/regen\n/regen\n/tree\n' | talk
is "$(grep -c 'Tell me a story. →' out)" 3 "answers to one question in the picture"
is "$(grep -c '← here' out)" 1 "the place where the conversation is"
grep 'here' out | grep -q ' 3  ' || fail "the last answer is not the head: $(cat out)"

# ---- names -------------------------------------------------------------------------------------------------------------
printf 'Hello.\n/mark first\nTell me a story.\n/branch long\nThank you.\n/goto first\nBye.\n/goto 2\n/goto long\n/tree\n' | talk
grep 'first' out | grep -q ' 1  Hello' || fail "the mark is not at turn 1: $(cat out)"
grep 'long' out | grep -q ' 3  Thank you' || fail "the branch did not move on to turn 3: $(cat out)"
grep 'here' out | grep -q ' 3  ' || fail "/goto long did not go to turn 3: $(cat out)"
holds err "(1 is first)"
printf '/mark a\n/goto 1\nHello.\n/goto 2\n/goto\n/goto nowhere\n/mark 1st\n/mark a b\n/edit 1\n/edit x y\n/regen\n/undo\n/undo\n/regen\n' | talk
holds err "there is no turn to name yet"
holds err "there is no place 1"
holds err "there is no place 2"
holds err "/goto needs an argument: /goto N"
holds err "no place is called 'nowhere'"
holds err "'1st' is no name of a node"
holds err "'a b' is no name of a node"
holds err "/edit needs the new question"
holds err "no place is called 'x'"
holds err "there is no turn to undo here"
holds err "there is no answer here to write again"

printf 'Hello.\n/branch main\n/mark first\n/regen\nBye.\n/tree\n' | talk
grep 'main' out | grep -q ' 3  Bye' || fail "the branch did not go on from the answer written again: $(cat out)"
grep 'first' out | grep -q ' 1  Hello' || fail "the mark moved: $(cat out)"

# ---- mixes -------------------------------------------------------------------------------------------------------------
printf 'Hello, my name is Tom.\nWhat is the capital of France?\n/mix 1 2 3 1\nWhat is my name?\n/check\n/mix all\n/tree\n' | talk
holds out "mix of 1 x 3, 2 x 1"
holds err "bit for bit"
printf 'Hello.\nBye.\n/mix all 1 1\n/tree\n/mix 1\n/mix 1 9\n/mix 1 2 x 1\n/mix all 1\n/mix 1 2 0 0\n' | talk
holds out "mix of 1 x 1, 2 x 1"
holds err "/mix takes two places, or all"
holds err "/mix all: there are 0 turns here"
holds err "there is no place 9"
holds err "/mix: 'x' is no weight"
printf 'a\nb\nc\n/mix 1 2 3\n/mix 1 2 3 4 5\n' | talk
is $? 1 "the status of a pipe with a command that fails"
holds err "/mix: 1 weights, expected 2, one for each turn"
holds err "/mix: more than 2 weights"
(printf 'Hello.\n/mix 1 1\n'; for i in $(seq 2 40); do echo "/mix $i $i"; done; echo /check) | talk
is $? 0 "the status of a check of mixes of mixes"
holds err "bit for bit"
(for i in $(seq 60); do echo "hi $i"; done; for i in $(seq 59); do printf '/goto %s\nhey\n' "$i"; done; echo /tree) | talk -n 2
is "$(grep -c '→' out)" 119 "turns in the picture of a deep tree"
is "$(grep -c '← here' out)" 1 "the head in the picture of a deep tree"

# ---- files, and texts at the beginning -----------------------------------------------------------------------------------
printf 'Hello, my name is Tom.\n/save tom.safetensors\nTell me a story.\n/load tom.safetensors\nWhat is my name?\n/check\n/tree\n' | talk
head -n 3 out | tail -n 1 >got
tail -n 1 straight >expected
same got expected "the answer after /load"
holds err "bit for bit"
printf 'What is my name?\n/check\n' | talk --state tom.safetensors
same out expected "the answer of another run with --state"
holds err "bit for bit"
printf 'Hello, my name is Tom.\nBye.\n/mix 1 2\n/save mixed.safetensors\n' | talk
printf '/check\n' | talk --state mixed.safetensors
holds err "it began from a file"
run 0 state verify tom.safetensors -m "$here/../models/default.gguf"
printf 'What is my name?\n/reset\nWhat is my name?\n' | talk --state tom.safetensors
is "$(head -n 1 out)" "$(cat expected)" "the answer before /reset"
is "$(tail -n 1 out)" "$(cat expected)" "/reset goes back to the state of the file"
printf '/load missing\n/load %s\n/save /nowhere/x.safetensors\n' "$here/../models/default.gguf" | talk
holds err "missing"
is "$(grep -c '^wkv: ' err)" 3 "sentences about files"
printf 'User: hi\n\nAssistant: Hello, my name is Lucy. I have a red boat.' >lucy
printf 'What colour is it?\n/tree\n/check\n' | talk --read lucy
holds out "1  lucy"
holds err "bit for bit"
talk --read nowhere </dev/null
is $? 1 "the status with a text that is missing"

# ---- sessions that are kept ----------------------------------------------------------------------------------------------
XDG_DATA_HOME=$work/data
export XDG_DATA_HOME
if talk --session trip <two; then
    same out straight "a session that is kept answers as one that is not"
    printf 'Tell me a story.\n/save whole.safetensors\n' >rest
    cat two rest | talk
    tail -n 1 out >expected
    talk --session trip <rest
    same out expected "the turn after a pause"
    cat two rest | talk && mv whole.safetensors uninterrupted.safetensors
    talk --session trip </dev/null
    holds err "session trip: 3 turns"
    holds err "3  Tell me a story."
    printf '/save whole.safetensors\n/check\n' | talk --session trip
    cmp -s whole.safetensors uninterrupted.safetensors || fail "a conversation with a pause has another state"
    holds err "bit for bit"
    printf '/branch other\n/regen\n/goto 1\n/mark one\n' | talk --session trip
    printf '/tree\n' | talk --session trip
    grep ' 1  Hello' out | grep 'one' | grep -q here || fail "the place and its name are not kept: $(cat out)"
    is "$(grep -c 'Tell me a story' out)" 2 "branches that are kept"
    # two programs on one session: the second becomes a branch, and both turns are kept
    mkfifo wait
    { cat wait; printf 'What is my name?\n'; } | "$WKV" chat --seed 1 -n 12 --session trip >late 2>late.err &
    while [ ! -s late.err ]; do sleep 0.05; done
    printf 'Thank you.\n' | talk --session trip
    echo >wait
    wait
    is "$(grep -c . late)" 1 "answers of the later program"
    is "$(grep -c '^wkv: ' late.err)" 1 "sentences of the later program: $(cat late.err)"
    printf '/tree\n' | talk --session trip
    grep 'Thank you' out | grep -q here || fail "the head is not that of the first program: $(cat out)"
    grep -q 'What is my name? →' out || fail "the turn of the second program is lost: $(cat out)"
    talk --session trip --system "in a" <two
    is $? 1 "the status of --system with a session that exists"
    holds err "session trip exists"
    printf 'What colour is it?\n' | talk --session boat --read lucy
    printf '/tree\n/reset\nHello.\n' | talk --session boat
    holds out "1  lucy"
    printf '/reset\nHello.\n/tree\n' | talk --session boat
    is "$(grep -c '^  1  lucy' out)" 1 "a conversation after /reset begins with the text that was read: $(cat out)"
    # the same answers with and without an end, also those that are written again; without --seed too
    printf 'Tell me a story.\n/regen\n' >a
    printf '/regen\nTell me a story.\n' >b
    cat a b | talk && mv out expected
    talk --session again <a && mv out got
    "$WKV" chat -n 8 --session again <b >out 2>err
    cat out >>got
        same got expected "answers of a session that was continued without --seed"
    # an idle program does not move back the names that another one has moved
    printf 'Hello.\n/branch story\n' | talk --session names
    { cat wait; printf '\n/help\n'; } | "$WKV" chat --session names >late 2>late.err &
    while [ ! -s late.err ]; do sleep 0.05; done
    printf 'Tell me more.\n' | talk --session names
    echo >wait
    wait
    printf '/tree\n' | talk --session names
    grep 'story' out | grep -q ' 2  Tell me more' || fail "the branch was moved back: $(cat out)"
    for inside in wkv.db new.safetensors states/x.safetensors; do
        printf '/save %s\n' "data/wkv/store/$inside" | talk
        is $? 1 "the status of /save $inside into the store"
        holds err "is in the folder of the kept conversations"
    done
    run 1 session export boat -o data/wkv/store/wkv.db
    holds err "is in the folder of the kept conversations"
    run 0 session show boat
    if [ "$(id -u)" != 0 ]; then
        chmod -R a-w data
        printf 'Hello.\n' | talk --session trip
        is $? 1 "the status with a folder that cannot be written"
        is "$(grep -c '^wkv: ' err)" 1 "sentences about a folder that cannot be written"
        chmod -R u+w data
    fi
else
    holds err "SQLite"
fi

# ---- settings ------------------------------------------------------------------------------------------------------------
printf '/set\n/set temperature 0\nHello.\n/set top-k x\n/set nonsense 1\n/set temperature\n/set tokens 3\nTell me a story.\n' | talk
holds err "temperature 0, "
holds err "'x' is not an integer"
holds err "unknown option --nonsense"
holds err "/set needs an option and its value"
holds err "stopped after 3 tokens"
printf '/set ban 0\n/set ban 99999\n/set temperature 0.3\nHello.\n' | talk
holds err "99999"
holds err "temperature 0.3"
is "$(grep -c . out)" 1 "answers after a setting that was refused"
printf '%s\n' "Tell me a story." "Tell me a story." >lines
signals="INT TERM HUP"
posix "signals" || signals=
for signal in $signals; do
    { cat lines; sleep $((2 * slower)); } | { timeout --preserve-status -k 20 -s $signal $slower "$WKV" chat -n 5 >out 2>err; echo $? >status; }
    is "$(cat status)" 130 "the status after SIG$signal"
done
printf 'x\033]0;no\007\033[31mred' >escapes
"$WKV" state make escapes -o escapes.safetensors >out 2>err
if posix "control characters in names of files"; then
    odd=$(printf 'a\302\233\033[31m.safetensors')
    cp escapes.safetensors "$odd"
    "$WKV" state mix "$odd" "$odd" -o odd.safetensors >out 2>err
    is $? 0 "the status of a mix of files with control characters in their names"
    "$WKV" state info odd.safetensors >out 2>err
    holds out "mix of a???[31m"
fi
printf '/tree\n/goto 1\n' | talk --state escapes.safetensors
LC_ALL=C grep -q "$(printf '\033')" out err && fail "escape sequences of a text reach the terminal"
if posix "limits of files"; then
    (ulimit -f 100 && printf 'Hello.\n/save large.safetensors\nHello.\n' | "$WKV" chat -n 3 >out 2>err)
    is $? 1 "the status with a file that is too large"
    is "$(grep -c . out)" 2 "answers with a file that is too large"
    is "$(ls | grep -c large)" 0 "files that are left of it"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
