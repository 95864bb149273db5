#!/bin/sh
# test_dialects.sh - wkv serve in the dialects of Anthropic, Ollama, llama.cpp and OpenAI's responses: fixed answers in
# place of the model's (tests/scripted) reach words, thoughts, calls, stops and limits; streamed and not.
. "$(dirname "$0")/expect.sh"
name=test_dialects
. "$here/server.sh"
WKV=$(dirname "$WKV")/wkv_scripted
[ -x "$WKV" ] || { echo "skip $name: no program with fixed answers ($WKV)"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
export WKV_SCRIPT="$work/script"
# says TEXT: the next answer
says() { rm -f script.new; printf "$1" >script.new; mv script.new script; }
# events PATH BODY: the JSON of a stream's events, a line each, in the file events
events() { ask 200 "$1" -N -d "$2"; sed -n 's/^data: //p' body >events; }
# field NAME: the text of each field of this name in the file events, one after another
field() { sed -n "s/.*\"$1\": \"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p" events | tr -d '\n'; }
# order: the types of events, without repetitions
order() { sed -n 's/^{"type": "\([a-z_.]*\)".*/\1/p' events | uniq | tr '\n' ' '; }
rome='{"name":"get_weather","arguments":{"city":"Rome","days":2}}'
both="\`\`\`json\n[$rome,{\"name\":\"now\",\"arguments\":{}}]\n\`\`\`"
parameters='{"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}'

serve
# ---- Anthropic -------------------------------------------------------------------------------------------------------
tools="\"tools\": [{\"name\": \"get_weather\", \"input_schema\": $parameters}, {\"name\": \"now\"}]"
question='"messages": [{"role": "user", "content": "Is it warm in Rome?"}]'
messages() { ask "$1" /v1/messages -d "{\"max_tokens\": 200, \"temperature\": 0, $question$2}"; }
says ' It is warm.'
messages 200 ''
holds body '"type": "message", "role": "assistant", "model": "built-in", "content": [{"type": "text", "text": "It is warm."}], "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": '
says " I look.\n$both"
messages 200 ", $tools"
holds body '{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "call_'
holds body '"name": "get_weather", "input": {"city":"Rome","days":2}}, {"type": "tool_use", "id": "call_'
holds body '"name": "now", "input": {}}], "stop_reason": "tool_use"'
says " I look.\n$both"
events /v1/messages "{\"max_tokens\": 200, \"temperature\": 0, \"stream\": true, $question, $tools}"
block='content_block_start content_block_delta content_block_stop'
is "$(order)" "message_start $block $block $block message_delta message_stop " "order of a stream's events"
is "$(field partial_json)" '{\"city\":\"Rome\",\"days\":2}{}' "arguments of streamed calls"
holds events '"index": 2, "content_block": {"type": "tool_use", "id": "call_'
is "$(grep -c '^event: ' body)" "$(grep -c '' events)" "each event has its name"
is "$(sed -n 's/^event: //p' body | head -n 1)" message_start "the first event's name"
says ' It is in Rome.'
messages 200 ', "stop_sequences": ["x", "Rome"]'
holds body '"stop_reason": "stop_sequence", "stop_sequence": "Rome"'
says ' It is warm.'
ask 200 /v1/messages -d "{\"max_tokens\": 2, $question}"
holds body '"stop_reason": "max_tokens"'
says '\n{"name":"now","arguments":{}}\n```'
messages 200 ", $tools, \"tool_choice\": {\"type\": \"tool\", \"name\": \"now\"}"
holds body '"stop_reason": "tool_use"'
messages 400 ", $tools, \"tool_choice\": {\"type\": \"tool\", \"name\": \"other\"}"
holds body '{"type": "error", "error": {"type": "invalid_request_error", "message": "tool_choice names the function'
messages 400 ', "tool_choice": {"type": "any"}'
messages 501 ', "messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]'
holds head 'X-Should-Retry: false'
ask 404 /v1/messages -d "{\"model\": \"claude\", \"max_tokens\": 2, $question}"
holds body '{"type": "error", "error": {"type": "not_found_error"'
ask 405 /v1/messages
holds body '{"type": "error", "error": {"type": "invalid_request_error"'
ask 405 /api/chat
holds body '{"error": "/api/chat does not answer GET'
# the line that Claude Code changes in every request leaves the cache as it is
for cch in fa690 0aaa9; do
    says ' Yes.'
    ask 200 /v1/messages -d "{\"max_tokens\": 9, \"system\": [{\"type\": \"text\", \"text\": \"x-anthropic-billing-header: cch=$cch;\"},
        {\"type\": \"text\", \"text\": \"You are a coding agent with many rules.\"}], $question}"
done
holds body '"usage": {"input_tokens": 0, '

# ---- Ollama ----------------------------------------------------------------------------------------------------------
functions="\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"parameters\": $parameters}},
    {\"type\": \"function\", \"function\": {\"name\": \"now\"}}]"
options='"options": {"temperature": 0, "num_predict": 200}'
says ' It is warm.'
ask 200 /api/chat -d "{\"model\": \"built-in:latest\", \"stream\": false, $question, $options}"
holds body '{"model": "built-in:latest", "created_at": "20'
holds body '"message": {"role": "assistant", "content": "It is warm."}, "done": true, "done_reason": "stop", "total_duration": '
says " I look.\n$both"
ask 200 /api/chat -d "{\"stream\": false, $question, $functions, $options}"
holds body '"content": "I look.", "tool_calls": [{"id": "call_'
holds body '"function": {"index": 0, "name": "get_weather", "arguments": {"city":"Rome","days":2}}}, {"id": "call_'
says " I look.\n$both"
ask 200 /api/chat -d "{$question, $functions, $options}"
holds head 'Content-Type: application/x-ndjson'
cp body events
is "$(field content)" 'I look.' "words of a stream"
is "$(grep -c '"tool_calls": \[' body)" 2 "lines with a call"
is "$(grep -c '"done": true' body)" 1 "the last line of a stream"
holds body '"function": {"index": 1, "name": "now", "arguments": {}}}]}, "done": false}'
says ' time.'
ask 200 /api/generate -d "{\"prompt\": \"Once upon a\", \"raw\": true, $options}"
holds body '"response": " time", "done": false}'
ask 200 /api/generate -d '{"model": "built-in", "keep_alive": 0}'
holds body '"done": true, "done_reason": "load"}'
holds head 'Content-Type: application/json'
ask 404 /api/chat -d '{"model": "other", "messages": []}'
holds body '{"error": "there is no model '
ask 501 /api/chat -d '{"messages": [{"role": "user", "content": "x", "images": ["AA=="]}]}'
ask 501 /api/generate -d '{"prompt": "x", "template": "{{ .Prompt }}"}'
ask 501 /api/pull -d '{"model": "other"}'
ask 400 /api/embeddings -d '{"prompt": ["a", "b"]}'
ask 200 /api/ps
holds body '"name": "built-in:latest"'

# ---- llama.cpp -------------------------------------------------------------------------------------------------------
completion() { ask "$1" /completion -d "{\"prompt\": \"Once upon a\", \"temperature\": 0, \"n_predict\": 20$2}"; }
says ' time there was.'
completion 200 ', "seed": -1, "top_k": -1, "mirostat": 0, "mirostat_tau": 5, "logit_bias": [], "grammar": "", "cache_prompt": true'
holds body '"index": 0, "content": " time there was.", '
holds body '"stop": true, "model": "built-in", "tokens_predicted": 4, "tokens_evaluated": '
holds body '"stop_type": "eos", "stopping_word": ""'
holds body '"timings": {"cache_n": '
says ' time there was.'
completion 200 ', "stop": ["x", " was"], "stream": true'
holds body 'data: {"index": 0, "content": " time", "tokens": [], "id_slot": -1, "stop": false, '
holds body '"stop_type": "word", "stopping_word": " was"'
is "$(sed -n 's/^data: //p' body | tail -n 1 | grep -c '"stop": true')" 1 "the last event of a completion"
says ' time'
completion 200 ', "n_probs": 2'
holds body '"completion_probabilities": [{"token": " time", "logprob": '
says ' time there was.'
ask 200 /completion -d '{"prompt": "Once upon a", "n_predict": 1}'
holds body '"stop_type": "limit"'
completion 501 ', "grammar": "root ::= [a]"'
completion 501 ', "ignore_eos": true'
completion 400 ', "logit_bias": [["a", 1]]'
ask 200 /props
holds body '"default_generation_settings": {"id": 0, "n_ctx": '
holds body '"model_path": "built-in"'
ask 404 '/props?model=other'
ask 200 /slots
holds body '[{"id": 0, "n_ctx": '
ask 200 /apply-template -d '{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}'
holds body '{"prompt": "System: Be brief.\n\nUser: Hi\n\nAssistant:"}'
ask 501 /infill -d '{}'
ask 501 /rerank -d '{}'

# ---- OpenAI's responses ----------------------------------------------------------------------------------------------
flat="\"tools\": [{\"type\": \"function\", \"name\": \"get_weather\", \"parameters\": $parameters}, {\"type\": \"web_search\"},
    {\"type\": \"function\", \"name\": \"now\"}]"
responses() { ask "$1" /v1/responses -d "{\"temperature\": 0, \"input\": \"Is it warm in Rome?\"$2}"; }
says " I look.\n$both"
responses 200 ", $flat"
holds body '"status": "completed", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."'
holds body '"type": "function_call", "call_id": "call_'
holds body '"name": "get_weather", "arguments": "{\"city\":\"Rome\",\"days\":2}"}, {"id": "fc_'
says " I look.\n$both"
events /v1/responses "{\"temperature\": 0, \"stream\": true, \"input\": \"Is it warm in Rome?\", $flat}"
r=response
text="$r.output_item.added $r.content_part.added $r.output_text.delta $r.output_text.done $r.content_part.done $r.output_item.done"
called="$r.output_item.added $r.function_call_arguments.delta $r.function_call_arguments.done $r.output_item.done"
is "$(order)" "$r.created $r.in_progress $text $called $called $r.completed " "order of a response's events"
is "$(sed -n 's/^{"type": "[a-z_.]*", "sequence_number": \([0-9]*\),.*/\1/p' events | tr '\n' ' ')" \
    "$(seq 0 $(($(grep -c '' events) - 1)) | tr '\n' ' ')" "numbers of the events"
is "$(field delta)" 'I look.{\"city\":\"Rome\",\"days\":2}{}' "parts of a response"
holds events '"output_index": 2, "item": {"id": "fc_'
# its calls are kept, and their results go on from there
id=$(sed -n '1s/.*"response": {"id": "\(resp_[a-z2-7]*\)".*/\1/p' events)
says ' 31 degrees.'
ask 200 /v1/responses -d "{\"temperature\": 0, \"previous_response_id\": \"$id\", $flat, \"input\": [{\"type\": \"function_call_output\",
    \"call_id\": \"call_a\", \"output\": \"31 degrees\"}]}"
holds body '"text": "31 degrees."'
lacks body '"cached_tokens": 0'
ask 200 /v1/responses/$id
holds body "{\"id\": \"$id\", \"object\": \"response\""
ask 404 /v1/responses/resp_other
responses 404 ', "previous_response_id": "resp_other"'
holds body '"code": "previous_response_not_found"'
responses 501 ', "conversation": "conv_a"'
says ' It is warm.'
responses 200 ', "max_output_tokens": 2, "stream": true'
holds body '"incomplete_details": {"reason": "max_output_tokens"}'
is "$(sed -n 's/^event: //p' body | tail -n 1)" response.incomplete "the last event of an answer that is cut"

# ---- the form of an answer, in each dialect --------------------------------------------------------------------------
schema='{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
says 'No JSON.'
messages 200 ", \"max_tokens\": 20, \"output_config\": {\"format\": {\"type\": \"json_schema\", \"schema\": $schema}}"
holds body '"text": "{\"n\":'
says 'No JSON.'
ask 200 /api/chat -d "{\"stream\": false, $question, \"options\": {\"temperature\": 0, \"num_predict\": 20}, \"format\": $schema}"
holds body '"content": "{\"n\":'
says 'No JSON.'
completion 200 ", \"json_schema\": $schema"
holds body '{\"n\":'
says 'No JSON.'
responses 200 ", \"max_output_tokens\": 20, \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"x\", \"schema\": $schema}}"
holds body '"text": "{\"n\":'
# a page cannot have the origin of a program; a web page is refused
ask 200 /v1/models -H 'Origin: tauri://localhost'
holds head 'Access-Control-Allow-Origin: tauri://localhost'
ask 403 /v1/models -H 'Origin: null'
ask 403 /v1/models -H 'Origin: http://tauri.example'
end 0
serve --template g1
says '>It is hot.</think>\nIt is warm.'
messages 200 ', "thinking": {"type": "enabled", "budget_tokens": 1024}'
holds body '"content": [{"type": "thinking", "signature": "", "thinking": "It is hot."}, {"type": "text", "text": "It is warm."}]'
says '>It is hot.</think>\nIt is warm.'
events /v1/messages "{\"max_tokens\": 200, \"stream\": true, \"thinking\": {\"type\": \"adaptive\"}, $question}"
holds events '{"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"'
is "$(field thinking)|$(field text)" "It is hot.|It is warm." "thoughts and words of a stream"
says '>It is hot.</think>\nIt is warm.'
ask 200 /api/chat -d "{\"stream\": false, \"think\": true, $question, $options}"
holds body '"content": "It is warm.", "thinking": "It is hot."}, "done": true'
says '>It is hot.</think>\nIt is warm.'
events /v1/responses '{"stream": true, "reasoning": {"effort": "low"}, "input": "Is it warm?"}'
is "$(order)" "$r.created $r.in_progress $r.output_item.added $r.content_part.added $r.reasoning_text.delta $r.reasoning_text.done $r.content_part.done $r.output_item.done $text $r.completed " "order with thoughts"
holds events '"summary": [], "content": [{"type": "reasoning_text", "text": "It is hot."}]}, {"id": "msg_'
lacks events '"reasoning_tokens": 0'
ask 200 /api/show -d '{"model": "built-in:latest"}'
holds body '"capabilities": ["completion", "tools", "thinking"]'
end 0
serve --api-key secret
ask 401 /v1/messages -d "{$question}"
holds body '{"type": "error", "error": {"type": "authentication_error"'
ask 200 /v1/messages/count_tokens -H 'x-api-key: secret' -d "{$question}"
holds body '{"input_tokens": '
end 0
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
