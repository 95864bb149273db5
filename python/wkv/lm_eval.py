"""Models of wkv in lm-evaluation-harness (package lm_eval, 0.4), as "wkv".

    python -m wkv.lm_eval run --model wkv --model_args path=MODEL.pth,type=q8 --tasks lambada_openai,piqa

or, in a program, `import wkv.lm_eval` and then lm_eval.simple_evaluate(model="wkv", ...). Texts of any length are read
whole. The part that contexts have in common is read once, and log-likelihoods have the same bits for every batch size.
"""
from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Sequence, Tuple

from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model
from tqdm import tqdm

from . import Model, __version__

BATCH = 16  # sequences at once, each with a state


@register_model("wkv")
class WkvLM(TemplateLM):
    """model_args: path (none: the model inside the library), and type, threads, device, lora, state, tokenizer as of
    wkv.Model. batch_size is for memory alone: sequences computed at once, each with a state (16). The harness's
    defaults, batch_size 1 and device "cuda:0", count as not given."""

    def __init__(self, path: Optional[str] = None, type: Optional[str] = None, threads: int = 0,
                 device: Optional[str] = None, lora: Optional[str] = None, state: Optional[str] = None,
                 tokenizer: Optional[str] = None, batch_size: Any = None, max_batch_size: Any = None):
        super().__init__()
        self.model = Model(path, type=type, threads=threads, device=None if device == "cuda:0" else device, lora=lora,
                           state=state, tokenizer=tokenizer)
        self.batch = int(batch_size) if str(batch_size).isdigit() and int(batch_size) > 1 else BATCH

    @property
    def eot_token_id(self) -> int:
        end = self.model.tokenizer.end
        if end is None:
            raise ValueError(f"the vocabulary {self.model.tokenizer.name} has no id that ends a text, with which the "
                             "harness begins")
        return end

    @property
    def tokenizer_name(self) -> str:
        return self.model.tokenizer.name

    def tok_encode(self, string: str, add_special_tokens: Optional[bool] = None, **_: Any) -> List[int]:
        return self.model.tokenizer.encode(string)

    def apply_chat_template(self, chat_history: List[Dict[str, str]], add_generation_prompt: bool = True) -> str:
        prompt = self.model.chat_prompt(chat_history)
        return prompt if add_generation_prompt else prompt.rstrip()  # the last answer is to be continued

    def chat_template(self, chat_template: Any = False) -> str:
        return self.model.info.chat

    def get_model_info(self) -> Dict[str, Any]:
        info = self.model.info
        return {"wkv_version": __version__, "model_num_parameters": info.parameters, "model_dtype": info.types}

    def _loglikelihood_tokens(self, requests: List[Tuple[Tuple[str, str], List[int], List[int]]],
                              disable_tqdm: bool = False, **_: Any) -> List[Tuple[float, bool]]:
        """(log-likelihood in nats, whether greedy sampling gives it) of each continuation after its context."""
        asked: Dict[Tuple[int, ...], List[int]] = {}
        for i, (_texts, context, _ids) in enumerate(requests):
            asked.setdefault(tuple(context), []).append(i)
        contexts = list(asked)
        common = os.path.commonprefix([context[:-1] for context in contexts])
        begin = self.model.state()
        if common:
            self.model.read(common, begin)
        results: List[Any] = [None] * len(requests)
        bar = tqdm(total=len(requests), desc="Log-likelihoods", disable=disable_tqdm)
        for at in range(0, len(contexts), self.batch):
            read = {context: begin.copy() for context in contexts[at:at + self.batch]}
            rests = [(context[len(common):-1], state) for context, state in read.items()]
            unread = [rest for rest in rests if rest[0]]
            if unread:
                self.model.read_batch(unread)
            wanted = [(i, context) for context in read for i in asked[context]]
            for first in range(0, len(wanted), self.batch):
                part = wanted[first:first + self.batch]
                scores = self.model.score_batch([([context[-1], *requests[i][2]], read[context].copy())
                                                 for i, context in part])
                for (i, _context), score in zip(part, scores):
                    results[i] = (-sum(score["nll"].tolist()), bool((score["rank"] == 0).all()))
                    self.cache_hook.add_partial("loglikelihood", requests[i][0], results[i])
                bar.update(len(part))
        bar.close()
        return results

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> List[float]:
        """The log-likelihood of each whole text after the id that ends texts."""
        results = []
        for request in tqdm(requests, desc="Texts", disable=disable_tqdm):
            (text,) = request.args
            ids = self.tok_encode(text)
            nll = self.model.score([self.prefix_token_id, *ids])["nll"].tolist() if ids else []
            results.append(-sum(nll))
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, results[-1])
        return results

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> List[str]:
        """Answers up to a string of `until` or max_gen_toks (256) tokens; greedy unless do_sample or a temperature is
        given."""
        results: List[Any] = [None] * len(requests)
        groups: Dict[str, List[int]] = {}
        for i, request in enumerate(requests):
            groups.setdefault(repr(request.args[1]), []).append(i)
        bar = tqdm(total=len(requests), desc="Answers", disable=disable_tqdm)
        for members in groups.values():
            given = dict(requests[members[0]].args[1])
            until = given.get("until") or []
            sampled = given.get("do_sample", given.get("temperature", 0) > 0)
            settings: Any = {"stop": until, "max_tokens": given.get("max_gen_toks", 256),
                             "seed": given.get("seed", 1234), "presence": 0.0, "frequency": 0.0,
                             "temperature": given.get("temperature", 1.0) if sampled else 0.0,
                             "top_p": given.get("top_p", 0.0), "top_k": given.get("top_k", 0)}
            prompts = [requests[i].args[0] or [self.eot_token_id] for i in members]
            for i, text in zip(members, self.model.complete(prompts, **settings)):
                results[i] = text
                self.cache_hook.add_partial("generate_until", requests[i].args, text)
            bar.update(len(members))
        bar.close()
        return results


if __name__ == "__main__":
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()
