#!/usr/bin/env python3
"""transformer.py - time and memory of a transformer that decodes token by token, for `wkv curve --against`.

A GPT-NeoX shape (rotary positions, full attention, parallel attention and MLP) with random weights in PyTorch and a
cache of keys and values. Before each of some positions the cache is filled with random values, then a few tokens are
decoded: their time is that of a text of this length. Lines "position ms bytes": the fastest tenth of these tokens and
the resident memory of the process. The defaults are the shape of RWKV-7 0.1B.

    python3 tools/transformer.py -n 30000 --type bf16 -t 1
"""
import argparse
import os
import sys
import time

import torch

page = os.sysconf("SC_PAGE_SIZE")


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * page


def attend(q, keys, values):
    """One query, in the fastest of the ways that PyTorch 2.15 has on a CPU: a product for all heads of a short text, a
    product for each head of a long one. scaled_dot_product_attention takes up to 19 times as long in bf16."""
    scale = q.shape[-1] ** -0.5
    if keys.shape[1] < 2048:
        weights = (keys @ q[:, :, None]).float().mul_(scale).softmax(1).to(q.dtype)
        return (weights.transpose(1, 2) @ values)[:, 0]
    heads = zip(q, keys, values)
    return torch.stack([v.T.mv(k.mv(h).float().mul_(scale).softmax(0).to(q.dtype)) for h, k, v in heads])


class Layer:
    def __init__(self, width, head, length, dtype):
        def matrix(rows, columns):
            return torch.randn(rows, columns).mul_(columns ** -0.5).to(dtype)

        self.heads, self.head = width // head, head
        self.norm = torch.ones(width, dtype=dtype), torch.zeros(width, dtype=dtype)
        self.qkv, self.out = matrix(3 * width, width), matrix(width, width)
        self.up, self.down = matrix(4 * width, width), matrix(width, 4 * width)
        self.keys = torch.empty(self.heads, length, head, dtype=dtype)
        self.values = torch.empty(self.heads, length, head, dtype=dtype)

    def __call__(self, x, position, cos, sin):
        f = torch.nn.functional
        y = f.layer_norm(x, x.shape[-1:], *self.norm)
        q, k, v = (y @ self.qkv.T).view(3, self.heads, self.head)
        half = self.head // 2
        q, k = (t * cos + torch.cat((-t[:, half:], t[:, :half]), 1) * sin for t in (q, k))
        self.keys[:, position] = k
        self.values[:, position] = v
        n = position + 1
        a = attend(q, self.keys[:, :n], self.values[:, :n])
        return x + a.view(1, -1) @ self.out.T + f.gelu(y @ self.up.T) @ self.down.T


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("-n", "--tokens", type=int, default=8192)
    p.add_argument("--layers", type=int, default=12)
    p.add_argument("--width", type=int, default=768)
    p.add_argument("--head", type=int, default=64)
    p.add_argument("--vocab", type=int, default=65536)
    p.add_argument("--type", choices=["f32", "bf16"], default="bf16")
    p.add_argument("-t", "--threads", type=int, default=0)
    p.add_argument("--positions", type=int, default=24, help="lines to print")
    p.add_argument("--each", type=int, default=12, help="tokens to decode at each position")
    p.add_argument("--processor-time", action="store_true", help="processor time of one thread instead of the clock")
    o = p.parse_args()
    if o.threads:
        torch.set_num_threads(o.threads)
    now = time.process_time if o.processor_time else time.perf_counter
    torch.manual_seed(1)
    dtype = torch.float32 if o.type == "f32" else torch.bfloat16
    layers = [Layer(o.width, o.head, o.tokens, dtype) for _ in range(o.layers)]
    embedding = torch.randn(o.vocab, o.width).to(dtype)
    head = torch.randn(o.vocab, o.width).mul_(o.width ** -0.5).to(dtype)
    angles = torch.outer(torch.arange(o.tokens), 10000.0 ** (-torch.arange(0, o.head, 2) / o.head)).repeat(1, 2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    filled = 0
    with torch.inference_mode():
        for i in range(o.positions):
            last = o.each + i * (o.tokens - o.each) // max(1, o.positions - 1)
            times = []
            for layer in layers:  # as if this text had been read
                layer.keys[:, filled:last].normal_()
                layer.values[:, filled:last].normal_()
            filled = last
            for position in range(last - o.each, last):
                begun = now()
                x = embedding[position * 7919 % o.vocab].view(1, -1)
                for layer in layers:
                    x = layer(x, position, cos[position], sin[position])
                (x @ head.T).argmax()
                times.append(now() - begun)
            print(last, f"{1e3 * sorted(times)[len(times) // 10]:.4f}", resident(), flush=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)
