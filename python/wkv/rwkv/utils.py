"""The text pipeline of the `rwkv` package: `from wkv.rwkv.utils import PIPELINE, PIPELINE_ARGS`.

Random numbers come from numpy's global generator, so that numpy.random.seed() selects the same text as there.
"""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from .._tokenizer import Tokenizer
from .model import RWKV, _array


class PIPELINE_ARGS:
    """Settings of PIPELINE.generate.

    temperature      0 is greedy
    top_p, top_k     keep the most probable tokens up to this mass, and so many of them (0: all)
    alpha_frequency  subtracted from a token's logit for each of its occurrences, which decay by alpha_decay a token
    alpha_presence   subtracted once from the logits of tokens that have occurred
    token_ban        ids that are excluded
    token_stop       ids that end the text
    chunk_len        tokens of a prompt that are read at once
    """

    def __init__(self, temperature: float = 1.0, top_p: float = 0.85, top_k: int = 0, alpha_frequency: float = 0.2,
                 alpha_presence: float = 0.2, alpha_decay: float = 0.996, token_ban: Sequence[int] = (),
                 token_stop: Sequence[int] = (), chunk_len: int = 256):
        self.temperature, self.top_p, self.top_k = temperature, top_p, top_k
        self.alpha_frequency, self.alpha_presence, self.alpha_decay = alpha_frequency, alpha_presence, alpha_decay
        self.token_ban, self.token_stop = list(token_ban), list(token_stop)
        self.chunk_len = chunk_len


class PIPELINE:
    """A model with a vocabulary: "rwkv_vocab_v20230424" (World), or the path of a tokenizer's JSON file, such as
    20B_tokenizer.json."""

    def __init__(self, model: RWKV, WORD_NAME: str):
        self.model = model
        self.tokenizer = Tokenizer("world" if WORD_NAME == "rwkv_vocab_v20230424" else WORD_NAME)
        self._whole = WORD_NAME == "rwkv_vocab_v20230424"

    def refine_context(self, context: str) -> str:
        """The text without blank lines and without blanks around its lines, after a newline."""
        lines = (line.strip().strip("\u3000").strip("\r") for line in context.strip().split("\n"))
        return "\n" + "\n".join(line for line in lines if line).strip()

    def encode(self, x: str) -> List[int]:
        """The ids of a text."""
        return self.tokenizer.encode(x)

    def decode(self, x: Sequence[int]) -> str:
        """The text of ids. Invalid UTF-8 makes the whole text one U+FFFD with World, and only its bytes with others."""
        data = self.tokenizer.decode_bytes(x)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return "\ufffd" if self._whole else data.decode("utf-8", "replace")

    def sample_logits(self, logits: Any, temperature: float = 1.0, top_p: float = 0.85, top_k: int = 0) -> int:
        """A token sampled from logits (V,): those as probable as the one that reaches top_p, and of these the top_k;
        then temperature."""
        if temperature == 0:
            temperature, top_p = 1.0, 0.0
        x = _array(logits)
        weights = np.exp(x - x.max())
        probs = weights / weights.sum()
        order = np.argsort(probs)
        falling = probs[order[::-1]]
        least = falling[np.argmax(np.cumsum(falling) >= top_p)]
        kept = np.where(probs >= least, probs, np.float32(0))
        if 0 < int(top_k) < len(kept):
            kept[order[:-int(top_k)]] = 0
        if temperature != 1.0:
            kept = kept ** np.float32(1.0 / temperature)
        return int(np.random.choice(len(kept), p=kept / kept.sum()))

    def generate(self, ctx: str, token_count: int = 100, args: Optional[PIPELINE_ARGS] = None,
                 callback: Optional[Callable[[str], None]] = None, state: Optional[List[Any]] = None) -> str:
        """Continue a text by at most token_count tokens. callback gets each piece that is complete UTF-8."""
        args = args or PIPELINE_ARGS()
        counts: Dict[int, float] = {}
        text, waiting, unread = "", [], list(self.encode(ctx))
        for _ in range(token_count):
            while unread:
                logits, state = self.model.forward(unread[:args.chunk_len], state)
                unread = unread[args.chunk_len:]
            x = _array(logits).copy()
            x[args.token_ban] = -np.inf
            for token, count in counts.items():
                x[token] -= args.alpha_presence + count * args.alpha_frequency
            token = self.sample_logits(x, args.temperature, args.top_p, args.top_k)
            if token in args.token_stop:
                break
            counts = {seen: count * args.alpha_decay for seen, count in counts.items()}
            counted = self.decode([token]) not in " \t0123456789"  # digits and blanks may repeat
            counts[token] = counts.get(token, 0) + counted
            unread = [token]
            waiting.append(token)
            piece = self.decode(waiting)
            if "\ufffd" not in piece:
                if callback:
                    callback(piece)
                text += piece
                waiting = []
        return text
