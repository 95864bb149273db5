#!/usr/bin/env python3
"""Are the values that wkv dump writes those of the equations?

    python3 tools/check-dump.py WKV MODEL.pth...             (needs torch, numpy)

wkv reads 24 tokens and writes every site. tools/reference.py computes the same in float64; intermediate values are the local
variables of its functions when they return. Prints the largest difference of each site, in parts of its largest value; ends with 1
if one is above 1e-4."""
import os, random, subprocess, sys, tempfile
import numpy as np
import torch
import reference

T, TOLERANCE = 24, 1e-4
seen = {}


def remember(frame, event, _):
    """Local variables of the reference's functions, by name and call."""
    if event == "return" and frame.f_code.co_filename == reference.__file__:
        seen.setdefault(frame.f_code.co_name, []).append(dict(frame.f_locals))


def run(w, tokens):
    seen.clear()
    sys.setprofile(remember)
    reference.forward(w, tokens)
    sys.setprofile(None)


def expected(w, tokens):
    """Name of an array to its values, of all sites that the reference computes as such."""
    run(w, tokens)
    version, out = reference.version(w), {"embed": w["emb.weight"][tokens]}
    x = reference.norm(out["embed"], w["blocks.0.ln0.weight"], w["blocks.0.ln0.bias"])
    mixes = seen["time_mix" + version[0]]
    for layer, (time, channel) in enumerate(zip(mixes, seen["channel_mix"])):
        last = seen["wkv56"][layer] if "wkv56" in seen else time
        part = reference.Part(w, "blocks.%d.att." % layer)
        factor = torch.sigmoid(channel["xr"] @ reference.Part(w, "blocks.%d.ffn." % layer)("receptance.weight").T) \
            if version[0] != "7" else 1
        sites = {"resid_pre": x, "ffn_act": channel["k"], "r": time["r"], "v": time["v"],
                 "ffn_out": factor * (channel["k"] @ w["blocks.%d.ffn.value.weight" % layer].T)}
        if version == "4":
            sites.update(k=time["k"], w=time["w"], state=torch.stack([time["num"], time["den"], time["top"]])[None],
                         wkv=torch.stack(time["ys"]))
            y = time["r"] * sites["wkv"]
        elif version[0] == "7":
            sites.update(w=time["w"], a=time["a"], g=time["g"], state=time["S"].transpose(1, 2)[None], wkv=torch.stack(time["ys"]))
            y = time["y"] * time["g"]
        else:
            decay = last["decay"]
            sites.update(k=time["k"], w=decay if version == "6" else decay[0], state=last["S"][None], wkv=torch.stack(last["ys"]))
            y = time["y"]
            if version == "6":
                y = reference.group_norm(y, part, last["r"].shape[1], 64e-5)
            if "gate" in time:
                sites["g"] = time["gate"] * torch.sigmoid(time["gate"])
                y = y * sites["g"] if version == "6" else y
        sites["att_out"] = y @ part("output.weight").T
        sites["resid_mid"] = x + sites["att_out"]
        x = sites["resid_post"] = sites["resid_mid"] + sites["ffn_out"]
        out.update(("blocks.%d.%s" % (layer, name), value) for name, value in sites.items())
    return out


wkv, models, worst = sys.argv[1], sys.argv[2:], {}
for model in models:
    w = {name.removeprefix("_forward_module."): t.detach().double() for name, t in torch.load(model, map_location="cpu").items()}
    random.seed(1)
    tokens = [random.randrange(len(w["emb.weight"])) for _ in range(T)]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "acts.npz")
        subprocess.run([wkv, "dump", "-q", "-m", model, "--ids", "-p", " ".join(map(str, tokens)), "-o", path], check=True)
        got = np.load(path)
        want = expected(w, torch.tensor(tokens))
        assert list(got["tokens"]) == tokens
        for name in want:
            x, y = got[name].ravel(), want[name].numpy().ravel()
            assert x.shape == y.shape, (model, name, got[name].shape, tuple(want[name].shape))
            site = name.split(".")[-1]
            worst[site] = max(worst.get(site, 0), abs(x - y).max() / abs(y).max())
        left = {name.split(".")[-1] for name in got.files} - {name.split(".")[-1] for name in want} - {"tokens", "json"}
        print("%-40s version %-3s %3d arrays compared; not computed as such by the reference: %s" %
              (os.path.basename(model), reference.version(w), len(want), ", ".join(sorted(left)) or "none"))
for site in sorted(worst):
    print("%-12s %.1e" % (site, worst[site]))
sys.exit(int(max(worst.values()) > TOLERANCE))
