"""The official openai package, with strict validation of every response, against a server: openai_client.py BASE_URL."""
import sys
import time

import openai
from openai import OpenAI

client = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, _strict_response_validation=True)
hello = [{"role": "user", "content": "Hello, who are you?"}]
model = client.models.list().data[0].id
passed = 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


def refused(kind, param, **fields):
    try:
        client.chat.completions.create(**{"model": model, "messages": hello, "max_tokens": 1, **fields})
    except kind as e:
        check(e.body["param"] == param and e.body["message"], e.body)
    else:
        check(False, f"{fields} is accepted")


# ---- chat ----
r = client.chat.completions.create(model=model, messages=hello, max_tokens=8, temperature=0, n=2, logprobs=True, top_logprobs=2)
check(len(r.choices) == 2 and r.choices[0].message.content.startswith("I am"), r)
check(r.usage.completion_tokens == 16 and r.usage.total_tokens == r.usage.prompt_tokens + 16, r.usage)
check(len(r.choices[0].logprobs.content) == 8 and len(r.choices[0].logprobs.content[0].top_logprobs) == 2, r.choices[0].logprobs)
check("".join(t.token for t in r.choices[0].logprobs.content).strip() == r.choices[0].message.content, "tokens spell the text")
again = client.chat.completions.create(model=model, messages=hello, max_tokens=8, temperature=0)
check(again.choices[0].message.content == r.choices[0].message.content, "greedy answers are equal")
check(again.usage.prompt_tokens_details.cached_tokens > 0, again.usage)

text, finish, usage = "", None, None
for chunk in client.chat.completions.create(model=model, messages=hello, max_completion_tokens=8, temperature=0, stream=True,
                                            stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
        check(finish is None, "a chunk after the last one")
        text += choice.delta.content or ""
        finish = choice.finish_reason
check(text == again.choices[0].message.content and finish == "length", (text, finish))
check(usage.completion_tokens == 8, usage)

seeded = [client.chat.completions.create(model=model, messages=hello, max_tokens=16, temperature=1, top_p=1, seed=7)
          .choices[0].message.content for _ in range(2)]
check(seeded[0] == seeded[1], seeded)

# ---- completions, embeddings ----
r = client.completions.create(model=model, prompt="Once upon", max_tokens=2, logprobs=1)
check(len(r.choices[0].logprobs.tokens) == 2 and r.choices[0].logprobs.token_logprobs[0] < 0, r)
# a prompt's first token has no probability: null, which the package's own types do not know
easy = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
r = easy.completions.create(model=model, prompt=["Once upon", "The king"], max_tokens=2, echo=True, logprobs=1)
check([c.text.startswith(p) for c, p in zip(r.choices, ["Once upon", "The king"])] == [True, True], r)
check(r.choices[0].logprobs.token_logprobs[0] is None and r.choices[0].logprobs.text_offset[0] == 0, r.choices[0].logprobs)
check("".join(c.choices[0].text for c in easy.completions.create(model=model, prompt="Once", max_tokens=3, stream=True)
              if c.choices) != "", "a streamed completion")
floats = client.embeddings.create(model=model, input=["a", "b"], encoding_format="float")
packed = easy.embeddings.create(model=model, input=["a", "b"])  # base64, which the package decodes after validation
check(max(abs(x - y) for x, y in zip(floats.data[1].embedding, packed.data[1].embedding)) < 1e-7, "both encodings are equal")
check(abs(sum(x * x for x in floats.data[0].embedding) - 1) < 1e-5, "length 1")

# ---- errors, cancellation, time-outs ----
refused(openai.BadRequestError, "temperature", temperature="hot")
refused(openai.NotFoundError, "model", model="gpt-none")
refused(openai.BadRequestError, "response_format", response_format={"type": "xml"})
stream = client.chat.completions.create(model=model, messages=hello, max_tokens=1000, stream=True)
next(iter(stream))
stream.close()
begun = time.time()
try:
    client.with_options(timeout=0.05).completions.create(model=model, prompt="Once", max_tokens=4000, logit_bias={"0": -100})
    check(False, "no time-out")
except openai.APITimeoutError:
    check(True, "")
client.chat.completions.create(model=model, messages=hello, max_tokens=1)
check(time.time() - begun < 30, "the abandoned answer keeps the server busy")
print(f"{passed} passed, 0 failed")
