"""The official ollama package against a server: ollama_client.py BASE_URL."""
import asyncio
import sys

import ollama

client = ollama.Client(host=sys.argv[1].removesuffix("/v1"))
hello = [{"role": "user", "content": "Hello, who are you?"}]
greedy = {"temperature": 0, "num_predict": 8, "num_ctx": 4096, "repeat_penalty": 1.1, "mirostat": 0, "mirostat_tau": 5.0}
weather = {"type": "function", "function": {"name": "get_weather", "description": "Weather now.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
passed = 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


# ---- models ----
models = client.list().models
model = models[0].model
check(model == "built-in:latest" and models[0].digest and models[0].modified_at, models)
about = client.show(model)
check("completion" in about.capabilities and about.modelinfo["general.architecture"] == "rwkv7", about)
check(about.modelinfo["rwkv7.context_length"] > 0 and about.details.family == "rwkv7" and about.details.parameter_size, about)
r = client.chat(model=model, messages=[])
check(r.done and r.done_reason == "load", r)
check(client.generate(model=model).done_reason == "load", "an empty prompt loads the model")
running = client.ps().models
check(running[0].model == model and running[0].expires_at and running[0].size > 0, running)

# ---- chat ----
r = client.chat(model=model, messages=hello, options=greedy, keep_alive="5m", think=False)
check(r.message.role == "assistant" and r.message.content.startswith("I am") and r.model == model, r)
check(r.done and r.done_reason == "length" and r.eval_count == 8 and r.prompt_eval_count > 5, r)
check(r.total_duration >= r.load_duration + r.prompt_eval_duration + r.eval_duration > 0 and r.eval_duration > 0, r)
parts = list(client.chat(model=model, messages=hello, options=greedy, stream=True))
check("".join(p.message.content for p in parts) == r.message.content, parts)
check(parts[-1].done and parts[-1].done_reason == "length" and parts[-1].eval_count == 8 and not parts[0].done, parts[-1])
r = client.chat(model=model, messages=hello, options={**greedy, "stop": [" am"]})
check(r.message.content == "I" and r.done_reason == "stop", r)
r = client.chat(model="built-in", tools=[weather], options=greedy, messages=[
    {"role": "system", "content": "Be brief."}, *hello,
    {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}]},
    {"role": "tool", "content": "31 degrees", "tool_name": "get_weather"}])
check(r.done, r)
r = client.chat(model=model, messages=hello, options=greedy, logprobs=True, top_logprobs=2)
check(len(r.logprobs) == 8 and len(r.logprobs[0].top_logprobs) == 2 and r.logprobs[0].logprob < 0, r.logprobs)

# ---- generate, embeddings ----
r = client.generate(model=model, prompt="Once upon a", raw=True, options=greedy)
check(r.response.startswith(" time") and r.eval_count == 8, r)
parts = list(client.generate(model=model, prompt="Once upon a", raw=True, options=greedy, stream=True))
check("".join(p.response for p in parts) == r.response and parts[-1].done, parts)
r = client.generate(model=model, prompt="Hello, who are you?", system="Be brief.", options=greedy)
check(r.response and r.done_reason in ("length", "stop"), r)
many = client.embed(model=model, input=["a text", "another"])
check(len(many.embeddings) == 2 and abs(sum(x * x for x in many.embeddings[1]) - 1) < 1e-5, many.prompt_eval_count)
one = client.embeddings(model=model, prompt="a text")
check(max(abs(x - y) for x, y in zip(one.embedding, many.embeddings[0])) < 1e-7, "both paths are equal")

# ---- a call to its end, with a Python function as the tool, and an asynchronous stream ----
def get_weather(city: str) -> str:
    """Weather now.
    Args:
      city: the name of a city
    """
    return "31 degrees in " + city


asked = [{"role": "user", "content": "Is it warm in Rome?"}]
called = {"role": "assistant", "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}]}
r = client.chat(model=model, messages=asked + [{**called, "content": ""}, {"role": "tool", "content": "", "tool_name": "get_weather"}],
                tools=[get_weather], options=greedy)
check(r.message.role == "assistant" and r.prompt_eval_count > 40, r)


async def stream_of(messages):
    parts = await ollama.AsyncClient(host=sys.argv[1].removesuffix("/v1")).chat(model=model, messages=messages, options=greedy,
                                                                                 stream=True)
    return "".join([p.message.content async for p in parts])


check(asyncio.run(stream_of(hello)) == client.chat(model=model, messages=hello, options=greedy).message.content, "async")

# ---- errors, cancellation ----
for status, call in [(404, lambda: client.chat(model="none", messages=hello)),
                     (404, lambda: client.show("none")),
                     (404, lambda: next(iter(client.chat(model="none", messages=hello, stream=True)))),
                     (400, lambda: client.chat(model=model, messages=hello, options={"temperature": -1.0})),
                     (501, lambda: client.chat(model=model, messages=[{**hello[0], "images": ["aGk="]}])),
                     (501, lambda: client.generate(model=model, prompt="a", suffix="b")),
                     (501, lambda: client.pull("other"))]:
    try:
        call()
        check(False, "is accepted")
    except ollama.ResponseError as e:
        check(e.status_code == status and e.error, e)
stream = client.chat(model=model, messages=hello, options={"num_predict": 2000}, stream=True)
next(stream)
stream.close()
check(client.chat(model=model, messages=hello, options={"num_predict": 1}).eval_count == 1, "after a stream that was left")
print(f"{passed} passed, 0 failed")
