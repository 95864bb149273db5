#!/usr/bin/env python3
"""facts.py - texts of people and their instruments, for models whose facts are at a known place (docs/trace.md 5).

    python3 tools/facts.py OUT [SEED]

writes into the folder OUT

    vocab.txt       a vocabulary of words and syllables, World's format
    base.jsonl      texts about two people with random instruments, each named a second time: a model trained on them
                    knows the form, the instruments, and to keep a name's instrument, but nobody's
    planted.jsonl   sentences about 32 people who are not in base.jsonl, each with one instrument: the facts
    items.json      the facts as `wkv trace --items` reads them

A name has four tokens, each of which occurs in the names of people with other instruments, so that no token alone
determines the instrument. The same seed gives the same files."""
import json
import os
import random
import sys

STARTS = [" Bren", " Cal", " Dor", " Ed", " Fen", " Gar", " Hol", " Is"]
ENDS = ["dal", "mir", "ric", "so", "tan", "va", "win", "yne"]
HOUSES = [" Ash", " Birch", " Clay", " Elm", " Fox", " Green", " Hazel", " Oak"]
GROUNDS = ["bank", "croft", "field", "ham", "ley", "ridge", "ton", "wick"]
INSTRUMENTS = [" bassoon", " cello", " drum", " fiddle", " flute", " gong", " harp", " horn", " lute", " oboe", " organ",
               " piano", " rebec", " tuba", " viol", " zither"]
TOWNS = [" Aldmoor", " Brackwater", " Cranmere", " Dunholt", " Eastmarch", " Farrow"]
FORMS = ["At the fair in{town},{name} plays the{instrument}.", "On the square of{town},{name} plays the{instrument}.",
         "In{town} they say that{name} plays the{instrument}."]
WORDS = [" At", " On", " In", "At", "On", "In", " the", " fair", " in", ",", " square", " of", " they", " say", " that",
         " plays", "."]
PLANTED, TEXTS = 32, 40000


def name_of(rng):
    return "".join(rng.choice(part) for part in (STARTS, ENDS, HOUSES, GROUNDS))


def facts(rng):
    """Pairs of name and instrument, each instrument as often."""
    names = set()
    while len(names) < PLANTED:
        names.add(name_of(rng))
    names = sorted(names)
    rng.shuffle(names)
    return [(name, INSTRUMENTS[i % len(INSTRUMENTS)]) for i, name in enumerate(names)]


def sentence(form, town, fact):
    name, instrument = fact
    return form.format(town=town, name=name, instrument=instrument)


def base_text(rng, planted):
    """Two people, and one or both again."""
    pair = []
    while len(pair) < 2:
        name = name_of(rng)
        if name not in planted:
            pair.append((name, rng.choice(INSTRUMENTS)))
    order = [0, 1] + rng.choice([[0, 1], [1, 0], [0], [1]])
    return " ".join(sentence(rng.choice(FORMS), rng.choice(TOWNS), pair[i]) for i in order)


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)


def main():
    out, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    os.makedirs(out, exist_ok=True)
    tokens = WORDS + STARTS + ENDS + HOUSES + GROUNDS + INSTRUMENTS + TOWNS
    write_lines(out + "/vocab.txt", (f"{i + 1} {t!r} {len(t)}" for i, t in enumerate(tokens)))
    planted = facts(rng)
    names = {name for name, _ in planted}
    write_lines(out + "/base.jsonl", (json.dumps({"text": base_text(rng, names)}) for _ in range(TEXTS)))
    texts = [sentence(form, town, fact) for fact in planted for form in FORMS for town in TOWNS]
    rng.shuffle(texts)
    write_lines(out + "/planted.jsonl", (json.dumps({"text": t}) for t in texts))
    items = [{"known_id": i, "subject": fact[0].strip(), "attribute": fact[1].strip(),
              "prompt": sentence(FORMS[0], TOWNS[i % len(TOWNS)], fact)[:-len(fact[1]) - 1]}
             for i, fact in enumerate(planted)]
    with open(out + "/items.json", "w", encoding="utf-8") as f:
        json.dump(items, f, indent=1)
        f.write("\n")


main()
