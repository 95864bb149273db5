"""browser.py - Chromium under a test, for page_client.py and wasm_client.py: one window, checks that are counted, and
what a person does on the page. Python needs selenium; chromium and chromedriver are in $PATH. $SHOTS: a folder for
pictures."""
import json
import os
import shutil
import socket
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

SHOTS = os.environ.get("SHOTS")
passed = 0


def check(ok, what):
    global passed
    if not ok:
        raise SystemExit(f"FAIL {what}")
    passed += 1


def wait(condition, what, seconds=10):
    """Until a condition of the page holds; returns its value."""
    end = time.time() + seconds
    while time.time() < end:
        try:
            value = condition()
        except Exception:
            value = None
        if value:
            return value
        time.sleep(0.03)
    shot("failed")
    raise SystemExit(f"FAIL not within {seconds} s: {what}")


def count():
    """Checks that have passed."""
    return passed


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_browser():
    o = webdriver.ChromeOptions()
    for a in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
              "--window-size=1280,860", "--disable-background-networking"):
        o.add_argument(a)
    o.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    o.binary_location = shutil.which("chromium")
    return webdriver.Chrome(options=o, service=webdriver.ChromeService(shutil.which("chromedriver")))


def screen(width, height, dark=False, language="en-US"):
    command = browser.execute_cdp_cmd
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    command("Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
    command("Emulation.setEmulatedMedia", {"features": [scheme]})
    command("Emulation.setUserAgentOverride", {"userAgent": "test", "acceptLanguage": language})


def shot(name):
    if SHOTS:
        time.sleep(0.3)
        browser.save_screenshot(f"{SHOTS}/{name}.png")


def js(script, *arguments):
    return browser.execute_script(script, *arguments)


def one(selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def all_of(selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def texts(selector):
    """Texts as they are in the document, whether they are in sight or not."""
    return js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)


def questions():
    return texts("#talk .user .text")


def answers():
    return texts("#talk .assistant .text")


def is_idle():
    return one("#send").is_displayed()


def begin(question):
    field = one("#text")
    field.send_keys(question)
    field.send_keys(Keys.ENTER)


def ask(question):
    begin(question)
    wait(lambda: is_idle() and texts("#talk .user[data-id] .text")[-1] == question, f"the answer to {question}")


def press(selector, label):
    js("arguments[0].click()", one(f'{selector} [aria-label="{label}"]'))


def set_value(selector, value, event="input"):
    js("const e = document.querySelector(arguments[0]); e.value = arguments[1];"
                           "e.dispatchEvent(new Event(arguments[2]))", selector, value, event)


def fits():
    """Nothing is wider than the screen. A phone widens `innerWidth` to what does not fit."""
    return js("const scroll = document.querySelector('#scroll');"
              "return document.documentElement.scrollWidth <= visualViewport.width && "
              "scroll.scrollWidth <= scroll.clientWidth")


def read_log(*allowed):
    """Messages of the console; those of a source that is not allowed are a failure. A refused connection or a status
    401 is of the source network."""
    bad = [m for m in browser.get_log("browser") if m["level"] == "SEVERE" and m["source"] not in allowed]
    check(not bad, f"the console is empty: {bad}")


def requested():
    """The addresses that the browser has requested since the last call."""
    urls = set()
    for entry in browser.get_log("performance"):
        m = json.loads(entry["message"])["message"]
        if m["method"] == "Network.requestWillBeSent":
            urls.add(m["params"]["request"]["url"])
    return urls


browser = start_browser()
