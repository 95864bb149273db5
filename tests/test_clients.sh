#!/bin/sh
# test_clients.sh - the packages that programs use, against wkv serve: tests/clients/NAME_client.py. $PYTHON, else
# python3, has the packages; those it lacks are skipped.
. "$(dirname "$0")/expect.sh"
python=${PYTHON:-python3}
export XDG_DATA_HOME="$work/data" PYTHONDONTWRITEBYTECODE=1 LITELLM_TELEMETRY=False
has() { "$python" -c "import $(echo "$1" | tr ' ' ',')" >/dev/null 2>&1; }

"$WKV" serve --port 0 -q >address 2>log &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 200); do
    [ -s address ] && break
    sleep 0.1
done
if grep -q 'has no server' log; then
    echo "skip test_clients: a build without libmicrohttpd"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

while read -r client modules; do
    if ! has "$modules"; then
        skipped=$((skipped + 1))
        echo "skip ${client}_client: $python lacks one of: $modules"
        continue
    fi
    if timeout 240 "$python" "$here/clients/${client}_client.py" "$(cat address)" "$WKV" >out 2>err; then pass; else
        fail "$client: $(tail -n 5 err)"
    fi
done <<END
openai openai
openai_responses openai
anthropic anthropic
ollama ollama
litellm litellm
langchain langchain_openai
aider aider
open_webui open_webui
tools langchain_openai jsonschema
harness lm_eval datasets numpy
END
kill -$stop $server
wait $server
is $? 0 "status of the server"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
