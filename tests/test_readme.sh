# test_readme.sh - the commands of the README work when pasted: each of its ./wkv lines that needs no other file than
# the clone's is run, in order, in a folder of its own.
. "$(dirname "$0")/expect.sh"
cp "$here/../README.md" .
ln -s "$WKV" wkv

sed -n 's/^    \(\.\/wkv .*\)/\1/p' README.md | grep -v -e ' -m RWKV-' >lines
while read -r line; do
    if sh -c "$line" >out 2>&1 </dev/null; then
        pass
    else
        fail "$line (exit status $?)"
        cat out
    fi
done <lines

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
