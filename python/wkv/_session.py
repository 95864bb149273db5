"""Texts that are read and continued: sessions, and the streams of their answers."""
from __future__ import annotations

import ctypes
import itertools
import weakref
from ctypes import byref, c_char_p, c_float, c_int32, c_void_p, cast, create_string_buffer, pointer
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _c
from ._library import Handle, Tokens, WkvError, as_ids, as_path, c, check
from ._state import State

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    from ._model import Model

    class Settings(TypedDict, total=False):
        """Settings of an answer; see Session.generate."""

        max_tokens: int
        stop: Union[str, Sequence[str]]
        seed: Optional[int]
        temperature: float
        top_p: float
        top_k: int
        min_p: float
        typical_p: float
        mirostat_tau: float
        mirostat_eta: float
        presence: float
        frequency: float
        penalty_decay: float
        bans: Sequence[int]
        bias: Mapping[int, float]
        json_schema: str
        regex: str
        gbnf: str


def _names(prefix: str) -> Tuple[str, ...]:
    """The constants of an enum as words, in order: "WKV_THINK_" gives "off", "short", ..."""
    constants = [name for name in vars(_c) if name.startswith(prefix)]
    return tuple(name[len(prefix):].lower() for name in sorted(constants, key=lambda name: getattr(_c, name)))


FINISH, THINK, GRAMMARS = _names("WKV_FINISH_"), _names("WKV_THINK_"), _names("WKV_GRAMMAR_")
ROLES = ("system", "user", "assistant")
SLOTS = 32  # sessions in a batcher at once
PROFILE = ("temperature", "top_p", "top_k", "min_p", "typical_p", "presence", "frequency", "penalty_decay")


def _number(words: Sequence[str], word: str, role: str) -> int:
    if word not in words:
        raise ValueError(f"{role} is one of {', '.join(words)}, not {word!r}")
    return words.index(word)


def _texts(items: Sequence[str]) -> Any:
    return (c_char_p * max(len(items), 1))(*[item.encode() for item in items])


def _template(model: "Model", name: Optional[str]) -> Any:
    found = c_void_p()
    check(c.wkv_template_find(byref(found), name.encode() if name else None, None if name else model._weights,
                              model.tokenizer._handle))
    return cast(found, ctypes.POINTER(_c.wkv_template))


def _written(write: Any, *arguments: Any) -> str:
    """The text of a wkv_template function, which is given a buffer of the length that it returns."""
    room = write(*arguments, None, 0) + 1
    text = create_string_buffer(room)
    write(*arguments, text, room)
    return text.value.decode()


def chat_prompt(model: "Model", messages: Sequence[Mapping[str, str]], think: str) -> str:
    """Model.chat_prompt."""
    template, how = _template(model, None), _number(THINK, think, "think")
    system: Optional[bytes] = None
    out = ""
    for message in messages:
        content = message["content"].encode()
        role = ROLES[_number(ROLES, message["role"], "role")]
        if role == "system":
            system = content
        elif role == "user":
            out += _written(c.wkv_template_turn, template, not out, system, content, how)
        else:
            out += _written(c.wkv_template_reply, template, content)
    return out


def _generation(model: "Model", settings: Mapping[str, Any], profile: _c.wkv_profile) -> Tuple[Any, Any]:
    """A wkv_generation of these settings, those that are missing from the profile, and all that it borrows."""
    given: Dict[str, Any] = dict(settings)
    grammars = [name for name in GRAMMARS if given.get(name) is not None]
    if len(grammars) > 1:
        raise ValueError(f"two grammars: {' and '.join(grammars)}; give one")
    stop = given.pop("stop", ())
    stop = [stop] if isinstance(stop, str) else list(stop)
    bans = list(given.pop("bans", ()))
    bias = dict(given.pop("bias", {}))
    grammar = given.pop(grammars[0]) if grammars else None
    max_tokens = given.pop("max_tokens", 200)

    sampler = _c.wkv_sampler_options()
    for name in PROFILE:
        setattr(sampler, name, -1 if name == "top_k" else float("nan"))
    seed = given.pop("seed", None)
    sampler.seed = c.wkv_random_seed() if seed is None else seed
    for name in PROFILE + ("mirostat_tau", "mirostat_eta"):
        if given.get(name) is not None:
            setattr(sampler, name, given[name])
        given.pop(name, None)
    unknown = [name for name in given if name not in GRAMMARS]
    if unknown:
        raise TypeError(f"there is no setting {unknown[0]!r}; Session.generate lists them")
    c.wkv_profile_fill(byref(sampler), byref(profile), model.tokenizer._handle)

    lists = ((c_int32 * max(len(bans), 1))(*bans), (c_int32 * max(len(bias), 1))(*bias),
             (c_float * max(len(bias), 1))(*bias.values()), _texts(stop))
    sampler.bans, sampler.n_bans = cast(lists[0], c_void_p), len(bans)
    sampler.bias_ids, sampler.bias, sampler.n_bias = cast(lists[1], c_void_p), cast(lists[2], c_void_p), len(bias)
    generation = _c.wkv_generation(sampler=pointer(sampler), max_tokens=max_tokens or 0, stops=lists[3],
                                   n_stops=len(stop))
    made = None
    if grammar is not None:
        text = grammar.encode()
        made = Handle(c.wkv_grammar_free, c.wkv_grammar_new, GRAMMARS.index(grammars[0]), text, len(text),
                      model.tokenizer._handle, keep=(model.tokenizer._handle,))
        generation.grammar = made.pointer
    return generation, (sampler, lists, made)


def _events(session: Handle) -> Iterator[Tuple[int, str, _c.wkv_event]]:
    """The events that are ready, as (kind, text, event)."""
    event = _c.wkv_event()
    while c.wkv_session_next_event(session, byref(event)):
        address = c_void_p.from_buffer(event, _c.wkv_event.text.offset).value or 0  # a text may contain zero bytes
        yield event.kind, ctypes.string_at(address, event.bytes).decode("utf-8", "replace"), event


class Stream:
    """An answer while it is written: iterating gives its pieces of text, complete characters each.

    text           the text so far
    reasoning      the thoughts of a reasoning model (Session.ask), which are not part of the text
    tokens         tokens sampled so far
    seed           of the random numbers: the same seed, model and text give the same answer
    finish_reason  None until the end; then "stop" (a stop string), "length" (max_tokens), "end" (the model ended the
                   text, or its grammar did) or "cancelled"
    """

    def __init__(self, session: "Session", generation: Any, borrowed: Any):
        self.session, self.text, self.reasoning, self.tokens = session, "", "", 0
        self.finish_reason: Optional[str] = None
        self.seed: int = borrowed[0].seed
        self._borrowed = borrowed
        self._pieces: List[str] = []
        with session.model._computing() as context:
            options = _c.wkv_batcher_options(slots=1)
            self._batcher: Optional[Handle] = Handle(c.wkv_batcher_free, c.wkv_batcher_new, context, byref(options),
                                                     keep=(context, borrowed, session._handle))
        check(c.wkv_batcher_add(self._batcher, session._handle, byref(generation)))

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> str:
        while not self._pieces:
            if not self._batcher:
                raise StopIteration
            with self.session.model._computing():
                check(c.wkv_batcher_step(self._batcher))
                self._collect()
        return self._pieces.pop(0)

    def _collect(self) -> None:
        error: Optional[WkvError] = None
        for kind, text, event in _events(self.session._handle):
            if kind == _c.WKV_EVENT_REASONING:
                self.reasoning += text
            elif kind == _c.WKV_EVENT_DONE:
                self.finish_reason = FINISH[event.finish_reason]
                self._batcher = None
                if event.finish_reason == _c.WKV_FINISH_FAILED:
                    error = WkvError(event.code, event.error.decode("utf-8", "replace"))
            elif text:
                self.text += text
                self._pieces.append(text)
        self.tokens = c.wkv_session_about(self.session._handle).sampled
        if error:
            raise error

    def read(self) -> str:
        """Write to the end, and return the whole text."""
        for _ in self:
            pass
        return self.text

    def __del__(self) -> None:
        if getattr(self, "_batcher", None):
            self.close()

    def close(self) -> None:
        """End the answer here; the text so far stays in the session."""
        if self._batcher:
            with self.session.model._lock:
                c.wkv_session_cancel(self.session._handle)
                self._collect()
                self._batcher = None


class Session:
    """One text: a state, the ids that it has read, and answers. model.session() makes one.

    for piece in session.generate(): print(piece, end="", flush=True)
    """

    def __init__(self, model: "Model", *, path: Any = None, _handle: Optional[Handle] = None):
        self.model = model
        self._stream: Optional["weakref.ref[Stream]"] = None  # the latest one, which refers to the session
        keep = (model._weights, model.tokenizer._handle)
        if _handle or path is None:
            self._handle = _handle or Handle(c.wkv_session_free, c.wkv_session_new, *keep, keep=keep)
            return
        file = Handle(c.wkv_state_file_close, c.wkv_state_file_open, as_path(path))
        with model._computing() as context:
            self._handle = Handle(c.wkv_session_free, c.wkv_session_load, file, context, keep[1], keep=keep)

    @property
    def ids(self) -> np.ndarray:
        """All token ids, int32 (n,): a copy."""
        about = c.wkv_session_about(self._handle)
        return np.frombuffer(ctypes.string_at(about.ids, 4 * about.n), np.int32) if about.n else np.empty(0, np.int32)

    @property
    def text(self) -> str:
        """The whole text."""
        return self.model.tokenizer.decode(self.ids)

    def append(self, text: Union[str, Tokens]) -> None:
        """Append a text or token ids, to be read by read() or with the next answer."""
        self._finish()
        if isinstance(text, str):
            data = text.encode()
            check(c.wkv_session_append_text(self._handle, data, len(data)))
        else:
            ids = as_ids(text)
            check(c.wkv_session_append_ids(self._handle, ids.ctypes.data, len(ids)))

    def _finish(self) -> None:
        stream = self._stream and self._stream()
        if stream:
            stream.close()
        self._stream = None

    def read(self) -> State:
        """Read all that was appended. Returns the state, which is the session's own: session.read().copy() keeps it."""
        self._finish()
        about = c.wkv_session_about(self._handle)
        if about.read < about.n:
            with self.model._computing() as context:
                batcher = Handle(c.wkv_batcher_free, c.wkv_batcher_new, context, None)
                check(c.wkv_batcher_add(batcher, self._handle, None))
                while c.wkv_batcher_pending(batcher):
                    check(c.wkv_batcher_step(batcher))
                for _ in _events(self._handle):
                    pass
        return self.state

    @property
    def state(self) -> State:
        """The state after the ids read so far, the session's own: changing it changes what is written next."""
        return State(self.model, _handle=Handle.borrowed(c.wkv_session_state(self._handle), self._handle))

    def generate(self, **settings: "Unpack[Settings]") -> Stream:
        """Continue the text: a Stream, whose iteration gives the pieces of the answer. An empty session begins with the
        id that ends texts.

        max_tokens    tokens to write, at most (200); None or 0: until the model ends the text
        stop          a string, or several, that end the answer and are not part of it
        seed          of the random numbers; None: a random one (stream.seed)
        temperature   0 is greedy; as top_p, top_k, min_p, typical_p, presence, frequency, penalty_decay, mirostat_tau
                      and mirostat_eta it is as for `wkv generate`, with the same defaults
        bans, bias    ids that are excluded; {id: number added to its logit}
        json_schema, regex, gbnf   the answer is text of this grammar (docs/constrained.md)
        """
        plain = _c.wkv_profile()
        c.wkv_template_profile(byref(plain), _template(self.model, "plain"), 0, None)
        generation, borrowed = _generation(self.model, settings, plain)
        self._finish()
        if not c.wkv_session_about(self._handle).n:
            end = self.model.tokenizer.end
            self.append("\n" if end is None else [end])
        stream = Stream(self, generation, borrowed)
        self._stream = weakref.ref(stream)
        return stream

    def ask(self, question: str, *, system: Optional[str] = None, think: str = "off", **settings: "Unpack[Settings]",
            ) -> Stream:
        """A turn of a conversation in the model's chat template: a Stream of the answer. The next question continues
        the conversation.

        system  a text before the first question
        think   "off", "short", "medium", "long", "open", "fake" or "fake_inline": how a reasoning model thinks first
        Settings as of generate(), with the defaults of the model's publisher, and up to 2,000 tokens."""
        template = _template(self.model, None)
        how = _number(THINK, think, "think")
        profile = _c.wkv_profile()
        c.wkv_template_profile(byref(profile), template, how, self.model._weights)
        generation, borrowed = _generation(self.model, {"max_tokens": 2000, **settings}, profile)
        if "stop" not in settings:
            c.wkv_generation_chat(byref(generation), template, 0)
        self._finish()
        first = not c.wkv_session_about(self._handle).n
        self.append(_written(c.wkv_template_turn, template, first, system.encode() if system else None,
                             question.encode(), how))
        stream = Stream(self, generation, borrowed)
        self._stream = weakref.ref(stream)
        return stream

    def fork(self) -> "Session":
        """A copy as it is now: a branch of the text, or a point to return to. It costs one state."""
        self._finish()
        return Session(self.model, _handle=Handle(c.wkv_session_free, c.wkv_session_fork, self._handle,
                                                  keep=self._handle.keep))

    def save(self, path: Any) -> None:
        """Write a state file; model.session(path=path) continues it with the bits that it would have had."""
        self._finish()
        with self.model._computing() as context:
            check(c.wkv_session_save(self._handle, context, None, as_path(path)))


def complete(model: "Model", prompts: Sequence[Union[str, Tokens]], settings: Mapping[str, Any]) -> List[str]:
    """Model.complete: one batcher, and at most SLOTS sessions with their states at once."""
    plain = _c.wkv_profile()
    c.wkv_template_profile(byref(plain), _template(model, "plain"), 0, None)
    generation, borrowed = _generation(model, settings, plain)
    texts = ["" for _ in prompts]
    active: Dict[int, Session] = {}
    coming = iter(enumerate(prompts))
    with model._computing() as context:
        batcher = Handle(c.wkv_batcher_free, c.wkv_batcher_new, context, None, keep=(context, borrowed))
        while True:
            for i, prompt in itertools.islice(coming, SLOTS - len(active)):
                active[i] = model.session(prompt)
                check(c.wkv_batcher_add(batcher, active[i]._handle, byref(generation)))
            if not active:
                return texts
            check(c.wkv_batcher_step(batcher))
            for i, session in list(active.items()):
                for _, text, event in _events(session._handle):
                    texts[i] += text
                    if event.kind == _c.WKV_EVENT_DONE:
                        del active[i]
                        if event.finish_reason == _c.WKV_FINISH_FAILED:
                            raise WkvError(event.code, event.error.decode("utf-8", "replace"))
