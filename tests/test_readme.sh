# test_readme.sh - the commands of README.md and of docs/inside-rwkv.md, and of both in Chinese, work when pasted: the
# blocks of each run in their order, in one folder. A comment above a block says why it is not run, or that it takes
# minutes and runs with WKV_LONG.
. "$(dirname "$0")/expect.sh"

# commands FILE: the lines of the blocks that are run
commands() {
    awk -v long="$WKV_LONG" '
        /^<!-- not run: /              { skip = 1 }
        /^<!-- run by make test-long/  { skip = long == "" }
        /^```/ && inside               { inside = skip = 0; next }
        /^```sh$/                      { inside = 1; next }
        inside && !skip && !/^#/       { print }' "$1"
}

for document in README.md README.zh.md docs/inside-rwkv.md docs/inside-rwkv.zh.md; do
    folder=$(basename "$document").d
    mkdir "$folder"
    cd "$folder" || exit 1
    cp "$here/../README.md" .
    ln -s "$WKV" wkv
    ln -s "$here/../examples" "$here/../models" .
    commands "$here/../$document" >lines
    while read -r line; do
        if sh -c "$line" >out 2>&1 </dev/null; then
            pass
        else
            fail "$document: $line (exit status $?)"
            cat out
        fi
    done <lines
    is "$(grep -c . lines | awk '{ print ($1 >= 5) }')" 1 "$document has commands"
    cd "$work" || exit 1
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
