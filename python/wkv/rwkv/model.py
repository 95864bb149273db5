"""The model class of the `rwkv` package, computed by libwkv on the CPU: `from wkv.rwkv.model import RWKV`.

Logits and states are torch tensors where torch is installed, else numpy arrays. The version is detected from the file;
RWKV_V7_ON, RWKV_JIT_ON and RWKV_CUDA_ON have no effect.
"""
from __future__ import annotations

import os
import re
import types
import warnings
from typing import Any, List, Optional, Sequence, Tuple, Union

import numpy as np

from .._model import Model
from .._state import State

try:
    import torch  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    torch = None

_STRATEGY = re.compile(r"(cuda(:\d+)?|cpu|mps|dml) (fp16|fp32|bf16)(i8|i4|i3)?( \*\d+\+?)?")


def _type_of(strategy: str) -> Optional[str]:
    """The weights' type for a strategy such as "cuda fp16i8 *10 -> cpu fp32": of its first part. Without an integer
    type the weights keep the file's type, and all arithmetic is float32."""
    found = [re.fullmatch(_STRATEGY, part.strip()) for part in strategy.split("->")]
    parts = [part for part in found if part]
    if len(parts) < len(found):
        raise ValueError(f"strategy {strategy!r} is not of the form 'cpu fp32' or 'cuda fp16i8 *10 -> cpu fp32'")
    if any(part[1] != "cpu" for part in parts):
        warnings.warn(f"strategy {strategy!r}: wkv computes on the CPU", stacklevel=3)
    return {None: None, "i8": "q8", "i4": "q4", "i3": "q4"}[parts[0][4]]


def _tensor(array: np.ndarray) -> Any:
    return array if torch is None else torch.from_numpy(array)


def _array(value: Any) -> np.ndarray:
    return value.detach().float().cpu().numpy() if hasattr(value, "detach") else np.asarray(value, np.float32)


class RWKV:
    """RWKV(model="RWKV-x070-World-0.1B", strategy="cpu fp32"); the path may lack ".pth", and may be of any format that
    wkv opens.

    args     n_layer, n_embd, n_att, n_ffn, n_head, head_size, vocab_size, MODEL_NAME, strategy_string
    version  4, 5, 5.1, 5.2, 6.0 or 7.0
    model    the wkv.Model
    """

    def __init__(self, model: str, strategy: str = "cpu fp32", verbose: bool = True,
                 convert_and_save_and_exit: Optional[str] = None):
        if convert_and_save_and_exit:
            raise ValueError("convert_and_save_and_exit: wkv opens checkpoints as they are; "
                             "`wkv convert MODEL OUT.gguf --type q8` writes smaller ones")
        path = str(model).strip()
        if not os.path.exists(path):
            path += ".pth"
        self.model = Model(path, type=_type_of(strategy))
        info = self.model.info
        if verbose:
            print(f"Loaded {path}: RWKV-{info.version}, {info.layers} layers, {info.width} channels ({strategy})\n")
        self.version = {"4": 4, "5.0": 5, "7a": 7.0}.get(info.version) or float(info.version)
        self.n_layer, self.n_embd = info.layers, info.width
        self._latest: Tuple[List[Any], Optional[State]] = ([], None)  # the tensors returned last, and their state
        self.args = types.SimpleNamespace(
            MODEL_NAME=path, strategy_string=strategy, n_layer=info.layers, n_embd=info.width, n_att=info.width,
            n_ffn=info.ffn, n_head=info.heads, head_size=info.head_size, vocab_size=info.vocab)

    def _views(self, state: State) -> List[Any]:
        """The parts of a state as the `rwkv` package orders them: versions 5 to 7 att_x (C), kv (H, N, N), ffn_x (C) of
        each layer, with kv[key][value], and in version 7 kv[value][key]; version 4 att_x, aa, bb, pp, ffn_x (C)."""
        views = []
        for name, part in state.tensors().items():
            transposed = self.version >= 7 and name.endswith("att.state")
            views.append(_tensor(part.transpose(0, 2, 1) if transposed else part))
        return views

    def generate_zero_state(self) -> List[Any]:
        """The initial state of a text."""
        return self._views(self.model.state())

    def _read(self, state: Sequence[Any]) -> State:
        """A copy of a state in the form of _views."""
        copy = self.model.state()
        latest, of = self._latest
        if of and len(state) == len(latest) and all(a is b for a, b in zip(state, latest)):
            copy.assign(of)
            return copy
        views = self._views(copy)
        if len(state) != len(views):
            raise ValueError(f"the state has {len(state)} tensors, and this model's has {len(views)}")
        for to, value in zip(views, state):
            values = _array(value)
            if values.shape != tuple(to.shape):
                raise ValueError(f"a tensor of the state is {values.shape}, and this model's is {tuple(to.shape)}")
            to[...] = _tensor(np.ascontiguousarray(values))
        return copy

    def forward(self, tokens: Union[int, Sequence[int]], state: Optional[List[Any]], full_output: bool = False,
                ) -> Tuple[Any, List[Any]]:
        """Read tokens (a list, or one id) after a state (None: the initial one).

        Returns float32 logits, (V,) for the next token, with full_output (n, V) for n > 1 tokens, and the state, a list
        of tensors. A list that is passed is given its new tensors in place; tensors never change, so a shallow copy of
        the list keeps a state. WkvError: an id outside the vocabulary, no token."""
        ids = np.atleast_1d(np.asarray(tokens))
        after = self.model.state() if state is None else self._read(state)
        logits = self.model.eval(ids, after, full_output=full_output and len(ids) > 1)
        if state is None:
            state = []
        state[:] = self._views(after)
        self._latest = (list(state), after)
        return _tensor(logits), state

    __call__ = forward
