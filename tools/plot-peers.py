#!/usr/bin/env python3
"""plot-peers.py - the speeds in docs/benchmarks.md, "Beside llama.cpp and rwkv.cpp", as a picture.

    python3 tools/plot-peers.py docs/benchmarks.md docs/pictures/peers.svg

Two panels of bars for the 1.5B model of version 7: tokens per second of one text in 16, 8 and 4 bits, and of a prompt
of 512 tokens in 8 bits. Needs nothing but Python."""
import re
import sys

PROGRAMS = [("wkv", "#0072b2"), ("llama.cpp", "#e69f00"), ("rwkv.cpp", "#8a8a8a")]
MODEL = "7 1.5B"
W, LEFT, RIGHT, TOP, BAR, GAP, BETWEEN = 720, 110, 110, 64, 15, 3, 16


def number(cell):
    found = re.match(r"[\d.]+", cell)
    return float(found.group()) if found else None


def table(text, head):
    """{row: {program: (tokens per second, how many times as fast wkv is)}} of the table whose first column is headed so."""
    lines = text[text.index("| %s |" % head) :].split("\n\n")[0].splitlines()
    columns = [c.strip() for c in lines[0].strip("|").split("|")]
    rows = {}
    for line in lines[2:]:
        cells = [c.strip() for c in line.strip("|").split("|")]
        speeds = {columns[i].split(",")[0]: (number(cells[i]), i > 1 and number(cells[i + 1])) for i in (1, 2, 4)}
        rows[cells[0]] = {name: speed for name, speed in speeds.items() if speed[0]}
    return rows


def panel(title, groups, y):
    """The bars of [(label, {program: speed})] from the height y on, and the height below them."""
    out = ['<text class="ink head" x="%d" y="%d">%s</text>' % (LEFT, y, title)]
    most = max(speed for _, speeds in groups for speed, _ in speeds.values())
    y += 14
    for label, speeds in groups:
        middle = y + len(speeds) * (BAR + GAP) / 2 + 3
        out.append('<text class="ink" x="%d" y="%.0f" text-anchor="end">%s</text>' % (LEFT - 10, middle, label))
        for name, colour in PROGRAMS:
            speed, ratio = speeds[name]
            width = (W - LEFT - RIGHT) * speed / most
            note = "%g" % speed + (" (wkv %.2f x)" % ratio if ratio else "")
            out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (LEFT, y, width, BAR, colour))
            out.append('<text class="ink small" x="%.1f" y="%d">%s</text>' % (LEFT + width + 6, y + 12, note))
            y += BAR + GAP
        y += BETWEEN
    return out, y + 14


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        text = f.read().split("### Beside llama.cpp", 1)[1]
    decode, prompt = table(text, "decode"), table(text, "prompt of 512, 8 bits")
    first, y = panel("One text, tokens per second", [(b, decode["%s, %s" % (MODEL, b)])
                                                     for b in ("16 bits", "8 bits", "4 bits")], TOP)
    second, y = panel("A prompt of 512 tokens, tokens per second", [("8 bits", prompt[MODEL])], y)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif">' % (W, y - 14),
           "<style>.ink { fill: #222 } .head { font-size: 13px; font-weight: bold } .small { font-size: 12px }",
           "text { font-size: 13px } .page { fill: #fff }",
           "@media (prefers-color-scheme: dark) { .ink { fill: #ddd } .page { fill: #161b22 } }</style>",
           '<rect class="page" width="100%" height="100%" rx="6"/>',
           '<text class="ink" x="%d" y="26">RWKV-7 1.5B on two cores of one processor</text>' % LEFT]
    for i, (name, colour) in enumerate(PROGRAMS):
        x = W - 290 + 95 * i
        out.append('<rect x="%d" y="16" width="11" height="11" fill="%s"/>' % (x, colour))
        out.append('<text class="ink small" x="%d" y="26">%s</text>' % (x + 16, name))
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("\n".join(out + first + second + ["</svg>", ""]))


if __name__ == "__main__":
    main()
