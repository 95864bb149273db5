#!/usr/bin/env python3
"""Do other programs open what `wkv convert` writes, and find the same numbers in it?

    python3 tools/check-convert.py WKV MODEL.pth ...        (needs torch, safetensors, gguf)

Each MODEL is an official .pth. It is converted to every other kind of file; torch.load, the safetensors package and the gguf
package read those, and every tensor is compared with the official one."""
import os, subprocess, sys, tempfile
import gguf, numpy as np, torch
from safetensors.torch import load_file

TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def convert(wkv, source, to, *options):
    subprocess.run([wkv, "convert", "--quiet", source, to, *options], check=True, stdout=subprocess.DEVNULL)


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


def llama(d):
    """What llama.cpp's converter makes of an official state dict, as f32; its conventions for versions 4 and 5."""
    outer = {"emb": "token_embd", "head": "output", "ln_out": "output_norm", "blocks.0.ln0": "token_embd_norm"}
    version = 7 if "blocks.0.att.r_k" in d else 6 if "blocks.0.att.time_maa_x" in d else 5 if "blocks.0.att.ln_x.weight" in d else 4
    fused = {6: ["time_maa_" + x for x in "wkvrg"], 7: ["x_" + x for x in "rwkvag"]}.get(version, [])
    five_0 = version == 5 and "blocks.0.att.gate.weight" not in d
    out = {}
    for k, v in d.items():
        stem, _, last = k.rpartition(".")
        if stem in outer:
            out[outer[stem] + "." + last] = v
            continue
        _, i, part, name = k.split(".", 3)
        blk = "blk.%s." % i
        if part in ("ln1", "ln2"):
            out[blk + {"ln1": "attn_norm.", "ln2": "attn_norm_2."}[part] + name] = v
            continue
        if name in fused and part == "att":
            if name == fused[0]:
                out[blk + "time_mix_lerp_fused.weight"] = torch.stack([d["blocks.%s.att.%s" % (i, f)] for f in fused]).float()
            continue
        new = name.removesuffix(".weight").removesuffix(".bias").removeprefix("time_")
        new = {"faaaa": "first", "ln_x": "ln"}.get(new, new).replace("maa_w", "w").replace("maa_", "lerp_").replace("mix_", "lerp_")
        new = new.replace("x_k", "lerp_k") if part == "ffn" else new
        if name in ("time_faaaa", "time_first") and five_0:
            v = v.float().exp()
        if name[-2:] in ("w1", "w2", "a1", "a2", "v1", "v2", "g1", "g2"):
            v = v.transpose(-1, -2)
        if v.shape[:-1].numel() == 1 and v.ndim == 3 or name == "r_k":
            v = v.reshape(-1)
        out[blk + {"att": "time_mix_", "ffn": "channel_mix_"}[part] + new + (".bias" if name.endswith(".bias") else ".weight")] = v
    for x in "012" if version == 7 else "":
        out["blk.0.time_mix_v%s.weight" % x] = out["blk.0.time_mix_a%s.weight" % x]
    return {k: v.float() for k, v in out.items()}


def load_gguf(path):
    """Every tensor as f32 in PyTorch's order of axes, and the names of those that are stored in F32."""
    tensors = gguf.GGUFReader(path).tensors
    values = {t.name: torch.tensor(np.array(gguf.quants.dequantize(t.data, t.tensor_type), dtype=np.float32).reshape(t.shape[::-1].tolist())) for t in tensors}
    return values, {t.name for t in tensors if t.tensor_type == gguf.GGMLQuantizationType.F32}


def expected_f32(want):
    return {k: v.numpy() for k, v in llama(want).items()}


def check_gguf(wkv, source, want, folder):
    to = os.path.join(folder, "out.gguf")
    for how, dtype in TYPES.items():
        convert(wkv, source, to, "--type", how)
        got, wide = load_gguf(to)
        expected = llama(want)
        for k, v in expected.items():
            forced = v.ndim == 1 or any(s in k for s in ("_norm", "first", "_w1", "_w2", "fused", "decay."))
            assert (k in wide) == (forced or how == "f32"), (source, k)
            expected[k] = v if forced else v.to(dtype).float()
            if "first" in k and not torch.equal(got[k], v):  # exp
                assert torch.allclose(got[k], v, rtol=1e-6), (source, k)
                expected[k] = got[k]
        same(got, expected, (source, "gguf", how))
    for how in ("q8_0", "q5_1", "q5_0", "q4_1", "q4_0"):
        convert(wkv, source, to, "--type", how)
        for t in gguf.GGUFReader(to).tensors:
            if t.tensor_type.name.startswith("Q"):
                blocks = gguf.quants.quantize(expected_f32(want)[t.name], t.tensor_type)
                assert np.array_equal(t.data.reshape(-1), blocks.reshape(-1)), (source, how, t.name)


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
            check_gguf(wkv, source, want, folder)
            print("same", source)


main()
