"""RWKV 4, 5.0, 5.1, 5.2, 6, 7 and 7a in PyTorch, straight from the equations, in the precision of the weights.

The yardstick of tools/make-golden.py and tools/make-gradients.py: float64, one sequence from the zero state, nothing fused,
no C involved. Weights are a dict of tensors with official names (docs/models.md 2-5); autograd passes through everything.
"""
import math

import torch

DEEP = 32  # DeepEmbed has a matrix of 32 x 32 for each token and layer, in every program that runs it


def version(w):
    """"4", "5.0", "5.1", "5.2", "6", "7" or "7a", detected as in docs/models.md 7."""
    if "blocks.0.att.r_k" in w:
        return "7a" if "blocks.0.ffn.s_emb.weight" in w else "7"
    if "blocks.0.att.time_maa_x" in w:
        return "6"
    if "blocks.0.att.ln_x.weight" not in w:
        return "4"
    if "blocks.0.att.gate.weight" not in w:
        return "5.0"
    decay = w["blocks.0.att.time_decay"]
    return "5.2" if decay.dim() > 1 and decay.shape[1] > 1 else "5.1"


def norm(x, weight, bias, eps=1e-5):
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + eps) * weight + bias


def group_norm(y, p, heads, eps):
    """y [T,C]: each head by itself, then weight and bias per channel."""
    rows = y.shape[0]
    return norm(y.view(rows, heads, -1), 1, 0, eps).view(rows, -1) * p("ln_x.weight") + p("ln_x.bias")


def previous(x):
    """Row t-1 for row t, zeros before the first."""
    return torch.cat([torch.zeros_like(x[:1]), x[:-1]])


def time_mix4(p, x, first, eps):
    before = previous(x)
    xk, xv, xr = (x * p("time_mix_" + q).view(-1) + before * (1 - p("time_mix_" + q).view(-1)) for q in "kvr")
    r, k, v = torch.sigmoid(xr @ p("receptance.weight").T), xk @ p("key.weight").T, xv @ p("value.weight").T
    w, u = -torch.exp(p("time_decay")), p("time_first")
    num, den = torch.zeros_like(v[0]), torch.zeros_like(v[0])
    top = torch.full_like(v[0], -1e30)
    ys = []
    for t in range(len(x)):
        m = torch.maximum(top, u + k[t])
        e1, e2 = torch.exp(top - m), torch.exp(u + k[t] - m)
        ys.append((e1 * num + e2 * v[t]) / (e1 * den + e2))
        m = torch.maximum(top + w, k[t])
        e1, e2 = torch.exp(top + w - m), torch.exp(k[t] - m)
        num, den, top = e1 * num + e2 * v[t], e1 * den + e2, m
    return (r * torch.stack(ys)) @ p("output.weight").T, first


def wkv56(r, k, v, u, decay):
    """r, k, v, decay [T,H,N], u [H,N]; S[h][key][value]; y reads the state before it takes the token in."""
    S = torch.zeros(r.shape[1], r.shape[2], r.shape[2], dtype=r.dtype)
    ys = []
    for t in range(len(r)):
        kv = k[t].unsqueeze(2) * v[t].unsqueeze(1)
        ys.append(torch.einsum("hi,hij->hj", r[t], S + u.unsqueeze(2) * kv))
        S = decay[t].unsqueeze(2) * S + kv
    return torch.stack(ys).view(len(r), -1)


def time_mix5(p, x, first, eps):
    heads = p("time_decay").shape[0]
    split = lambda z: z.view(len(x), heads, -1)
    before = previous(x)
    mix = lambda q: x * p("time_mix_" + q).view(-1) + before * (1 - p("time_mix_" + q).view(-1))
    r, k, v = (split(mix(q) @ p(name).T) for q, name in zip("rkv", ("receptance.weight", "key.weight", "value.weight")))
    u = p("time_faaaa") if p.has("time_faaaa") else torch.exp(p("time_first"))
    decay = torch.exp(-torch.exp(p("time_decay")))
    y = wkv56(r, k, v, u.view(heads, -1).expand(heads, r.shape[2]),
              decay.view(1, heads, -1).expand(len(x), heads, r.shape[2]))
    y = group_norm(y, p, heads, eps)
    if p.has("gate.weight"):
        gate = mix("g") @ p("gate.weight").T
        y = y * gate * torch.sigmoid(gate)
    return y @ p("output.weight").T, first


def time_mix6(p, x, first, eps):
    heads, size = p("time_faaaa").shape
    split = lambda z: z.view(len(x), heads, size)
    d = previous(x) - x
    low = torch.tanh((x + d * p("time_maa_x").view(-1)) @ p("time_maa_w1")).view(len(x), 5, -1)
    mix = {q: x + d * (p("time_maa_" + q).view(-1) + low[:, i] @ p("time_maa_w2")[i]) for i, q in enumerate("wkvrg")}
    z = p("time_decay").view(-1) + torch.tanh(mix["w"] @ p("time_decay_w1")) @ p("time_decay_w2")
    r, k, v = (mix[q] @ p(name).T for q, name in zip("rkv", ("receptance.weight", "key.weight", "value.weight")))
    gate = mix["g"] @ p("gate.weight").T
    y = wkv56(split(r), split(k), split(v), p("time_faaaa"), split(torch.exp(-torch.exp(z))))
    return (group_norm(y, p, heads, eps) * gate * torch.sigmoid(gate)) @ p("output.weight").T, first


def time_mix7(p, x, first, eps):
    heads, size = p("r_k").shape
    split = lambda z: z.view(len(x), heads, size)
    d = previous(x) - x
    xr, xw, xk, xv, xa, xg = (x + d * p("x_" + q).view(-1) for q in "rwkvag")
    r, k, v = xr @ p("receptance.weight").T, xk @ p("key.weight").T, xv @ p("value.weight").T
    z = p("w0").view(-1) + torch.tanh(xw @ p("w1")) @ p("w2")
    w = torch.exp(-math.exp(-0.5) * torch.sigmoid(z))
    a = torch.sigmoid(p("a0").view(-1) + xa @ p("a1") @ p("a2"))
    g = torch.sigmoid(xg @ p("g1")) @ p("g2")
    unit = split(k * p("k_k").view(-1))
    unit = unit / unit.norm(dim=2, keepdim=True).clamp_min(1e-12)
    k = k * (1 + (a - 1) * p("k_a").view(-1))
    if first is None:
        first = v
    else:
        v = v + (first - v) * torch.sigmoid(p("v0").view(-1) + xv @ p("v1") @ p("v2"))
    r, w, k, v, a = (split(q) for q in (r, w, k, v, a))
    S = torch.zeros(heads, size, size, dtype=x.dtype)  # S[h][value][key]
    ys = []
    for t in range(len(x)):
        s = torch.einsum("hij,hj->hi", S, -unit[t])
        S = S * w[t].unsqueeze(1) + s.unsqueeze(2) * (unit[t] * a[t]).unsqueeze(1) + v[t].unsqueeze(2) * k[t].unsqueeze(1)
        ys.append(torch.einsum("hij,hj->hi", S, r[t]))
    y = group_norm(torch.stack(ys).view(len(x), -1), p, heads, eps)
    y = y + ((r * k * p("r_k")).sum(2, keepdim=True) * v).view(len(x), -1)
    return (y * g) @ p("output.weight").T, first


def deep_embed(p, x, tokens, embedded):
    """The factor of each hidden unit: (x s1) E s2 + s0, E the token's own matrix."""
    E = (p("s_emb.weight")[tokens] + embedded @ p("s_emb_x.weight").T).view(len(x), DEEP, DEEP)
    return torch.einsum("ti,tij->tj", x @ p("s1"), E) @ p("s2") + p("s0").view(-1)


def channel_mix(p, x, v, tokens, embedded):
    before = previous(x)
    if v[0] == "7":
        k = torch.relu((x + (before - x) * p("x_k").view(-1)) @ p("key.weight").T) ** 2
        if v == "7a":
            k = k * deep_embed(p, x, tokens, embedded)
        return k @ p("value.weight").T
    if v == "6":
        xk, xr = (x + (before - x) * p("time_maa_" + q).view(-1) for q in "kr")
    else:
        xk, xr = (x * p("time_mix_" + q).view(-1) + before * (1 - p("time_mix_" + q).view(-1)) for q in "kr")
    k = torch.relu(xk @ p("key.weight").T) ** 2
    return torch.sigmoid(xr @ p("receptance.weight").T) * (k @ p("value.weight").T)


class Part:
    """The tensors whose names begin with a prefix."""

    def __init__(self, w, prefix):
        self.w, self.prefix = w, prefix

    def __call__(self, name):
        return self.w[self.prefix + name]

    def has(self, name):
        return self.prefix + name in self.w


def layers(w):
    return 1 + max(int(name.split(".")[1]) for name in w if name.startswith("blocks."))


def forward(w, tokens, group_eps=64e-5):
    """Logits [T,V] after every token of one sequence."""
    v = version(w)
    time_mix = {"4": time_mix4, "5": time_mix5, "6": time_mix6, "7": time_mix7}[v[0]]
    x = norm(w["emb.weight"][tokens], w["blocks.0.ln0.weight"], w["blocks.0.ln0.bias"])
    first, embedded = None, x
    for layer in range(layers(w)):
        p = Part(w, "blocks.%d." % layer)
        y, first = time_mix(Part(w, p.prefix + "att."), norm(x, p("ln1.weight"), p("ln1.bias")), first, group_eps)
        x = x + y
        x = x + channel_mix(Part(w, p.prefix + "ffn."), norm(x, p("ln2.weight"), p("ln2.bias")), v, tokens, embedded)
    return norm(x, w["ln_out.weight"], w["ln_out.bias"]) @ w["head.weight"].T
