# test_docs.sh - what the documents show is what is there: every line of code quoted in docs/models.md (in a block that
# begins with ```c FILE) stands in FILE, and every path that the prose of a document names in `...` or links to exists; a
# sample that a model wrote may name anything. One check per document.
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
finding() { echo "$*"; bad=1; }

for document in README.md README.zh.md CONTRIBUTING.md docs/*.md; do
    bad=0
    quotes=$(awk '/^```c / { file = $2; next } /^```/ { file = ""; next }
                  file != "" { sub(/^ +/, ""); if ($0 != "") print file "\t" $0 }' "$document")
    while IFS="$(printf '\t')" read -r file line; do
        [ -z "$file" ] || grep -qsF -- "$line" "$file" || finding "$document quotes what $file does not have: $line"
    done <<END
$quotes
END
    prose=$(awk '/^```/ { fenced = !fenced; next } !fenced' "$document")
    for path in $(echo "$prose" | grep -o '`[a-z]*/[A-Za-z0-9_./-]*`' | tr -d '`'
        echo "$prose" | grep -o '](\([A-Za-z0-9_./-]*\))' | sed 's/^](//; s/)$//'); do
        case $path in
        *NAME* | *rwkvN*) ;; # stands for several
        src/* | include/* | tests/* | tools/* | docs/* | examples/* | cmake/* | models/* | *.md)
            [ -e "$path" ] || [ -e "$(dirname "$document")/$path" ] || finding "$document names $path, which is not there"
            ;;
        esac
    done
    if [ $bad = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
