#!/bin/sh
# test_wasm.sh - the page with wkv inside (make wasm): the self-test in node, with the golden bits, and the page in
# Chromium (tests/clients/wasm_client.py). $PYTHON, else python3, has selenium. With WKV_LONG=1 also a model of 0.1B
# parameters.
. "$(dirname "$0")/expect.sh"
python=${PYTHON:-python3}
built=$(dirname "$WKV")/wasm
skip() {
    echo "skip test_wasm: $1"
    echo "$passed passed, $failed failed, 1 skipped"
    [ $failed = 0 ]
    exit
}
[ -f "$built/wkv.html" ] || skip "no $built/wkv.html; make wasm builds it"

if node "$built/wkv_selftest.js" >out 2>err; then
    tail -n 1 out
    pass
else fail "self-test: $(grep -v '^ok' out; tail -n 5 err)"; fi

for needed in chromium chromedriver; do
    command -v $needed >/dev/null || skip "no $needed here"
done
"$python" -c 'import selenium' >/dev/null 2>&1 || skip "$python lacks selenium"
if "$WKV" serve --tokens 0 2>&1 | grep -q 'has no server'; then skip "a build without libmicrohttpd"; fi

export PYTHONDONTWRITEBYTECODE=1
mkdir models
for extension in gguf safetensors pth; do "$WKV" convert -q built-in models/story.$extension >out 2>err; done
echo "This is a text." >models/text.gguf
head -c 3000000 models/story.gguf >models/cut.gguf
dd if=/dev/null of=models/huge.gguf bs=1048576 seek=3072 2>err # 3 GB without blocks
[ -z "$WKV_LONG" ] || "$WKV" bench -q -t 1 --quick --synthetic 7:0.1B --type q8 -o models/large.gguf >out 2>err
client="$here/clients/wasm_client.py"
if HOME="$work" timeout 400 "$python" "$client" "$WKV" "$built/wkv.html" "$PWD/models" >out 2>err; then
    cat out err
    pass
else fail "page: $(tail -n 5 out err)"; fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
