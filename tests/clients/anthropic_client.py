"""The official anthropic package against a server: anthropic_client.py BASE_URL."""
import asyncio
import sys

import anthropic
from anthropic import Anthropic

base = sys.argv[1].removesuffix("/v1")
client = Anthropic(base_url=base, api_key="none", max_retries=0, _strict_response_validation=True)
hello = [{"role": "user", "content": "Hello, who are you?"}]
model = client.models.list().data[0].id
greedy = {"temperature": 0}  # not every version of the package has this argument
weather = {"name": "get_weather", "description": "Weather now.",
           "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
passed = 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


# ---- a whole response ----
r = client.messages.create(model=model, max_tokens=8, extra_body=greedy, messages=hello)
check(r.type == "message" and r.role == "assistant" and r.id.startswith("msg_") and r.model == model, r)
check(r.content[0].type == "text" and r.content[0].text.startswith("I am"), r.content)
check(r.stop_reason == "max_tokens" and r.usage.output_tokens == 8, r)
check(r.usage.input_tokens + r.usage.cache_read_input_tokens > 0, r.usage)
again = client.messages.create(model=model, max_tokens=8, extra_body=greedy, messages=hello)
check(again.content[0].text == r.content[0].text and again.usage.cache_read_input_tokens > 0, again)
check(again.usage.input_tokens + again.usage.cache_read_input_tokens == r.usage.input_tokens + r.usage.cache_read_input_tokens, again)
r = client.messages.create(model=model, max_tokens=30, extra_body=greedy, messages=hello, stop_sequences=["zzz", " am"])
check(r.stop_reason == "stop_sequence" and r.stop_sequence == " am" and r.content[0].text == "I", r)
r = client.messages.create(
    model=model, max_tokens=4, extra_body={"temperature": 0, "top_k": 1, "top_p": 0.9}, metadata={"user_id": "x"},
    system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
              {"role": "assistant", "content": [{"type": "text", "text": "c"}]}, {"role": "user", "content": "d"}])
check(r.usage.output_tokens <= 4, r)
n = client.messages.count_tokens(model=model, messages=hello)
check(n.input_tokens == again.usage.input_tokens + again.usage.cache_read_input_tokens, n)

# ---- tools: the list is in the prompt, results are read, the words of the model come back ----
r = client.messages.create(model=model, max_tokens=0, messages=[{"role": "user", "content": "A prompt to keep."}])
check(r.content == [] and r.usage.output_tokens == 0, r)
r = client.messages.create(model=model, max_tokens=1, messages=[{"role": "user", "content": "A prompt to keep."}])
check(r.usage.cache_read_input_tokens > r.usage.input_tokens, r.usage)
with_tools = client.messages.count_tokens(model=model, messages=hello, tools=[weather])
check(with_tools.input_tokens > n.input_tokens, with_tools)
r = client.messages.create(
    model=model, max_tokens=4, extra_body=greedy, tools=[weather], tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    messages=hello + [{"role": "assistant", "content": [{"type": "text", "text": "I look."},
                                                       {"type": "tool_use", "id": "a", "name": "get_weather", "input": {"city": "Rome"}}]},
                      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a",
                                                    "content": [{"type": "text", "text": "31 degrees"}]}]}])
check(r.type == "message", r)

# ---- a call to its end: the call, its result, the answer ----
asked = [{"role": "user", "content": "Is it warm in Rome?"}]
short = {**weather, "input_schema": {**weather["input_schema"], "properties": {"city": {"enum": ["Rome", "Paris"]}}}}
with client.messages.stream(model=model, max_tokens=60, extra_body=greedy, tools=[short], tool_choice={"type": "any"},
                            messages=asked) as stream:
    first = [e.type for e in stream][:2]
    message = stream.get_final_message()
use = message.content[-1]
check(message.stop_reason == "tool_use" and use.type == "tool_use" and use.input["city"] in ("Rome", "Paris"), message)
check(first == ["message_start", "content_block_start"], first)
r = client.messages.create(model=model, max_tokens=8, extra_body=greedy, tools=[short], messages=asked + [
    {"role": "assistant", "content": message.content},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id}]}])
check(r.stop_reason in ("end_turn", "max_tokens", "tool_use") and r.usage.cache_read_input_tokens > 20, r)
if hasattr(client.messages, "parse"):
    import pydantic

    class Size(pydantic.BaseModel):
        warm: bool

    for messages in (client.messages, client.beta.messages):
        r = messages.parse(model=model, max_tokens=30, messages=asked, output_format=Size)
        check(r.parsed_output.warm in (True, False), r)


# ---- many at once, and one that is cancelled ----
async def many():
    async with anthropic.AsyncAnthropic(base_url=base, api_key="none", max_retries=0) as c:
        left = asyncio.create_task(c.messages.create(model=model, max_tokens=2000, messages=hello))
        await asyncio.sleep(0.05)
        left.cancel()
        return await asyncio.gather(*[c.messages.create(model=model, max_tokens=2, messages=hello) for _ in range(8)])


check(all(m.usage.output_tokens <= 2 for m in asyncio.run(many())), "many at once")

# ---- a stream ----
with client.messages.stream(model=model, max_tokens=8, extra_body=greedy, messages=hello) as stream:
    kinds, text = [], ""
    for event in stream:
        kinds.append(event.type)
        if event.type == "text":
            text += event.text
    message = stream.get_final_message()
check(kinds[0] == "message_start" and kinds[-1] == "message_stop" and "content_block_start" in kinds, kinds)
check(message.content[0].text == text == again.content[0].text, (text, message))
check(message.stop_reason == "max_tokens" and message.usage.output_tokens == 8, message)
raw = [e.type for e in client.messages.create(model=model, max_tokens=2, extra_body=greedy, messages=hello, stream=True)]
check(raw[0] == "message_start" and raw[-3:] == ["content_block_stop", "message_delta", "message_stop"], raw)
beta = client.beta.messages.create(model=model, max_tokens=2, messages=hello, betas=["interleaved-thinking-2025-05-14"])
check(beta.type == "message", beta)

# ---- errors, cancellation ----
for kind, fields in [(anthropic.BadRequestError, {"extra_body": {"temperature": "hot"}}), (anthropic.NotFoundError, {"model": "claude-none"}),
                     (anthropic.BadRequestError, {"messages": []}), (anthropic.BadRequestError, {"tool_choice": {"type": "any"}})]:
    try:
        client.messages.create(**{"model": model, "max_tokens": 1, "messages": hello, **fields})
        check(False, f"{fields} is accepted")
    except kind as e:
        check(e.body["type"] == "error" and e.body["error"]["message"], e.body)
image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
try:
    client.messages.create(model=model, max_tokens=1, messages=[{"role": "user", "content": [image]}])
    check(False, "an image is accepted")
except anthropic.InternalServerError as e:
    check(e.status_code == 501 and e.body["error"]["type"] == "invalid_request_error", e.body)
with client.messages.stream(model=model, max_tokens=2000, messages=hello) as stream:
    next(iter(stream))
check(client.messages.create(model=model, max_tokens=1, messages=hello).usage.output_tokens == 1, "after a stream that was left")
print(f"{passed} passed, 0 failed")
