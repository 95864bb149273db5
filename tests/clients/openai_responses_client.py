"""client.responses of the official openai package, with strict validation: openai_responses_client.py BASE_URL."""
import sys

import openai
from openai import OpenAI

client = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, _strict_response_validation=True)
model = client.models.list().data[0].id
hello = "Hello, who are you?"
weather = {"type": "function", "name": "get_weather", "description": "Weather now.", "strict": False,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
passed = 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


# ---- a whole response ----
r = client.responses.create(model=model, input=hello, max_output_tokens=8, temperature=0, metadata={"a": "b"})
check(r.object == "response" and r.id.startswith("resp_") and r.model == model and r.metadata == {"a": "b"}, r)
check(r.output_text.startswith("I am") and r.output[0].role == "assistant", r.output)
check(r.status == "incomplete" and r.incomplete_details.reason == "max_output_tokens", r.status)
check(r.usage.output_tokens == 8 and r.usage.total_tokens == r.usage.input_tokens + 8, r.usage)
again = client.responses.create(model=model, input=[{"role": "user", "content": [{"type": "input_text", "text": hello}]}],
                                max_output_tokens=8, temperature=0, store=False)
check(again.output_text == r.output_text and again.usage.input_tokens_details.cached_tokens > 0, again)
n = client.responses.input_tokens.count(model=model, input=hello)
check(n.input_tokens == r.usage.input_tokens, n)
check(client.responses.create(model=model, input="", max_output_tokens=1).object == "response", "an empty probe")

# ---- a response that goes on ----
check(client.responses.retrieve(r.id).output_text == r.output_text, "a response that is kept")
more = client.responses.create(model=model, previous_response_id=r.id, input="And now?", max_output_tokens=4, temperature=0)
whole = client.responses.create(model=model, max_output_tokens=4, temperature=0, input=[
    {"role": "user", "content": hello}, {"role": "assistant", "content": r.output_text}, {"role": "user", "content": "And now?"}])
check(more.usage.input_tokens == whole.usage.input_tokens and more.output_text == whole.output_text, (more, whole))
check(more.previous_response_id == r.id, more)
client.responses.delete(r.id)
for call in (lambda: client.responses.retrieve(r.id), lambda: client.responses.retrieve(again.id),
             lambda: client.responses.create(model=model, previous_response_id=r.id, input="x")):
    try:
        call()
        check(False, "a response that is not kept")
    except openai.NotFoundError as e:
        check(e.body["message"], e.body)

# ---- a stream ----
kinds, text, numbers, last = [], "", [], None
for event in client.responses.create(model=model, input=hello, max_output_tokens=8, temperature=0, stream=True):
    kinds.append(event.type)
    numbers.append(event.sequence_number)
    if event.type == "response.output_text.delta":
        text += event.delta
    last = event
check(kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"], kinds)
check(kinds[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done",
                     "response.incomplete"], kinds)
check(numbers == list(range(len(numbers))), numbers)
check(text == again.output_text == last.response.output_text, text)
check(last.response.usage.output_tokens == 8, last.response.usage)
with client.responses.stream(model=model, input=hello, temperature=0, instructions="Be brief.") as stream:
    final = [e.type for e in stream][-1]
check(final == "response.completed", final)

# ---- tools: the list is in the prompt, others are left out, calls and results are read ----
tools = [weather, {"type": "web_search"}]
check(client.responses.input_tokens.count(model=model, input=hello, tools=tools).input_tokens > n.input_tokens, "the tools are read")
r = client.responses.create(model=model, tools=tools, tool_choice="auto", max_output_tokens=4, temperature=0, input=[
    {"role": "user", "content": "Is it warm in Rome?"}, {"type": "reasoning", "id": "rs_a", "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
    {"type": "function_call", "call_id": "call_a", "name": "get_weather", "arguments": "{\"city\":\"Rome\"}"},
    {"type": "function_call_output", "call_id": "call_a", "output": "31 degrees"}])
check(r.object == "response", r)

# ---- a call to its end, by the items and by the response before; the functions that are allowed ----
short = {**weather, "parameters": {**weather["parameters"], "properties": {"city": {"enum": ["Rome", "Paris"]}}}}
other = {**short, "name": "get_time"}
allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_weather"}]}
asked = [{"role": "user", "content": "Is it warm in Rome?"}]
r = client.responses.create(model=model, input=asked, tools=[other, short], tool_choice=allowed, temperature=0,
                            parallel_tool_calls=False)
call = r.output[-1]
check(call.type == "function_call" and call.name == "get_weather" and call.status == "completed", r.output)
result = {"type": "function_call_output", "call_id": call.call_id, "output": ""}
one = client.responses.create(model=model, input=asked + list(r.output) + [result], tools=[short], max_output_tokens=8,
                              temperature=0)
two = client.responses.create(model=model, previous_response_id=r.id, input=[result], tools=[short], max_output_tokens=8,
                              temperature=0)
check(one.usage.input_tokens == two.usage.input_tokens and one.output_text == two.output_text, (one, two))
try:
    for _ in client.responses.retrieve(r.id, stream=True):
        pass
    check(False, "a response that is kept is streamed")
except openai.InternalServerError as e:
    check(e.body["param"] == "stream", e.body)

# ---- errors, cancellation ----
for kind, fields in [(openai.BadRequestError, {"temperature": "hot"}), (openai.NotFoundError, {"model": "none"}),
                     (openai.BadRequestError, {"tool_choice": "sometimes"}), (openai.InternalServerError, {"background": True}),
                     (openai.BadRequestError, {"input": [{"type": "function_call", "name": "f", "arguments": "{}", "call_id": "a"}]})]:
    try:
        client.responses.create(**{"model": model, "input": hello, "max_output_tokens": 1, **fields})
        check(False, f"{fields} is accepted")
    except kind as e:
        check(e.body["message"] and e.body["param"], e.body)
stream = client.responses.create(model=model, input=hello, max_output_tokens=2000, stream=True)
next(iter(stream))
stream.close()
check(client.responses.create(model=model, input=hello, max_output_tokens=1).usage.output_tokens == 1, "after a stream that was left")
print(f"{passed} passed, 0 failed")
