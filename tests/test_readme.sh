# test_readme.sh - what the README shows works when pasted: each of its ./wkv lines that needs no other file than the clone's
# is run, in order, in a folder of its own.
root=$(cd "$(dirname "$0")/.." && pwd)
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
cp "$root/README.md" .
ln -s "$WKV" wkv

passed=0 failed=0
sed -n 's/^    \(\.\/wkv .*\)/\1/p' README.md | grep -v -e ' -m RWKV-' >lines
while read -r line; do
    if sh -c "$line" >out 2>&1 </dev/null; then
        passed=$((passed + 1))
    else
        echo "FAIL $line (exit status $?)"
        cat out
        failed=$((failed + 1))
    fi
done <lines

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
