#!/usr/bin/env python3
"""plot-state.py - the table "A prompt read again" of docs/states.md as a picture.

    python3 tools/plot-state.py docs/states.md docs/pictures/state.svg

Seconds until the first token of an answer over the length of the prompt: read again, and from the file of its state.
Needs nothing but Python."""
import sys

W, H, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 64, 150, 44, 48
READ, FILE = "#0072b2", "#d55e00"


def rows(text):
    """[(tokens, seconds read, milliseconds from the file)] of the table."""
    lines = text[text.index("| tokens | read, s |"):].split("\n\n")[0].splitlines()[2:]
    cells = [[c.strip().replace(",", "") for c in line.strip("|").split("|")] for line in lines]
    return [(int(c[0]), float(c[1]), float(c[2])) for c in cells]


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        data = rows(f.read())
    longest, most = data[-1][0], max(read for _, read, _ in data)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if most / s <= 6)
    x = lambda tokens: LEFT + (W - LEFT - RIGHT) * tokens / longest
    y = lambda seconds: H - BOTTOM - (H - TOP - BOTTOM) * seconds / most
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif">' % (W, H),
           "<style>.ink { fill: #222 } .head { font-size: 13px; font-weight: bold } .small { font-size: 12px } "
           ".line { stroke: #ccc } @media (prefers-color-scheme: dark) { .ink { fill: #ddd } .line { stroke: #555 } }"
           "</style>",
           '<text class="ink head" x="%d" y="20">Seconds until the first token</text>' % LEFT]
    for i in range(int(most / step) + 1):
        out.append('<path class="line" d="M%d %.1fH%d"/>' % (LEFT, y(i * step), W - RIGHT))
        out.append('<text class="ink small" x="%d" y="%.1f" text-anchor="end">%d s</text>' % (LEFT - 8, y(i * step) + 4,
                                                                                         i * step))
    for tokens in range(0, longest + 1, 5000):
        out.append('<text class="ink small" x="%.1f" y="%d" text-anchor="middle">%s</text>'
                   % (x(tokens), H - BOTTOM + 20, "{:,}".format(tokens)))
    out.append('<text class="ink small" x="%.1f" y="%d" text-anchor="middle">tokens of the prompt</text>'
               % ((LEFT + W - RIGHT) / 2, H - 8))
    for colour, points in ((READ, [(0, 0)] + [(t, read) for t, read, _ in data]),
                           (FILE, [(t, ms / 1000) for t, _, ms in data])):
        out.append('<polyline fill="none" stroke="%s" stroke-width="2.5" points="%s"/>'
                   % (colour, " ".join("%.1f,%.1f" % (x(t), y(s)) for t, s in points)))
    tokens, read, ms = data[-1]
    label = '<text class="small" fill="%s" x="%d" y="%.1f">%s</text>'
    out.append(label % (READ, W - RIGHT + 8, y(read) + 4, "prompt read: %.1f s" % read))
    out.append(label % (FILE, W - RIGHT + 8, y(0) - 2, "state file: %.0f ms" % ms))
    out.append("</svg>")
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
