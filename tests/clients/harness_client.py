"""The unmodified lm-evaluation-harness through /v1/completions, item by item beside the probabilities of /v1/completions
asked for one by one with ids, and beside the program's own logits: harness_client.py BASE_URL PROGRAM."""
import json
import logging
import os
import subprocess
import sys
import tempfile
import urllib.request

os.environ.update(HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
folder = tempfile.mkdtemp()
os.environ["HF_HOME"] = folder
import lm_eval
import numpy
from lm_eval.tasks import TaskManager

base, program = sys.argv[1], sys.argv[2]
items = [("The king had a", [" daughter", " banana", " engine"], 0), ("Once upon a", [" time", " sad", " be"], 0),
         ("The sun is", [" of", " bright", " then"], 1), ("Tom and Mary went to the", [" park", " slowly", " Tom"], 0),
         ("I am a small language", [" model", " dog", " of"], 0), ("She opened the", [" door", " because", " sing"], 0),
         ("The little boy was very", [" happy", " house", " the"], 0), ("Two and two are", [" four", " green", " up"], 0)]
with open(f"{folder}/items.jsonl", "w") as f:
    for context, choices, gold in items:
        f.write(json.dumps({"context": context, "choices": choices, "gold": gold}) + "\n")
with open(f"{folder}/task.yaml", "w") as f:
    f.write(f"""task: local_choices
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/items.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: context
doc_to_choice: choices
doc_to_target: gold
target_delimiter: ""
num_fewshot: 0
metric_list: [{{metric: acc}}]
""")
logging.disable(logging.WARNING)
out = lm_eval.simple_evaluate(model="local-completions", tasks=["local_choices"], log_samples=True, bootstrap_iters=0,
                              model_args=f"model=built-in,base_url={base}/completions,tokenizer_backend=remote",
                              task_manager=TaskManager(include_path=folder, include_defaults=False))


def ask(path, **fields):
    request = urllib.request.Request(f"{base}/{path}", json.dumps(fields).encode())
    return json.load(urllib.request.urlopen(request))


def own_logits(ids, at):
    """log-softmax of the program's logits after ids[:at], in double"""
    path = f"{folder}/logits.f32"
    subprocess.run([program, "logits", "-q", "--tokens", ",".join(map(str, ids[:at])), "-o", path], check=True)
    x = numpy.fromfile(path, "<f4").astype(numpy.float64)
    return x - numpy.log(numpy.exp(x - x.max()).sum()) - x.max()


compared, worst, right = 0, 0.0, 0
for sample in out["samples"]["local_choices"]:
    context, choices, gold = items[sample["doc_id"]]
    scores = []
    for choice, response in zip(choices, sample["filtered_resps"]):
        a = ask("tokenize", content=context)["tokens"]
        ids = ask("tokenize", content=context + choice)["tokens"]
        total, greedy = 0.0, True
        for at in range(len(a), len(ids)):
            logits = own_logits(ids, at)
            total += logits[ids[at]]
            greedy &= int(logits.argmax()) == ids[at]
        worst = max(worst, abs(total - float(response[0])))
        assert str(response[1]) == str(greedy), (context, choice, response, greedy)
        scores.append(float(response[0]))
        compared += 1
    right += int(numpy.argmax(scores)) == gold
assert compared == sum(len(c) for _, c, _ in items) and worst < 1e-4, (compared, worst)
accuracy = out["results"]["local_choices"]["acc,none"]
assert abs(accuracy - right / len(items)) < 1e-9, (accuracy, right)
print(f"{compared} scores, largest difference {worst:.2g}, accuracy {accuracy}")
print(f"{compared} passed, 0 failed")
