#!/bin/sh
# test_session_command.sh - wkv session: sessions listed, shown, exported and deleted, and the refusals. test_kill makes
# a session "book" of three turns.
. "$(dirname "$0")/expect.sh"
XDG_DATA_HOME=$work/data
export XDG_DATA_HOME TZ=UTC
store=$XDG_DATA_HOME/wkv/store
"$WKV" session ls >out 2>err
if grep -q 'was built without SQLite' err; then
    echo "skip wkv session: no SQLite"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

refused() {
    text=$1
    shift
    run 1 session "$@"
    holds err "$text"
    is "$(wc -l <err | tr -d ' ')" 1 "lines of standard error of wkv session $*"
}
wrong() {
    run 2 session "$@"
    holds err "expected 'ls', 'show NAME', 'export NAME', 'delete NAME...' or 'gc'"
    holds err "Try: wkv session --help"
}

# ---- without a store -------------------------------------------------------------------------------------------------
run 0 session ls
is "$(cat out)" "" "wkv session ls without a store"
holds err "no sessions are kept"
run 0 session ls --json
is "$(cat out)" "[]" "wkv session ls --json without a store"
run 0 session gc
refused "no session is called 'book'; wkv session ls lists them" show book
[ -e "$XDG_DATA_HOME" ] && fail "a report creates $XDG_DATA_HOME"

# ---- ls, show, export ------------------------------------------------------------------------------------------------
mkdir -p "$XDG_DATA_HOME/wkv"
"$(dirname "$WKV")/test_kill" talk "$store" 3>/dev/null
is $? 0 "status of the conversation"
run 0 session ls
is "$(sed -n 1p out)" "NAME  TURNS  CHANGED           STATES    LAST MESSAGE" "the head of the list"
is "$(sed -n 2p out | sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5}/TIME/')" \
    "book      3  TIME  820 kB    Your name is Tom." "the session in the list"
is "$(wc -l <out | tr -d ' ')" 2 "lines of the list"
run 0 session ls --json
holds out '"name": "book"'
holds out '"turns": 3'
holds out '"messages": 6'
id=$(sed -n 's/.*"id": "\(.*\)",/\1/p' out)
is "$(expr "$id" : 'ses_[a-z2-7]*$')" 30 "characters of an id"
run 0 session show book
holds out "  id           $id"
holds out "  model        built-in, template plain"
holds out "  messages     6, of which 0 are on other branches"
holds out "  states       3, 820 kB"
holds out "User: What is my name?"
holds out "Assistant: Your name is Tom."
cp out shown
run 0 session show "$id"
same out shown "show by name and by id"
run 0 session show bo
same out shown "show by name and by its beginning"
run 0 session export book
is "$(sed -n 1p out)" "# book" "the title of the Markdown"
is "$(grep -c '^\*\*User\*\*$' out)" 3 "users in the Markdown"
cp out shown
run 0 session export book -o book.md
is "$(cat out)" "" "output of an export to a file"
same book.md shown "export to a file and to standard output"
run 0 session export book --format json -o book.json
run 0 session show book --json
same out book.json "show --json and export --format json"
holds book.json '"role": "assistant"'
holds book.json '"content": "Your name is Tom."'
if command -v python3 >/dev/null; then
    python3 -c 'import json; x = json.load(open("book.json")); m = x["messages"]
print(len(m), m[0]["parent"], m[5]["id"] == x["head"], m[5]["parent"] == m[4]["id"], m[5]["state"], m[4]["state"])' >sum
    is "$(cat sum)" "6 None True True True False" "the JSON in Python"
else
    skipped=$((skipped + 1))
    echo "skip the JSON in Python: no python3 here"
fi
refused "none/x.md: cannot be written" export book -o none/x.md
"$WKV" session show book | head -n 1 >out
is "$(cat out)" "book" "a reader that leaves"

# ---- refusals --------------------------------------------------------------------------------------------------------
refused "no session is called 'story'" show story
refused "no session is called 'story'" delete story
refused "no session is called 'bo'; to delete book, give all of its name" delete bo
wrong
wrong list
wrong show
wrong show a b
wrong delete
wrong gc now
run 1 session delete story book
is "$(cat out)" "book: deleted 6 messages, 820 kB of states" "wkv session delete"
is "$(find "$store/states" -type f | wc -l | tr -d ' ')" 0 "state files after delete"
run 0 session ls
is "$(cat out)" "" "the list after delete"

# ---- gc --------------------------------------------------------------------------------------------------------------
printf '12345' >"$store/states/new_a.safetensors"
run 0 session gc
is "$(cat out)" "removed 0 bytes of unused state files" "gc with a new file"
touch -t 200101010000 "$store/states/new_a.safetensors"
run 0 session gc
is "$(cat out)" "removed 5 bytes of unused state files" "gc with an old file"
echo "This is a text, not a database. It is longer than the head of one, which has a hundred bytes at its beginning." \
    >"$store/wkv.db"
refused "wkv.db: is damaged (file is not a database)" ls
if command -v bash >/dev/null; then
    run 0 help --completion bash
    cp out completion
    is "$(bash -c '. ./completion; COMP_WORDS=(wkv session s); COMP_CWORD=2; _wkv; echo ${COMPREPLY[*]}')" "show" \
        "completion of wkv session s"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
