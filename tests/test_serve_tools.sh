#!/bin/sh
# test_serve_tools.sh - tools of wkv serve. Fixed answers in place of the model's (tests/scripted) reach every branch:
# words, one call, several calls, a stop string inside a call, an answer that is cut off; streamed and not.
. "$(dirname "$0")/expect.sh"
name=test_serve_tools
. "$here/server.sh"
real=$WKV
WKV=$(dirname "$WKV")/wkv_scripted
[ -x "$WKV" ] || { echo "skip $name: no program with fixed answers ($WKV)"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
export WKV_SCRIPT="$work/script"
weather='{"type": "function", "function": {"name": "get_weather", "description": "Weather now.", "parameters": {"type":
    "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}}}'
clock='{"type": "function", "function": {"name": "now"}}'
# request FIELDS: the body of a question with both tools
request() { printf '{"messages": [{"role": "user", "content": "Is it warm in Rome?"}], "temperature": 0, "max_tokens": 200, "tools": [%s, %s]%s}' "$weather" "$clock" "$1"; }
# says TEXT: the next answer
says() { rm -f script.new; printf "$1" >script.new; mv script.new script; }
# deltas: the JSON of a stream's events, a line each, in the file events
stream() { status=$(curl -sN -o body -w '%{http_code}' -d "$1" "$at/v1/chat/completions"); is "$status" 200 "status of a stream"; sed -n 's/^data: //p' body >events; }
rome='{"name":"get_weather","arguments":{"city":"Rome","days":2}}'

serve --tokens 200000
# ---- words -----------------------------------------------------------------------------------------------------------
says ' It is warm.'
chat 200 "$(request '')"
holds body '"content": "It is warm."'
holds body '"finish_reason": "stop"'
lacks body tool_calls

# ---- one call --------------------------------------------------------------------------------------------------------
# figure NAME: the number of that name in the file body
figure() { sed "s/.*\"$1\": \([0-9]*\).*/\1/" body; }
says " \`\`\`json\n$rome\n\`\`\`"
chat 200 "$(request '')"
conversation=$(figure total_tokens)
holds body '"content": null, "tool_calls": [{"id": "call_'
holds body '"type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Rome\",\"days\":2}"}}]'
holds body '"finish_reason": "tool_calls"'
says "\n$rome\n\`\`\`"
chat 200 "$(request ', "tool_choice": "required"')"
holds body '"name": "get_weather", "arguments": "{\"city\":\"Rome\",\"days\":2}"}}]'
says "\n{\"name\":\"now\",\"arguments\":{}}\n\`\`\`"
chat 200 "$(request ', "tool_choice": {"type": "function", "function": {"name": "now"}}')"
holds body '"name": "now", "arguments": "{}"}}]'
says " It will rain.\n\`\`\`json\n$rome\n\`\`\`"
chat 200 "$(request '')"
holds body '"content": "It will rain.", "tool_calls": [{"id": "call_'

# ---- several calls, and none where tool_choice excludes them -----------------------------------------------------------
says " \`\`\`json\n[$rome,{\"name\":\"now\",\"arguments\":{}}]\n\`\`\`"
chat 200 "$(request '')"
holds body '"days\":2}"}}, {"id": "call_'
holds body '"function": {"name": "now", "arguments": "{}"}}], "refusal"'
says ' No tool.'
chat 200 "$(request ', "tool_choice": "none"')"
holds body '"content": "No tool."'

# ---- a stop string inside a call, and an answer that is cut off ----------------------------------------------------------
says " \`\`\`json\n$rome\n\`\`\`"
chat 200 "$(request ', "stop": ["Rome"]')"
holds body '"arguments": "{\"city\":\"Rome\",\"days\":2}"'
says ' It is in Rome.'
chat 200 "$(request ', "stop": ["Rome"]')"
holds body '"content": "It is in"'

says "\n{\"name\":\"get_weather\",\"arguments\":{\"city\":\"$(printf 'a%.0s' $(seq 300))\"}}\n\`\`\`"
chat 200 "$(request ', "tool_choice": "required"' | sed 's/"max_tokens": 200/"max_tokens": 40/')"
grep -q '"arguments": "{\\"city\\":\\"a*\\"}"' body
is $? 0 "arguments that the limit of tokens cuts off ($(cat body))"
is $(($(figure completion_tokens) <= 40)) 1 "tokens of a call that is cut off"
chat 400 "$(request ', "tool_choice": "required"' | sed 's/"max_tokens": 200/"max_tokens": 4/')"
holds body 'max_tokens is 4, and the shortest answer'

# ---- a client that leaves in the middle of a call ----------------------------------------------------------------------
says "\n{\"name\":\"get_weather\",\"arguments\":{\"city\":\"$(printf 'ab%.0s' $(seq 60000))"
curl -sN --max-time 0.2 -o body -d "$(request ', "stream": true, "tool_choice": "required"' | sed 's/"max_tokens": 200/"max_tokens": 100000/')" "$at/v1/chat/completions"
is $? 28 "status of curl"
for _ in $(seq 200); do # a step of the answer that was left would take a token of the next text
    curl -s "$at/metrics" | grep -q '^wkv_jobs 0$' && break
    sleep 0.02
done
says ' It is warm.'
chat 200 "$(request '')"
holds body '"content": "It is warm."'

# ---- JSON ------------------------------------------------------------------------------------------------------------
schema='{"type": "object", "properties": {"n": {"type": "integer"}, "words": {"type": "array", "items": {"type": "string"}, "maxItems": 2}}, "required": ["n"], "additionalProperties": false}'
form() { printf '{"messages": [{"role": "user", "content": "How many?"}], "temperature": 0, "max_tokens": 60, "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": %s}}%s}' "$1" "$2"; }
says ' {"n": 7, "words": ["a"]}'
chat 200 "$(form "$schema" '')"
holds body '"content": "{\"n\": 7, \"words\": [\"a\"]}"'
holds body '"finish_reason": "stop"'
chat 200 "$(form "$schema" ', "stop": ["words"]')"
says ' {"n": 7, "words": ["a", "b", "c"]}'
chat 200 "$(form "$schema" '')"
lacks body '\"c\"'
says 'No JSON.'
chat 200 '{"messages": [{"role": "user", "content": "x"}], "temperature": 0, "max_tokens": 40, "response_format": {"type": "json_object"}}'
lacks body 'No JSON'
holds body '"content": "{'
says ' {"n": 7}'
complete 200 "{\"prompt\": \"x\", \"temperature\": 0, \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"schema\": $schema}}}"
holds body '"text": " {\"n\": 7}"'
chat 400 "$(form '{"type": "array", "uniqueItems": true}' '')"
holds body 'keyword uniqueItems'
holds body '"param": "response_format"'
chat 400 "$(form "$schema" '' | sed 's/"max_tokens": 60/"max_tokens": 2/')"
holds body '"param": "max_tokens"'
says ' No tool.'
chat 200 '{"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "not": {}}}}]}'
chat 400 '{"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object", "not": {}}}}]}'
holds body '"param": "tools"'

# ---- streams ---------------------------------------------------------------------------------------------------------
says " \`\`\`json\n[$rome,{\"name\":\"now\",\"arguments\":{}}]\n\`\`\`"
stream "$(request ', "stream": true')"
is "$(grep -c '"id": "call_' events)" 2 "calls that begin in a stream"
holds events '"tool_calls": [{"index": 0, "id": "call_'
holds events '"tool_calls": [{"index": 1, "id": "call_'
holds events '"finish_reason": "tool_calls"'
is "$(sed -n 's/.*"index": 0, "function": {"arguments": "\(.*\)"}}\]}, "logprobs.*/\1/p' events | tr -d '\n')" \
    '{\"city\":\"Rome\",\"days\":2}' "arguments of a streamed call"
says ' It is warm.'
stream "$(request ', "stream": true')"
lacks events tool_calls
holds events '"finish_reason": "stop"'

# ---- results ---------------------------------------------------------------------------------------------------------
says ' 31 degrees.'
chat 200 "{\"max_tokens\": 50, \"temperature\": 0, \"tools\": [$weather, $clock], \"messages\": [{\"role\": \"user\", \"content\": \"Is it warm in Rome?\"},
    {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"id\": \"call_a\", \"type\": \"function\", \"function\":
    {\"name\": \"get_weather\", \"arguments\": \"{\\\"city\\\": \\\"Rome\\\",  \\\"days\\\": 2}\"}}]},
    {\"role\": \"tool\", \"tool_call_id\": \"call_a\", \"content\": \"31 degrees\"}]}"
holds body '"content": "31 degrees."'
is $(($(figure cached_tokens) >= conversation - 1)) 1 "cached tokens ($(figure cached_tokens)) of the call that was sent back ($conversation)"

# ---- what is refused -------------------------------------------------------------------------------------------------
chat 400 "$(request ', "tool_choice": "sometimes"')"
holds body '"param": "tool_choice"'
chat 400 "$(request ', "tool_choice": {"type": "function", "function": {"name": "other"}}')"
holds body "names the function 'other', which is not in tools"
chat 400 '{"messages": [{"role": "user", "content": "x"}], "tool_choice": "required"}'
chat 400 '{"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {}}]}'
holds body '"param": "tools"'
chat 501 '{"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "web_search"}]}'
chat 501 '{"messages": [{"role": "user", "content": "x"}], "functions": [{"name": "f"}]}'
chat 400 "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"{}\"}}]}]}"
holds body 'the last message calls a function'
chat 400 "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"[]\"}}]}, {\"role\": \"tool\", \"content\": \"x\"}]}"
end 0

# ---- a thought before a call that must come: it holds the template's stop string ----------------------------------------
serve --template g1
says ">Hm.\n\nUser: who?</think>\n\`\`\`json\n$rome\n\`\`\`"
chat 200 "$(request ', "tool_choice": "required", "reasoning_effort": "low"')"
holds body '"finish_reason": "tool_calls"'
holds body '"arguments": "{\"city\":\"Rome\",\"days\":2}"'
chat 501 "$(request ', "tool_choice": {"type": "custom", "custom": {"name": "f"}}')"
holds body "tool_choice.type is 'custom'"
end 0
serve --template raven
chat 501 "$(request '')"
holds body 'the chat template raven of the model has no form for tools'
end 0
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
