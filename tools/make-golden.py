#!/usr/bin/env python3
"""Makes tests/golden/models: small random checkpoints with the official names and shapes, and the logits that the official
program (the `rwkv` package of the Python package index) gives for them after every token.

    python3 tools/make-golden.py [OUT] [--only NAME] [--quantised FOLDER]

Needs torch, numpy and rwkv. For each model it writes
    NAME.pth             the weights, in the model's own number type and manner of saving
    NAME.tokens.i32      T token ids
    NAME.logits.f32      T x V logits, the official program fed one token at a time
    NAME.sequence.f32    V logits after the last token, the official program fed all tokens in one call
The official program reads an fp32 copy of the (already rounded) weights: with a bf16 file it would round ln0's output too.
Nothing is written unless the official logits agree with tools/reference.py in float64, in both modes, and unless every
tensor matters: turning the columns of any one of them by one place must move the logits.

--quantised FOLDER: a folder with rwkv.cpp's tiny quantised models; writes the logits of their dequantised weights in
float64 for the tokens of TEXT, as NAME.logits.f32 and NAME.tokens.i32 (the models themselves are not copied).
"""
import argparse
import collections
import multiprocessing
import os
import struct
import sys
import tempfile

import numpy as np
import torch

import reference

UNUSED = ["blocks.0.att.v" + q for q in "012"]
TEXT = b'"in the end 12'
MODELS = [
    # name, version, L, C, N, F, V, ranks, T, type, how it is saved
    ("v4-c32-f32", "4", 1, 32, 0, 128, 41, (), 40, torch.float32, "zip"),
    ("v4-c40-f16", "4", 3, 40, 0, 80, 67, (), 70, torch.float16, "legacy"),
    ("v5.0-n16-bf16", "5.0", 2, 32, 16, 128, 53, (), 40, torch.bfloat16, "zip"),
    ("v5.1-n16-f16", "5.1", 2, 32, 16, 96, 45, (), 40, torch.float16, "parameters"),
    ("v5.2-n32-bf16", "5.2", 3, 32, 32, 96, 50, (), 40, torch.bfloat16, "prefixed"),
    ("v5.2-n64-bf16", "5.2", 1, 64, 64, 64, 47, (), 40, torch.bfloat16, "legacy"),
    ("v6-n16-bf16", "6", 2, 48, 16, 96, 43, (5, 7), 70, torch.bfloat16, "strided"),
    ("v6-n64-f16", "6", 1, 64, 64, 96, 50, (9, 13), 40, torch.float16, "zip"),
    ("v7-n16-bf16", "7", 3, 32, 16, 128, 51, (3, 5, 7, 9), 70, torch.bfloat16, "strided"),
    ("v7-n32-f16", "7", 2, 64, 32, 64, 96, (11, 6, 5, 13), 40, torch.float16, "late"),
    ("v7-n64-bf16", "7", 1, 128, 64, 64, 40, (8, 6, 3, 17), 40, torch.bfloat16, "zip"),
    ("v7-n32-f32", "7", 1, 32, 32, 64, 48, (7, 5, 3, 9), 40, torch.float32, "parameters"),
    ("v7a-n16-bf16", "7a", 2, 32, 16, 64, 24, (3, 5, 7, 9), 40, torch.bfloat16, "zip"),
]


# ---- the weights ----------------------------------------------------------------------------------------------------


def draw(g, version, L, C, N, F, V, ranks):
    """Random weights in which every part of the network is alive: activations of order one everywhere, gates and decays
    spread over their range, mixing weights over [0,1]."""
    w = collections.OrderedDict()
    H = C // N if N else 0

    def normal(name, shape, std, mean=0.0):
        w[name] = torch.randn(shape, generator=g, dtype=torch.float64) * std + mean

    def matrix(name, out, inner, gain=1.0):
        normal(name, (out, inner), gain / inner**0.5)

    def layer_norm(name):
        normal(name + ".weight", (C,), 0.2, 1.0)
        normal(name + ".bias", (C,), 0.2)

    def mix(name):
        w[name] = torch.rand(1, 1, C, generator=g, dtype=torch.float64)

    normal("emb.weight", (V, C), 1.0)
    for layer in range(L):
        b = "blocks.%d." % layer
        a, f = b + "att.", b + "ffn."
        if layer == 0:
            layer_norm(b + "ln0")
        layer_norm(b + "ln1")
        layer_norm(b + "ln2")
        if version == "4":
            normal(a + "time_decay", (C,), 1.3, -1.0)
            normal(a + "time_first", (C,), 1.0)
        elif version == "5.0":
            normal(a + "time_decay", (H,), 1.0, -0.7)
            normal(a + "time_first", (H,), 0.5)
        elif version == "5.1":
            normal(a + "time_decay", (H,), 1.0, -0.7)
            normal(a + "time_faaaa", (H,), 1.0)
        elif version == "5.2":
            normal(a + "time_decay", (H, N), 1.0, -0.7)
            normal(a + "time_faaaa", (H, N), 1.0)
        if version[0] in "45":
            for q in "kvrg" if version in ("5.1", "5.2") else "kvr":
                mix(a + "time_mix_" + q)
            mix(f + "time_mix_k")
            mix(f + "time_mix_r")
        elif version == "6":
            for q in "xwkvrg":
                mix(a + "time_maa_" + q)
            mix(f + "time_maa_k")
            mix(f + "time_maa_r")
            matrix(a + "time_maa_w1", C, 5 * ranks[0])
            w[a + "time_maa_w1"] *= (5 * ranks[0] / C) ** 0.5
            normal(a + "time_maa_w2", (5, ranks[0], C), 0.4 / ranks[0] ** 0.5)
            normal(a + "time_decay", (1, 1, C), 1.0, -0.7)
            normal(a + "time_decay_w1", (C, ranks[1]), 1 / C**0.5)
            normal(a + "time_decay_w2", (ranks[1], C), 1 / ranks[1] ** 0.5)
            normal(a + "time_faaaa", (H, N), 1.0)
        else:
            for q in "rwkvag":
                mix(a + "x_" + q)
            for q, rank in zip("wavg", ranks):
                normal(a + q + "1", (C, rank), 1.5 / C**0.5)
                normal(a + q + "2", (rank, C), 1.5 / rank**0.5)
                if q != "g":
                    normal(a + q + "0", (1, 1, C), 1.0, -0.4)
            normal(a + "k_k", (1, 1, C), 0.3, 0.8)
            normal(a + "k_a", (1, 1, C), 0.3, 0.8)
            normal(a + "r_k", (H, N), 0.3)
            mix(f + "x_k")
            if version == "7a":
                E = reference.DEEP
                normal(f + "s_emb.weight", (V, E * E), 0.7 / E**0.5)
                normal(f + "s_emb_x.weight", (E * E, C), 0.7 / (E * C) ** 0.5)
                normal(f + "s0", (1, 1, F), 0.3, 1.0)
                normal(f + "s1", (C, E), 1 / C**0.5)
                normal(f + "s2", (E, F), 0.7 / E**0.5)
        for name in ["receptance", "key", "value", "output"] + (["gate"] if version in ("5.1", "5.2", "6") else []):
            matrix(a + name + ".weight", C, C, 1.2)
        if version != "4":
            layer_norm(a + "ln_x")
        matrix(f + "key.weight", F, C)
        matrix(f + "value.weight", C, F)
        if version[0] != "7":
            matrix(f + "receptance.weight", C, C)
    layer_norm("ln_out")
    matrix("head.weight", V, C, 2.0)
    return w


def save(w, path, manner):
    """Write the weights in one of the ways that checkpoints come in."""
    if manner == "parameters":  # a state_dict saved with its parameters, as some trainers do
        w = collections.OrderedDict((name, torch.nn.Parameter(t)) for name, t in w.items())
    elif manner == "prefixed":  # what DeepSpeed stage 3 leaves
        w = collections.OrderedDict(("_forward_module." + name, t) for name, t in w.items())
    elif manner == "late":  # without block 0's value residual, which is not used
        w = collections.OrderedDict((k, t) for k, t in w.items() if k not in UNUSED)
    elif manner == "strided":  # one storage behind all, matrices column by column, a table with gaps between its rows
        shared = torch.zeros(sum(t.numel() for t in w.values()) + w["emb.weight"].shape[0] * 3, dtype=w["emb.weight"].dtype)
        at, views = 0, collections.OrderedDict()
        for name, t in w.items():
            if name == "emb.weight":
                rows, cols = t.shape
                view = shared[at : at + rows * (cols + 3)].view(rows, cols + 3)[:, :cols]
                at += rows * (cols + 3)
            else:
                view = shared[at : at + t.numel()]
                at += t.numel()
                view = view.view(t.shape[1], t.shape[0]).t() if t.dim() == 2 else view.view(t.shape)
            view.copy_(t)
            views[name] = view
        w = views
    torch.save(w, path, _use_new_zipfile_serialization=manner != "legacy")


# ---- the official program ---------------------------------------------------------------------------------------------


def official(path, version, tokens, pipe):
    """Runs in a process of its own, since the package chooses between RWKV-7 and the others when it is imported."""
    os.environ["RWKV_JIT_ON"], os.environ["RWKV_CUDA_ON"] = "0", "0"
    os.environ["RWKV_V7_ON"] = "1" if version[0] == "7" else "0"
    if version == "7a":
        os.environ["RWKV_DE_VERSION"] = "1"
    sys.stdout = open(os.devnull, "w")
    from rwkv.model import RWKV

    model = RWKV(model=path, strategy="cpu fp32")
    state, steps = None, []
    for token in tokens:
        logits, state = model.forward([token], state)
        steps.append(logits.float().numpy().copy())
    last, _ = model.forward(tokens, None)
    whole, _ = model.forward(tokens, None, full_output=True)
    pipe.send((np.stack(steps), last.float().numpy().copy(), whole.float().numpy().copy()))


def run_official(w, version, tokens):
    # the package tells version and heads on its way through the names, which needs these two kinds first in a 1-layer model
    names = sorted(w, key=lambda name: "ln_x" not in name and "time_maa" not in name)
    w = collections.OrderedDict((name, w[name].float().contiguous()) for name in names)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(w, folder + "/model.pth")
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=official, args=(folder + "/model" + ("" if version[0] == "7" else ".pth"), version, tokens, there))
        process.start()
        there.close()
        answer = here.recv()
        process.join()
    return answer


# ---- checks and files ---------------------------------------------------------------------------------------------------


def least_alive(w, tokens, logits):
    """The tensor that moves the logits least when its columns move round by one, and by how much."""
    least = (1e9, "")
    for name in w:
        if name in UNUSED:
            continue
        changed = dict(w, **{name: w[name].roll(1, -1)})
        least = min(least, ((reference.forward(changed, tokens) - logits).abs().max().item(), name))
    return least


def make(out, name, version, L, C, N, F, V, ranks, T, dtype, manner):
    for seed in range(50):
        g = torch.Generator().manual_seed(1000 * seed + len(name) * C + L)
        w = collections.OrderedDict((k, t.to(dtype)) for k, t in draw(g, version, L, C, N, F, V, ranks).items())
        tokens = torch.randint(V, (T,), generator=g)
        w64 = {k: t.double() for k, t in w.items()}
        assert reference.version(w) == version
        logits = reference.forward(w64, tokens)
        rounding = (reference.forward({k: t.float() for k, t in w.items()}, tokens).double() - logits).abs().max().item()
        if rounding > 8e-6:
            continue
        steps, last, whole = run_official(w, version, tokens.tolist())
        apart = [abs(x - logits.numpy()).max() for x in (steps, whole)] + [abs(last - logits[-1].numpy()).max()]
        if max(apart) < 1.2e-5:  # else fp32 itself is uncertain with this seed
            break
    else:
        raise SystemExit(name + ": no well-conditioned seed")
    alive, dullest = least_alive(w64, tokens, logits)
    path = os.path.join(out, name)
    print("%-14s seed %d  logits std %.2f  fp32 rounding %.1e  official - float64: steps %.1e, sequence %.1e  least alive %.3f %s"
          % (name, seed, logits.std(), rounding, apart[0], max(apart[1:]), alive, dullest))
    assert alive > 0.1
    save(w, path + ".pth", manner)
    tokens.numpy().astype("<i4").tofile(path + ".tokens.i32")
    steps.astype("<f4").tofile(path + ".logits.f32")
    last.astype("<f4").tofile(path + ".sequence.f32")


# ---- rwkv.cpp's quantised files -------------------------------------------------------------------------------------------


def dequantised(data, count, kind):
    """Numbers of one tensor of a rwkv.cpp file as float64 (FORMATS 4.2, 5): f32, f16, Q5_0, Q5_1."""
    if kind in (0, 1):
        return np.frombuffer(data, "<f4" if kind == 0 else "<f2").astype(np.float64)
    rows = np.frombuffer(data, np.uint8).reshape(count // 32, -1)
    scale = rows[:, :2].copy().view("<f2").astype(np.float64)
    head = 2 if kind == 7 else 4
    high = np.unpackbits(rows[:, head : head + 4], axis=1, bitorder="little")
    low = rows[:, head + 4 :]
    q = np.concatenate([low & 15, low >> 4], 1) + 16.0 * high
    if kind == 7:
        return ((q - 16) * scale).reshape(-1)
    return (q * scale + rows[:, 2:4].copy().view("<f2").astype(np.float64)).reshape(-1)


def open_rwkv_cpp(path):
    """The tensors of a rwkv.cpp file under their official names and in official form, float64."""
    data, at, w = open(path, "rb").read(), 24, {}
    while at < len(data):
        n_dims, name_len, kind = struct.unpack_from("<3I", data, at)
        dims = struct.unpack_from("<%dI" % n_dims, data, at + 12)
        at += 12 + 4 * n_dims
        name = data[at : at + name_len].decode()
        at += name_len
        count = int(np.prod(dims))
        size = {0: 4 * count, 1: 2 * count, 7: count // 32 * 22, 8: count // 32 * 24}[kind]
        w[name] = torch.from_numpy(dequantised(data[at : at + size], count, kind).reshape(dims[::-1]).copy())
        at += size
    v7 = "blocks.0.att.r_k" in w
    for name in list(w):
        part = name.split(".")[-1]
        if part == "time_decay":  # v4: -exp(raw); v5: exp(-exp(raw)), H x N x 1
            w[name] = torch.log(-torch.log(w[name])).squeeze(-1) if w[name].dim() == 3 else torch.log(-w[name])
        elif part == "time_first" and w[name].dim() == 3:  # exp(raw), H x 1 x 1
            w[name] = torch.log(w[name]).squeeze(-1)
        elif part == "x_rwkvag":
            for i, q in enumerate("rwkvag"):
                w[name[:-6] + q] = w[name][i]
        elif v7 and part[0] in "wavg" and part[1:] in ("1", "2"):
            w[name] = w[name].T
    return w


def quantised(out, folder):
    for file in ("tiny-rwkv-4v0-660K-Q5_1", "tiny-rwkv-5v1-730K-Q5_0", "tiny-rwkv-7v0-834K-Q5_0"):
        w = open_rwkv_cpp(os.path.join(folder, file + ".bin"))
        eps = 1e-5 if reference.version(w)[0] == "5" else 64e-5  # rwkv.cpp's own for v5 (docs/models.md 3.2)
        logits = reference.forward(w, torch.tensor(list(TEXT)), eps)
        print("%s: version %s, logits std %.2f" % (file, reference.version(w), logits.std()))
        np.array(list(TEXT), "<i4").tofile(os.path.join(out, file + ".tokens.i32"))
        logits.numpy().astype("<f4").tofile(os.path.join(out, file + ".logits.f32"))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", default=os.path.join(here, "../tests/golden/models"))
    parser.add_argument("--quantised", metavar="FOLDER")
    parser.add_argument("--only", metavar="NAME", help="make this model and no other")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    with torch.no_grad():
        for model in MODELS:
            if arguments.only in (None, model[0]):
                make(arguments.out, *model)
        if arguments.quantised:
            quantised(arguments.out, arguments.quantised)


if __name__ == "__main__":
    main()
