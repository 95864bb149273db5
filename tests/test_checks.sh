# test_checks.sh - no input reaches a CHECK: each of the readers, the operations, the model and the text is in
# tests/checks.txt with the function that refuses such an input first, and each row there has its CHECK and its
# function. One check per row. And every function of the public headers that has arguments is called with wrong ones in
# tests/test_api*.c.
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
fail() { failed=$((failed + 1)) && echo "$*"; }

found=$(mktemp) && listed=$(mktemp) || exit 1
trap 'rm -f "$found" "$listed"' EXIT
# file | CHECK(...), as often as it is there; a CHECK that is not on one line shows as it begins
grep -rnE '\bCHECK(_EQ)?\(' src/format src/ops src/rwkv src/text |
    sed -E 's/^([^:]+):[0-9]+:(.*[^A-Za-z_])?(CHECK(_EQ)?\(.*)$/\1 | \3/; s/;[^;]*$//' | sort >"$found"
sed -nE '/^src/ { s/^([^|]+ \| CHECK.*\)) \| [^|]+ \| [^|]+$/\1/; p; }' tests/checks.txt | sort >"$listed"

for missing in found listed; do
    case $missing in
    found)
        list=$(sort -u "$found" | comm -23 - "$listed")
        why='has no row in tests/checks.txt: who refuses the input first?'
        ;;
    listed) list=$(comm -13 "$found" "$listed") why='is in tests/checks.txt, but no longer in the source' ;;
    esac
    while read -r line; do
        [ -z "$line" ] || fail "$line: $why"
    done <<END
$list
END
done

sed -nE 's/^src.* \| ([^| ]+) \| [^|]+$/\1/p' tests/checks.txt >"$listed"
while read -r guard; do
    [ "$guard" = memory ] && passed=$((passed + 1)) && continue # out of memory, no other input
    file=${guard%%:*} name=${guard##*:}
    if [ "$guard" != "$file" ] && grep -qsE "^[a-z].*\b$name\(" "$file"; then passed=$((passed + 1)); else
        fail "$guard guards a CHECK in tests/checks.txt, but there is no such function"
    fi
done <"$listed"

grep -hoE '\bwkv_[a-z0-9_]+\((void)?' include/*.h | grep -v void | tr -d '(' | sort -u >"$listed"
while read -r name; do
    if grep -q "\b$name(" tests/test_api*.c; then passed=$((passed + 1)); else
        fail "$name is not called with wrong arguments in tests/test_api*.c"
    fi
done <"$listed"

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
