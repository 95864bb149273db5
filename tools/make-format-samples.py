#!/usr/bin/env python3
"""Make tests/golden/formats: tiny checkpoints of every version in every container and naming.

    python3 tools/make-format-samples.py        (needs numpy, torch, safetensors, gguf)

The containers are written by the programs that own them (torch.save, safetensors, gguf); rwkv.cpp's by hand. The number at
place i of the official tensor called `name` is a formula that the tests know as well, so that nothing has to be stored twice;
all are exact in bf16 and f16. The namings and what each does to a tensor follow docs/formats.md.
"""
import argparse, collections, json, os, pathlib, struct, sys, zlib
import numpy as np, torch, gguf
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden", "formats")
C, H, N, F, V, L = 8, 2, 4, 12, 5, 2


def values(name, *shape):
    """((crc32(name) + 2654435761 i) >> 20 & 255) / 64 - 2, in PyTorch order."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    u = (np.uint64(zlib.crc32(name.encode())) + i * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    return ((u >> np.uint64(20) & np.uint64(255)).astype(np.float32) / 64 - 2).reshape(shape)


def official(version):
    """The official state dict: name -> f32 array."""
    d = {}

    def put(name, *shape):
        d[name] = values(name, *shape)

    put("emb.weight", V, C)
    for i in range(L):
        b = "blocks.%d." % i
        for ln in (["ln0"] if i == 0 else []) + ["ln1", "ln2"]:
            put(b + ln + ".weight", C)
            put(b + ln + ".bias", C)
        a = b + "att."
        if version in ("4", "50", "52"):
            put(a + "time_decay", *{"4": (C,), "50": (H,), "52": (H, N)}[version])
            if version == "52":
                put(a + "time_faaaa", H, N)
            else:
                put(a + "time_first", *{"4": (C,), "50": (H,)}[version])
            for x in "kvrg" if version == "52" else "kvr":
                put(a + "time_mix_" + x, 1, 1, C)
            for x in "kr":
                put(b + "ffn.time_mix_" + x, 1, 1, C)
        elif version == "6":
            for x in "xwkvrg":
                put(a + "time_maa_" + x, 1, 1, C)
            put(a + "time_maa_w1", C, 5 * 3)
            put(a + "time_maa_w2", 5, 3, C)
            put(a + "time_decay", 1, 1, C)
            put(a + "time_decay_w1", C, 4)
            put(a + "time_decay_w2", 4, C)
            put(a + "time_faaaa", H, N)
            for x in "kr":
                put(b + "ffn.time_maa_" + x, 1, 1, C)
        else:
            for x in "rwkvag":
                put(a + "x_" + x, 1, 1, C)
            for x, rank in (("w", 4), ("a", 5), ("v", 3), ("g", 7)):
                if x != "g":
                    put(a + x + "0", 1, 1, C)
                put(a + x + "1", C, rank)
                put(a + x + "2", rank, C)
            put(a + "k_k", 1, 1, C)
            put(a + "k_a", 1, 1, C)
            put(a + "r_k", H, N)
            put(b + "ffn.x_k", 1, 1, C)
        for x in ["receptance", "key", "value", "output"] + (["gate"] if version in ("52", "6") else []):
            put(a + x + ".weight", C, C)
        if version != "4":
            put(a + "ln_x.weight", C)
            put(a + "ln_x.bias", C)
        put(b + "ffn.key.weight", F, C)
        put(b + "ffn.value.weight", C, F)
        if version != "7":
            put(b + "ffn.receptance.weight", C, C)
    put("ln_out.weight", C)
    put("ln_out.bias", C)
    put("head.weight", V, C)
    return d


def swap(x):
    return np.ascontiguousarray(np.swapaxes(x, -1, -2))


def half(d):
    return {k: np.ascontiguousarray(v.astype(np.float16)) for k, v in d.items()}


def tensors(d, dtype):
    return {k: torch.tensor(v).to(dtype) for k, v in d.items()}


def rename(name, *pairs):
    for old, new in pairs:
        name = name.replace(old, new)
    return name


# ---- namings ---------------------------------------------------------------------------------------------------------------


def hf(version):
    """Hugging Face names of 4, 5 and 6."""
    out = {}
    for k, v in official(version).items():
        if k != "head.weight":
            k = "rwkv." + rename(k, ("emb.", "embeddings."), (".ln0.", ".pre_ln."), (".att.", ".attention."), (".ffn.", ".feed_forward."))
            for short, long in (("k", "key"), ("v", "value"), ("r", "receptance"), ("g", "gate")):
                if k.endswith(".time_mix_" + short):
                    k = k[:-1] + long
        out[k] = v
    return out


def fla(fused):
    """flash-linear-attention's RWKV-7."""
    out = {}
    for k, v in official("7").items():
        if k.startswith("blocks.0.att.v") and k[-1] in "012":
            continue
        if k == "head.weight":
            out["lm_head.weight"] = v
            continue
        k = "model." + rename(k, ("blocks.", "layers."), ("emb.", "embeddings."), ("ln_out.", "norm."), (".ln0.", ".pre_norm."),
                              (".ln1.", ".attn_norm."), (".ln2.", ".ffn_norm."), (".att.", ".attn."), (".ln_x.", ".g_norm."))
        if ".attn." in k:
            k = rename(k, ("receptance.", "r_proj."), (".key.", ".k_proj."), (".value.", ".v_proj."), ("output.", "o_proj."))
            head, tail = k.rsplit(".", 1)
            if len(tail) == 2 and tail[0] in "wavg" and tail[1] in "012":
                k = head + "." + tail[0] + "_lora.lora." + {"0": "2.bias", "1": "0.weight", "2": "2.weight"}[tail[1]]
                v = v.reshape(C) if tail[1] == "0" else swap(v)
            if tail in ("k_k", "k_a"):
                v = v.reshape(C)
        out[k] = v
    if fused:
        for i in range(L):
            a = "model.layers.%d.attn." % i
            out[a + "x_x"] = np.stack([out.pop(a + "x_" + x) for x in "rwkvag"]).reshape(6, 1, 1, C)
    return out


def transformers():
    """transformers' Rwkv7: official names behind "rwkv7.", but for the head."""
    return {k if k == "head.weight" else "rwkv7." + k: v for k, v in official("7").items()}


def rwkv_rs():
    """rwkv-rs: names of its own, vectors as [C], and no v0, v1, v2 in the first layer."""
    out = {}
    for k, v in official("7").items():
        if k.startswith("blocks.0.att.v") and k[-1] in "012":
            continue
        if k == "head.weight":
            out["lm_head.weight"] = v
            continue
        k = rename(k, ("blocks.0.ln0.", "embedding_norm."), ("blocks.", "layers."), ("emb.", "embed_tokens."),
                   ("ln_out.", "norm."), (".ln1.", ".input_layernorm."), (".ln2.", ".post_attention_layernorm."),
                   (".att.", ".linear_attn."), (".ffn.", ".mlp."))
        if ".linear_attn." in k:
            k = rename(k, ("receptance.", "r_proj."), (".key.", ".k_proj."), (".value.", ".v_proj."),
                       ("output.", "o_proj."), ("ln_x.", "g_norm."))
        out["model." + k] = v.reshape(-1) if v.shape[:2] == (1, 1) else v
    return out


def web(version):
    """web-rwkv's converter."""
    out = {}
    for k, v in official(version).items():
        k = rename(k, ("time_faaaa", "time_first"), ("time_maa", "time_mix")).lower()
        if any(x in k for x in ("time_mix_w1", "time_mix_w2", "time_decay_w1", "time_decay_w2", "w1", "w2", "a1", "a2", "g1", "g2", "v1", "v2")):
            v = swap(v)
        out[k] = v
    return out


def cpp(version):
    """rwkv.cpp's converter; values that stay f32 are marked by being so."""
    out = {}
    for k, v in official(version).items():
        if ".time_" in k:
            v = v.squeeze()
        if k.endswith(".time_decay"):
            if version == "4":
                v = -np.exp(v)
            if version == "50":
                v = np.exp(-np.exp(v)).reshape(H, 1, 1)
            if version == "52":
                v = np.exp(-np.exp(v)).reshape(H, N, 1)
            if version == "6":
                v = v.reshape(H, N, 1)
        if k.endswith(".time_first") and version == "50":
            v = np.exp(v).reshape(H, 1, 1)
        if k.endswith(".time_faaaa"):
            v = v.reshape(H, N, 1)
        if k.rsplit(".", 1)[1] in ("time_maa_w1", "time_maa_w2", "time_decay_w1", "time_decay_w2", "w1", "w2", "a1", "a2", "v1", "v2", "g1", "g2"):
            v = swap(v)
        out[k] = v
    if version == "7":
        fused = {}
        for k, v in out.items():
            if ".att.x_" not in k:
                fused[k] = v
            elif k.endswith("x_r"):
                fused[k[:-1] + "rwkvag"] = np.concatenate([out[k[:-1] + x] for x in "rwkvag"])
        out = fused
    return out


def llama(version):
    """llama.cpp's converters of 6 and 7, and the same conventions for 4 and 5."""
    out = {}
    d = official(version)
    for k, v in d.items():
        if not k.startswith("blocks."):
            out[rename(k, ("emb.", "token_embd."), ("ln_out.", "output_norm."), ("head.", "output."))] = v
            continue
        _, i, rest = k.split(".", 2)
        i, b = int(i), "blk.%s." % i
        if rest.startswith("ln0."):
            out["token_embd_norm." + rest[4:]] = v
            continue
        rest = rename(rest, ("ln1.", "attn_norm."), ("ln2.", "attn_norm_2."), ("att.ln_x.", "time_mix_ln."))
        if rest.endswith(("weight", "bias")):
            rest = rename(rest, ("att.", "time_mix_"), ("ffn.", "channel_mix_"))
            if version == "6" and rest in ("time_mix_output.weight", "channel_mix_value.weight"):
                v = v / 2**i  # rescale_every_n_layers = 1
        else:
            where, what = rest.split(".")
            mix = "time_mix_" if where == "att" else "channel_mix_"
            if what.startswith(("time_mix_", "time_maa_")) and len(what) == 10:
                what = "lerp_" + what[-1]
            elif what.startswith("x_"):
                what = "lerp_" + what[-1]
            else:
                what = rename(what, ("time_maa_", ""), ("time_decay", "decay"), ("time_faaaa", "first"), ("time_first", "first"))
            if what[-2:] in ("w1", "w2", "a1", "a2", "v1", "v2", "g1", "g2"):
                v = swap(v)
            elif what != "first" and not (version == "52" and what == "decay"):
                v = v.reshape(-1)
            if version == "50" and what == "first":
                v = np.exp(v)
            rest = mix + what + ".weight"
        out[b + rest] = v
    order = {"6": "wkvrg", "7": "rwkvag"}.get(version)
    for i in range(L if order else 0):
        b = "blk.%d.time_mix_" % i
        out[b + "lerp_fused.weight"] = np.stack([out.pop(b + "lerp_%s.weight" % x) for x in order]).reshape(len(order), 1, 1, C)
        if version == "7" and i == 0:
            for x in "012":
                out[b + "v%s.weight" % x] = out[b + "a%s.weight" % x]
    return out


# ---- containers --------------------------------------------------------------------------------------------------------------


def write_cpp(path, d, version=101):
    with open(path, "wb") as f:
        f.write(struct.pack("<6i", 0x67676D66, version, V, C, L, 1))
        for k, v in d.items():
            small = v.ndim == 1 or any(x in k for x in (".time_", ".k_k", ".k_a", ".r_k", ".x_rwkvag", ".x_k", ".w0", ".a0", ".v0"))
            v = v.astype(np.float32 if small else np.float16)
            name = k.encode()
            f.write(struct.pack("<3i", v.ndim, len(name), 0 if small else 1))
            f.write(struct.pack("<%di" % v.ndim, *reversed(v.shape)))
            f.write(name + v.tobytes())


def write_gguf(path, arch, d, rescale=None):
    w = gguf.GGUFWriter(path, arch)
    w.add_name("sample")
    w.add_uint32(arch + ".embedding_length", C)
    w.add_uint32(arch + ".block_count", L)
    w.add_uint32(arch + ".wkv.head_size", N)
    w.add_float32(arch + ".attention.layer_norm_epsilon", 1e-5)
    w.add_bool("sample.flag", True)
    w.add_int64("sample.negative", -5)
    if rescale is not None:
        w.add_uint32(arch + ".rescale_every_n_layers", rescale)
    w.add_tokenizer_model("rwkv")
    w.add_token_list([b"<s>", b"\\x00", b"a'", b"\\n", b"[PAD4]"])
    w.add_token_types([3, 1, 1, 1, 5])
    for k, v in d.items():
        f32 = v.ndim == 1 or any(x in k for x in ("norm", "first", "_w1", "_w2", "fused"))
        w.add_tensor(k, np.ascontiguousarray(v.astype(np.float32 if f32 else np.float16)))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def write_quants(path):
    """Random blocks of every type as NAME, and what the gguf package decodes them to as NAME.truth."""
    rng = np.random.default_rng(1)
    w = gguf.GGUFWriter(path, "rwkv7")
    for name in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "BF16", "Q2_K", "Q3_K",
                 "IQ4_NL", "IQ4_XS", "MXFP4"):
        kind = gguf.GGMLQuantizationType[name]
        per, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (512 // per, size), dtype=np.uint8)
        if name == "BF16":
            blocks = gguf.quants.quantize(rng.standard_normal(512).astype(np.float32), kind).view(np.uint8)
        elif name == "MXFP4":  # powers of two, the subnormal ones among them
            blocks[:, 0] = [0, 1, 2, 3, 60, 100, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127]
        else:  # scales that are sensible halves
            scales = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_1": (0, 2), "Q5_1": (0, 2), "Q4_K": (0, 2),
                      "Q5_K": (0, 2), "Q6_K": (208,)}.get(name, (0,))
            for at in scales:
                blocks[:, at:at + 2] = (rng.standard_normal((len(blocks), 1)) / 50).astype(np.float16).view(np.uint8)
        rows = blocks.reshape(2, -1)
        w.add_tensor(name, rows, raw_dtype=kind)
        w.add_tensor(name + ".truth", gguf.quants.dequantize(rows, kind).astype(np.float32).reshape(2, 256))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def write_quantised(path):
    """x, of all magnitudes and with rows of zeros and of equal values, and what the gguf package quantises it to."""
    rng = np.random.default_rng(2)
    x = (rng.standard_normal((160, 32)) * np.exp(rng.uniform(-9, 9, (160, 1)))).astype(np.float32)
    x[80:] = torch.tensor(x[80:]).to(torch.bfloat16).float().numpy()  # whose quotients are often halves
    x[3], x[4], x[5, 1:], x[6] = 0, -1.5, 0, np.abs(x[6])
    w = gguf.GGUFWriter(path, "rwkv7")
    w.add_tensor("x", x)
    for name in ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"):
        kind = gguf.GGMLQuantizationType[name]
        w.add_tensor(name.lower(), gguf.quants.quantize(x, kind), raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def odd():
    """Everything that a .pth may hold besides plain tensors."""
    big = torch.arange(12, dtype=torch.float32)
    d = collections.OrderedDict()
    d["transposed"] = torch.arange(6, dtype=torch.float32).reshape(2, 3).t()
    d["slice"] = big[2:5]
    d["steps"] = big[4:10:2]
    d["scalar"] = torch.tensor(3.5)
    d["empty"] = torch.zeros(0, 4)
    d["expanded"] = torch.ones(1).expand(3)
    d["parameter"] = torch.nn.Parameter(torch.full((2, 2), 0.25))
    for name, dtype in (("f64", torch.float64), ("f16", torch.float16), ("bf16", torch.bfloat16), ("i64", torch.int64), ("i32", torch.int32),
                        ("i16", torch.int16), ("i8", torch.int8), ("u8", torch.uint8), ("bool", torch.bool)):
        d[name] = torch.tensor([0, 1, 100]).to(dtype)
    d["note"] = "a text"
    d["epoch"] = 7
    d["large"] = 1 << 80
    d["rate"] = 1.5
    d["things"] = [None, True, (1, 2), {"a": -3}, torch.Size([2, 3]), torch.float16, torch.device("cpu"), b"bytes", {1, 2}]
    d["arguments"] = argparse.Namespace(lr=0.1, path=pathlib.PosixPath("out"))
    d["random"] = np.random.RandomState(1).get_state()
    return d


def lightning():
    inner = collections.OrderedDict(("_forward_module.model." + k, torch.tensor(v).to(torch.bfloat16)) for k, v in official("7").items())
    inner._metadata = collections.OrderedDict([("", {"version": 1})])
    return {"epoch": 3, "state_dict": inner, "hyper_parameters": argparse.Namespace(n=1),
            "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": 1e-4}]}]}


def write_config(folder, config):
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)


def write_shards(folder, d, config):
    """A Hugging Face folder of two shards."""
    os.makedirs(folder, exist_ok=True)
    items = list(half(d).items())
    index = {"metadata": {"total_size": sum(v.nbytes for _, v in items)}, "weight_map": {}}
    for i, part in enumerate((items[:20], items[20:])):
        name = "model-%05d-of-00002.safetensors" % (i + 1)
        save_file(dict(part), os.path.join(folder, name), metadata={"format": "pt"})
        index["weight_map"].update((k, name) for k, _ in part)
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as f:
        json.dump(index, f, indent=1)
    write_config(folder, config)


def main():
    os.makedirs(OUT, exist_ok=True)
    os.chdir(OUT)
    old = dict(_use_new_zipfile_serialization=False)
    for v in ("4", "50", "52", "6", "7"):
        torch.save(tensors(official(v), torch.bfloat16), "v%s-official.pth" % v)
        write_cpp("v%s-rwkvcpp.bin" % v, cpp(v))
        write_gguf("v%s-llamacpp.gguf" % v, "rwkv" + v[0], llama(v), 1 if v == "6" else None)
    torch.save(tensors(official("4"), torch.float16), "v4-legacy.pth", **old)
    for v in ("4", "52", "6"):
        save_file(half(hf(v)), "v%s-hf.safetensors" % v, metadata={"format": "pt"})
        save_file(half(web(v)), "v%s-web.st" % v, metadata={"format": "pt"})
    save_file(half(web("7")), "v7-web.st", metadata={"format": "pt"})
    save_file(half(official("7")), "v7-official.safetensors")
    save_file(half(fla(True)), "v7-fla-fused.safetensors", metadata={"format": "pt"})
    write_shards("v7-fla", fla(False), {"model_type": "rwkv7", "architectures": ["RWKV7ForCausalLM"]})
    sizes = {"vocab_size": V, "hidden_size": C, "num_hidden_layers": L, "intermediate_size": F,
             "decay_low_rank_dim": 4, "a_low_rank_dim": 5, "v_low_rank_dim": 3, "gate_low_rank_dim": 7}
    write_shards("v7-rwkv-rs", rwkv_rs(), dict(sizes, model_type="rwkv", architectures=["RwkvForCausalLM"],
                                               architecture_version="rwkv7", context_length=10240, head_size=N,
                                               num_attention_heads=H))
    os.makedirs("v7-transformers", exist_ok=True)
    save_file(half(transformers()), "v7-transformers/model.safetensors", metadata={"format": "pt"})
    write_config("v7-transformers", dict(sizes, model_type="rwkv7", architectures=["Rwkv7ForCausalLM"],
                                         head_dim=N, num_heads=H, norm_eps=1e-5, max_position_embeddings=8192,
                                         use_deep_embed=False, wkv_state_dtype="float32"))
    torch.save(lightning(), "v7-lightning.pth")
    torch.save(odd(), "odd.pth")
    torch.save(odd(), "odd-legacy.pth", **old)
    save_torch({k: v.contiguous().clone() for k, v in odd().items() if torch.is_tensor(v)}, "odd.safetensors", metadata={"note": "a text"})
    write_quants("quants.gguf")
    write_quantised("quantised.gguf")


main()
