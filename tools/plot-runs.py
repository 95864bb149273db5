#!/usr/bin/env python3
"""plot-runs.py - held-out loss of training runs as an SVG: against tokens, a curve each, or against parameters, a line a version.

    python3 tools/plot-runs.py --title TITLE --out FILE.svg LABEL=RUN ...
    python3 tools/plot-runs.py --sizes --title TITLE --out FILE.svg NAME:PARAMETERS=RUN ...

RUN is the folder that `wkv train` wrote: valid_bits_per_byte of its train.jsonl, against the tokens read until then. With --sizes
the last one of each, against parameters (a logarithmic scale), runs of the same NAME joined. Needs nothing but Python."""
import argparse
import json
import math
import os

W, H, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 60, 150, 40, 50
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2"]


def curve(run):
    """[(tokens, bits per byte)]; a measurement belongs to the tokens of the last step before it."""
    out, tokens, per_step = [], 0, 0
    with open(os.path.join(run, "train.jsonl"), encoding="utf-8") as f:
        for line in f:
            entry = json.loads(line)
            if "tokens" in entry and entry.get("step"):
                per_step = entry["tokens"] / entry["step"]
            if "valid_bits_per_byte" in entry:
                out.append([entry["step"], entry["valid_bits_per_byte"]])
    return [(step * per_step, bits) for step, bits in out if step]


def step_of(low, high):
    """1, 2 or 5 times a power of ten, at most six of which are between low and high."""
    step = 10 ** math.floor(math.log10((high - low) / 6))
    return step * next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= 6)


def ticks(low, high):
    step = step_of(low, high)
    at = math.ceil(low / step - 1e-6) * step
    while at <= high + step / 1e6:
        yield round(at, 10)
        at += step


def short(x):
    return "%gM" % (x / 1e6) if x >= 1e6 else "%gk" % (x / 1e3) if x >= 1e3 else "%g" % x


def plot(title, x_name, series, log_x):
    xs = [x for _, points in series for x, _ in points]
    ys = [y for _, points in series for _, y in points]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    y0, y1 = y0 - 0.05 * (y1 - y0), y1 + 0.05 * (y1 - y0)
    decades = [m * 10 ** k for k in range(12) for m in (1, 2, 5)]
    if log_x:  # the axis begins at a label
        x0, x1 = max([x for x in decades if x <= x0], default=x0), x1 * 1.2
    else:
        x0 = math.floor(x0 / step_of(x0, x1)) * step_of(x0, x1)
    fx = (lambda x: math.log(x / x0) / math.log(x1 / x0)) if log_x else (lambda x: (x - x0) / (x1 - x0))
    px = lambda x: LEFT + fx(x) * (W - LEFT - RIGHT)
    py = lambda y: TOP + (y1 - y) / (y1 - y0) * (H - TOP - BOTTOM)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (W, H),
           "<style>text { fill: #222 } path { stroke: #ddd } .page { fill: #fff }",
           "@media (prefers-color-scheme: dark) { text { fill: #ddd } path { stroke: #444 } .page { fill: #161b22 } }</style>",
           '<rect class="page" width="100%" height="100%" rx="6"/>',
           '<text x="%d" y="24" font-size="15">%s</text>' % (LEFT, title)]
    for y in ticks(y0, y1):
        out.append('<path d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%g</text>'
                   % (LEFT, py(y), W - RIGHT, LEFT - 6, py(y) + 4, y))
    for x in [x for x in decades if x0 <= x <= x1] if log_x else ticks(x0, x1):
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (px(x), H - BOTTOM + 18, short(x)))
    out.append('<text x="%d" y="%d" text-anchor="middle">%s</text>' % ((LEFT + W - RIGHT) // 2, H - 12, x_name))
    out.append('<text x="16" y="%d" transform="rotate(-90 16 %d)" text-anchor="middle">held-out bits per byte</text>'
               % (H // 2, H // 2))
    for i, (label, points) in enumerate(series):
        colour, last = COLOURS[i % len(COLOURS)], points[-1]
        path = " ".join("%.1f,%.1f" % (px(x), py(y)) for x, y in points)
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (path, colour))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (px(x), py(y), colour) for x, y in points]
        out.append('<text x="%d" y="%d" style="fill: %s">%s: %.3f</text>' % (W - RIGHT + 10, TOP + 18 * i + 10, colour, label, last[1]))
    return "\n".join(out + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--title", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("runs", nargs="+")
    o = parser.parse_args()
    pairs = [run.rsplit("=", 1) for run in o.runs]
    if o.sizes:
        names = list(dict.fromkeys(label.split(":")[0] for label, _ in pairs))
        series = [(name, sorted((float(label.split(":")[1]), curve(run)[-1][1]) for label, run in pairs
                                if label.split(":")[0] == name)) for name in names]
    else:
        series = [(label, curve(run)) for label, run in pairs]
    with open(o.out, "w", encoding="utf-8") as f:
        f.write(plot(o.title, "parameters" if o.sizes else "tokens", series, o.sizes))


if __name__ == "__main__":
    main()
