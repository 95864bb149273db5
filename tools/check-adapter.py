#!/usr/bin/env python3
"""Do PyTorch and RWKV-PEFT's formulas merge an adapter as wkv does, and are PiSSA's first values principal?

    python3 tools/check-adapter.py WKV MODEL LORA           (needs torch)

MODEL and LORA are merged by `wkv merge` and in PyTorch: W + alpha / rank B A for a LoRA, the loop of merge_disha.py for MiSS.
A LoRA of even rank is also read as one of PiSSA, [B, -B0] [A; A0]: how far is W - B0 A0 from the smallest possible rest?"""
import json, struct, subprocess, sys, tempfile
import torch

wkv, model, lora = sys.argv[1:]


def load(path):
    data = open(path, "rb").read()
    head = 8 + struct.unpack("<Q", data[:8])[0]
    names = json.loads(data[8:head])
    meta, out = names.pop("__metadata__", {}), {}
    for name, t in names.items():
        begin, end = t["data_offsets"]
        out[name] = torch.frombuffer(bytearray(data[head + begin : head + end]), dtype=torch.float32).reshape(t["shape"])
    return out, meta


def merge_miss(w, d):
    """RWKV-PEFT, merge/merge_disha.py, two axes"""
    w, r = w.clone(), d.shape[0]
    whole = w.shape[1] // r * r
    shards = w[:, :whole].reshape(w.shape[0], -1, r).permute(1, 2, 0) + d
    w[:, :whole] = shards.permute(2, 0, 1).reshape(w.shape[0], whole)
    w[:, whole:] += d.t()[:, : w.shape[1] - whole]
    return w


def rest(w, product):
    return torch.linalg.norm(w - product).item()


with tempfile.TemporaryDirectory() as folder:
    base, merged = folder + "/base.safetensors", folder + "/merged.safetensors"
    subprocess.run([wkv, "convert", "--quiet", model, base, "--type", "f32"], check=True)
    subprocess.run([wkv, "merge", "--quiet", model, merged, "--lora", lora, "--type", "f32"], check=True)
    base, merged = load(base)[0], load(merged)[0]
values, meta = load(lora)
apart, ours, theirs = 0, 0, 0
for name, value in values.items():
    weight = name.rsplit(".", 1)[0] + ".weight"
    if name.endswith(".disha"):
        want = merge_miss(base[weight], value)
    elif name.endswith(".lora_A"):
        w, a, b = base[weight].double(), value.double(), values[name[:-1] + "B"].double()
        rank, half = a.shape[0], a.shape[0] // 2
        want = w + float(meta["lora_alpha"]) / rank * b @ a
        u, s, v = torch.linalg.svd(w, full_matrices=False)
        best = rest(w, u[:, :half] * s[:half] @ v[:half])
        ours = max(ours, rest(w, -float(meta["lora_alpha"]) / rank * b[:, half:] @ a[half:]) / best - 1)
        torch.manual_seed(0)
        u, s, v = torch.svd_lowrank(w, q=half, niter=4)
        theirs = max(theirs, rest(w, u * s @ v.t()) / best - 1)
    else:
        continue
    apart = max(apart, ((merged[weight] - want).abs().max() / want.abs().max()).item())
print("merged weights are at most %.1e apart, relative to the largest" % apart)
if "lora_alpha" in meta:
    print("as PiSSA: the rest is at most %.2f %% larger than the smallest; torch.svd_lowrank with niter=4 leaves %.2f %%"
          % (100 * ours, 100 * theirs))
