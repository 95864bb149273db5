#!/usr/bin/env python3
"""Do other programs open what `wkv convert` writes, and find the same numbers in it?

    python3 tools/check-convert.py WKV MODEL.pth ...        (needs torch, safetensors, gguf)

Each MODEL is an official .pth. It is converted to every other kind of file; torch.load, the safetensors package and the gguf
package read those, and every tensor is compared with the official one."""
import os, subprocess, sys, tempfile
import numpy as np, torch
from safetensors.torch import load_file

TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def convert(wkv, source, to, *options):
    subprocess.run([wkv, "convert", source, to, *options], check=True, stdout=subprocess.DEVNULL)


def official(path):
    d = torch.load(path, map_location="cpu", weights_only=True)
    d = {k.removeprefix("_forward_module."): v.detach() for k, v in d.items()}
    return {k: v for k, v in d.items() if not k.startswith("blocks.0.att.v") or k.endswith(".weight")}


def same(got, want, what):
    assert got.keys() == want.keys(), (what, got.keys() ^ want.keys())
    for k, v in want.items():
        assert got[k].shape == v.shape, (what, k, got[k].shape, v.shape)
        assert got[k].dtype == v.dtype, (what, k, got[k].dtype, v.dtype)
        assert torch.equal(got[k], v.contiguous()), (what, k)


def web(d):
    """What web-rwkv's own converter makes of an official state dict."""
    swapped = ("time_mix_w1", "time_mix_w2", "time_decay_w1", "time_decay_w2", "w1", "w2", "a1", "a2", "g1", "g2", "v1", "v2", "time_state")
    out = {}
    five_1 = "blocks.0.att.gate.weight" in d and d["blocks.0.att.time_decay"].ndim == 1
    for k, v in d.items():
        if five_1 and k.endswith(("time_decay", "time_faaaa")):
            v = v.unsqueeze(1).expand(-1, d["emb.weight"].shape[1] // v.shape[0])
        k = k.replace("time_faaaa", "time_first").replace("time_maa", "time_mix")
        out[k] = (v.transpose(-1, -2) if any(s in k for s in swapped) else v).half().contiguous()
    return out


def main():
    wkv, files = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        for source in files:
            want = official(source)
            for how, dtype in [("keep", None), *TYPES.items()]:
                typed = {k: v if dtype is None else v.to(dtype) for k, v in want.items()}
                for end, load in (("pth", lambda p: torch.load(p, weights_only=True)), ("safetensors", load_file)):
                    to = os.path.join(folder, "out." + end)
                    convert(wkv, source, to, "--type", how)
                    same(load(to), typed, (source, end, how))
            mapped = torch.load(os.path.join(folder, "out.pth"), weights_only=True, mmap=True)
            same(mapped, typed, (source, "mapped"))
            if "blocks.0.att.ln_x.weight" not in want or any(s in want for s in ("blocks.0.att.gate.weight", "blocks.0.att.r_k")):
                to = os.path.join(folder, "out.st")
                convert(wkv, source, to)
                same(load_file(to), web(want), (source, "st"))
            print("same", source)


main()
