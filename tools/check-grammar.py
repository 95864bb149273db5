#!/usr/bin/env python3
"""check-grammar.py LIBRARY [SUITE] - constrained output against the Python package jsonschema.

LIBRARY is libwkv.so. SUITE is a folder of JSON-Schema-Test-Suite (the source package of jsonschema has it as "json").
Two parts, each with a count:

    tools    five sets of 60 tools as clients send them: 1,000 outputs, sampled among the allowed ids and by the
             built-in model at temperatures 1 and 2, are JSON that the schema validates
    suite    every schema of draft 2020-12: outputs validate, and no instance that the suite calls invalid is an
             output; the schemas that are refused are counted by the sentence

The options --outputs N and --seed N change the number of outputs and the random numbers."""

import argparse
import collections
import ctypes
import json
import pathlib
import random
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("skip: the Python package jsonschema is missing")


class Options(ctypes.Structure):
    """wkv_sampler_options; its layout is that of include/wkv.h"""
    _fields_ = [("temperature", ctypes.c_float), ("top_p", ctypes.c_float), ("top_k", ctypes.c_int),
                ("min_p", ctypes.c_float), ("typical_p", ctypes.c_float), ("mirostat_tau", ctypes.c_float),
                ("mirostat_eta", ctypes.c_float), ("presence", ctypes.c_float), ("frequency", ctypes.c_float),
                ("penalty_decay", ctypes.c_float), ("bans", ctypes.c_void_p), ("n_bans", ctypes.c_int),
                ("bias_ids", ctypes.c_void_p), ("bias", ctypes.c_void_p), ("n_bias", ctypes.c_int),
                ("seed", ctypes.c_uint64)]


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(pathlib.Path(path).resolve())
        self.c.wkv_error.restype = ctypes.c_char_p
        self.c.wkv_token_bytes.restype = ctypes.POINTER(ctypes.c_char)
        self.model, self.context, self.tokenizer = (ctypes.c_void_p() for _ in range(3))
        self.must(self.c.wkv_model_open(ctypes.byref(self.model), None, None))
        self.must(self.c.wkv_context_new(ctypes.byref(self.context), self.model, None))
        self.must(self.c.wkv_tokenizer_open(ctypes.byref(self.tokenizer), None, self.model))
        self.size = self.c.wkv_tokenizer_size(self.tokenizer)
        self.end = self.c.wkv_tokenizer_end(self.tokenizer)
        self.words = 65536 // 64 + 1
        self.mask = (ctypes.c_uint64 * self.words)()
        self.logits = (ctypes.c_float * 65536)()
        self.state, self.bytes_of = ctypes.c_void_p(), {}
        self.must(self.c.wkv_state_new(ctypes.byref(self.state), self.model))

    def must(self, code):
        if code < 0:
            sys.exit(self.c.wkv_error().decode())

    def token(self, id):
        if id not in self.bytes_of:
            n = ctypes.c_size_t()
            p = self.c.wkv_token_bytes(self.tokenizer, id, ctypes.byref(n))
            self.bytes_of[id] = p[:n.value]
        return self.bytes_of[id]

    def compile(self, schema):
        """A grammar, or the sentence of the refusal."""
        text = json.dumps(schema).encode()
        g = ctypes.c_void_p()
        if self.c.wkv_grammar_new(ctypes.byref(g), 0, text, ctypes.c_size_t(len(text)), self.tokenizer):
            return None, self.c.wkv_error().decode()
        return g, ""

    def matcher(self, g):
        m = ctypes.c_void_p()
        self.must(self.c.wkv_matcher_new(ctypes.byref(m), g))
        return m

    def sample(self, g, rng, model, temperature, tokens):
        """An output of at most `tokens` tokens, or of the shortest output and 20 if that is more."""
        m, out = self.matcher(g), b""
        left = max(tokens, self.c.wkv_grammar_shortest(g) + 20)
        sampler = ctypes.c_void_p()
        if model:
            options = Options(temperature=temperature, seed=rng.getrandbits(60))
            self.must(self.c.wkv_sampler_new(ctypes.byref(sampler), ctypes.byref(options), 65536, None))
            self.c.wkv_state_reset(self.state)
            last = (ctypes.c_int32 * 1)(max(self.end, 0))
        while left and self.c.wkv_matcher_complete(m) < 2:
            self.must(self.c.wkv_matcher_mask(m, self.mask, left))
            if model:
                self.must(self.c.wkv_eval(self.context, self.state, last, 1, self.logits))
                id = self.c.wkv_sample_masked(sampler, self.logits, self.mask)
                self.must(id)
                last[0] = id
            else:
                id = self.pick(rng)
            if id == self.end:
                break
            self.must(self.c.wkv_matcher_accept(m, id))
            out += self.token(id)
            left -= 1
        done = self.c.wkv_matcher_complete(m)
        self.c.wkv_matcher_free(m)
        self.c.wkv_sampler_free(sampler)
        return out if done else None

    def pick(self, rng):
        bits = int.from_bytes(bytes(self.mask), "little")
        at = rng.randrange(self.size)
        after = bits >> at
        after = after if after else bits
        return (at if after is not bits or not at else 0) + (after & -after).bit_length() - 1

    def is_output(self, g, text):
        ids = (ctypes.c_int32 * (len(text) + 1))()
        n = self.c.wkv_encode(self.tokenizer, text, ctypes.c_size_t(len(text)), ids, len(text) + 1)
        m = self.matcher(g)
        fits = all(self.c.wkv_matcher_accept(m, ids[i]) == 0 for i in range(n)) and self.c.wkv_matcher_complete(m) > 0
        self.c.wkv_matcher_free(m)
        return fits


# ---- tools ----------------------------------------------------------------------------------------------------------


def argument(rng, depth):
    """One parameter of a tool, in the shapes that public tool definitions have."""
    kind = rng.randrange(12 if depth else 9)
    if kind < 2:
        return {"type": "string", "description": "a text"}
    if kind == 2:
        return {"type": "string", "enum": rng.sample(["celsius", "fahrenheit", "open", "closed", "all", "high", "low",
                                                       "été", "a \"quoted\" word"], 3)}
    if kind == 3:
        low = rng.randrange(-50, 50)
        return {"type": "integer", "minimum": low, "maximum": low + rng.randrange(1, 5000)}
    if kind == 4:
        return {"type": ["number", "null"], "default": None}
    if kind == 5:
        return {"type": "boolean"}
    if kind == 6:
        return {"type": "string", "format": rng.choice(["date", "date-time", "email", "uri", "uuid", "ipv4", "time"])}
    if kind == 7:
        return {"type": "string", "minLength": 1, "maxLength": rng.randrange(2, 60)}
    if kind == 8:
        patterns = ["^[a-z][a-z0-9_-]{2,30}$", "^\\d{3}-\\d{4}$", "^#[0-9a-fA-F]{6}$", "@", "^(GET|POST) /"]
        return {"type": "string", "pattern": rng.choice(patterns)}
    if kind == 9:
        return {"type": "array", "items": argument(rng, depth - 1), "minItems": rng.randrange(3), "maxItems": 4}
    if kind == 10:
        return {"anyOf": [argument(rng, depth - 1), {"type": "null"}]}
    return parameters(rng, depth - 1)


def parameters(rng, depth):
    names = rng.sample(["query", "limit", "user_id", "path", "city", "unit", "title", "body", "labels", "start", "end",
                         "filter", "count", "language", "options", "recipient"], rng.randrange(1, 6))
    schema = {"type": "object", "properties": {n: argument(rng, depth) for n in names},
              "required": rng.sample(names, rng.randrange(len(names) + 1))}
    if rng.random() < 0.7:
        schema["additionalProperties"] = False
    return schema


def tool_set(rng):
    verbs = ["get", "list", "create", "delete", "update", "search"]
    nouns = ["user", "file", "event", "issue", "order", "page", "message", "branch", "ticket", "map"]
    calls = [{"type": "object", "properties": {"name": {"const": f"{v}_{n}"}, "arguments": parameters(rng, 2)},
              "required": ["name", "arguments"], "additionalProperties": False} for v in verbs for n in nouns]
    return {"type": "array", "items": {"anyOf": calls}, "minItems": 1, "maxItems": 3}


def problem(validator, out):
    """None, or why an output does not satisfy the schema."""
    if out is None:
        return "the output is not complete"
    try:
        value = json.loads(out.decode())
    except ValueError as e:
        return f"{e}: {out!r}"
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    return f"{error.message}: {out!r}" if error else None


def validator_of(schema):
    cls = jsonschema.Draft202012Validator
    return cls(schema, format_checker=cls.FORMAT_CHECKER)


def check_tools(library, outputs, rng):
    right = total = 0
    for number in range(5):
        schema = tool_set(rng)
        validator = validator_of(schema)
        g, why = library.compile(schema)
        if not g:
            sys.exit(f"tool set {number}: {why}")
        for i in range(outputs // 5):
            how = i % 10
            out = library.sample(g, rng, how < 2, 1 + how % 2, rng.randrange(1, 200))
            wrong = problem(validator, out)
            total, right = total + 1, right + (not wrong)
            if wrong:
                print(f"tool set {number}: {wrong}")
        library.c.wkv_grammar_free(g)
    print(f"tools: {right} of {total} outputs satisfy their schema")
    return right == total


# ---- the suite ------------------------------------------------------------------------------------------------------


def one_of_is_exclusive(schema):
    return '"oneOf"' in json.dumps(schema)


def check_suite(library, folder, outputs, rng):
    counts, refused, wrong = collections.Counter(), collections.Counter(), 0
    for file in sorted((pathlib.Path(folder) / "tests" / "draft2020-12").glob("*.json")):
        for group in json.loads(file.read_text()):
            schema = group["schema"]
            g, why = library.compile(schema)
            if not g:
                counts["refused"] += 1
                refused[why.split(": ", 1)[-1][:70]] += 1
                continue
            counts["compiled"] += 1
            validator = validator_of(schema)
            for i in range(outputs):
                out = library.sample(g, rng, False, 1, rng.randrange(1, 60))
                why = problem(validator, out)
                counts["outputs"] += 1
                if why and not one_of_is_exclusive(schema):
                    wrong += 1
                    print(f"{file.name}, {group['description']}: {why}")
            for test in group["tests"]:
                text = json.dumps(test["data"], ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
                fits = library.is_output(g, text)
                counts["valid that are outputs" if test["valid"] else "invalid"] += fits if test["valid"] else 1
                counts["valid"] += test["valid"]
                if fits and not test["valid"] and not one_of_is_exclusive(schema):
                    wrong += 1
                    print(f"{file.name}, {group['description']}, {test['description']}: an output: {text!r}")
            library.c.wkv_grammar_free(g)
    for why, n in refused.most_common():
        print(f"{n:5} {why}")
    print("suite:", ", ".join(f"{n} {what}" for what, n in counts.items()) + f"; {wrong} wrong")
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("suite", nargs="?")
    parser.add_argument("--outputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    library, rng = Library(options.library), random.Random(options.seed)
    right = check_tools(library, options.outputs, rng)
    if options.suite:
        right = check_suite(library, options.suite, max(options.outputs // 100, 1), rng) and right
    else:
        print("skip: the suite is not given")
    sys.exit(not right)


main()
