"""Text to token ids and back."""
from __future__ import annotations

import ctypes
from ctypes import byref, c_size_t
from typing import Any, Iterable, List, Optional, Union

import numpy as np

from ._library import Handle, as_path, c, check


class Tokenizer:
    """A vocabulary: "world", "20B", "bytes", or a file (World's lines in a .txt, a tokenizers .json, a GGUF).

    model.tokenizer is the one of a model. An instance may be used by any number of threads.
    """

    def __init__(self, path: Any = "world", *, _model: Optional[Handle] = None):
        self._handle = Handle(c.wkv_tokenizer_close, c.wkv_tokenizer_open, as_path(path), _model, keep=(_model,))

    @property
    def name(self) -> str:
        """ "World", "GPT-NeoX 20B", "bytes", "characters" or "trie" """
        return c.wkv_tokenizer_name(self._handle).decode()

    @property
    def end(self) -> Optional[int]:
        """The id that ends a text; None: the vocabulary has none."""
        end = c.wkv_tokenizer_end(self._handle)
        return end if end >= 0 else None

    def __len__(self) -> int:
        """The largest id + 1."""
        return c.wkv_tokenizer_size(self._handle)

    def encode(self, text: Union[str, bytes], *, prompt: bool = False) -> List[int]:
        """The ids of a text. prompt: as the beginning of an answer; a blank line at the end of a prompt in the 20B
        vocabulary is then two tokens. WkvError: a text that the vocabulary cannot encode, with the place."""
        data = text.encode() if isinstance(text, str) else bytes(text)
        ids = np.empty(len(data) + 1, np.int32)  # a token has at least one byte
        encode = c.wkv_encode_prompt if prompt else c.wkv_encode
        return ids[:check(encode(self._handle, data, len(data), ids.ctypes.data, len(ids)))].tolist()

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one id; b"" for the end of a text and for ids outside the vocabulary."""
        size = c_size_t()
        at = c.wkv_token_bytes(self._handle, token, byref(size))
        return ctypes.string_at(at, size.value) if size.value else b""

    def decode_bytes(self, tokens: Iterable[int]) -> bytes:
        """The bytes of a list of ids."""
        return b"".join(self.token_bytes(int(token)) for token in tokens)

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of a list of ids; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(tokens).decode("utf-8", "replace")
