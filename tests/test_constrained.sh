#!/bin/sh
# test_constrained.sh - wkv generate with a JSON schema, a regular expression or a grammar; and, where Python has the
# package jsonschema, some outputs against it (tools/check-grammar.py has more).
. "$(dirname "$0")/expect.sh"

# whole REGEX NAME: the file out is one text of an extended regular expression
whole() { if grep -qxE -e "$1" out && [ "$(wc -l <out)" = 1 ]; then pass; else fail "$2: $(head -n 5 out)"; fi; }

cat >schema.json <<'END'
{"type": "object", "properties": {"name": {"type": "string", "pattern": "^[A-Z][a-z]{1,9}$"},
 "age": {"type": "integer", "minimum": 0, "maximum": 130}}, "required": ["name", "age"]}
END
person='\{"name": ?"[A-Z][a-z]{1,9}", ?"age": ?[0-9]{1,3}\}'

for seed in 1 2 3 4 5; do
    run 0 generate --seed $seed -T 2 --no-echo --json-schema schema.json "A user: "
    whole "$person" "a schema in a file"
    run 0 generate --seed $seed -T 2 -n 17 --no-echo --json-schema "$(cat schema.json)" "A user: "
    whole "$person" "a schema as text, with a limit"
    run 0 generate --seed $seed --no-echo --regex '[A-Z][a-z]+, (yes|no)\.' "Is it raining? "
    whole '[A-Z][a-z]+, (yes|no)\.' "a regular expression"
done
echo '{"enum": ["red", "green"]}' | "$WKV" generate --no-echo --json-schema - "The color " >out 2>err
is $? 0 "the status with a schema from standard input ($(cat err))"
whole '"(red|green)"' "a schema from standard input"
printf 'root ::= word{3}\nword ::= [a-z]{2,5} " " # three\n' >words.gbnf
run 0 generate --seed 1 --no-echo --grammar words.gbnf "A list:"
whole '([a-z]{2,5} ){3}' "a grammar in a file"
run 0 generate --seed 1 --no-echo --grammar 'root ::= "a" "b"?' "A list:"
whole 'ab?' "a grammar as text"
run 0 generate --seed 1 --no-echo --grammar-file words.gbnf "A list:"
whole '([a-z]{2,5} ){3}' "the option of llama.cpp"

run 1 generate --json-schema '{"properties": {"a": {"uniqueItems": true}}}' Once
holds err "schema #/properties/a: keyword uniqueItems is not supported"
run 1 generate -n 2 --regex '[0-9]{9}-[0-9]' Once
holds err "max_tokens is 2, and the shortest output of the grammar has "
run 1 generate --regex '(a' Once
holds err "--regex: the regular expression, byte 3: a group has no )"
run 1 generate --grammar missing.gbnf Once
holds err "missing.gbnf"
run 2 generate --regex a --grammar 'root ::= "a"' Once
holds err "mutually exclusive"
run 2 chat --json-schema schema.json
holds err "wkv generate has --grammar, --json-schema and --regex"

library=$(dirname "$WKV")/libwkv.so
[ -e "$library" ] || library=${library%.so}.dylib # macOS
if ldd "$library" 2>/dev/null | grep -q 'lib[at]san'; then
    skipped=$((skipped + 1))
    echo "skip tools/check-grammar.py: Python does not load a library of a sanitizer"
elif [ -e "$library" ] && python3 -c 'import jsonschema' 2>/dev/null; then
    python3 "$here/../tools/check-grammar.py" "$library" --outputs 50 >out 2>err
    is $? 0 "tools/check-grammar.py ($(head -n 3 out err))"
else
    skipped=$((skipped + 1))
    echo "skip tools/check-grammar.py: libwkv, or python3 with jsonschema, is missing"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
