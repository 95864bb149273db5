#!/usr/bin/env python3
"""Makes tests/golden/training: the losses that PyTorch's autograd and AdamW give on the first steps of a training run, and all
that is needed to run the same here: initial weights and tokens.

    python3 tools/make-training.py [--official RWKV-LM] [--steps 200] [OUT]

Needs torch and safetensors. For versions 4 and 7:
    NAME.safetensors         the initial checkpoint: official names and shapes, f32
    NAME.curve.safetensors   tokens [steps,B,T+1] i32; losses [steps] f64, the mean cross entropy before each step
The model is that of tools/reference.py; with --official, a checkout of BlinkDL/RWKV-LM, the official classes in float32
(RWKV-v4neo/src/model.py; the time mix and channel mix of RWKV-v7/train_temp/rwkv7_train_simplified.py), whose CUDA kernel is
replaced by a loop in PyTorch. The optimizer is torch.optim.AdamW with the official groups and schedule (docs/training.md 8, 9),
the gradient clipped to length 1, L2Wrap added. With --official those losses are written, and how far the reference is from them
is printed.
"""
import argparse
import importlib.util
import math
import os
import sys
import types

import torch
from safetensors.torch import save_file

import reference

HERE = os.path.dirname(os.path.abspath(__file__))
LR, LR_FINAL, WARMUP, DECAY = 2e-3, 2e-4, 10, 0.1
B, T, V = 4, 32, 61
RANK = 8
MODELS = {"v4": ("4", 2, 32, 0), "v7": ("7", 2, 32, 16)}  # version, L, C, N


def orthogonal(shape, gain, g):
    m = torch.empty(shape)
    torch.nn.init.orthogonal_(m, gain, generator=g)
    return m


def initial(version, L, C, N, g):
    """Weights somewhat like the official initial ones, but with no zero matrices, so that every gradient is there at once."""
    uniform = lambda *shape: (torch.rand(shape, generator=g) * 2 - 1)
    w = {"emb.weight": uniform(V, C) * 0.3, "head.weight": orthogonal((V, C), 0.5, g)}
    for name in ("blocks.0.ln0", "ln_out"):
        w[name + ".weight"], w[name + ".bias"] = 1 + 0.1 * uniform(C), 0.1 * uniform(C)
    for layer in range(L):
        p = "blocks.%d." % layer
        for name in ("ln1", "ln2") + (("att.ln_x",) if version == "7" else ()):
            w[p + name + ".weight"], w[p + name + ".bias"] = 1 + 0.1 * uniform(C), 0.1 * uniform(C)
        for name in ("receptance", "key", "value", "output"):
            w[p + "att." + name + ".weight"] = orthogonal((C, C), 0.7, g)
        w[p + "ffn.key.weight"], w[p + "ffn.value.weight"] = orthogonal((4 * C, C), 1, g), orthogonal((C, 4 * C), 0.5, g)
        if version == "4":
            w[p + "ffn.receptance.weight"] = orthogonal((C, C), 0.5, g)
            w[p + "att.time_decay"], w[p + "att.time_first"] = uniform(C) * 3 - 2, uniform(C)
            for name in ("att.time_mix_k", "att.time_mix_v", "att.time_mix_r", "ffn.time_mix_k", "ffn.time_mix_r"):
                w[p + name] = torch.rand((1, 1, C), generator=g)
        else:
            for name in "rwkvag":
                w[p + "att.x_" + name] = torch.rand((1, 1, C), generator=g)
            w[p + "ffn.x_k"] = torch.rand((1, 1, C), generator=g)
            for name in "wavg":
                if layer == 0 and name == "v":
                    continue
                w[p + "att.%s1" % name], w[p + "att.%s2" % name] = orthogonal((C, RANK), 0.5, g), orthogonal((RANK, C), 0.5, g)
                if name != "g":
                    w[p + "att.%s0" % name] = uniform(1, 1, C) - (2 if name == "w" else 0)
            for name in ("k_k", "k_a"):
                w[p + "att." + name] = 0.9 + 0.2 * uniform(1, 1, C)
            w[p + "att.r_k"] = 0.1 * uniform(C // N, N)
    return w


def batches(steps, g):
    """A text with something to learn: each token mostly follows from the one before."""
    tokens = torch.zeros(steps, B, T + 1, dtype=torch.int64)
    for t in range(1, T + 1):
        follows = (tokens[:, :, t - 1] * 5 + 7) % V
        other = torch.randint(V, (steps, B), generator=g)
        tokens[:, :, t] = torch.where(torch.rand(steps, B, generator=g) < 0.8, follows, other)
        tokens[:, :, 0] = torch.randint(V, (steps, B), generator=g) if t == 1 else tokens[:, :, 0]
    return tokens


def rate(step, steps):
    p = min(max((step - WARMUP) / (steps - WARMUP), 0), 1)
    lr = LR_FINAL + (LR - LR_FINAL) * (1 + math.cos(math.pi * p)) / 2
    return lr * (0.01 + 0.99 * step / WARMUP) if step < WARMUP else lr


def groups(w, version):
    out = {}
    for name, t in w.items():
        scale = 2 if "time_decay" in name or "att.w0" in name else 3 if "time_first" in name else 1
        decays = name.endswith(".weight") and t.dim() == 2
        out.setdefault((scale, decays), []).append(t)
    return [{"params": ts, "weight_decay": DECAY if decays else 0.0, "scale": scale}
            for (scale, decays), ts in out.items()]


def curve(logits_of, w, version, tokens, steps, optimizer_steps):
    optimizer = torch.optim.AdamW(groups(w, version), lr=LR, betas=(0.9, 0.99), eps=1e-18)
    losses = []
    for step in range(steps):
        x, y = tokens[step, :, :-1], tokens[step, :, 1:]
        logits = logits_of(x).reshape(-1, V)
        loss = torch.nn.functional.cross_entropy(logits, y.reshape(-1))
        (loss + 0.5e-4 * (logits.max(1).values ** 2).mean()).backward()
        torch.nn.utils.clip_grad_norm_(list(w.values()), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, optimizer_steps) * group["scale"]
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


# ---- the official model ----------------------------------------------------------------------------------------------


def wkv4(w, u, k, v):
    """w, u [C]; k, v [B,T,C]; the kernel of RWKV-v4neo, in float32; w comes as -exp(decay)."""
    num, den, top = torch.zeros_like(k[:, 0]), torch.zeros_like(k[:, 0]), torch.full_like(k[:, 0], -1e38)
    ys = []
    for t in range(k.shape[1]):
        m = torch.maximum(top, u + k[:, t])
        e1, e2 = torch.exp(top - m), torch.exp(u + k[:, t] - m)
        ys.append((e1 * num + e2 * v[:, t]) / (e1 * den + e2))
        m = torch.maximum(top + w, k[:, t])
        e1, e2 = torch.exp(top + w - m), torch.exp(k[:, t] - m)
        num, den, top = e1 * num + e2 * v[:, t], e1 * den + e2, m
    return torch.stack(ys, 1)


def wkv7(r, w, k, v, a, b, size):
    """The kernel of RWKV-7: all [B,T,C]; w before exp(-exp())."""
    shape = r.shape
    r, w, k, v, a, b = (z.view(shape[0], shape[1], -1, size) for z in (r, torch.exp(-torch.exp(w)), k, v, a, b))
    S = torch.zeros(shape[0], r.shape[2], size, size)
    ys = []
    for t in range(shape[1]):
        s = torch.einsum("bhij,bhj->bhi", S, a[:, t])
        S = S * w[:, t].unsqueeze(2) + s.unsqueeze(3) * b[:, t].unsqueeze(2) + v[:, t].unsqueeze(3) * k[:, t].unsqueeze(2)
        ys.append(torch.einsum("bhij,bhj->bhi", S, r[:, t]))
    return torch.stack(ys, 1).reshape(shape)


def stub(name, **what):
    module = sys.modules.setdefault(name, types.ModuleType(name))
    for key, value in what.items():
        setattr(module, key, value)


def official4(root, L, C, V=V, T=T, kernel=wkv4):
    """The class RWKV of the official source, with what needs CUDA, DeepSpeed or Lightning taken out of the way."""
    os.environ.update(RWKV_JIT_ON="0", RWKV_T_MAX=str(T), RWKV_FLOAT_MODE="fp32", RWKV_MY_TESTING="")
    stub("pytorch_lightning", LightningModule=torch.nn.Module)
    stub("pytorch_lightning.utilities", rank_zero_info=lambda *a, **k: None, rank_zero_only=lambda f: f)
    stub("pytorch_lightning.strategies", DeepSpeedStrategy=object)
    import torch.utils.cpp_extension as extension
    extension.load = lambda *a, **k: None
    spec = importlib.util.spec_from_file_location("official4", os.path.join(root, "RWKV-v4neo/src/model.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.RUN_CUDA = lambda b, t, c, w, u, k, v: kernel(-torch.exp(w), u, k, v)
    return module.RWKV(types.SimpleNamespace(
        n_layer=L, n_embd=C, dim_att=C, dim_ffn=4 * C, vocab_size=V, ctx_len=T, dropout=0, grad_cp=0, tiny_att_dim=0,
        tiny_att_layer=-1, head_qk=0, my_pos_emb=0, pre_ffn=0, weight_decay=DECAY, layerwise_lr=1))


def official7(root, L, C, N, V=V, kernel=wkv7):
    """The official time mix and channel mix, in blocks as the official ones are."""
    with open(os.path.join(root, "RWKV-v7/train_temp/rwkv7_train_simplified.py")) as f:
        source = f.read()
    classes = "\n".join(source[source.index(a):source.index(b)]
                      for a, b in (("class RWKV_Tmix_x070", "#####\n\nprint('Training"), ("class FFN", "class MODEL")))
    names = dict(torch=torch, nn=torch.nn, F=torch.nn.functional, math=math, MyModule=torch.nn.Module, MyFunction=lambda f: f,
                 RUN_CUDA_RWKV7g=lambda r, w, k, v, a, b: kernel(r, w, k, v, a, b, N))
    exec(classes, names)
    args = types.SimpleNamespace(n_layer=L, n_embd=C, dim_att=C, head_size=N)

    class Block(torch.nn.Module):
        def __init__(self, layer):
            super().__init__()
            self.ln1, self.ln2 = torch.nn.LayerNorm(C), torch.nn.LayerNorm(C)
            if layer == 0:
                self.ln0 = torch.nn.LayerNorm(C)
            self.att, self.ffn = names["RWKV_Tmix_x070"](args, layer), names["FFN"](C)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.head = torch.nn.Embedding(V, C), torch.nn.Linear(C, V, bias=False)
            self.blocks = torch.nn.ModuleList(Block(layer) for layer in range(L))
            self.ln_out = torch.nn.LayerNorm(C)

        def forward(self, tokens):
            x, first = self.blocks[0].ln0(self.emb(tokens)), None
            for block in self.blocks:
                y, first = block.att(block.ln1(x), first)
                x = x + y
                x = x + block.ffn(block.ln2(x))
            return self.head(self.ln_out(x))

    return Model()


def curve_of_official(root, name, w, tokens, steps, optimizer_steps):
    version, L, C, N = MODELS[name]
    model = official4(root, L, C) if version == "4" else official7(root, L, C, N)
    have = dict(model.named_parameters())
    unused = set(have) - set(w)
    assert not set(w) - set(have), set(w) - set(have)
    assert all(".0.att.v" in n for n in unused), unused
    with torch.no_grad():
        for n, t in w.items():
            have[n].copy_(t.reshape(have[n].shape))
    used = {n: have[n] for n in w}
    return curve(lambda x: model(x), used, version, tokens, steps, optimizer_steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", help="a checkout of BlinkDL/RWKV-LM")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--kept", type=int, default=200, help="steps that are written")
    parser.add_argument("out", nargs="?", default=os.path.join(HERE, "../tests/golden/training"))
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    torch.set_num_threads(1)
    for name, (version, L, C, N) in MODELS.items():
        g = torch.Generator().manual_seed(11)
        w = initial(version, L, C, N, g)
        tokens = batches(options.steps, g)
        save_file({n: t.contiguous() for n, t in w.items()}, os.path.join(options.out, name + ".safetensors"))
        if options.official:
            theirs = curve_of_official(options.official, name, w, tokens, options.steps, options.steps)
        mine = {n: t.clone().requires_grad_() for n, t in w.items()}
        logits = lambda x: torch.stack([reference.forward(mine, row) for row in x])
        losses = curve(logits, mine, version, tokens, options.steps, options.steps)
        note = ""
        if options.official:
            note = "; official code within %.1e, first step %.1e" % ((theirs - losses).abs().max(), abs(theirs[0] - losses[0]))
            losses = theirs
        print("%s: loss %.6f to %.6f in %d steps%s" % (name, losses[0], losses[-1], options.steps, note))
        kept = {"tokens": tokens[:options.kept].int().contiguous(), "losses": losses[:options.kept].contiguous()}
        save_file(kept, os.path.join(options.out, name + ".curve.safetensors"))


if __name__ == "__main__":
    main()
