#!/usr/bin/env python3
"""make-sampler-golden.py - writes tests/text/sampler.txt: what the sampler must make of given logits and options.

The probabilities are computed here by sorting, in float64, step by step as the reference sampler does (the `rwkv` package's
PIPELINE; Meister et al. for typical, Basu et al. for mirostat 2). Needs numpy. Run it from anywhere: the output is fixed.
"""
import pathlib

import numpy as np

V = 64
DEFAULTS = dict(temperature=1.0, top_p=0.0, top_k=0, min_p=0.0, typical_p=0.0, mirostat_tau=0.0, presence=0.0, frequency=0.0,
                penalty_decay=0.0, bans=[], bias={}, history=[])


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def distribution(logits, temperature, top_p, top_k, min_p, typical_p, mirostat_tau, presence, frequency, penalty_decay, bans, bias,
                 history):
    x = logits.astype(np.float64)
    for i, b in bias.items():
        x[i] += b
    occurrence = {}
    for token in history:  # the tokenizer of the test is "bytes": the text of id n is the byte n
        for k in occurrence:
            occurrence[k] *= penalty_decay or 0.996
        weight = 0 if chr(token) in " \t0123456789" else 1
        occurrence[token] = occurrence.get(token, 0) + weight
    for token, count in occurrence.items():
        x[token] -= presence + count * frequency
    x[bans] = -np.inf
    if temperature == 0:
        return np.eye(V)[x.argmax()]
    p = full = softmax(x)
    order = np.argsort(-full, kind="stable")
    if mirostat_tau:
        keep = -np.log2(np.maximum(full, 1e-300)) <= 2 * mirostat_tau
        keep[order[0]] = True
        p = np.where(keep, full, 0)
    else:
        if 0 < top_p < 1:
            cutoff = full[order][np.argmax(np.cumsum(full[order]) >= top_p)]
            p = np.where(full < cutoff, 0, p)
        if top_k:
            keep = np.zeros(V, bool)
            keep[order[:top_k]] = True
            p = np.where(keep, p, 0)
        if min_p:
            p = np.where(full < min_p * full.max(), 0, p)
        if 0 < typical_p < 1:
            q = p / p.sum()
            some = q > 0
            surprise = np.where(some, -np.log(np.where(some, q, 1)), np.inf)
            entropy = (q[some] * surprise[some]).sum()
            near = np.argsort(np.abs(surprise - entropy), kind="stable")
            last = np.argmax(np.cumsum(q[near]) >= typical_p)
            p = np.where(np.isin(np.arange(V), near[: last + 1]), p, 0)
    p = p ** (1 / temperature)
    return p / p.sum()


def main():
    rng = np.random.default_rng(7)
    sharp = np.round(rng.normal(0, 3, V), 3)
    flat = np.round(rng.normal(0, 0.3, V), 3)
    tied = np.zeros(V)
    tied[[3, 10, 20, 30, 40]] = [3, 2, 2, 2, 1]
    holes = np.where(rng.random(V) < 0.3, -np.inf, sharp)
    spoken = [ord(c) for c in "#1 + 12 = 13\t; 7 * 9 = 63!"] + [5, 5, 5, 60]
    cases = {
        "plain": (sharp, {}),
        "temperature": (sharp, dict(temperature=0.5)),
        "hot": (flat, dict(temperature=2.5)),
        "greedy": (sharp, dict(temperature=0)),
        "top-p": (sharp, dict(top_p=0.85)),
        "top-p flat": (flat, dict(top_p=0.3)),
        "top-p tiny keeps the best": (sharp, dict(top_p=1e-6)),
        "top-p ties survive": (tied, dict(top_p=0.35)),
        "top-p, then temperature": (sharp, dict(top_p=0.6, temperature=2.0)),
        "top-k": (sharp, dict(top_k=5)),
        "top-k ties": (tied, dict(top_k=3)),
        "top-k and top-p": (flat, dict(top_k=9, top_p=0.4)),
        "min-p": (sharp, dict(min_p=0.05)),
        "min-p, then temperature": (sharp, dict(min_p=0.1, temperature=1.7)),
        "typical": (sharp, dict(typical_p=0.5)),
        "typical flat": (flat, dict(typical_p=0.2)),
        "typical after top-k": (sharp, dict(typical_p=0.6, top_k=12)),
        "mirostat": (sharp, dict(mirostat_tau=1.5)),
        "mirostat flat": (flat, dict(mirostat_tau=3.0)),
        "penalties": (sharp, dict(presence=0.4, frequency=0.6, history=spoken)),
        "penalties with decay": (sharp, dict(presence=0.1, frequency=1.0, penalty_decay=0.9, history=spoken, top_p=0.7)),
        "negative penalties": (flat, dict(presence=-0.5, frequency=-0.2, history=spoken)),
        "bans and bias": (sharp, dict(bans=[int(sharp.argmax()), 7], bias={3: 4.5, 9: -2.0}, top_p=0.9)),
        "holes": (holes, dict(top_p=0.95, temperature=0.8)),
    }
    out = []
    for name, (logits, changes) in cases.items():
        o = {**DEFAULTS, **changes}
        numbers = [o[k] for k in list(DEFAULTS)[:9]]
        out.append(f"case {name}")
        out.append("options " + " ".join(f"{x:g}" for x in numbers))
        out.append(f"bans {len(o['bans'])} " + " ".join(map(str, o["bans"])))
        out.append(f"bias {len(o['bias'])} " + " ".join(f"{k} {v:g}" for k, v in o["bias"].items()))
        out.append(f"history {len(o['history'])} " + " ".join(map(str, o["history"])))
        out.append("logits " + " ".join(f"{x:g}" for x in logits))
        out.append("probabilities " + " ".join("0" if x == 0 else f"{x:.8g}" for x in distribution(logits.astype(np.float32), **o)))
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "text" / "sampler.txt"
    path.write_text("\n".join(line.rstrip() for line in out) + "\n")
    print(f"{path}: {len(cases)} cases")


if __name__ == "__main__":
    main()
