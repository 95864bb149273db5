#!/usr/bin/env python3
"""Makes tests/golden/gradients: the loss of a training batch and its gradient with respect to every tensor of a tiny
checkpoint, by PyTorch's autograd in float64 through tools/reference.py.

    python3 tools/make-gradients.py [OUT]

Needs torch and safetensors. For each version two files:
    NAME.safetensors            the checkpoint, official names and shapes, f32
    NAME.gradients.safetensors  tokens [B,T+1] i32; loss [1] f64, the mean cross entropy of the B x T next tokens, every
                                sequence from the zero state; and under each parameter's name its gradient, f64
and for the last one two more:
    NAME.reference.safetensors  another checkpoint of its sizes, near it
    NAME.preference.safetensors pairs of a chosen and a rejected sequence, one after the other: lengths [2 P] i32, their
                                tokens [sum] i32, which of them count [sum] i32; for DPO with the reference and for ORPO,
                                beta 0.3, NAME "dpo" or "orpo": NAME.loss [1] f64, the mean over the pairs, and
                                NAME/PARAMETER, its gradient, f64
The gradient is that of loss + 0.5e-4 mean(largest logit^2): the second term is L2Wrap (docs/models.md 6), which training adds
to the gradient and does not report. Before writing, central differences of that sum confirm each tensor's gradient.
"""
import importlib.util
import os
import sys

import torch
from safetensors.torch import save_file

import reference

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location("make_golden", os.path.join(HERE, "make-golden.py"))
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

MODELS = [
    # name, version, L, C, N, F, V, ranks
    ("v4", "4", 2, 16, 0, 24, 23, ()),
    ("v5.2", "5.2", 1, 16, 8, 32, 23, ()),
    ("v6", "6", 1, 16, 8, 32, 23, (3, 5)),
    ("v7", "7", 3, 16, 8, 24, 23, (3, 5, 2, 7)),
]
B, T = 2, 5


def losses(w, tokens):
    """The reported loss, and the sum whose gradient training follows."""
    logits = torch.cat([reference.forward(w, row[:-1]) for row in tokens])
    loss = torch.nn.functional.cross_entropy(logits, tokens[:, 1:].reshape(-1))
    return loss, loss + 0.5e-4 * (logits.max(1).values ** 2).mean()


def check(w, tokens, gradients, g):
    """Along one random direction for each tensor: the slope of a central difference is the gradient's. The largest relative error."""
    worst = 0
    for name, gradient in gradients.items():
        direction = torch.randn(w[name].shape, generator=g, dtype=torch.float64)
        slope = (gradient * direction).sum().item()
        with torch.no_grad():
            up, down = (losses(dict(w, **{name: w[name] + h * direction}), tokens)[1].item() for h in (1e-6, -1e-6))
        worst = max(worst, abs((up - down) / 2e-6 - slope) / (abs(slope) + 1e-4))
    return worst


def make(out, name, *sizes):
    g = torch.Generator().manual_seed(7)
    w = {k: t.float() for k, t in golden.draw(g, *sizes).items()}
    tokens = torch.randint(sizes[5], (B, T + 1), generator=g)
    save_file(w, os.path.join(out, name + ".safetensors"))
    w = {k: t.double().requires_grad_() for k, t in w.items()}
    loss, followed = losses(w, tokens)
    followed.backward()
    gradients = {k: t.grad if t.grad is not None else torch.zeros_like(t) for k, t in w.items()}
    unused = [k for k, t in gradients.items() if not t.abs().sum() > 0]
    assert not set(unused) - set(golden.UNUSED), unused
    error = check(w, tokens, gradients, g)
    print("%s: loss %.6f, %d tensors, central differences within %.1e" % (name, loss.item(), len(w), error))
    assert error < 1e-4
    gradients = {k: t.detach().contiguous() for k, t in gradients.items()}
    gradients["loss"], gradients["tokens"] = loss.detach().reshape(1), tokens.int()
    save_file(gradients, os.path.join(out, name + ".gradients.safetensors"))


BETA = 0.3


def log_likelihood(w, tokens, counts):
    """Of the tokens that count, added up."""
    logs = torch.log_softmax(reference.forward(w, tokens[:-1]), 1).gather(1, tokens[1:, None].long())[:, 0]
    return (logs * counts[1:]).sum()


def dpo(w, before, pair):
    """Rafailov et al. 2023, equation 7."""
    chosen, rejected = (log_likelihood(w, *one) - log_likelihood(before, *one) for one in pair)
    return -torch.nn.functional.logsigmoid(BETA * (chosen - rejected))


def orpo(w, before, pair):
    """Hong et al. 2024, equations 6 and 7."""
    chosen, rejected = (log_likelihood(w, *one) / one[1][1:].sum() for one in pair)
    odds = [p - torch.log1p(-torch.exp(p)) for p in (chosen, rejected)]
    return -chosen - BETA * torch.nn.functional.logsigmoid(odds[0] - odds[1])


def make_preference(out, name, *sizes):
    g = torch.Generator().manual_seed(11)
    w = {k: t.float() for k, t in golden.draw(torch.Generator().manual_seed(7), *sizes).items()}
    before = {k: t + 0.02 * torch.randn(t.shape, generator=g) for k, t in w.items()}
    save_file(before, os.path.join(out, name + ".reference.safetensors"))
    before = {k: t.double() for k, t in before.items()}
    lengths, prompts = [9, 6, 7, 12, 5, 4], [4, 4, 2, 2, 3, 3]
    rows = [torch.randint(sizes[5], (n,), generator=g) for n in lengths]
    for i in range(0, 6, 2):
        rows[i + 1][: prompts[i]] = rows[i][: prompts[i]]
    counts = [(torch.arange(n) >= p).int() for n, p in zip(lengths, prompts)]
    pairs = [[(rows[i], counts[i]), (rows[i + 1], counts[i + 1])] for i in range(0, 6, 2)]
    result = {"lengths": torch.tensor(lengths).int(), "tokens": torch.cat(rows).int(), "counts": torch.cat(counts)}
    for loss_name, loss_of in (("dpo", dpo), ("orpo", orpo)):
        now = {k: t.double().requires_grad_() for k, t in w.items()}
        loss = sum(loss_of(now, before, pair) for pair in pairs) / len(pairs)
        loss.backward()
        result[loss_name + ".loss"] = loss.detach().reshape(1)
        for k, t in now.items():
            if t.grad is not None:
                result[loss_name + "/" + k] = t.grad.contiguous()
        print("%s: %s loss %.9f" % (name, loss_name, loss.item()))
    save_file(result, os.path.join(out, name + ".preference.safetensors"))


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../tests/golden/gradients")
    os.makedirs(folder, exist_ok=True)
    for model in MODELS:
        make(folder, *model)
    make_preference(folder, *MODELS[-1])
