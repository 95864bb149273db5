"""wkv.rwkv in place of the `rwkv` package: logits of the files in tests/golden/models, which that package computed; its
calls; and, where the package itself and torch are installed, every call beside it."""
import copy
import os
import warnings

import checks
import numpy as np
from checks import GOLDEN, raises
from wkv.rwkv.model import RWKV, torch
from wkv.rwkv.utils import PIPELINE, PIPELINE_ARGS

NAMES = ("v4-c32-f32", "v4-c40-f16", "v5.0-n16-bf16", "v5.1-n16-f16", "v5.2-n32-bf16", "v6-n16-bf16", "v7-n16-bf16",
         "v7-n32-f32")


def opened(name, strategy="cpu fp32"):
    return RWKV(f"{GOLDEN}/{name}", strategy, verbose=False)


def array(x):
    return np.asarray(x)


def test_official_logits():
    for name in NAMES:
        model = opened(name)
        tokens = np.fromfile(f"{GOLDEN}/{name}.tokens.i32", "<i4").tolist()
        expected = np.fromfile(f"{GOLDEN}/{name}.logits.f32", "<f4").reshape(len(tokens), -1)
        state = None
        for token, row in zip(tokens, expected):
            logits, state = model.forward([token], state)
            assert np.abs(array(logits) - row).max() < 5e-5, name
        logits, after = model.forward(tokens, None, full_output=True)
        assert np.abs(array(logits) - expected).max() < 5e-5, name
        logits, _ = model.forward(tokens, model.generate_zero_state())
        assert logits.shape == expected[0].shape
        assert all(np.array_equal(array(a), array(b)) for a, b in zip(state, after)), name
        assert (torch is None) == isinstance(logits, np.ndarray)


def test_states():
    model = opened("v6-n16-bf16")
    assert (model.version, model.args.n_layer, model.args.n_embd, model.args.vocab_size) == (6.0, 2, 48, 43)
    assert [tuple(x.shape) for x in model.generate_zero_state()] == [(48,), (3, 16, 16), (48,)] * 2
    assert [tuple(x.shape) for x in opened("v4-c40-f16").generate_zero_state()] == [(40,)] * 15
    first, state = model.forward([1, 2, 3], None)
    shallow, deep = list(state), copy.deepcopy(state)
    second, returned = model.forward(4, state)
    assert returned is state and not np.array_equal(array(shallow[0]), array(state[0]))
    for kept in (shallow, deep, [array(x) for x in deep]):
        again, _ = model.forward([4], kept)
        assert np.array_equal(array(again), array(second))
    state[1] *= 2  # a change is seen
    assert not np.array_equal(array(model.forward([5], copy.deepcopy(state))[0]), array(model.forward([5], kept)[0]))
    other, _ = model.forward([7], [x * 0 for x in state])
    assert np.array_equal(array(other), array(model.forward([7], None)[0]))
    raises(ValueError, "the state has 5 tensors, and this model's has 6", model.forward, [1], state[:5])
    raises(ValueError, "a tensor of the state is (48,)", model.forward, [1], [state[0]] * 6)
    raises(Exception, "0 tokens", model.forward, [], None)
    assert array(model.forward([3], None, full_output=True)[0]).shape == (43,)


def test_strategies():
    raises(ValueError, "strategy 'fp32'", opened, NAMES[0], "fp32")
    raises(ValueError, "strategy 'cpu fp32 ->'", opened, NAMES[0], "cpu fp32 ->")
    raises(ValueError, "convert_and_save_and_exit", RWKV, NAMES[0], "cpu fp32", convert_and_save_and_exit="x.pth")
    exact, _ = opened("v7-n32-f32").forward([1, 2, 3], None)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        quantized, _ = opened("v7-n32-f32", "cuda fp16i8 *10 -> cpu fp32").forward([1, 2, 3], None)
    assert "wkv computes on the CPU" in str(said[0].message)
    assert 0 < np.abs(array(quantized) - array(exact)).max() < 0.2
    assert RWKV(f"{GOLDEN}/v7-n32-f32.pth", "cpu bf16", verbose=False).version == 7.0


def test_pipeline():
    pipeline = PIPELINE(None, "rwkv_vocab_v20230424")
    assert pipeline.encode("Hello 你好") == [33155, 33, 10464, 11685]
    assert pipeline.decode(pipeline.encode("Hello 你好\n")) == "Hello 你好\n"
    assert pipeline.decode([pipeline.tokenizer.encode("é".encode()[:1])[0]]) == "\ufffd"
    assert pipeline.refine_context(" a \n\n\u3000b\r\n") == "\na\nb" and pipeline.refine_context("") == "\n"
    logits = np.array([1.0, 3.0, 2.0, 0.5, 2.9], np.float32)
    assert pipeline.sample_logits(logits, temperature=0) == 1 == pipeline.sample_logits(logits, top_p=0)
    assert {pipeline.sample_logits(logits, top_k=2, top_p=0.99) for _ in range(60)} == {1, 4}
    assert {pipeline.sample_logits(logits, top_p=0.6) for _ in range(60)} == {1, 4}
    np.random.seed(3)  # as the rwkv package samples them
    assert [pipeline.sample_logits(logits, 1.3, 0.9) for _ in range(12)] == SAMPLED
    args = PIPELINE_ARGS()
    assert (args.temperature, args.top_p, args.top_k, args.alpha_frequency, args.alpha_presence, args.alpha_decay,
            args.token_ban, args.token_stop, args.chunk_len) == (1.0, 0.85, 0, 0.2, 0.2, 0.996, [], [], 256)


SAMPLED = [2, 4, 1, 2, 4, 4, 1, 1, 1, 2, 1, 2]


def letters(pipeline):
    """The vocabulary of a model of 41 ids as letters, some of which are incomplete UTF-8 at the end of a text."""
    pipeline.encode = lambda text: [ord(c) % 41 for c in text]
    pipeline.decode = lambda tokens: "".join(chr(48 + i) for i in tokens) + "\ufffd" * (tokens[-1] % 5 == 2)
    return pipeline


SETTINGS = ({}, {"temperature": 0.7, "top_p": 0.5}, {"top_k": 5, "temperature": 2.0, "token_ban": [3, 4]},
            {"token_stop": [9], "alpha_frequency": 1.0, "alpha_presence": 0.5, "chunk_len": 3})


def texts(pipeline, arguments):
    out = []
    for settings in SETTINGS:
        pieces = []
        np.random.seed(1)
        text = pipeline.generate("hello", 30, arguments(**settings), pieces.append)
        assert "".join(pieces) == text
        out.append(text)
    return out


def test_generate():
    pipeline = letters(PIPELINE(opened("v4-c32-f32"), "rwkv_vocab_v20230424"))
    assert texts(pipeline, PIPELINE_ARGS) == GENERATED
    state = pipeline.model.forward(pipeline.encode("hell"), None)[1]
    np.random.seed(1)
    assert pipeline.generate("o", 30, PIPELINE_ARGS(), state=state) == GENERATED[0]



GENERATED = ["=Q0D3777:=PD=Q0VIOOOOU?QTW55=T",
             "=Q0I0I0I7Q0V0W1MCI7CI=I7RD377Q",
             "?M77777:=PDP9W5Q6FD=QX<SQTI0CO",
             "=Q0I0CAFD7PD=W0SOM=<USI8OR535Q"]


def test_beside_the_rwkv_package():
    os.environ.update(RWKV_V7_ON="0", RWKV_JIT_ON="0", RWKV_CUDA_ON="0")  # which it reads at its import
    try:
        import rwkv.model
        import rwkv.utils
    except ImportError:
        raise checks.Skip("rwkv and torch are not installed")
    model = rwkv.model.RWKV(f"{GOLDEN}/v4-c32-f32.pth", "cpu fp32", verbose=False)
    pipeline = letters(rwkv.utils.PIPELINE(model, "rwkv_vocab_v20230424"))
    assert texts(pipeline, rwkv.utils.PIPELINE_ARGS) == GENERATED
    _, ours = opened("v4-c32-f32").forward([1, 2, 3], None)
    _, state = model.forward([1, 2, 3], None)
    assert all(np.abs(array(a) - array(b)).max() < 5e-5 for a, b in zip(state, ours))
    np.random.seed(3)
    logits = torch.tensor([1.0, 3.0, 2.0, 0.5, 2.9])
    assert [pipeline.sample_logits(logits, 1.3, 0.9) for _ in range(12)] == SAMPLED


checks.run(__name__)
