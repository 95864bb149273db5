#!/bin/sh
# test_page.sh - the web page of wkv serve in Chromium: tests/clients/page_client.py. $PYTHON, else python3, has selenium.
. "$(dirname "$0")/expect.sh"
python=${PYTHON:-python3}
export XDG_DATA_HOME="$work/data" PYTHONDONTWRITEBYTECODE=1
skip() {
    echo "skip test_page: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
for needed in chromium chromedriver; do
    command -v $needed >/dev/null || skip "no $needed here"
done
"$python" -c 'import selenium' >/dev/null 2>&1 || skip "$python lacks selenium"
if "$WKV" serve --tokens 0 2>&1 | grep -q 'has no server'; then skip "a build without libmicrohttpd"; fi

if HOME="$work" timeout 240 "$python" "$here/clients/page_client.py" "$WKV" >out 2>err; then
    cat out
    pass
else fail "page: $(tail -n 5 out err)"; fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
