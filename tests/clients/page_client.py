"""page_client.py - the web page of wkv serve in Chromium: page_client.py WKV. Python needs selenium; chromium and
chromedriver are in $PATH. $SHOTS: a folder for pictures of each part.

The client begins and ends servers of its own. A proxy in front of one gives answers that no small model writes:
Markdown, reasoning, hostile markup. Everything else passes through it."""
import http.client
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from browser import (all_of, answers, ask, begin, browser, check, count, fits, free_port, is_idle, js, one, press,
                     questions, read_log, requested, screen, set_value, shot, texts, wait)

WKV = sys.argv[1]


# ---- servers ---------------------------------------------------------------------------------------------------------
class Server:
    def __init__(self, port, *arguments, environment=None):
        self.port, self.environment = port, environment
        self.command = [WKV, "serve", "--port", str(port), "-t", "1", "-q", *arguments]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health").close()
                return
            except OSError:
                time.sleep(0.03)
        raise SystemExit("FAIL the server does not start")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(20)


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes requests on. `script`: the parts of the next answer, {"content" or "reasoning_content": text}, in place of
    the model's; `texts`: what such an answer is when the session is read again; `extra`: further fields of a chat."""
    protocol_version = "HTTP/1.0"
    upstream, script, texts, extra = 0, None, {}, {}

    def log_message(self, *_):
        pass

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        c = http.client.HTTPConnection("127.0.0.1", Proxy.upstream)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "content-length"}
        if self.path == "/v1/chat/completions":
            body = json.dumps({**json.loads(body), **Proxy.extra}).encode()
        c.request(self.command, self.path, body or None, headers)
        return c.getresponse()

    def answer(self):
        try:
            r = self.forward()
        except OSError:
            self.close_connection = True
            return
        script = Proxy.script if self.path == "/v1/chat/completions" else None
        self.send_response(r.status)
        for name, value in r.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        try:
            if script:
                Proxy.script = None
                self.play(r, script)
            elif self.command == "GET" and self.path.startswith("/v1/sessions/"):
                self.wfile.write(self.rewrite(r.read()))
            else:
                while part := r.read1(65536):
                    self.wfile.write(part)
        except OSError:
            pass

    def play(self, r, script):
        events = r.read().decode().split("\n\n")
        for delta in script:
            event = {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        for event in events:
            if '"message"' in event:
                Proxy.texts[json.loads(event[6:])["message"]] = "".join(d.get("content", "") for d in script)
            if '"delta": {"content"' not in event and event:
                self.wfile.write((event + "\n\n").encode())

    def rewrite(self, body):
        session = json.loads(body)
        for m in session.get("messages", []):
            m["content"] = Proxy.texts.get(m["id"], m["content"])
        return json.dumps(session).encode()

    do_GET = do_POST = do_DELETE = do_HEAD = answer


def start_proxy(upstream):
    Proxy.upstream = upstream
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{s.server_port}/"


# ---- the page and its server -----------------------------------------------------------------------------------------
def tags_of_answers():
    return js("return [...document.querySelectorAll('#talk .assistant .text *')].map(e => e.tagName)")


def slide(turn):
    set_value("#slider", turn)


def sessions():
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{server.port}/v1/sessions"))["data"]


def post(path, body):
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", json.dumps(body).encode()))


# ---- parts -----------------------------------------------------------------------------------------------------------
def test_send():
    browser.get(page)
    wait(lambda: texts("#model option") == ["built-in"] and texts("#state-size") != ["–"], "the model and its state")
    shot("empty")
    check(not sessions(), "opening the page sends nothing")
    ask("My name is Tom.")
    check(questions() == ["My name is Tom."] and answers()[0].strip(), (questions(), answers()))
    check("Tom" in one("#title").text and "Tom" in texts("#sessions b")[0], "a conversation is named by its question")
    check(texts("#state-size") == ["270 kB"] and "tokens read" in one("#state-note").text, texts("#meter b"))
    check(one("#memory-size").text.endswith("MB") and all_of("#memory-line polyline"), texts("#meter b"))
    ask("What is my name?")
    check("Tom" in answers()[1], f"the state remembers: {answers()}")
    kept = sessions()[0]
    check(kept["turns"] == 2 and len(sessions()) == 1, kept)


def test_stream_and_stop():
    """A stop leaves on the page what the server keeps, and a question that is not kept is in the input again."""
    Proxy.extra = {"logit_bias": {"0": -100, "11": -100, "257": -100}}  # neither the end of text nor a line end
    before = questions()
    begin("Tell me a long story.")
    wait(lambda: len(answers()) > len(before) and len(answers()[-1]) > 40, "a growing answer")
    first = answers()[-1]
    wait(lambda: len(answers()[-1]) > len(first) + 40, "an answer that grows further")
    wait(lambda: one("#token-time").text.endswith("ms") and all_of("#time-line polyline"), "the time per token")
    check(one("#stop").is_displayed() and one("#talk").get_attribute("aria-busy") == "true", "an answer on its way")
    shot("stream")
    one("body").send_keys(Keys.ESCAPE)
    wait(is_idle, "the end of a stopped answer")
    kept = [m for m in read_session()["messages"] if m["role"] == "user"]
    check(questions() == [m["content"] for m in kept], (questions(), kept))
    unsent = one("#text").get_attribute("value")
    check(len(kept) > len(before) or unsent == "Tell me a long story.", "the question is kept")
    set_value("#text", "")
    browser.get(page + "#" + sessions()[0]["id"])
    browser.refresh()
    Proxy.extra = {}
    wait(lambda: questions() == [m["content"] for m in kept], "the same conversation after a reload")


def read_session():
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{server.port}/v1/sessions/{sessions()[0]['id']}"))


def test_branches():
    n = len(questions())
    press("#talk .assistant:nth-of-type(2)", "Answer again")
    wait(lambda: is_idle() and "2 of 2" in texts("#talk .versions span"), "a second version of the first answer")
    check(questions() == ["My name is Tom."], questions())
    press("#talk .versions", "Previous version")
    wait(lambda: len(questions()) == n, "the first version and its continuation")
    press("#talk .user:nth-of-type(3)", "Edit the question")
    field = wait(lambda: one(".editing textarea"), "the field of a question")
    field.clear()
    field.send_keys("Tell me a story about a turtle.", Keys.ENTER)
    wait(lambda: is_idle() and questions()[-1] == "Tell me a story about a turtle.", "an edited question")
    check(len(questions()) == 2 and "2 of 2" in texts("#talk .user .versions span"), "an edited question is a branch")
    one("#open-tree").click()
    wait(lambda: len(all_of("#picture circle")) == n + 2, "the tree has all turns")
    shot("tree")
    slide(1)
    wait(lambda: len(all_of("#talk .later")) == 2 and texts("#talk .mark"), "messages after the slider are left")
    shot("slider")
    ask("Who are you?")
    check(questions() == ["My name is Tom.", "Who are you?"] and not all_of("#talk .later"), questions())
    check(one("#place").text == "turn 2 of 2" and len(all_of("#picture circle")) == n + 3, one("#place").text)
    turtle = [o for o in all_of("#other option") if "turtle" in o.text][0]
    set_value("#other", turtle.get_attribute("value"), "change")
    columns = wait(lambda: texts("#compare .columns > section"), "two columns")
    check("Who are you?" in columns[0] and "turtle" in columns[1] and "My name" not in columns[0], columns)
    shot("compare")
    one("#compare > button").click()
    wait(lambda: all_of("#talk .mix") and len(all_of("#picture circle")) == n + 4, "the mean of two states in the tree")
    ask("What is my name?")
    check("Tom" in answers()[-1], f"both states had the name: {answers()}")
    slide(0)
    ask("Hello.")
    check(questions() == ["Hello."], "a branch at the beginning")
    one("#close-side").click()
    browser.refresh()
    wait(lambda: questions() == ["Hello."], "the last branch after a reload")
    ask("What was my first question?")
    check(len(questions()) == 2, "a conversation continues after a reload")
    browser.get("about:blank")


HOSTILE = """<script>document.title = 'owned'</script><img src=x onerror="document.title = 'owned'">
[a](javascript:document.title='owned') [b](data:text/html,x) [c]( https://evil.example/ )
![i](https://evil.example/i.png) <https://evil.example> <svg onload=alert(1)> </script></style>
**<b>x</b>** `<i>` [d](//evil.example) [e](https://ok.example/?q="><b>)

```html"><script>
<iframe src="https://evil.example"></iframe>
```

| <b>a</b> | b |
|---|---|
| <img src=x onerror=alert(1)> | ok |

""" + "> " * 5000 + "deep " + "[" * 3000 + "*" * 3000 + "_ " * 500 + "- " * 400

SLOW = ["# a" + " " * 200000 + "x", "# " + "#" * 200000 + "x", "*" * 200000, "[a" * 100000, "_a " * 70000,
        "> " * 100000, "- " * 100000, "`" * 100001 + "a", "```\n" * 50000, "a|b\n" + "-|" * 100000 + "x",
        "http://" * 30000, "`a" * 100000]

MARKDOWN = """## A function

It adds *two* numbers, **quickly**, with `int` and a [link](https://example.org/a_b?c=1).

```c
/* sum.c */
int sum(int a, int b)
{
    return a + b; /* no overflow check */
}
```

1. first
2. second
   - nested
   - list

| size | time |
|---|---|
| 250 | 5.2 ms |
| 25,000 | 3.9 ms |

> A quotation.

Last line."""


def test_markup():
    browser.get(page)
    Proxy.script = [{"content": HOSTILE[i:i + 97]} for i in range(0, len(HOSTILE), 97)]
    ask("Attack.")
    for _ in range(2):
        time.sleep(0.1)
        check("owned" not in browser.title, "no script of an answer runs")
        inside = tags_of_answers()
        check(not set(inside) & {"SCRIPT", "IMG", "IFRAME", "SVG", "STYLE", "B", "I", "OBJECT"}, set(inside))
        links = js("return [...document.querySelectorAll('#talk a')].map(a => [a.protocol, a.rel])")
        check(links and all(p in ("http:", "https:") and "noopener" in r for p, r in links), links)
        check("<script>" in answers()[0] and "onerror" in answers()[0], "hostile text is shown as text")
        check(fits(), "a hostile answer does not widen the page")
        browser.refresh()
        wait(answers, "the hostile answer after a reload")
    milliseconds = js(
        "return arguments[0].map(t => { const from = performance.now(); showMarkdown(document.createElement('div'), t);"
        "return Math.round(performance.now() - from) })", SLOW)
    check(max(milliseconds) < 3000, f"no text takes quadratic time: {milliseconds} ms")
    parts = [{"reasoning_content": "The user asks "}, {"reasoning_content": "for C."}]
    parts += [{"content": MARKDOWN[i:i + 7]} for i in range(0, len(MARKDOWN), 7)]
    one("#new").click()
    Proxy.script = parts
    ask("Write a function that adds two numbers.")
    tags = tags_of_answers()
    for tag in ("H3", "EM", "STRONG", "CODE", "PRE", "OL", "UL", "TABLE", "TD", "BLOCKQUOTE", "A"):
        check(tag in tags, f"{tag} of Markdown: {tags}")
    check(texts("#talk pre")[0].startswith("/* sum.c */\nint sum(int a, int b)\n{\n    return"), texts("#talk pre"))
    check(texts("#talk .thought div") == ["The user asks for C."], texts("#talk .thought"))
    check(not one("#talk .thought").get_attribute("open"), "reasoning is folded when the answer is there")
    shot("code")
    js("arguments[0].click()", one(".code .copy"))
    wait(lambda: all_of(".code .copy.done"), "code is copied")
    with tempfile.TemporaryDirectory() as folder:
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})
        for button, name, part in (("#export-json", "json", '"role": "user"'), ("#export-text", "md", "sum.c")):
            js("arguments[0].click()", one(button))
            path = os.path.join(folder, f"Write-a-function-that-adds-two-numbers-.{name}")
            wait(lambda: part in open(path, encoding="utf-8").read(), f"the export {path}")
    read_log()


def test_phone_and_chinese():
    address = browser.current_url
    screen(320, 600)
    check(fits(), "320 pixels without scrolling aside")
    screen(390, 844, language="zh-CN")
    browser.get("about:blank")
    browser.get(address)
    wait(lambda: answers() and one("#text").get_attribute("placeholder") == "输入问题", "Chinese as the browser")
    check(fits(), "a phone's width without scrolling aside")
    shot("phone")
    one("#open-list").click()
    wait(lambda: one("#list").is_displayed(), "the list")
    shot("phone-list")
    one("#close-list").click()
    for panel in ("tree", "settings"):
        one(f"#open-{panel}").click()
        check(one(f"#{panel}-panel").is_displayed() and fits(), f"{panel} on a phone")
        shot(f"phone-{panel}")
        one("#close-side").click()
    one("#open-settings").click()
    set_value("#language", "en", "change")
    check(one("#side-title").text == "Settings" and one("html").get_attribute("lang") == "en", "English by the switch")
    set_value("#theme", "dark", "change")
    ground = js("return getComputedStyle(document.documentElement).backgroundColor")
    check(ground == "rgb(20, 24, 28)", f"dark by the switch: {ground}")
    one("#close-side").click()
    shot("phone-dark")
    set_value("#theme", "", "change")
    screen(1280, 860)


def test_kept_nothing():
    """A browser that keeps nothing, or a text of another program: the page works."""
    deny = """for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError') } })"""
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": deny})
    browser.get(page)
    ask("My name is Tom.")
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    browser.get("about:blank")
    browser.get(page)
    js("localStorage.setItem('wkv-settings', 'null')")
    browser.refresh()
    wait(lambda: texts("#model option") == ["built-in"], "the model")
    read_log()


def test_panels():
    """The keyboard's place goes into a panel and back, and on a phone a touch beside the panel closes it."""
    browser.get(page)
    wait(lambda: texts("#model option") == ["built-in"], "the model")
    for panel, inside in (("tree", "slider"), ("settings", "close-side")):
        one(f"#open-{panel}").click()
        check(js("return document.activeElement.id") == inside, f"the keyboard in the panel {panel}")
        webdriver.ActionChains(browser).send_keys(Keys.ESCAPE).perform()
        check(js("return document.activeElement.id") == f"open-{panel}", f"the keyboard behind the panel {panel}")
    screen(390, 844)
    one("#open-tree").click()
    webdriver.ActionChains(browser).move_by_offset(15, 500).click().perform()
    check(not one("#side").is_displayed(), "a touch beside the panel")
    screen(1280, 860)


def test_history():
    """Back leads to the conversation before; names are found without a refusal, and have no signs that are not seen."""
    browser.get("about:blank")
    browser.get(page)
    ask("My name is Tom.")
    one("#new").click()
    ask("\u202eMy\u2066 name is Tom.\u200b")
    names = [s["name"] for s in sessions()[:2]]
    check({n.rstrip(" 0123456789") for n in names} == {"My name is Tom."} and names[0] != names[1], names)
    browser.back()
    wait(lambda: questions() == ["My name is Tom."], "the conversation before")
    read_log()


def test_two_windows():
    """An answer that is stopped in one window is found beside those that another one got meanwhile; a conversation that
    another one has deleted makes place for a new one."""
    browser.get("about:blank")
    browser.get(page)
    ask("My name is Tom.")
    first, session, parent = browser.current_window_handle, sessions()[0]["id"], js("return talk.at")
    Proxy.extra = {"logit_bias": {"0": -100, "11": -100, "257": -100}}
    begin("Tell me a story.")
    wait(lambda: len(answers()) == 2 and len(answers()[1]) > 40, "an answer on its way")
    post("/v1/chat/completions", {"session": session, "parent": parent, "branch": True, "max_tokens": 20,
                                  "messages": [{"role": "user", "content": "Who are you?"}]})
    check(one("#stop").is_displayed(), "an answer still on its way")
    one("#stop").click()
    wait(is_idle, "a stopped answer")
    shown = questions()
    check(shown == ["My name is Tom.", "Tell me a story."] and not texts("#notice")[0], (shown, texts("#notice")))
    begin("Tell me another story.")
    wait(lambda: len(answers()) == 3 and len(answers()[2]) > 40, "an answer on its way")
    browser.switch_to.new_window("tab")
    browser.get(f"{page}#{session}")
    wait(lambda: questions(), "the conversation in another window")
    one("#open-tree").click()
    one("#remove").click()
    wait(lambda: one("#ask-remove").is_displayed(), "a question before deletion")
    one("#ask-remove .danger").click()
    wait(lambda: not questions(), "a deleted conversation")
    browser.close()
    browser.switch_to.window(first)
    one("#stop").click()
    wait(lambda: is_idle() and "deleted elsewhere" in texts("#notice")[0], "a notice that the conversation is deleted")
    check(not questions() and one("#text").get_attribute("value") == "Tell me another story.", questions())
    Proxy.extra = {}
    one("#text").send_keys(Keys.ENTER)
    wait(lambda: is_idle() and questions() == ["Tell me another story."], "a new conversation")
    read_log("network")


def test_gone_and_back():
    """The server is killed: what was typed stays, and the page continues when it is back."""
    read_log()
    browser.get(page + "#" + sessions()[0]["id"])
    wait(questions, "a conversation")
    n = len(questions())
    server.end(signal.SIGKILL)
    begin("Are you there?")
    wait(lambda: "does not answer" in texts("#notice")[0], "a notice that the server is gone")
    shot("gone")
    server.start()
    wait(lambda: is_idle(), "the server is found again", 15)
    unsent = one("#text").get_attribute("value")
    check(unsent == "Are you there?" and len(questions()) == n, "the question is in the input")
    one("#text").send_keys(Keys.ENTER)
    wait(lambda: is_idle() and len(all_of("#talk .user[data-id]")) == n + 1, "the answer of the new server")
    check(questions()[-1] == "Are you there?", questions())
    read_log("network")


def test_address():
    """A text in the address is not sent, and an unknown session is an empty page."""
    before = json.dumps(sessions())
    for rest in ("v1", "?q=Hello&send=1#Hello", "#ses_" + "a" * 26, "#<img src=x onerror=alert(1)>"):
        browser.get("about:blank")
        browser.get(page + rest)
        wait(lambda: texts("#sessions b"), "the list")
        check(not questions() and json.dumps(sessions()) == before, f"nothing is sent by {rest}")
    read_log("network")


def test_remove():
    n = len(sessions())
    all_of("#sessions button")[0].click()
    wait(questions, "a conversation of the list")
    one("#open-tree").click()
    one("#remove").click()
    wait(lambda: one("#ask-remove").is_displayed(), "a question before deletion")
    shot("remove")
    one("#ask-remove .danger").click()
    wait(lambda: len(sessions()) == n - 1 and len(texts("#sessions b")) == n - 1, "a deleted conversation")
    one("#close-side").click()
    one("body").send_keys("?")
    check(one("#help").is_displayed(), "the list of keys")
    shot("keys")
    one("#help button").click()
    one("#open-settings").click()
    shot("settings")
    set_value("#set-temperature", "9", "change")
    check(js("return !('temperature' in sampling())"), "a value beyond its limits is not sent")
    set_value("#set-temperature", "0.5", "change")
    check(js("return sampling().temperature") == 0.5, "a chosen temperature")
    check(one("#set-top_p").get_attribute("placeholder") == "0.7", "the model's top-p")
    one("#defaults").click()
    check(js("return Object.keys(sampling()).length") == 0, "the defaults again")
    one("#close-side").click()


def test_key():
    """The page is given without the key, and asks for it."""
    locked = Server(free_port(), "--api-key", "secret", "--template", "g1")
    browser.get(f"http://127.0.0.1:{locked.port}/")
    wait(lambda: one("#ask-key").is_displayed(), "the dialog for the key")
    shot("key")
    one("#given-key").send_keys("wrong", Keys.ENTER)
    wait(lambda: "wrong" in texts("#key-text")[0] and one("#ask-key").is_displayed(), "the dialog again")
    one("#given-key").send_keys("secret", Keys.ENTER)
    wait(lambda: texts("#model option") == ["built-in"], "the model after the key")
    ask("Hello.")
    check(answers(), "an answer with a key")
    keys = js("return [sessionStorage, localStorage].map(s => s.getItem('wkv-key'))")
    check(keys == ["secret", None], "the key is kept until the tab closes")
    check(not one("#effort-choice").get_attribute("hidden"), "a template with reasoning has a choice of it")
    set_value("#effort", "medium", "change")
    check(js("return sampling().reasoning_effort") == "medium", "the chosen reasoning")
    read_log("network")
    locked.end()


def test_unkept():
    """A server without a folder for sessions: the conversation is in the page alone, and has branches there."""
    bare = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
    other = Server(free_port(), environment=bare)
    browser.get(f"http://127.0.0.1:{other.port}/")
    wait(lambda: texts("#model option") == ["built-in"], "the model")
    ask("My name is Tom.")
    check("keeps no conversations" in texts("#notice")[0], texts("#notice"))
    ask("What is my name?")
    check("Tom" in answers()[1], f"all messages are sent: {answers()}")
    press("#talk .user:nth-of-type(1)", "Edit the question")
    wait(lambda: one(".editing textarea"), "the field of a question").clear()
    one(".editing textarea").send_keys("Hello.", Keys.ENTER)
    wait(lambda: is_idle() and questions() == ["Hello."] and "2 of 2" in texts("#talk .versions span"), "a branch")
    read_log("network")
    other.end()


def test_long():
    """A text that is too large comes back. A conversation of 200 turns opens at once, and the state is as large as
    before."""
    browser.get(page)
    wait(lambda: texts("#model option") == ["built-in"], "the model")
    # of lines: one line of 9 MB takes the browser itself minutes
    js("setQuestion(('word '.repeat(15) + '\\n').repeat(118500)); find('ask').requestSubmit()")
    wait(lambda: is_idle() and "9" in texts("#notice")[0], "the refusal of a text of 9 MB", 30)
    check(js("return find('text').value.length") == 76 * 118500, "the text is in the input again")
    set_value("#text", "")
    name = begin_long(200)
    browser.get("about:blank")
    begun = time.time()
    browser.get(page + "#" + name)
    wait(lambda: len(questions()) == 200, "a long conversation")
    check(time.time() - begun < 5, f"it opens in {time.time() - begun:.2f} s")
    ask("What is my name?")
    check(texts("#state-size") == ["270 kB"], texts("#meter b"))
    shot("long")


def begin_long(turns):
    name = post("/v1/sessions", {})["id"]
    for i in range(turns):
        question = {"role": "user", "content": f"Tell me a story about {i} foxes." if i else "My name is Tom."}
        post("/v1/chat/completions", {"session": name, "messages": [question], "max_tokens": 200})
    return name


def test_requests():
    """Everything that the browser requested in all parts came from servers of this test."""
    urls = requested()
    outside = [u for u in urls if not u.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))]
    check(len(urls) > 10 and not outside, f"requests to other servers: {outside}")
    head = urllib.request.urlopen(urllib.request.Request(page, headers={"Accept": "text/html"})).headers
    policy = head["Content-Security-Policy"]
    check("default-src 'none'" in policy and "unsafe" not in policy, head)
    check(json.load(urllib.request.urlopen(page))["name"] == "wkv", "a program gets JSON at /")


server = Server(free_port(), "--tokens", "200000")
page = start_proxy(server.port)
try:
    screen(1280, 860)
    parts = [test_send, test_stream_and_stop, test_branches, test_markup, test_phone_and_chinese, test_kept_nothing,
             test_panels, test_history, test_two_windows, test_gone_and_back, test_address, test_remove, test_key,
             test_unkept]
    for part in parts + [test_long] * bool(os.environ.get("WKV_LONG")) + [test_requests]:
        begun = time.time()
        part()
        if os.environ.get("TIMES"):
            print(part.__name__, round(time.time() - begun, 2))
finally:
    browser.quit()
    status = server.end()
check(status == 0, f"status of the server: {status}")
print(f"{count()} passed, 0 failed")
