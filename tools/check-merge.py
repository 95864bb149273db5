#!/usr/bin/env python3
"""Does the official program compute from a merged adapter what wkv computes beside the model?

    python3 tools/check-merge.py WKV MODEL LORA             (needs torch, rwkv)

`wkv merge` puts LORA into MODEL as a .pth in f32. The rwkv package reads 200 tokens from it, one after another and at once; wkv
reads them from the merged file, and from the model with the adapter beside it. Prints how far the logits are apart."""
import json, os, random, subprocess, sys, tempfile
import numpy as np

wkv, model, lora = sys.argv[1:]
about = json.loads(subprocess.check_output([wkv, "info", "--json", "-m", model]))
random.seed(1)
tokens = [random.randrange(about["vocab"]) for _ in range(200)]


def read(*options):
    words = [wkv, "logits", "--quiet", "--all", "--tokens", ",".join(map(str, tokens)), *options]
    return np.frombuffer(subprocess.check_output(words), np.float32).reshape(len(tokens), -1)


with tempfile.TemporaryDirectory() as folder:
    merged = folder + "/merged.pth"
    subprocess.run([wkv, "merge", "--quiet", model, merged, "--lora", lora, "--type", "f32"], check=True)
    is7 = about["version"].startswith("7")
    os.environ.update(RWKV_JIT_ON="0", RWKV_CUDA_ON="0", RWKV_V7_ON="1" if is7 else "0")
    told, sys.stdout = sys.stdout, sys.stderr  # the package talks
    from rwkv.model import RWKV

    official = RWKV(model=merged.removesuffix(".pth") if is7 else merged, strategy="cpu fp32")
    at_once = official.forward(tokens, None, full_output=True)[0].float().numpy()
    state, steps = None, []
    for token in tokens:
        logits, state = official.forward([token], state)
        steps.append(logits.float().numpy().copy())
    sys.stdout = told
    official = {"one by one": np.stack(steps), "at once": at_once}
    beside = read("-m", model, "--lora", lora)
    for name, logits in {"merged": read("-m", merged), "unmerged": beside}.items():
        for way, theirs in official.items():
            print("%-8s %-10s at most %.1e apart" % (name, way, abs(logits - theirs).max()))
