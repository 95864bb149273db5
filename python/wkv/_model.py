"""A checkpoint and the means to compute with it."""
from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from ctypes import byref
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _c
from ._library import Handle, Memory, Tokens, as_ids, as_path, c, check
from ._state import State
from ._tokenizer import Tokenizer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._session import Session, Settings, Stream

#: A token among the next ones: its id, its rank (0: the most probable), minus the logarithm of its probability.
SCORE = np.dtype([("id", np.int32), ("rank", np.int32), ("nll", np.float32)])


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """Kind and sizes of a checkpoint."""

    path: str
    format: str  # "gguf v3"
    version: str  # "4", "5.0", "5.1", "5.2", "6", "7", "7a"
    types: str  # data types of the weights, most bytes first: "bf16, f32"
    layers: int
    width: int  # C, channels
    heads: int  # H; 0 for version 4
    head_size: int  # N
    ffn: int  # F, rows of ffn.key
    vocab: int  # V, logits per token
    parameters: int
    file_bytes: int
    state_bytes: int  # bytes of a state
    chat: str  # name of the chat template
    context_length: int  # tokens of the longest training texts; 0: unknown


class Model:
    """An open checkpoint (.pth, .safetensors, .st, .gguf, rwkv.cpp's .bin, a folder of shards), and threads to compute
    with it. Version, sizes and vocabulary are detected.

    path        None: the model inside the library
    type        convert the matrices on opening: "f32", "f16", "bf16", "q8", "q5", "q4" and those of `wkv --type`
    lora        file of an adapter, applied without merging; lora_alpha: in place of the alpha in the file
    state       file of a tuned initial state, for every text
    mmap        False: read the file into memory, so that it may change afterwards
    threads     0: one per physical core
    device      "cpu" (None), "opencl", "opencl:1"
    isa         the instruction set: "avx512", "avx2", "neon", "portable"; None: the best one
    tokenizer   a vocabulary (see Tokenizer) in place of the model's

    One computation runs at a time; calls from other threads wait for it. model.share() is for threads that are to
    compute at the same time. WkvError: the file cannot be opened; the sentence names the reason.
    """

    def __init__(self, path: Any = None, *, type: Optional[str] = None, lora: Any = None, lora_alpha: float = 0.0,
                 state: Any = None, mmap: bool = True, threads: int = 0, device: Optional[str] = None,
                 isa: Optional[str] = None, tokenizer: Any = None, _weights: Optional[Handle] = None):
        options = _c.wkv_model_options(type=type.encode() if type else None, lora=as_path(lora), lora_alpha=lora_alpha,
                                       state=as_path(state), no_mmap=not mmap)
        self._weights = _weights or Handle(c.wkv_model_close, c.wkv_model_open, as_path(path), byref(options))
        how = _c.wkv_context_options(threads=threads, device=device.encode() if device else None,
                                     isa=isa.encode() if isa else None)
        self._context: Optional[Handle] = Handle(c.wkv_context_free, c.wkv_context_new, self._weights, byref(how),
                                                 keep=(self._weights,))
        self._lock = threading.RLock()
        self._how = {"device": device, "isa": isa, "tokenizer": tokenizer}
        self._tokenizer: Optional[Tokenizer] = None
        self.info = self._about()

    def _about(self) -> ModelInfo:
        about = c.wkv_model_about(self._weights).contents
        found = {field.name: getattr(about, field.name) for field in dataclasses.fields(ModelInfo)}
        for name, value in found.items():
            if not isinstance(value, int):  # a string, or NULL
                found[name] = (value or b"").decode("utf-8", "replace")
        return ModelInfo(**found)

    def __repr__(self) -> str:
        info = self.info
        return f"<wkv.Model {info.path}: version {info.version}, {info.layers} layers, {info.width} channels>"

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Free the threads and scratch memory now; the weights go with the last state or session of this model."""
        with self._lock:
            self._context = None

    @contextlib.contextmanager
    def _computing(self) -> Iterator[Handle]:
        """The context, for the calling thread alone."""
        with self._lock:
            if not self._context:
                raise ValueError("the model is closed")
            if self._context.process != os.getpid():
                raise ValueError("the model was opened before this process was forked, and its threads stayed behind; "
                                 "open it here, or start processes with 'spawn'")
            yield self._context

    def share(self, *, threads: int = 0) -> "Model":
        """A second Model on the same weights, with threads of its own. A state is of the weights: it may go from one
        Model to the other."""
        other = Model(threads=threads, _weights=self._weights, **self._how)
        other._tokenizer = self._tokenizer
        return other

    @property
    def tokenizer(self) -> Tokenizer:
        """The vocabulary: the one given, inside the file, beside it, or the library's. WkvError: there is none."""
        if not self._tokenizer:
            self._tokenizer = Tokenizer(self._how["tokenizer"], _model=self._weights)
        return self._tokenizer

    @property
    def threads(self) -> int:
        """Threads of a computation."""
        with self._computing() as context:
            return c.wkv_context_threads(context)

    @property
    def isa(self) -> str:
        """The instruction set in use: "avx512", "avx2", "neon", "portable"."""
        with self._computing() as context:
            return c.wkv_context_isa(context).decode()

    # ---- evaluation -------------------------------------------------------------------------------------------------

    def state(self, path: Any = None) -> State:
        """A state: the initial one, or that of a state file."""
        state = State(self)
        if path is not None:
            state.load(path)
        return state

    def _sequences(self, texts: Sequence[Tuple[Tokens, State]]) -> Tuple[Any, List[np.ndarray]]:
        ids = [as_ids(tokens) for tokens, _ in texts]
        sequences = (_c.wkv_sequence * len(texts))()
        for sequence, one, (_, state) in zip(sequences, ids, texts):
            sequence.state, sequence.tokens, sequence.n = state._handle.pointer, one.ctypes.data, len(one)
        return sequences, ids

    def _run(self, sequences: Any) -> None:
        with self._computing() as context:
            check(c.wkv_eval_batch(context, sequences, len(sequences)))

    def eval(self, tokens: Tokens, state: State, *, full_output: bool = False, out: Optional[np.ndarray] = None,
             ) -> np.ndarray:
        """Read n tokens into the state, which changes in place.

        Returns float32 logits for the next token, (V,); with full_output those after every token, (n, V). out: a
        C-contiguous float32 array of that shape to write them into. The result has the same bits for every split of a
        text into calls. WkvError: no token, an id outside the vocabulary, a state of another model."""
        sequences, ids = self._sequences([(tokens, state)])
        shape = (len(ids[0]), self.info.vocab) if full_output else (self.info.vocab,)
        if out is None:
            out = np.empty(shape, np.float32)
        if out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError(f"out is a writable C-contiguous float32 array of {shape}, not {out.dtype} of {out.shape}")
        sequences[0].logits, sequences[0].all_rows = out.ctypes.data, full_output
        self._run(sequences)
        return out

    def eval_batch(self, texts: Sequence[Tuple[Tokens, State]]) -> np.ndarray:
        """Read several texts at once, [(tokens, state), ...], each with a state of its own; each gets the bits that it
        would get alone. Returns the logits after the last token of each, float32 (texts, V)."""
        sequences, _ids = self._sequences(texts)
        out = np.empty((len(texts), self.info.vocab), np.float32)
        for sequence, row in zip(sequences, out):
            sequence.logits = row.ctypes.data
        self._run(sequences)
        return out

    def read(self, tokens: Tokens, state: State) -> None:
        """eval() without computing logits."""
        self._run(self._sequences([(tokens, state)])[0])

    def read_batch(self, texts: Sequence[Tuple[Tokens, State]]) -> None:
        """eval_batch() without computing logits."""
        self._run(self._sequences(texts)[0])

    def hidden(self, tokens: Tokens, state: State, *, full_output: bool = False) -> np.ndarray:
        """The rows after the last layer norm, of which head() makes the logits: float32 (C,) of the last token, or
        with full_output (n, C). The state changes as by eval()."""
        sequences, ids = self._sequences([(tokens, state)])
        out = np.empty((len(ids[0]), self.info.width) if full_output else (self.info.width,), np.float32)
        sequences[0].hidden, sequences[0].all_rows = out.ctypes.data, full_output
        self._run(sequences)
        return out

    def head(self, hidden: np.ndarray) -> np.ndarray:
        """The logits (V,) of a row of hidden() (C,), or (n, V) of (n, C): the bits that eval() gives."""
        rows = np.ascontiguousarray(hidden, np.float32)
        if rows.shape[-1:] != (self.info.width,) or rows.ndim > 2:
            raise ValueError(f"hidden rows are ({self.info.width},) or (n, {self.info.width}), not {rows.shape}")
        out = np.empty(rows.shape[:-1] + (self.info.vocab,), np.float32)
        with self._computing() as context:
            check(c.wkv_head(context, rows.ctypes.data, rows.size // self.info.width, out.ctypes.data))
        return out

    def score(self, tokens: Tokens, state: Optional[State] = None) -> np.ndarray:
        """The probability of a text of n tokens: an array (n - 1,) of SCORE for tokens[1:], with the fields "id",
        "rank" (0: greedy sampling gives this token) and "nll" (minus the natural logarithm of the probability). The
        state (None: a new one) reads tokens[:-1]. Perplexity is exp(score["nll"].mean())."""
        return self.score_batch([(tokens, state or self.state())])[0]

    def score_batch(self, texts: Sequence[Tuple[Tokens, State]]) -> List[np.ndarray]:
        """score() of several texts at once, each with a state of its own."""
        ids = [as_ids(tokens) for tokens, _ in texts]
        out = [np.empty(max(len(one) - 1, 0), SCORE) for one in ids]
        scored = (_c.wkv_scored_text * len(texts))()
        for text, one, scores, (_, state) in zip(scored, ids, out, texts):
            text.state, text.tokens, text.n = state._handle.pointer, one.ctypes.data, len(one) - 1
            text.scores = scores.ctypes.data_as(type(text.scores))
        with self._computing() as context:
            check(c.wkv_score(context, scored, len(texts)))
        return out

    # ---- probes -----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def probe(self, names: str, function: Callable[[str, int, np.ndarray], None]) -> Iterator[None]:
        """While the `with` block runs, call function(site, layer, values) for every value inside the model that `names`
        selects ("resid_post", "blocks.3.k"; docs/probes.md lists them). values: float32 (tokens, channels), a view that
        the function may change, and that ends with the call. After an exception in it the function is not called any
        more, and the block raises it at its end."""
        raised: List[BaseException] = []

        def called(_user: Any, at: Any) -> None:
            site = at.contents
            count = site.rows * site.cols
            try:
                values = np.asarray(Memory(None, site.values, count)).reshape(site.rows, site.cols)
                if not raised:
                    function(c.wkv_site_name(site.site).decode(), site.layer, values)
            except BaseException as error:  # must not pass through the library
                raised.append(error)

        callback = _c.wkv_probe_fn(called)
        with self._computing() as context:
            check(c.wkv_probe_add(context, names.encode(), callback, None))
            try:
                yield
            finally:
                c.wkv_probe_remove(context, callback, None)
            if raised:
                raise raised[0]

    def activations(self, tokens: Tokens, names: str, state: Optional[State] = None) -> Dict[str, np.ndarray]:
        """Values inside the model while it reads n tokens: {"blocks.3.resid_post": float32 (n, C), ...}. names as in
        docs/probes.md; state None: a new one."""
        found: Dict[str, List[np.ndarray]] = {}

        def keep(site: str, layer: int, values: np.ndarray) -> None:
            found.setdefault(f"blocks.{layer}.{site}" if layer >= 0 else site, []).append(values.copy())

        with self.probe(names, keep):
            self.read(tokens, state or self.state())
        return {name: np.concatenate(parts) for name, parts in found.items()}

    # ---- text -------------------------------------------------------------------------------------------------------

    def session(self, text: Union[str, Tokens, None] = None, *, path: Any = None) -> "Session":
        """A text that is read and continued: empty, with a beginning, or that of a state file."""
        from ._session import Session

        session = Session(self, path=path)
        if text is not None:
            session.append(text)
        return session

    def generate(self, prompt: Union[str, Tokens], **settings: "Unpack[Settings]") -> "Stream":
        """Continue a text: a Stream, whose iteration gives the pieces of text. Settings as of Session.generate."""
        return self.session(prompt).generate(**settings)

    def complete(self, prompts: Sequence[Union[str, Tokens]], **settings: "Unpack[Settings]") -> List[str]:
        """The continuations of several prompts, computed together, each with the text that it would get alone."""
        from ._session import complete

        return complete(self, prompts, settings)

    def chat_prompt(self, messages: Sequence[Mapping[str, str]], *, think: str = "off") -> str:
        """A conversation in the model's chat template, up to the beginning of the next answer. messages: dicts with
        "role" ("system", before the first "user"; "user"; "assistant") and "content"; think as of Session.ask."""
        from ._session import chat_prompt

        return chat_prompt(self, messages, think)
