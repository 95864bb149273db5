"""Open WebUI as its users run it, with a server behind both of its connections, Ollama's and OpenAI's API:
open_webui_client.py BASE_URL. A user signs up, sees the models and chats, streamed and not."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

base = sys.argv[1].removesuffix("/v1")
program = pathlib.Path(sys.executable).parent / "open-webui"
token = None
passed = 0


def check(truth, what):
    global passed
    assert truth, what
    passed += 1


def ask(path, body=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(page + path, data, headers), timeout=60).read().decode()


def chat(model, stream):
    question = [{"role": "user", "content": "Who are you?"}]
    return ask("/api/chat/completions", {"model": model, "messages": question, "stream": stream, "temperature": 0})


with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
page = f"http://127.0.0.1:{port}"
with tempfile.TemporaryDirectory() as folder:
    environment = os.environ | {
        "DATA_DIR": folder, "HOME": folder, "WEBUI_SECRET_KEY": "secret", "OFFLINE_MODE": "true",
        "RAG_EMBEDDING_MODEL": "", "OLLAMA_BASE_URL": base, "OLLAMA_BASE_URLS": base, "ENABLE_OPENAI_API": "true",
        "OPENAI_API_BASE_URL": base + "/v1", "OPENAI_API_BASE_URLS": base + "/v1", "OPENAI_API_KEY": "none"}
    with open(os.path.join(folder, "log"), "w+") as log:
        webui = subprocess.Popen([program, "serve", "--host", "127.0.0.1", "--port", str(port)], env=environment,
                                 stdout=log, stderr=log, cwd=folder)
        try:
            for _ in range(600):
                try:
                    ask("/health")
                    break
                except OSError:
                    if webui.poll() is not None:
                        raise SystemExit("open-webui ends at its start")
                    time.sleep(0.2)
            token = json.loads(ask("/api/v1/auths/signup", {"name": "Tom", "email": "tom@example.com",
                                                            "password": "Secret-12345"}))["token"]
            models = {m["id"]: m["owned_by"] for m in json.loads(ask("/api/models"))["data"]}
            check({"ollama", "openai"} <= set(models.values()), models)
            for model in models:
                whole = json.loads(chat(model, False))["choices"][0]["message"]["content"]
                events = [json.loads(line[6:]) for line in chat(model, True).splitlines() if line.startswith("data: {")]
                parts = [e["choices"][0]["delta"].get("content") or "" for e in events if e.get("choices")]
                answers = whole, "".join(parts)
                check(all(a.startswith("I am") for a in answers) and len(parts) > 3, (model, whole, parts))
            model = next(m for m, owner in models.items() if owner == "ollama")
            embedded = json.loads(ask("/ollama/api/embed", {"model": model, "input": "a"}))
            check(len(embedded["embeddings"][0]) > 10, embedded)
            check("version" in json.loads(ask("/ollama/api/version")), "version")
            check(json.loads(ask("/ollama/api/show", {"model": model}))["capabilities"], "show")
        finally:
            webui.terminate()
            webui.wait()
print(f"{passed} passed, 0 failed")
