"""libwkv, its failures as exceptions, and the lifetime of its objects."""
from __future__ import annotations

import ctypes
import os
import pathlib
import sys
from ctypes import byref, c_void_p
from typing import Any, Callable, Iterable, Optional, Sequence, Union

import numpy as np

from . import _c

Tokens = Union[Sequence[int], np.ndarray]  # token ids, (n,)


class WkvError(Exception):
    """A failure of the library, with its sentence.

    code  the WKV_E... code of wkv.h, below 0
    name  its name: "EARG", "EIO", "EFORMAT", "EUNSUPPORTED", "ENOMEM", "ESTOPPED", "ECONFLICT"
    """

    def __init__(self, code: int, sentence: str):
        super().__init__(sentence)
        self.code = code
        self.name = next((n[4:] for n in dir(_c) if n.startswith("WKV_E") and getattr(_c, n) == code), str(code))


def _load() -> ctypes.CDLL:
    name, installed = {"win32": ("wkv.dll", "wkv.dll"), "darwin": ("libwkv.dylib", "libwkv.0.dylib")}.get(
        sys.platform, ("libwkv.so", "libwkv.so.0"))
    inside = pathlib.Path(__file__).with_name(name)
    library = ctypes.CDLL(str(inside) if inside.exists() else installed)
    for name, (result, arguments) in _c.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.wkv_token_bytes.restype = c_void_p  # a token may contain zero bytes
    version = library.wkv_version().decode()
    if version != _c.WKV_VERSION:
        raise ImportError(f"{library._name} is wkv {version}, and the package is of {_c.WKV_VERSION}; install both "
                          "from one build")
    return library


#: Every function of the public headers, by its C name: c.wkv_sites(...). The structs and constants are in wkv._c.
c = _load()


def check(code: int) -> int:
    """The code itself; below 0, the library's sentence as a WkvError."""
    if code < 0:
        raise WkvError(code, c.wkv_error().decode("utf-8", "replace"))
    return code


class Handle:
    """An object of the library, made by make(&pointer, ...), and freed with the last reference to it. What `keep`
    refers to lives at least as long."""

    def __init__(self, free: Callable, make: Callable, *arguments: Any, keep: Iterable = ()):
        self.pointer: Optional[int] = None
        self._free, self.keep, self.process = free, tuple(keep), os.getpid()
        pointer = c_void_p()
        check(make(byref(pointer), *arguments))
        self.pointer = pointer.value

    @classmethod
    def borrowed(cls, address: int, owner: "Handle") -> "Handle":
        """A part of another object, which lives at least as long and frees it."""
        part = cls.__new__(cls)
        part.pointer, part._free, part.keep, part.process = address, lambda _: None, (owner,), owner.process
        return part

    @property
    def _as_parameter_(self) -> Optional[int]:
        return self.pointer

    def __del__(self, process: Callable[[], int] = os.getpid) -> None:
        if self.pointer and self.process == process():  # a fork has no threads, for which freeing a context waits
            self._free(self.pointer)


class Memory:
    """Floats of the library as numpy sees them; the array keeps their owner."""

    def __init__(self, owner: Any, address: int, count: int):
        self.owner = owner
        self.__array_interface__ = {"version": 3, "typestr": "<f4", "shape": (count,), "data": (address, False)}


def as_ids(tokens: Any) -> np.ndarray:
    """Token ids as a contiguous array of int32; (n,)."""
    ids = np.asarray(tokens)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise TypeError(f"tokens are a list or a one-dimensional array of integers, not {ids.ndim}-dimensional "
                        f"{ids.dtype}")
    bounds = np.iinfo(np.int32)
    if ids.size and not bounds.min <= ids.min() <= ids.max() <= bounds.max:
        raise ValueError(f"token ids are {ids.min()} to {ids.max()}, expected 32 bits")
    return np.ascontiguousarray(ids, dtype=np.int32)


def as_path(path: Any) -> Optional[bytes]:
    """A path for the library; None stays None."""
    return None if path is None else os.fsencode(path)
