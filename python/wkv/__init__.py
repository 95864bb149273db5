"""RWKV language models of versions 4 to 7, by libwkv.

    import wkv

    model = wkv.Model("RWKV-x070-World-0.1B.pth")            # None: the model inside the library
    for piece in model.generate("Once upon a time", seed=1):
        print(piece, end="", flush=True)

Model      a checkpoint: evaluation, scores, probes, texts
State      all that a model remembers of a text, as numpy arrays
Session    one text: read, continued, asked, forked, saved
Tokenizer  a vocabulary
WkvError   a failure, with the library's sentence

wkv.rwkv is a drop-in replacement of the `rwkv` package, wkv.lm_eval a model of lm-evaluation-harness. docs/python.md
has examples.
"""
from . import _c
from ._library import WkvError, c
from ._model import SCORE, Model, ModelInfo
from ._session import Session, Stream
from ._state import State
from ._tokenizer import Tokenizer

__version__ = _c.WKV_VERSION
__all__ = ["SCORE", "Model", "ModelInfo", "Session", "State", "Stream", "Tokenizer", "WkvError", "c"]
