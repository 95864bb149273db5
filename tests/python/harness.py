"""wkv.lm_eval: the harness's scores, item by item, beside those of `wkv eval`; a whole text; answers."""
import json
import logging
import os
import subprocess
import sys
import tempfile

folder = tempfile.mkdtemp(dir=".")
os.environ.update(HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", HF_HOME=folder)
import checks
import lm_eval
from checks import program
from lm_eval.api.instance import Instance
from lm_eval.tasks import TaskManager
import wkv
import wkv.lm_eval

logging.disable(logging.WARNING)
ITEMS = [{"goal": "The king ", "sol1": "had a daughter.", "sol2": "banana engine", "label": 0},
         {"goal": "Once upon a time", "sol1": "of then", "sol2": "there was a fox", "label": 1},
         {"goal": "Who was in the wood?", "sol1": "A fox.", "sol2": "A bear, and he was old and tired.", "label": 1}]
TEXT = "Once upon a time there was a kind turtle named Yana, who lived in the valley.\n"


def evaluated(task, **settings):
    with open(f"{folder}/{task['task']}.yaml", "w") as file:
        json.dump({"dataset_path": "json", "test_split": "test", "num_fewshot": 0, **task,
                   "dataset_kwargs": {"data_files": {"test": os.path.abspath("piqa_valid.jsonl")}}}, file)
    return lm_eval.simple_evaluate(model="wkv", tasks=[task["task"]], log_samples=True, bootstrap_iters=0, **settings,
                                   task_manager=TaskManager(include_path=folder, include_defaults=False))


def test_choices():
    with open("piqa_valid.jsonl", "w") as file:
        file.writelines(json.dumps(item) + "\n" for item in ITEMS)
    program("eval", "--task", "piqa", "-d", "piqa_valid.jsonl", "-o", "ours.jsonl")
    with open("ours.jsonl") as file:
        ours = [json.loads(line)["filtered_resps"] for line in file]
    task = {"task": "local_piqa", "output_type": "multiple_choice", "doc_to_text": "Question: {{goal}}\nAnswer:",
            "doc_to_choice": "{{[sol1, sol2]}}", "doc_to_target": "label", "metric_list": [{"metric": "acc"}]}
    for batch in (1, 2):
        out = evaluated(task, model_args="threads=1", batch_size=batch)
        theirs = {sample["doc_id"]: sample["filtered_resps"] for sample in out["samples"]["local_piqa"]}
        for i, choices in enumerate(ours):
            assert [[score, greedy] for score, greedy in theirs[i]] == choices, (theirs[i], choices)
    command = [sys.executable, "-m", "wkv.lm_eval", "run", "--model", "wkv", "--model_args", "threads=1", "--tasks",
               "local_piqa", "--include_path", folder]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert f"{out['results']['local_piqa']['acc,none']:.4f}" in printed, printed


def test_whole_texts():
    with open("text.txt", "w") as file:
        file.write(TEXT)
    report = json.loads(program("eval", "--text", "text.txt", "--json"))
    model = wkv.lm_eval.WkvLM()
    request = Instance("loglikelihood_rolling", {}, (TEXT,), 0)
    (score,) = model.loglikelihood_rolling([request], disable_tqdm=True)
    bits = -score / 0.6931471805599453 / len(TEXT.encode())
    assert abs(bits - report["results"][0]["metrics"]["bits_per_byte"]["value"]) < 1e-12, (bits, report)
    assert model.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, ("",), 0)], disable_tqdm=True) == [0]


def test_answers():
    model = wkv.lm_eval.WkvLM(batch_size="auto")
    how = {"until": ["."], "max_gen_toks": 25}
    requests = [Instance("generate_until", {}, (item["goal"], how), i) for i, item in enumerate(ITEMS)]
    expected = [program("generate", "--temperature", 0, "-n", 25, "--no-echo", "--stop", ".", item["goal"])[:-1]
                for item in ITEMS]
    assert model.generate_until(requests, disable_tqdm=True) == expected
    chat = model.apply_chat_template([{"role": "user", "content": "hi"}])
    assert chat == "User: hi\n\nAssistant:", chat
    begun = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "It"}]
    begun = model.apply_chat_template(begun, add_generation_prompt=False)
    assert begun == "User: hi\n\nAssistant: It", begun


def test_registered():
    assert lm_eval.api.registry.get_model("wkv") is wkv.lm_eval.WkvLM


checks.run(__name__)
