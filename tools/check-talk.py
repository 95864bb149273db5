"""Count correct answers in the held-out conversations of talk.py; models/README.md has the results.

    python3 tools/check-talk.py build/wkv MODEL.gguf

The user turns of each conversation go to `wkv chat` one after another, greedily. An answer is correct when it contains
the name, city, country, word or sum that the question asks for."""
import collections
import re
import subprocess
import sys

import talk
from talk_words import EN, ZH

KINDS = {"name asked?": "name", "capital?": "capital", "capital of?": "capital", "opposite?": "opposite", "plus?": "sum",
         "minus?": "sum", "gets?": "worded sum", "gives?": "worded sum"}


def slots(words, form, text):
    """The text in the first slot of a phrasing of `form` ("" for a phrasing without slots); None: none of them."""
    for phrasing in words[form]:
        pattern = re.sub(r"\\{\w\\}", "(.+?)", re.escape(phrasing.rstrip("?.!？。！"))) + r" ?[?.!？。！]*$"
        match = re.match(pattern, text, re.IGNORECASE)
        if match:
            return "".join(match.groups()[:1])
    return None


def counterpart(words, name, word):
    table = [pair for a, b in words[name] for pair in ((a, b), (b, a))]
    return next((b for a, b in table if a.lower() == word.lower()), None)


def expected(words, question, answer):
    """(kind, the text that the answer must contain), from the answer that talk.py gives; None for other questions."""
    for form, kind in KINDS.items():
        slot = slots(words, form, question)
        if slot is None:
            continue
        text = {"name": lambda: slots(words, "name asked.", answer), "capital": lambda: counterpart(words, "capitals", slot),
                "opposite": lambda: counterpart(words, "opposites", slot)}.get(kind, lambda: re.findall(r"\d+", answer)[-1])()
        if text:
            return kind, text
    return None


def is_correct(kind, text, answer):
    if "sum" in kind:
        return re.findall(r"\d+", answer)[-1:] == [text]
    return re.search(rf"(?<![a-z]){re.escape(text.lower())}(?![a-z])", answer.lower()) is not None


def answers(program, model, questions):
    chat = subprocess.run([program, "chat", "-m", model, "--temperature", "0", "-q"], input="\n".join(questions) + "\n",
                          capture_output=True, text=True, check=True)
    return chat.stdout.split("\n")[:len(questions)]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asked, right = collections.Counter(), collections.Counter()
    for language, words in (("en", EN), ("zh", ZH)):
        for text in talk.conversations(150, language, held_out=True):
            turns = re.findall(r"User: (.*)\n\nAssistant: (.*)", text)
            for (question, given), answer in zip(turns, answers(*sys.argv[1:], [u for u, _ in turns])):
                wanted = expected(words, question, given)
                if wanted:
                    asked[wanted[0], language] += 1
                    right[wanted[0], language] += is_correct(*wanted, answer)
    for (kind, language), n in sorted(asked.items()):
        print(f"{kind}, {language}: {right[kind, language]} of {n}")


main()
