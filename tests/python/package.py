"""The package against the program: ids, logits, texts, states and sentences are the same."""
import contextlib
import copy
import gc
import os
import re
import subprocess
import threading
import weakref

import checks
import numpy as np
import wkv
from checks import GOLDEN, program, raises

PROMPT = "Once upon a time there was"
model = wkv.Model()
ids = model.tokenizer.encode(PROMPT)


def test_tokenizer():
    text = "Fähre 你好\n\n"
    for at, name in (("world", "World"), ("20B", "GPT-NeoX 20B"), ("bytes", "bytes")):
        words = wkv.Tokenizer(at)
        assert words.name == name
        expected = list(map(int, program("tokenize", "--tokenizer", at, text).split()))
        assert words.encode(text) == expected
        assert words.decode(expected) == text
        assert words.encode(text.encode()) == expected
    assert wkv.Tokenizer("bytes").encode(b"\xff\0") == [255, 0]
    assert wkv.Tokenizer("bytes").token_bytes(0) == b"\0"
    assert wkv.Tokenizer("bytes").end is None and wkv.Tokenizer().end == 0
    assert wkv.Tokenizer("bytes").decode([0xe4, 0xbd]) == "\ufffd"
    assert model.tokenizer.end == 0 and len(model.tokenizer) == 6144
    assert list(map(int, program("tokenize", PROMPT).split())) == ids


def test_info():
    info = model.info
    assert (info.version, info.layers, info.width, info.heads, info.head_size) == ("7", 4, 256, 4, 64)
    assert info.parameters == 6622976 and info.chat == "plain" and info.path == "built-in"
    old = wkv.Model(f"{GOLDEN}/v4-c40-f16.pth")
    assert (old.info.version, old.info.heads, old.info.vocab) == ("4", 0, 67)
    assert model.threads >= 1 and wkv.Model(threads=1, isa="portable").isa == "portable"


def test_logits():
    program("logits", "--all", "--tokens", ",".join(map(str, ids)), "-o", "logits.f32")
    expected = np.fromfile("logits.f32", "<f4").reshape(len(ids), -1)
    assert np.array_equal(model.eval(ids, model.state(), full_output=True), expected)
    assert np.array_equal(model.eval(ids, model.state()), expected[-1])
    state = model.state()
    model.read(ids[:2], state)
    out = np.empty(model.info.vocab, np.float32)
    assert model.eval(np.array(ids[2:], np.int64), state, out=out) is out
    assert np.array_equal(out, expected[-1])
    both = model.eval_batch([(ids[:3], model.state()), (ids, model.state())])
    assert np.array_equal(both, expected[[2, len(ids) - 1]])
    states = [model.state(), model.state()]
    model.read_batch([(ids, states[0]), (ids[:1], states[1])])
    assert np.array_equal(model.eval(ids[1:], states[1]), expected[-1])
    assert np.array_equal(states[0].data, states[1].data)
    hidden = model.hidden(ids, model.state(), full_output=True)
    assert hidden.shape == (len(ids), 256) and np.array_equal(model.head(hidden), expected)
    assert np.array_equal(model.head(hidden[-1]), expected[-1])
    x = expected.astype(np.float64)
    nll = np.log(np.exp(x).sum(1)) - x[np.arange(len(ids)), np.roll(ids, -1)]
    score = model.score(ids)
    assert score.shape == (len(ids) - 1,) and score["id"].tolist() == ids[1:]
    assert np.abs(score["nll"] - nll[:-1]).max() < 1e-5
    assert ((score["rank"] == 0) == (x.argmax(1) == np.roll(ids, -1))[:-1]).all()


def test_official_logits():
    for name in ("v4-c40-f16", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16"):
        tiny = wkv.Model(f"{GOLDEN}/{name}.pth", tokenizer="bytes")
        tokens = np.fromfile(f"{GOLDEN}/{name}.tokens.i32", "<i4")
        expected = np.fromfile(f"{GOLDEN}/{name}.logits.f32", "<f4").reshape(len(tokens), -1)
        assert np.abs(tiny.eval(tokens, tiny.state(), full_output=True) - expected).max() < 5e-5


def test_state_is_a_view():
    state = model.state()
    model.eval(ids, state)
    parts = state.tensors()
    assert state.data.nbytes == model.info.state_bytes and np.shares_memory(state.data, parts["blocks.3.ffn.shift"])
    assert parts["blocks.1.att.state"].shape == (4, 64, 64) and len(parts) == 12
    other, deep = state.copy(), copy.deepcopy(state)
    assert np.array_equal(other.data, state.data) and not np.shares_memory(other.data, state.data)
    logits = model.eval([5], deep)
    other.tensors()["blocks.1.att.state"][...] *= 2
    assert not np.array_equal(model.eval([5], other), logits)
    data = model.state().data  # outlives its State
    gc.collect()
    assert not data.any()
    state.reset()
    assert not state.data.any()
    old = wkv.Model(f"{GOLDEN}/v4-c40-f16.pth", tokenizer="bytes")
    assert set(old.state().tensors()) == {f"blocks.{i}.{part}" for i in range(3) for part in (
        "att.shift", "att.aa", "att.bb", "att.pp", "ffn.shift")}
    assert (old.state().tensors()["blocks.0.att.pp"] == np.float32(-1e30)).all()


def test_state_files():
    state = model.state()
    model.eval(ids, state)
    state.save("state.safetensors", tokens=ids, text=PROMPT)
    info = program("state", "info", "state.safetensors")
    assert PROMPT in info and str(len(ids)) in info, info
    verified = program("state", "verify", "state.safetensors", "-m", "built-in")
    assert f"the same bits from its {len(ids)} tokens" in verified
    assert np.array_equal(model.state("state.safetensors").data, state.data)
    mean = wkv.State.mix([state, model.state()], [3, 1])
    assert np.allclose(mean.data, 0.75 * state.data)
    state.save_tuned("tuned.pth")
    tuned = wkv.Model(state="tuned.pth")
    assert np.array_equal(tuned.state().tensors()["blocks.2.att.state"], state.tensors()["blocks.2.att.state"])
    assert not tuned.state().tensors()["blocks.2.att.shift"].any()
    with open("state.safetensors", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    raises(wkv.WkvError, "state.safetensors", model.state, "state.safetensors")


def test_generated_text():
    text = program("generate", "--seed", 9, "-n", 60, "--no-echo", "--no-stop", PROMPT)
    stream = model.generate(PROMPT, seed=9, max_tokens=60)
    pieces = list(stream)
    assert "".join(pieces) + "\n" == text and len(pieces) > 20 and stream.text == "".join(pieces)
    assert (stream.finish_reason, stream.tokens, stream.seed) == ("length", 60, 9)
    cold = ("--temperature", 0, "-n", 30, "--no-echo", "--no-stop")
    prompts = ["The old king", PROMPT, "A fox"]
    expected = [program("generate", *cold, prompt) for prompt in prompts]
    assert [text + "\n" for text in model.complete(prompts, temperature=0, max_tokens=30)] == expected
    assert model.complete([prompts[i % 3] for i in range(70)], temperature=0, max_tokens=4) == \
        [text for text in model.complete(prompts, temperature=0, max_tokens=4)] * 23 + \
        model.complete(prompts[:1], temperature=0, max_tokens=4)
    word = expected[1].split()[3]
    some = model.generate(PROMPT, temperature=0, stop=["no such words", " " + word])
    assert some.read() == expected[1][:expected[1].index(" " + word)] and some.finish_reason == "stop"
    schema = '{"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}, "required": ["name"]}'
    assert program("generate", "--seed", 1, "--no-echo", "--json-schema", schema, "A user: ").strip() == \
        model.generate("A user: ", json_schema=schema, seed=1).read()
    assert model.generate("Yes or no? ", regex="(yes|no)", seed=1).read() in ("yes", "no")
    best = int(model.eval(ids, model.state()).argmax())
    banned = model.generate(PROMPT, temperature=0, max_tokens=1, bans=[best])
    assert banned.read() and banned.session.ids[-1] != best
    assert model.generate("x", max_tokens=1, temperature=0, bias={400: 1e4}).read() == model.tokenizer.decode([400])


def test_sessions():
    session = model.session(PROMPT)
    assert session.text == PROMPT and session.ids.tolist() == ids
    assert np.array_equal(session.read().data, session.state.data)
    fork = session.fork()
    whole = session.generate(seed=4, max_tokens=30).read()
    stream = fork.generate(seed=4, max_tokens=30)
    begun = next(stream)
    assert whole.startswith(begun)
    stream.close()
    assert stream.finish_reason == "cancelled" and list(stream) == []
    assert fork.text == PROMPT + stream.text
    session.append(" And then")
    session.save("session.safetensors")
    loaded = model.session(path="session.safetensors")
    assert loaded.text == session.text
    assert loaded.generate(seed=5, max_tokens=20).read() == session.generate(seed=5, max_tokens=20).read()
    for piece in session.generate(max_tokens=50):
        break  # the stream goes, and its answer ends here
    assert session.text.endswith(piece)
    left = session.generate(max_tokens=50)
    next(left)
    assert session.generate(max_tokens=1, seed=1).read() and left.finish_reason == "cancelled"
    gone = weakref.ref(session)
    del session, stream, left
    assert not gone()
    assert model.session([1, 2, 3]).ids.tolist() == [1, 2, 3]
    assert model.session().generate(max_tokens=3, temperature=0).session.ids[0] == 0


def test_chat():
    lines = "Who are you?\nTell me a story.\n"
    command = [checks.PROGRAM, "chat", "--seed", "1", "-q"]
    expected = subprocess.run(command, input=lines, capture_output=True, text=True)
    session = model.session()
    answers = [session.ask(line, seed=1).read() for line in lines.splitlines()]
    for answer in answers:
        assert answer and answer in expected.stdout, (answer, expected.stdout)
    turns = [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": answers[0]},
             {"role": "user", "content": "Tell me a story."}]
    assert session.text.startswith(model.chat_prompt(turns))
    raises(ValueError, "think is one of off, short", session.ask, "x", think="hard")
    raises(ValueError, "role is one of system, user", model.chat_prompt, [{"role": "tool", "content": "x"}])


def test_values_inside():
    program("dump", PROMPT, "--sites", "resid_post,blocks.1.k", "-o", "dump.npz")
    with np.load("dump.npz") as file:
        dumped = dict(file)
    found = model.activations(ids, "resid_post,blocks.1.k")
    assert len(found) == 5
    for name, values in found.items():
        assert np.array_equal(values, dumped[name]), name
    logits = model.eval(ids, model.state())
    with model.probe("blocks.2.resid_post", lambda site, layer, values: None):
        assert np.array_equal(model.eval(ids, model.state()), logits)

    def change(site, layer, values):
        assert (site, layer, values.shape[1]) == ("resid_post", 2, 256)
        values[...] += 1

    with model.probe("blocks.2.resid_post", change):
        assert not np.array_equal(model.eval(ids, model.state()), logits)
    assert np.array_equal(model.eval(ids, model.state()), logits)

    def fail(*_):
        raise KeyError("mine")

    def probed():
        with model.probe("embed", fail):
            model.eval(ids, model.state())

    raises(KeyError, "mine", probed)
    raises(wkv.WkvError, "nonsense", model.activations, ids, "nonsense")


def test_errors():
    sentence = program("info", "/no/such.pth", status=1).strip()
    error = raises(wkv.WkvError, "/no/such.pth", wkv.Model, "/no/such.pth")
    assert sentence.endswith(str(error)) and (error.name, error.code) == ("EIO", -2), (sentence, error)
    assert raises(wkv.WkvError, "6144", model.eval, [6144], model.state()).name == "EARG"
    raises(ValueError, "expected 32 bits", model.eval, [2**40], model.state())
    raises(wkv.WkvError, "-1", model.eval, [-1], model.state())
    raises(wkv.WkvError, "0 tokens", model.eval, [], model.state())
    raises(wkv.WkvError, "0 tokens", model.score, [1])
    raises(TypeError, "integers", model.eval, [1.5], model.state())
    raises(TypeError, "2-dimensional", model.eval, [[1]], model.state())
    raises(ValueError, "out is a writable", model.eval, [1], model.state(), out=np.empty(5, np.float32))
    raises(ValueError, "hidden rows", model.head, np.zeros(3))
    other = wkv.Model(f"{GOLDEN}/v4-c40-f16.pth", tokenizer="bytes")
    raises(wkv.WkvError, "another model", model.eval, [1], other.state())
    model.session(PROMPT).save("other.safetensors")
    raises(wkv.WkvError, "RWKV-4", other.state().load, "other.safetensors")
    raises(TypeError, "there is no setting 'temprature'", model.generate, "x", temprature=1)
    raises(ValueError, "two grammars", model.generate, "x", regex="a", gbnf="b")
    raises(wkv.WkvError, "a group has no )", model.generate, "x", regex="(")
    raises(wkv.WkvError, "top_p", model.generate, "x", top_p=7)
    raises(wkv.WkvError, "q9", wkv.Model, type="q9")
    raises(ValueError, "no state", wkv.State.mix, [])
    with wkv.Model() as closed:
        state = closed.state()
    raises(ValueError, "the model is closed", closed.eval, [1], state)
    assert state.data.shape == (67584,)


def test_lifetimes_and_threads():
    state, session = wkv.Model().state(), wkv.Model().session("a b")  # outlive their models' names
    gc.collect()
    assert session.generate(max_tokens=2, temperature=0).read() and not state.data.any()
    expected = model.eval(ids, model.state())
    results = []

    def work(own):
        results.append(all(np.array_equal(own.eval(ids, own.state()), expected) for _ in range(20)))

    threads = [threading.Thread(target=work, args=(one,)) for one in (model, model, model.share(threads=1))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert results == [True, True, True]
    shared = model.share()
    state = model.state()
    model.eval(ids[:2], state)
    assert np.array_equal(shared.eval(ids[2:], state), expected)


def test_a_fork_is_refused():
    if not hasattr(os, "fork"):
        raise checks.Skip("this system has no fork")
    if "WKV_EMULATOR" in os.environ:
        raise checks.Skip("a fork may inherit a lock of qemu that a thread of its parent has")
    child = os.fork()
    if not child:
        try:
            raises(ValueError, "before this process was forked", model.eval, ids, model.state())
            del globals()["model"]  # freeing it must not wait for threads
            gc.collect()
            os._exit(0 if wkv.Model(threads=2).generate("x", max_tokens=2).read() else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert model.eval(ids, model.state()).shape == (6144,)


def test_every_function_is_bound():
    assert len(wkv._c.FUNCTIONS) > 200
    assert wkv.c.wkv_version().decode() == wkv.__version__ == program("--version").split()[1]


def test_page():
    """The examples of docs/python.md, in their order."""
    with open(os.path.join(os.path.dirname(checks.__file__), "..", "..", "docs", "python.md")) as file:
        blocks = re.findall(r"^```python\n(.*?)^```$", file.read(), re.M | re.S)
    assert len(blocks) >= 8
    names = {}
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        for block in blocks:
            exec(compile(block, "docs/python.md", "exec"), names)
    assert names["again"].text == names["session"].text


checks.run(__name__)
