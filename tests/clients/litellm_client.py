"""litellm against a server: litellm_client.py BASE_URL."""
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched
import litellm

base, passed = sys.argv[1], 0
hello = [{"role": "user", "content": "Hello, who are you?"}]
common = dict(model="openai/built-in", api_base=base, api_key="none", num_retries=0)


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


r = litellm.completion(messages=hello, max_tokens=8, temperature=0, **common)
check(r.choices[0].message.content.startswith("I am") and r.usage.completion_tokens == 8, r)
chunks = list(litellm.completion(messages=hello, max_tokens=8, temperature=0, stream=True,
                                 stream_options={"include_usage": True}, **common))
check("".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == r.choices[0].message.content, chunks)
check([c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["length"], chunks)
e = litellm.embedding(input=["a"], **common)
check(len(e.data[0]["embedding"]) > 8, e)
try:
    litellm.completion(messages=hello, temperature=200, **common)
    check(False, "temperature 200 is accepted")
except litellm.BadRequestError as error:
    check("temperature" in str(error), error)
print(f"{passed} passed, 0 failed")
