# test_docs.sh - what the documents show is what is there: every line of code quoted in docs/models.md (blocks that begin with
# ```c FILE) stands in FILE, and every path a document names in `...` or links to exists.
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
passed=0 failed=0

quotes=$(awk '/^```c / { file = $2; next } /^```/ { file = ""; next } file != "" { sub(/^ +/, ""); if ($0 != "") print file "\t" $0 }' docs/models.md)
while IFS="$(printf '\t')" read -r file line; do
    if grep -qF -- "$line" "$file"; then
        passed=$((passed + 1))
    else
        echo "docs/models.md quotes a line that $file does not have: $line"
        failed=$((failed + 1))
    fi
done <<END
$quotes
END

for document in README.md CONTRIBUTING.md docs/*.md; do
    named=$(grep -o '`[a-z]*/[A-Za-z0-9_./-]*`' "$document" | tr -d '`'
        grep -o '](\([A-Za-z0-9_./-]*\))' "$document" | sed 's/^](//; s/)$//')
    for path in $named; do
        case $path in
        src/* | include/* | tests/* | tools/* | docs/* | examples/* | cmake/* | models/* | *.md) ;;
        *) continue ;;
        esac
        if [ -e "$path" ] || [ -e "$(dirname "$document")/$path" ]; then
            passed=$((passed + 1))
        else
            echo "$document names $path, which is not there"
            failed=$((failed + 1))
        fi
    done
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
