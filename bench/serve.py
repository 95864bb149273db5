"""Streams of many clients from wkv serve, beside one: rates, the slowest client, the server's own time.

    bench/serve.py http://127.0.0.1:8080 --clients 1 8 64 --seconds 60

Each client asks for endless answers, one after another. Prints for each number of clients: tokens per second in all and
of the slowest and the median client, errors, time to the first token, and from /metrics the time of the engines outside
of steps. Another server of OpenAI's API has no such metrics; the rates are measured in the same way. Needs Python
alone."""
import argparse
import asyncio
import json
import statistics
import time
import urllib.parse

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
parser.add_argument("--seconds", type=float, default=30)
parser.add_argument("--tokens", type=int, default=200, help="of an answer")
parser.add_argument("--path", default="/v1/completions")
options = parser.parse_args()
at = urllib.parse.urlparse(options.url)


async def get(path):
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    return text


async def metrics():
    lines = (await get("/metrics")).split("\n")
    return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("wkv_")}


async def answer(number, until, figures):
    """One answer: events are counted as they arrive, and at the end its tokens: an event may have several."""
    body = json.dumps({"prompt": f"Story {number}. Once upon a time", "max_tokens": options.tokens, "stream": True,
                       "stream_options": {"include_usage": True}, "temperature": 1, "top_p": 0.9, "seed": number,
                       "logit_bias": {"0": -100}, "ignore_eos": True})
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(f"POST {options.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                 f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    begun, first, last, events = time.monotonic(), None, b"", 0
    try:
        while time.monotonic() < until:
            line = await asyncio.wait_for(reader.readline(), 60)
            if not line:
                break
            if line.startswith(b"HTTP/1.1") and b" 200 " not in line:
                figures["errors"] += 1
            if line.startswith(b"data: ") and b"[DONE]" not in line:
                figures["errors"] += b'"error"' in line
                usage = json.loads(line[6:]).get("usage")
                more = usage["completion_tokens"] - events if usage else 1
                figures["tokens"] += more
                events += more
                if first is None:
                    first = time.monotonic() - begun
                    figures["first"].append(first)
            last = line.strip() or last
            if b"[DONE]" in line:
                break
        else:
            return
        figures["errors"] += b"[DONE]" not in last and last != b"0"
    finally:
        writer.close()


async def client(number, until):
    figures = {"tokens": 0, "errors": 0, "first": []}
    while time.monotonic() < until:
        await answer(number, until, figures)
    return figures


def own_time(before, after, took):
    if not after:
        return ""
    step, own, http = (after[f"wkv_{k}_seconds_total"] - before[f"wkv_{k}_seconds_total"] for k in ("step", "own", "http"))
    return (f", steps {step:.1f} s, engine outside of steps {own:.2f} s ({100 * own / took:.2f} %), "
            f"HTTP thread {http:.2f} s ({100 * http / took:.2f} %) of {took:.1f} s")


async def measure(n):
    before, begun = await metrics(), time.monotonic()
    all_of = await asyncio.gather(*(client(i, begun + options.seconds) for i in range(n)))
    took, after = time.monotonic() - begun, await metrics()
    rates = sorted(f["tokens"] / took for f in all_of)
    first = [x for f in all_of for x in f["first"]]
    print(f"{n:4d} clients: {sum(rates):8.1f} tokens/s in all, slowest {rates[0]:7.2f}, median {statistics.median(rates):7.2f}, "
          f"errors {sum(f['errors'] for f in all_of)}, first token {statistics.median(first) * 1000:.0f} ms (median)"
          + own_time(before, after, took), flush=True)


async def main():
    for n in options.clients:
        await measure(n)


asyncio.run(main())
