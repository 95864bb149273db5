"""The memory of a text as numpy arrays, in files, and mixed."""
from __future__ import annotations

import ctypes
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

import numpy as np

from . import _c
from ._library import Handle, Memory, Tokens, as_ids, as_path, c, check

if TYPE_CHECKING:
    from ._model import Model


class State:
    """All that a model remembers of a text: a block of floats of a fixed size. model.state() makes one.

    data  the block, float32 (state_bytes / 4,): a view, not a copy. Layer after layer:
            version 4      att_x[C]  aa[C]  bb[C]  pp[C]  ffn_x[C]
            versions 5-7   att_x[C]  S[H][N key][N value]  ffn_x[C]
    """

    def __init__(self, model: "Model", *, _handle: Optional[Handle] = None):
        self.model = model
        self._handle = _handle or Handle(c.wkv_state_free, c.wkv_state_new, model._weights, keep=(model._weights,))
        floats = model.info.state_bytes // 4
        self.data: np.ndarray = np.asarray(Memory(self._handle, c.wkv_state_data(self._handle), floats))

    def tensors(self) -> Dict[str, np.ndarray]:
        """Views of the parts by the names that state files use: "blocks.N.att.shift" (C,), "blocks.N.ffn.shift" (C,),
        and "blocks.N.att.state" (H, N key, N value); in version 4 "blocks.N.att.aa", ".bb" and ".pp" (C,)."""
        info = self.model.info
        width, heads, size = info.width, info.heads, info.head_size
        parts = [("att.shift", (width,)), ("att.state", (heads, size, size)), ("ffn.shift", (width,))]
        if not heads:
            parts[1:2] = [("att.aa", (width,)), ("att.bb", (width,)), ("att.pp", (width,))]
        out, at = {}, 0
        for layer in range(info.layers):
            for name, shape in parts:
                count = int(np.prod(shape))
                out[f"blocks.{layer}.{name}"] = self.data[at:at + count].reshape(shape)
                at += count
        return out

    def copy(self) -> "State":
        """Another state with the same values: a fork of the text."""
        other = State(self.model)
        check(c.wkv_state_copy(other._handle, self._handle))
        return other

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> "State":
        return self.copy()

    def assign(self, other: "State") -> None:
        """Take the values of another state. WkvError: it belongs to another model."""
        check(c.wkv_state_copy(self._handle, other._handle))

    def reset(self) -> None:
        """Back to the initial state of a text."""
        c.wkv_state_reset(self._handle)

    def save(self, path: Any, *, tokens: Tokens = (), text: str = "") -> None:
        """Write a state file (.safetensors), which `wkv state info`, `wkv generate --state` and model.state(path) read.

        tokens  the ids that the state has read, with which `wkv state verify` computes it again
        text    their text
        WkvError: a path that cannot be written, or a value that is NaN or infinite."""
        ids = as_ids(tokens)
        about = _c.wkv_state_info(ids=ids.ctypes.data, n_ids=len(ids), read=len(ids), text=text.encode())
        with self.model._computing() as context:
            check(c.wkv_identify(byref(about.identity), context))
        check(c.wkv_state_file_write(as_path(path), byref(about), self._handle, None))

    def save_tuned(self, path: Any) -> None:
        """Write the matrices alone as a tuned initial state for other programs and Model(state=path): .pth or
        .safetensors in float32, .st or .state in float16. WkvError: version 4, which has no matrices; another
        extension."""
        check(c.wkv_state_write_tuned(as_path(path), self._handle))

    def load(self, path: Any) -> None:
        """Take the values of a state file, or of a tuned initial state. WkvError: the file is damaged, or belongs to a
        model of other sizes; the state is then unchanged."""
        file = Handle(c.wkv_state_file_close, c.wkv_state_file_open, as_path(path))
        check(c.wkv_state_file_read(file, self._handle))

    @staticmethod
    def mix(states: Sequence["State"], weights: Optional[Sequence[float]] = None) -> "State":
        """The weighted mean of states of one model; weights None: equal. WkvError: no state, weights without a sum
        above 0."""
        if not states:
            raise ValueError("State.mix: no state")
        if weights is not None and len(weights) != len(states):
            raise ValueError(f"State.mix: {len(weights)} weights for {len(states)} states")
        out = State(states[0].model)
        handles = (c_void_p * len(states))(*[s._handle.pointer for s in states])
        by = None if weights is None else (ctypes.c_float * len(states))(*weights)
        check(c.wkv_state_mix(out._handle, handles, by, len(states)))
        return out
