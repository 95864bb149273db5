"""langchain-openai against a server: langchain_client.py BASE_URL."""
import sys

import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

base, passed = sys.argv[1], 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


chat = ChatOpenAI(base_url=base, api_key="none", model="built-in", max_tokens=8, temperature=0, max_retries=0)
messages = [("system", "Be brief."), ("human", "Hello, who are you?")]
r = chat.invoke(messages)
check(r.content and r.usage_metadata["output_tokens"] <= 8, r)
check("".join(c.content for c in chat.stream(messages)) == r.content, "a stream")
check(len(chat.batch([messages, messages])) == 2, "a batch")
e = OpenAIEmbeddings(base_url=base, api_key="none", model="built-in", check_embedding_ctx_length=False)
check(len(e.embed_documents(["a", "b"])) == 2, "embeddings")
try:
    ChatOpenAI(base_url=base, api_key="none", model="other", max_retries=0).invoke(messages)
    check(False, "another model is accepted")
except openai.NotFoundError as error:
    check("built-in" in str(error), error)
print(f"{passed} passed, 0 failed")
