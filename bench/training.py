#!/usr/bin/env python3
"""Training, beside PyTorch on the same processor: the official model code with its CUDA kernel in PyTorch's own operations.

    python3 bench/training.py --official RWKV-LM [--version 7] [--layers 8] [--width 512] [--context 512] [--batch 8] TEXT

RWKV-LM is a checkout of BlinkDL/RWKV-LM; needs torch and safetensors. The kernel is taken in two forms: the loop over tokens,
and chunks of 16 tokens in which everything is a matrix product, which is the quickest form that PyTorch has on a CPU. Steps are
whole: gradient, clipping, AdamW (fused). PyTorch gets its sequences all at once and one by one, and the quicker counts. The
programs take turns, the loop but once; printed are medians and the median of the rounds' ratios."""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK = 16


def load(path):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("training", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chunked7(r, w, k, v, a, b, size):
    """All [B,T,C], w before exp(-exp()). Within a chunk a row of S is what came before it and two triangular products; b's part
    needs the inverse of a triangle with ones on the diagonal. States go from chunk to chunk in a loop."""
    shape = r.shape
    r, w, k, v, a, b = (z.view(shape[0], shape[1] // CHUNK, CHUNK, -1, size).transpose(2, 3)  # [B,T/c,H,c,N]
                        for z in (r, -torch.exp(w), k, v, a, b))
    up_to = w.cumsum(3)
    total = up_to[..., -1:, :].exp()
    r, a, k, b = r * up_to.exp(), a * (up_to - w).exp(), k * (-up_to).exp(), b * (-up_to).exp()
    one = torch.eye(CHUNK)
    inverse = torch.linalg.solve_triangular(one - (a @ b.mT).tril(-1), one.expand(*a.shape[:3], CHUNK, CHUNK), upper=False,
                                            unitriangular=True)
    from_v, from_state = inverse @ ((a @ k.mT).tril(-1) @ v), inverse @ a
    k_end, b_end = k * total, b * total
    S = torch.zeros(shape[0], r.shape[2], size, size)  # [value, key]
    states, us = [], []
    for c in range(r.shape[1]):
        u = from_v[:, c] + from_state[:, c] @ S.mT
        states.append(S)
        us.append(u)
        S = S * total[:, c] + v[:, c].mT @ k_end[:, c] + u.mT @ b_end[:, c]
    S, u = torch.stack(states, 1), torch.stack(us, 1)
    y = r @ S.mT + (r @ k.mT).tril() @ v + (r @ b.mT).tril() @ u
    return y.transpose(2, 3).reshape(shape)


def chunked4(w, u, k, v):
    """w, u [C], w negative; k, v [B,T,C]. Within a chunk all pairs of tokens at once, each sum from its own largest exponent."""
    B, T, C = k.shape
    k, v = k.view(B, -1, CHUNK, C), v.view(B, -1, CHUNK, C)
    t = torch.arange(CHUNK)
    age = (t[:, None] - 1 - t[None, :]).unsqueeze(2)  # [t,i,1]: -1 for the token itself
    bias = torch.where(age >= 0, age * w, torch.where(age == -1, u.expand(CHUNK, CHUNK, C), torch.tensor(-1e30)))
    e = k.unsqueeze(2) + bias  # [B,n,t,i,C]
    end = k + (CHUNK - 1 - t).unsqueeze(1) * w
    end_top = end.amax(2)
    end = torch.exp(end - end_top.unsqueeze(2))
    end_num, end_den = (end * v).sum(2), end.sum(2)
    num, den, top = torch.zeros(B, C), torch.zeros(B, C), torch.full((B, C), -1e30)
    nums, dens, tops = [], [], []
    for c in range(k.shape[1]):
        nums.append(num), dens.append(den), tops.append(top)
        m = torch.maximum(top + CHUNK * w, end_top[:, c])
        e1, e2 = torch.exp(top + CHUNK * w - m), torch.exp(end_top[:, c] - m)
        num, den, top = e1 * num + e2 * end_num[:, c], e1 * den + e2 * end_den[:, c], m
    num, den, top = (torch.stack(z, 1).unsqueeze(2) for z in (nums, dens, tops))
    carried = top + t.unsqueeze(1) * w
    m = torch.maximum(carried, e.amax(3)).detach()
    e, e1 = torch.exp(e - m.unsqueeze(3)), torch.exp(carried - m)
    y = (torch.einsum("bntic,bnic->bntc", e, v) + e1 * num) / (e.sum(3) + e1 * den)
    return y.reshape(B, T, C)


class Torch:
    """Steps of the official model; its initial weights are PyTorch's own, since they do not change how long a step takes."""

    def __init__(self, o, training, form, at_once):
        torch.manual_seed(1)
        if o.version == "4":
            kernel = chunked4 if form == "chunks" else training.wkv4
            self.model = training.official4(o.official, o.layers, o.width, o.vocab_size, o.context, kernel)
        else:
            kernel = chunked7 if form == "chunks" else training.wkv7
            self.model = training.official7(o.official, o.layers, o.width, 64, o.vocab_size, kernel)
        groups = training.groups(dict(self.model.named_parameters()), o.version)
        self.optimizer = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.99), eps=1e-18, fused=True)
        self.at_once, self.tokens = at_once, torch.randint(o.vocab_size, (o.batch, o.context + 1))
        self.name = "PyTorch, %s, %s" % (form, "all at once" if at_once == o.batch else "one by one")

    def step(self):
        for rows in self.tokens.split(self.at_once):
            logits = self.model(rows[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
            (loss * len(rows) / len(self.tokens)).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def speed(self):
        """Tokens a second of one step."""
        begin = time.perf_counter()
        self.step()
        return self.tokens[:, 1:].numel() / (time.perf_counter() - begin)


def speed_of_wkv(o, steps=4):
    """Tokens a second, and share of the processor's peak, of the last of some steps."""
    with tempfile.TemporaryDirectory() as out:
        command = [o.wkv, "train", "-d", o.text, "--vocab", "bytes", "--vocab-size", o.vocab_size, "-V", o.version, "-L", o.layers,
                   "-C", o.width, "-T", o.context, "-b", o.batch, "-n", steps, "-t", o.threads, "-o", out, "--valid", 0,
                   "--sample-every", -1, "--save-every", -1, "--log-every", steps // 2]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(out, "train.jsonl")) as f:
            last = json.loads(f.readlines()[-1])
        return last["tokens_per_second"], last["share_of_peak"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", required=True)
    parser.add_argument("--wkv", default=os.path.join(HERE, "../wkv"))
    parser.add_argument("--version", default="7", choices=["4", "7"])
    for name, default in (("layers", 8), ("width", 512), ("context", 512), ("batch", 8), ("vocab-size", 2048), ("rounds", 5),
                          ("threads", 2)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("text", help="what wkv learns from")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    training = load(os.path.join(HERE, "../tools/make-training.py"))

    best = {}
    for form in ("loop", "chunks"):
        for at_once in (o.batch, 1):
            peer = Torch(o, training, form, at_once)
            peer.step()  # its memory is new
            peer.tried = peer.speed()
            print("%s: %.1f tokens/s" % (peer.name, peer.tried), flush=True)
            if form not in best or peer.tried > best[form].tried:
                best[form] = peer
    peer = best["chunks"]
    rounds = [(*speed_of_wkv(o), peer.speed()) for _ in range(o.rounds)]
    ours, share, theirs = (statistics.median(column) for column in zip(*rounds))
    n = sum(p.numel() for p in peer.model.parameters())
    print("version %s, %d layers of %d, %.1f M parameters, %d x %d tokens a step, %d threads, %d rounds" %
          (o.version, o.layers, o.width, n / 1e6, o.batch, o.context, o.threads, o.rounds))
    print("wkv: %.0f tokens/s (%.0f - %.0f), %.0f %% of the peak" %
          (ours, min(r[0] for r in rounds), max(r[0] for r in rounds), 100 * share))
    print("%s: %.0f tokens/s; wkv is %.2fx" % (peer.name, theirs, statistics.median(r[0] / r[2] for r in rounds)))
    print("%s: %.1f tokens/s, one step; wkv is %.1fx" % (best["loop"].name, best["loop"].tried, ours / best["loop"].tried))


if __name__ == "__main__":
    main()
