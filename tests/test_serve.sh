#!/bin/sh
# test_serve.sh - wkv serve with curl: every endpoint, fields and their types, errors, keys, names, several models.
. "$(dirname "$0")/expect.sh"
name=test_serve
. "$here/server.sh"
hello='"messages": [{"role": "user", "content": "Hello, who are you?"}]'

serve
# ---- reports ---------------------------------------------------------------------------------------------------------
ask 200 /health
holds body '"status": "ok"'
ask 200 /v1/models
holds body '"id": "built-in", "object": "model"'
holds body '"n_ctx": '
holds body '"state_bytes": 270336, "sampler": {"temperature": 1, "top_p": 0.7, '
lacks body '"reasoning_sampler"'
ask 200 /v1/models/built-in
ask 404 /v1/models/other
ask 200 /metrics
holds body '# TYPE wkv_requests_total counter'
ask 200 / -I
ask 200 /
holds body '{"name": "wkv", "version": "'
lacks head 'Content-Security-Policy'
ask 200 / -H 'Accept: text/html,application/xhtml+xml'
holds head 'Content-Type: text/html; charset=utf-8'
holds head "Content-Security-Policy: default-src 'none'; connect-src 'self'; "
holds body '<!doctype html>'
# its own script and style sheet are those that the policy allows
for part in script style; do
    sum=$(tr '\n' '\001' <body | sed "s/.*<$part>//; s/<\/$part>.*//" | tr '\001' '\n' | openssl dgst -sha256 -binary 2>/dev/null | base64)
    command -v openssl >/dev/null && holds head "$part-src 'sha256-$sum'"
done

# ---- chat ------------------------------------------------------------------------------------------------------------
chat 200 "{$hello, \"max_tokens\": 8, \"temperature\": 0}"
holds body '"object": "chat.completion"'
holds body '"role": "assistant", "content": "I am'
holds body '"finish_reason": "length"'
holds body '"completion_tokens": 8, '
cp body first
chat 200 "{$hello, \"max_completion_tokens\": 8, \"temperature\": 0, \"user\": \"x\", \"unknown\": {}}"
is "$(sed 's/.*"content": "\([^"]*\)".*/\1/' body)" "$(sed 's/.*"content": "\([^"]*\)".*/\1/' first)" "the same answer again"
lacks body '"cached_tokens": 0}'
chat 200 "{$hello, \"max_tokens\": 8, \"seed\": 5, \"n\": 2, \"temperature\": 1, \"top_p\": 1}"
holds body '"index": 1'
sed 's/"id": "[^"]*", //; s/"created": [0-9]*//; s/"cached_tokens": [0-9]*//' body >once
chat 200 "{$hello, \"max_tokens\": 8, \"seed\": 5, \"n\": 2, \"temperature\": 1, \"top_p\": 1}"
sed 's/"id": "[^"]*", //; s/"created": [0-9]*//; s/"cached_tokens": [0-9]*//' body >twice
same once twice "an answer with a seed"
chat 200 "{$hello, \"temperature\": 0, \"max_tokens\": 20, \"stop\": [\" am\"]}"
holds body '"content": "I", '
holds body '"finish_reason": "stop"'
chat 200 "{$hello, \"temperature\": 0, \"max_tokens\": 1, \"logit_bias\": {\"66\": 100}}"
holds body '"content": "A"'
chat 200 "{$hello, \"temperature\": 0, \"max_tokens\": 2, \"logprobs\": true, \"top_logprobs\": 2}"
holds body '"logprobs": {"content": [{"token": " I", "logprob": -'
chat 200 '{"max_tokens": 2, "messages": [{"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
    {"role": "user", "content": "a"}, {"role": "assistant", "content": null}, {"role": "user", "content": "b"}]}'
chat 200 "{$hello, \"max_tokens\": 4, \"temperature\": 0, \"stream\": true, \"stream_options\": {\"include_usage\": true}}"
holds head 'text/event-stream'
holds body '"delta": {"role": "assistant", "content": ""}, "logprobs": null, "finish_reason": null}'
holds body '"choices": [], "usage": {"prompt_tokens": '
is "$(tail -n 2 body | head -n 1)" "data: [DONE]" "the end of a stream"
is "$(grep -c '^data: ' body)" 8 "events of a stream"

# ---- completions -----------------------------------------------------------------------------------------------------
complete 200 '{"prompt": "Once upon a", "max_tokens": 2, "temperature": 0, "echo": true, "logprobs": 1}'
holds body '"text": "Once upon a time'
holds body '"token_logprobs": [null, -'
holds body '"text_offset": [0, 2, 4, 9, 11, '
cp body whole
complete 200 '{"prompt": ["Once", "Once upon a"], "max_tokens": 0, "echo": true}'
holds body '{"index": 1, "text": "Once upon a", "logprobs": null, "finish_reason": "length"}'
ask 200 /tokenize -d '{"content": "Once upon a"}'
ids=$(sed 's/.*"tokens": \(\[[^]]*\]\).*/\1/' body)
complete 200 "{\"prompt\": [$ids], \"max_tokens\": 2, \"temperature\": 0, \"echo\": true, \"logprobs\": 1}"
is "$(sed 's/"id": "[^"]*", //; s/"created": [0-9]*//' body)" "$(sed 's/"id": "[^"]*", //; s/"created": [0-9]*//' whole)" \
    "ids in place of their text"
complete 200 '{"prompt": "Once", "max_tokens": 3, "stream": true}'
holds body '"object": "text_completion"'

# ---- embeddings, tokens ----------------------------------------------------------------------------------------------
ask 200 /v1/embeddings -d '{"input": ["a", "b"]}'
holds body '{"object": "embedding", "index": 1, "embedding": ['
ask 200 /v1/embeddings -d '{"input": "a", "encoding_format": "base64"}'
ask 501 /v1/embeddings -d '{"input": "a", "dimensions": 3}'
ask 400 /v1/embeddings -d '{"input": [[1, 2]]}'
holds body 'check_embedding_ctx_length=False'
ask 200 /v1/detokenize -d "{\"tokens\": $ids}"
holds body '"content": "Once upon a"'
ask 200 /tokenizer_info
holds body '"eos_token": "<|endoftext|>"'

# ---- sessions, states ------------------------------------------------------------------------------------------------
# field NAME: the text of a field in body, the last one
field() { sed "s/.*\"$1\": \"\([^\"]*\)\".*/\1/" body; }
ask 200 /v1/sessions -d '{"name": "book"}'
session=$(field id)
holds body '"name": "book"'
ask 409 /v1/sessions -d '{"name": "book"}'
chat 200 "{$hello, \"session\": \"$session\", \"max_tokens\": 8, \"temperature\": 0}"
first_message=$(field message)
chat 200 "{$hello, \"session\": \"book\", \"parent\": \"$first_message\", \"max_tokens\": 4, \"stream\": true}"
holds body '"message": "msg_'
chat 409 "{$hello, \"session\": \"book\", \"parent\": \"$first_message\", \"max_tokens\": 4}"
holds body '"code": "head_moved"'
holds body "$first_message"
chat 200 "{$hello, \"session\": \"book\", \"parent\": \"$first_message\", \"branch\": true, \"max_tokens\": 4}"
last=$(field message)
ask 200 /v1/sessions/book
is "$(grep -o '"role": "assistant"' body | wc -l | tr -d ' ')" 3 "answers of a session"
question=$(grep -o '"id": "msg_[a-z2-7]*", "parent": null' body | sed 's/"id": "\([^"]*\)".*/\1/')
chat 409 "{$hello, \"session\": \"book\", \"edit\": \"$question\", \"parent\": \"$first_message\", \"max_tokens\": 4}"
chat 200 "{$hello, \"session\": \"book\", \"edit\": \"$question\", \"max_tokens\": 4}"
ask 404 /v1/sessions/book/undo -I
ask 404 /v1/sessions/book/branch -I
ask 200 /v1/sessions/book -I
ask 200 /v1/sessions/book/undo -X POST
holds body '"head": null'
ask 409 /v1/sessions/book/undo -X POST
ask 409 /v1/sessions/book/branch -d "{\"name\": \"other\", \"message\": \"$last\", \"head\": \"$last\"}"
ask 200 /v1/sessions/book/branch -d "{\"name\": \"other\", \"message\": \"$last\"}"
holds body "{\"name\": \"other\", \"message\": \"$last\"}"
ask 200 /v1/sessions/book/mix -d "{\"messages\": [\"$last\", \"$first_message\"], \"weights\": [1, 2]}"
holds body '"role": "mix"'
chat 200 "{$hello, \"session\": \"book\", \"max_tokens\": 2}"
ask 400 /v1/sessions/book/mix -d "{\"messages\": [\"$last\"]}"
ask 404 /v1/sessions/book/mix -d '{"messages": ["msg_a", "msg_b"]}'
ask 200 /v1/sessions
holds body '"name": "book"'
"$WKV" session show book >out 2>err
holds out "Hello, who are you?"
"$WKV" session export book --format json >out 2>err
ask 200 /v1/sessions/book/export
same body out "the JSON of an export over HTTP and by wkv session"
"$WKV" session export book >out 2>err
ask 200 '/v1/sessions/book/export?format=markdown'
same body out "the Markdown of an export over HTTP and by wkv session"
holds head 'text/markdown; charset=utf-8'
ask 400 '/v1/sessions/book/export?format=html'
holds body '"param": "format"'
ask 200 /v1/sessions/book -X DELETE
ask 404 /v1/sessions/book
chat 404 "{$hello, \"session\": \"book\"}"

complete 200 '{"prompt": "Once upon a", "max_tokens": 1, "temperature": 0, "return_state": true}'
field state >held
posix "modes of files" && is "$(stat -c %a data/wkv/store/secret 2>/dev/null || stat -f %Lp data/wkv/store/secret)" 600 "mode of the secret"
printf '{"prompt": " there", "max_tokens": 4, "temperature": 0, "state": "%s"}' "$(cat held)" >state.json
complete 200 @state.json
continued=$(field text)
complete 200 '{"prompt": "Once upon a time there", "max_tokens": 4, "temperature": 0}'
is "$continued" "$(field text)" "a text that goes on from a state of the client"
printf '{"prompt": " there", "state": "%s"}' "$(sed 's/.\{8\}$/AAAAAAAA/' held)" >state.json
complete 400 @state.json
holds body '"code": "invalid_state"'

# ---- the lines of docs/server.md -------------------------------------------------------------------------------------
mkdir curl
echo fail >curl/.curlrc
grep '^curl ' "$here/../docs/server.md" | sed "s,http://127.0.0.1:8080,$at," >lines
while read -r line; do
    if CURL_HOME="$work/curl" sh -c "$line" >out 2>err </dev/null; then pass; else fail "docs/server.md: $line: $(cat err)"; fi
done <lines
is "$(grep -c . lines | awk '{ print ($1 > 20) }')" 1 "docs/server.md has lines to try"

# ---- refused ---------------------------------------------------------------------------------------------------------
# wrong STATUS PARAM FIELDS: a chat with these fields is refused, and the error names PARAM
wrong() {
    chat "$1" "{$hello, $3}"
    holds body "\"param\": \"$2\""
}
wrong 400 temperature '"temperature": "hot"'
wrong 400 temperature '"temperature": -1'
wrong 400 max_tokens '"max_tokens": 1.5'
wrong 400 stream '"stream": 1'
wrong 400 'stop[0]' '"stop": [1]'
wrong 400 n '"n": 1000'
wrong 400 seed '"seed": "x"'
wrong 400 logit_bias '"logit_bias": {"a": 1}'
wrong 400 logit_bias '"logit_bias": {"999999": 1}'
wrong 400 top_logprobs '"top_logprobs": 2'
wrong 400 reasoning_effort '"reasoning_effort": "great"'
wrong 400 parent '"parent": "msg_a"'
wrong 400 edit '"edit": "msg_a"'
wrong 400 branch '"branch": true'
wrong 400 n '"session": "trip", "n": 2'
complete 400 '{"prompt": "a", "parent": "msg_a"}'
holds body '"param": "parent"'
wrong 404 model '"model": "gpt-4"'
wrong 501 tools '"tools": [{"type": "web_search"}]'
wrong 400 response_format '"response_format": {"type": "xml"}'
chat 200 "{$hello, \"max_tokens\": 1, \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}], \"tool_choice\": \"none\", \"response_format\": {\"type\": \"text\"}}"
chat 400 '{"messages": []}'
holds body '"param": "messages"'
chat 400 '{"messages": [{"role": "user", "content": 1}]}'
holds body '"param": "messages[0].content"'
chat 501 '{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}'
chat 400 '{"messages": '
holds body '"code": "invalid_json"'
chat 400 '[]'
complete 400 '{}'
holds body '"param": "prompt"'
complete 400 '{"prompt": [1000000]}'
complete 501 '{"prompt": "a", "suffix": "b"}'
ask 404 /v1/nothing
ask 404 /v1/../../etc/passwd --path-as-is
ask 404 /..%2f..%2fetc/passwd
ask 405 /v1/chat/completions
holds head 'Allow: POST'
head -c 9000000 /dev/zero >large
ask 413 /v1/completions -H 'Expect:' --data-binary @large
ask 413 /v1/completions -H 'Expect: 100-continue' --data-binary @large
ask 403 /v1/models -H 'Host: evil.example'
ask 200 /v1/models -H 'Host: localhost:1'
ask 403 /v1/models -H 'Origin: https://evil.example'
ask 204 /v1/models -X OPTIONS -H 'Origin: https://evil.example'
lacks head 'Access-Control'
end 0
holds log '"path": "/v1/chat/completions", "status": 200'

# ---- keys, origins, names --------------------------------------------------------------------------------------------
printf 'second\n\nthird\n' >keys
serve --api-key first --key-file keys --cors https://page.example --allow-host my.example --alias 'gpt-4=built-in' --alias '*=built-in'
ask 200 /health
ask 200 / -H 'Accept: text/html'
ask 200 /v1 -H 'Accept: text/html'
ask 401 /v1/models
holds head 'WWW-Authenticate: Bearer'
ask 401 /v1/models -H 'Authorization: Bearer wrong'
ask 401 /v1/models -H 'Authorization: Bearer firs'
ask 200 /v1/models -H 'Authorization: Bearer first'
ask 200 /v1/models -H 'x-api-key: third'
ask 204 /v1/models -X OPTIONS -H 'Origin: https://page.example' -H 'Access-Control-Request-Headers: authorization'
holds head 'Access-Control-Allow-Origin: https://page.example'
holds head 'Access-Control-Allow-Headers: authorization'
ask 200 /v1/models -H 'x-api-key: first' -H 'Origin: https://page.example'
holds head 'Access-Control-Allow-Origin: https://page.example'
ask 200 /v1/models -H 'x-api-key: first' -H 'Host: my.example'
ask 200 /v1/chat/completions -H 'x-api-key: first' -d "{$hello, \"max_tokens\": 1, \"model\": \"gpt-4\"}"
ask 200 /v1/chat/completions -H 'x-api-key: first' -d "{$hello, \"max_tokens\": 1, \"model\": \"default\"}"
end 0

# ---- a long prompt is read once, by another server too ---------------------------------------------------------------
i=0
while [ $i -lt 300 ]; do
    printf 'The king had a daughter. '
    i=$((i + 1))
done >long
printf '{"max_tokens": 1, "prompt": "%s"}' "$(cat long)" >long.json
for _ in 1 2; do
    serve
    complete 200 @long.json
    end 0
done
holds body '"prompt_tokens_details": {"cached_tokens": 1801}'

# ---- several models, one in memory -----------------------------------------------------------------------------------
mkdir models
cp "$here/../models/default.gguf" models/two.gguf
cp models/two.gguf models/one.gguf
serve --models-dir models --idle 1
ask 200 /v1/models
is "$(grep -o '"id": "[a-z]*"' body | tr '\n' ' ')" '"id": "one" "id": "two" ' "models of a folder, by name"
for name in one two one; do
    chat 200 "{$hello, \"max_tokens\": 2, \"model\": \"$name\"}"
    holds body "\"model\": \"$name\""
done
ask 200 /metrics
holds body 'wkv_models_resident 1'
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.4
    curl -s "$at/metrics" >body
    grep -q 'wkv_models_resident 0' body && break
done
holds body 'wkv_models_resident 0'
chat 200 "{$hello, \"max_tokens\": 2}"
rm -r models
end 0

mkdir empty
run 1 serve --port 0 --models-dir empty
holds err "empty: has no checkpoint"
serve
run 1 serve --port "${at##*:}"
holds err "--port chooses another port"
is "$(wc -l <err | tr -d ' ')" 1 "lines of standard error with a busy port"
end 0
run 2 serve --host 0.0.0.0
holds err "give a key with --api-key, or --no-key"
seq 65 >keys
timeout 20 "$WKV" serve --port 0 --key-file keys >out 2>err
is $? 1 "status with 65 keys"
holds err "65 keys, expected at most 64"
run 2 serve --alias a=nothing
run 1 serve -m nothing
# ---- the only model does not load ------------------------------------------------------------------------------------
head -c 100 /dev/zero >damaged.gguf
timeout 60 "$WKV" serve --port 0 -m damaged.gguf >address 2>log
is $? 1 "status of a server whose only model is damaged"
holds log "an unfinished download"

# ---- no folder for sessions --------------------------------------------------------------------------------------------
if posix "a user without a folder"; then
    data=$XDG_DATA_HOME home=$HOME
    unset XDG_DATA_HOME HOME
    serve
    export XDG_DATA_HOME="$data" HOME="$home"
    ask 501 /v1/sessions
    holds body 'this server keeps no sessions'
    end 0
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
