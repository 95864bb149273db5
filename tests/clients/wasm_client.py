"""wasm_client.py - the page with wkv inside in Chromium: wasm_client.py WKV PAGE FOLDER. PAGE is wkv.html; FOLDER has
models of the test (tests/test_wasm.sh). browser.py has what is needed.

Answers are compared with those of a server with the same multiply-adds (WKV_ISA=portable): tokens and log-probabilities
are equal to the last digit."""
import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request

from browser import (answers, ask, begin, browser, check, count, fits, free_port, is_idle, js, one, questions, read_log,
                     requested, screen, set_value, shot, texts, wait)

WKV, PAGE, FOLDER = sys.argv[1:4]
GREEDY = {"messages": [{"role": "user", "content": "Tell me a story about a fox."}], "temperature": 0, "max_tokens": 60,
          "logprobs": True, "top_logprobs": 3}


# ---- the program beside the page -------------------------------------------------------------------------------------
def native(model):
    """The answer of the program to GREEDY."""
    port = free_port()
    p = subprocess.Popen([WKV, "serve", "-m", model, "--port", str(port), "-t", "1", "-q"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, env={**os.environ, "WKV_ISA": "portable"})
    try:
        address = f"http://127.0.0.1:{port}/v1/chat/completions"
        end = time.time() + 30
        while True:
            try:
                return json.load(urllib.request.urlopen(address, json.dumps(GREEDY).encode()))
            except OSError:
                if time.time() > end:
                    raise
                time.sleep(0.05)
    finally:
        p.terminate()
        p.wait()


def inside():
    """The answer of the page to GREEDY."""
    return browser.execute_async_script("const done = arguments[1];"
                                        "post('/v1/chat/completions', arguments[0]).then(done, e => done(String(e)))",
                                        GREEDY)


def compare(model):
    here, there = inside()["choices"][0], native(model)["choices"][0]
    tokens = [t["token"] for t in here["logprobs"]["content"]]
    check(len(tokens) > 5 and here == there, f"{model}: the page's answer {here}, the program's {there}")


# ---- files -----------------------------------------------------------------------------------------------------------
def drop(*paths):
    """As a person does it: files are dragged from the desktop."""
    data = {"items": [], "files": list(paths), "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 400, "data": data})
        if kind == "dragOver":
            wait(lambda: one("#drop").is_displayed(), "a frame around the page")
            shot("drop")


def choose(*paths):
    one("#choose").send_keys("\n".join(paths))


def wait_open(name, seconds=30):
    wait(lambda: texts("#model option") == [name] and "is open" in texts("#opening")[0], f"{name} is open", seconds)
    check(not texts("#notice")[0], texts("#notice"))


def path(name):
    return os.path.join(FOLDER, name)


# ---- parts -----------------------------------------------------------------------------------------------------------
def test_built_in():
    browser.get("file://" + PAGE)
    wait(lambda: texts("#model option") == ["built-in"] and texts("#state-size") == ["270 kB"], "the built-in model")
    shot("empty")
    ask("My name is Tom.")
    ask("What is my name?")
    check("Tom" in answers()[1], f"the state remembers: {answers()}")
    check(one("#memory-size").text.endswith("MB") and "tokens read" in one("#state-note").text, texts("#meter b"))
    check(not texts("#notice")[0], texts("#notice"))
    compare("built-in")
    read_log()


def test_branch():
    js("document.querySelector('#talk .user [aria-label=\"Edit the question\"]').click()")
    wait(lambda: one(".editing textarea"), "the field of a question").clear()
    one(".editing textarea").send_keys("Who are you?\n")
    wait(lambda: is_idle() and questions() == ["Who are you?"], "an answer in a branch")
    check("2 of 2" in texts("#talk .versions span"), texts("#talk .versions span"))
    shot("chat")


def test_stop():
    """An answer grows while the page stays responsive, and stops where it is."""
    js("window.frames_seen = 0; (function frame() { frames_seen++; requestAnimationFrame(frame) })()")
    one("#new").click()
    ending = {"0": -100, "11": -100, "257": -100}  # neither the end of text nor a line end
    js("const make = makeBody; makeBody = turn => ({ ...make(turn), logit_bias: arguments[0] })", ending)
    begin("Tell me a long story.")
    wait(lambda: answers() and len(answers()[-1]) > 40, "a growing answer")
    first, frames = len(answers()[-1]), js("return frames_seen")
    wait(lambda: len(answers()[-1]) > first + 40 and js("return frames_seen") > frames + 3,
         "a page that is drawn meanwhile")
    one("#stop").click()
    wait(is_idle, "the end of a stopped answer")
    check(len(answers()[-1]) > first and questions() == ["Tell me a long story."], questions())
    browser.refresh()
    wait(lambda: texts("#state-size") == ["270 kB"], "the page again")
    read_log()


def test_files():
    """The same model in each format, dropped or chosen, and with a vocabulary beside it."""
    drop(path("story.gguf"))
    wait_open("story")
    compare(path("story.gguf"))
    choose(path("story.safetensors"), path("story.vocab.txt"))
    wait_open("story")
    compare(path("story.safetensors"))
    ask("Who are you?")
    drop(path("story.pth"), path("story.vocab.txt"))
    wait_open("story")
    check(not questions(), "another model begins a conversation")
    compare(path("story.pth"))
    read_log()


def test_large():
    """A model of 0.1B parameters in 8 bits, which is read in pieces."""
    begun = time.time()
    choose(path("large.gguf"))
    wait_open("large", 120)
    opened = time.time() - begun
    compare(path("large.gguf"))
    set_value("#set-max_tokens", "60", "change")
    ask("Hello.")
    shot("large")
    print(f"opened in {opened:.1f} s; {one('#time-note').text}; memory {one('#memory-size').text}", file=sys.stderr)
    set_value("#set-max_tokens", "", "change")
    read_log()


def test_refusals():
    """One sentence for a file that cannot be opened, and the built-in model is there again."""
    for name, part in (("text.gguf", "not a checkpoint"), ("cut.gguf", "truncated"), ("huge.gguf", "bytes")):
        choose(path(name))
        wait(lambda: texts("#notice")[0] and texts("#model option") == ["built-in"], f"a sentence about {name}", 30)
        sentence = texts("#notice")[0]
        check(name in sentence and part in sentence, sentence)
        shot("refused")
        ask("Who are you?")
        check(answers()[-1].strip(), "the built-in model answers")
    read_log()


def test_screens():
    screen(1280, 860, dark=True)
    shot("dark")
    check(js("return getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 24, 28)", "dark")
    for width in (320, 390):
        screen(width, 844)
        check(fits(), f"{width} pixels without scrolling aside")
    one("#open-list").click()
    check(one("label.button").is_displayed(), "a file can be chosen on a phone")
    shot("phone")
    screen(1280, 860)


def test_static_server():
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=os.path.dirname(PAGE))
    handler.func.log_message = lambda *_: None
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    browser.get(f"http://127.0.0.1:{s.server_port}/{os.path.basename(PAGE)}")
    wait(lambda: texts("#state-size") == ["270 kB"], "the page from a server", 30)
    ask("Who are you?")
    check(answers()[0].strip(), answers())
    read_log()


def test_requests():
    outside = [u for u in requested() if not u.startswith(("file://" + PAGE, "http://127.0.0.1:", "data:", "blob:"))]
    check(not outside, f"requests to others: {outside}")


try:
    screen(1280, 860)
    parts = [test_built_in, test_branch, test_stop, test_files, test_refusals, test_screens, test_static_server]
    for part in parts + [test_large] * os.path.exists(path("large.gguf")) + [test_requests]:
        begun = time.time()
        part()
        if os.environ.get("TIMES"):
            print(part.__name__, round(time.time() - begun, 2), file=sys.stderr)
finally:
    browser.quit()
print(f"{count()} passed, 0 failed")
