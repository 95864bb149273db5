#!/usr/bin/env python3
"""check-eval.py WKV MODEL TASK RULE DATA [LIMIT [SKIP]] - score a task anew and compare every item with `wkv eval`.

The rules are written here from lm-evaluation-harness and RWKV-LM, apart from src/study. Ids come from `wkv tokenize`,
logits from `wkv logits`, one request at a time from an empty state; the sums are NumPy's, in double. Prints one line;
ends with 1 when an item differs."""
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

END = 0  # the end-of-text id of World, 20B and wkv's own vocabularies


def question(item, prefix="Question: ", field="question"):
    return f"{prefix}{item[field]}\nAnswer:"


def clean(text):
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")


def listed(item, context):
    texts, labels = item["choices"]["text"], item["choices"]["label"]
    return [context] * len(texts), texts, labels.index(item["answerKey"])


def pieces(task, rule, item):
    """contexts, choices (without the space before them), index of the right one"""
    if task == "lambada":
        left, word = item["text"].rsplit(" ", 1)
        return [left], [word], 0
    if task == "piqa":
        return [question(item, field="goal")] * 2, [item["sol1"], item["sol2"]], item["label"]
    if task == "hellaswag":
        if "query" in item:
            return [item["query"]] * 4, item["choices"], int(item["label"])
        context = clean(item["activity_label"] + ": " + item["ctx_a"] + " " + item["ctx_b"].capitalize())
        return [context] * 4, [clean(e) for e in item["endings"]], int(item["label"])
    if task == "winogrande":
        at = item["sentence"].index("_")
        rest = item["sentence"][at + 1:].strip()
        return [item["sentence"][:at] + item[o] for o in ("option1", "option2")], [rest, rest], int(item["answer"]) - 1
    if task in ("arc_easy", "arc_challenge"):
        return listed(item, question(item))
    if task == "openbookqa":
        return listed(item, item["question_stem"])
    if task == "copa":
        word = {"cause": "because", "effect": "therefore"}[item["question"]]
        context = item["premise"].strip()[:-1] + " " + word
        choices = [item[c][0].lower() + item[c][1:] for c in ("choice1", "choice2")]
        if rule == "harness-0.4":
            choices = [" " + c for c in choices]
        return [context] * 2, choices, item["label"]
    if task == "blimp":
        names = ("good", "bad") if "good" in item else ("sentence_good", "sentence_bad")
        return ["", ""], [item[n] for n in names], 0
    if task == "mmlu":
        subject = item["subject"].replace("_", " ")
        lettered = "".join(f"{letter}. {text}\n" for letter, text in zip("ABCD", item["choices"]))
        if rule == "blinkdl":
            context = (f"User: You are a very talented expert in {subject}. Answer this question:\n{item['question']}\n"
                       f"{lettered}\nAssistant: The answer is")
        else:
            context = (f"The following are multiple choice questions (with answers) about {subject}.\n\n"
                       f"{item['question'].strip()}\n{lettered}Answer:")
        return [context] * 4, list("ABCD"), item["answer"]
    if task == "sciq":
        support = item["support"].lstrip() if rule == "harness-0.4" else item["support"]
        context = f"{support}\nQuestion: {item['question']}\nAnswer:"
        if rule != "harness-0.4":
            context = context.strip()
        return [context] * 4, [item[k] for k in ("distractor1", "distractor2", "distractor3", "correct_answer")], 3
    sys.exit(f"check-eval.py: no task {task}")


class Vocabulary:
    def __init__(self, wkv, model):
        self.wkv, self.model, self.known = wkv, model, {}
        about = json.loads(subprocess.run([wkv, "info", "-m", model, "--json"], check=True, capture_output=True).stdout)
        self.newline_first = about["version"] == "4" and about["vocab"] == 50277  # RWKV-LM's loop for Pile models

    def learn(self, all_texts):
        new = [t for t in dict.fromkeys(all_texts) if t not in self.known and t != ""]
        if not new:
            return
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as f:
            f.writelines(json.dumps({"text": t}) + "\n" for t in new)
        lines = subprocess.run([self.wkv, "tokenize", "-m", self.model, "--json", "--jsonl", f.name], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        os.unlink(f.name)
        self.known.update({t: json.loads(line) for t, line in zip(new, lines, strict=True)})

    def __getitem__(self, text):
        return self.known[text] if text else []


def split_blanks(rule, context, continuation):
    bare = context.rstrip() if rule == "harness-0.4" else context
    return bare, context[len(bare):] + continuation


def ids_of(rule, words, context, continuation):
    bare, moved = split_blanks(rule, context, continuation)
    if rule == "harness-0.4":
        if context == "":
            return [END], words[continuation]
        return words[bare] or [END], words[bare + moved][len(words[bare]):]
    newline = rule == "chatrwkv" or (rule == "blinkdl" and words.newline_first)
    start = words["\n"] if newline else [0] if rule == "blinkdl" else [] if context else [END]
    return start + words[context], words[continuation]


def log_likelihood(wkv, model, before, after):
    with tempfile.NamedTemporaryFile(suffix=".f32") as f:
        subprocess.run([wkv, "logits", "-q", "-m", model, "--all", "-o", f.name, "--tokens",
                        ",".join(map(str, before + after[:-1]))], check=True)
        rows = np.fromfile(f.name, dtype=np.float32).reshape(len(before) + len(after) - 1, -1)[len(before) - 1:]
    rows = rows.astype(np.float64)
    top = rows.max(1, keepdims=True)
    log_p = rows - top - np.log(np.exp(rows - top).sum(1, keepdims=True))
    return float(log_p[np.arange(len(after)), after].sum()), bool((rows.argmax(1) == after).all())


def main():
    wkv, model, task, rule, data = sys.argv[1:6]
    limit, skip = (int(x) for x in (sys.argv[6:] + ["0", "0"][len(sys.argv) - 6:]))
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as f:
        command = [wkv, "eval", "-q", "-m", model, "--task", task, "--rule", rule, "-d", data, "-o", f.name]
        subprocess.run(command + (["--limit", str(limit)] if limit else []), check=True, stdout=subprocess.DEVNULL)
        with open(f.name) as lines:
            scored = [json.loads(line) for line in lines]
    with open(data) as lines:
        items = [json.loads(line) for line in lines][skip:]
    items = items[:limit] if limit else items
    if len(items) != len(scored):
        sys.exit(f"{task}: {len(scored)} items scored, expected {len(items)}")
    delimiter = "" if task == "blimp" and rule != "harness-0.4" else " "
    words, everything = Vocabulary(wkv, model), ["\n"]
    for item in items:
        contexts, choices, _ = pieces(task, rule, item)
        for context, choice in zip(contexts, choices):
            bare, moved = split_blanks(rule, context, delimiter + choice)
            everything += [context, bare, delimiter + choice, bare + moved]
    words.learn(everything)
    worst = wrong = requests = 0
    for item, got in zip(items, scored):
        contexts, choices, right = pieces(task, rule, item)
        sums, greedy = [], []
        for context, choice in zip(contexts, choices):
            pair = log_likelihood(wkv, model, *ids_of(rule, words, context, delimiter + choice))
            sums.append(pair[0])
            greedy.append(pair[1])
        acc = greedy[0] if len(sums) == 1 else int(np.argmax(sums)) == right
        norm = int(np.argmax([s / len(c) for s, c in zip(sums, choices)])) == right
        requests += len(sums)
        away = [abs(s - r[0]) for s, r in zip(sums, got["filtered_resps"], strict=True)]
        worst = max([worst] + away)
        fine = (max(away) < 1e-3 and greedy == [r[1] for r in got["filtered_resps"]] and acc == bool(got["acc"])
                and ("acc_norm" not in got or norm == bool(got["acc_norm"])) and got["target"] == right)
        if not fine:
            wrong += 1
            print(f"{task} {rule}: item {got['doc_id']} differs: {sums} {greedy} {acc} {norm}, got {got}"[:600])
    print(f"{task:14} {rule:12} {len(items):5} items, {requests} requests: {wrong} differ; "
          f"largest difference of a log-likelihood {worst:.2g} nats")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
