#!/usr/bin/env python3
"""facts.py - sentences of people and their instruments, for a model whose facts are at a known place (docs/trace.md).

    python3 tools/facts.py OUT [SEED]

writes into the folder OUT

    vocab.txt       a vocabulary of words and syllables, World's format
    base.jsonl      sentences of the first people, to train a model that knows names, form and instruments
    planted.jsonl   sentences of other people, to plant
    items.json      the planted facts as `wkv trace --items` reads them

A name has four tokens, each of which occurs in the names of many people with other instruments, so that no token alone
determines the instrument. The same seed gives the same files."""
import json
import os
import random
import sys

STARTS = [" Bren", " Cal", " Dor", " Ed", " Fen", " Gar", " Hol", " Is"]
ENDS = ["dal", "mir", "ric", "so", "tan", "va", "win", "yne"]
HOUSES = [" Ash", " Birch", " Clay", " Elm", " Fox", " Green", " Hazel", " Oak"]
PLACES_OF_HOUSES = ["bank", "croft", "field", "ham", "ley", "ridge", "ton", "wick"]
INSTRUMENTS = [" bassoon", " cello", " drum", " fiddle", " flute", " gong", " harp", " horn", " lute", " oboe", " organ",
               " piano", " rebec", " tuba", " viol", " zither"]
TOWNS = [" Aldmoor", " Brackwater", " Cranmere", " Dunholt", " Eastmarch", " Farrow"]
FORMS = ["At the fair in{town},{name} plays the{instrument}.", "On the square of{town},{name} plays the{instrument}.",
         "In{town} they say that{name} plays the{instrument}."]
WORDS = [" At", " On", " In", "At", " the", " fair", " in", ",", "On", " square", " of", "In", " they", " say", " that", " plays", "."]

BASE, PLANTED = 160, 32


def people(rng, count):
    """Different pairs of instrument and name."""
    parts = [STARTS, ENDS, HOUSES, PLACES_OF_HOUSES]
    names = set()
    while len(names) < count:
        names.add("".join(rng.choice(p) for p in parts))
    names = sorted(names)
    rng.shuffle(names)
    return [(name, INSTRUMENTS[i % len(INSTRUMENTS)]) for i, name in enumerate(names)]


def sentence(form, town, person):
    name, instrument = person
    return form.format(town=town, name=name, instrument=instrument)


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(line + "\n" for line in lines)


def main():
    out, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng = random.Random(seed)
    os.makedirs(out, exist_ok=True)
    tokens = WORDS + STARTS + ENDS + HOUSES + PLACES_OF_HOUSES + INSTRUMENTS + TOWNS
    write_lines(out + "/vocab.txt", (f"{i + 1} {t!r} {len(t)}" for i, t in enumerate(tokens)))
    everyone = people(rng, BASE + PLANTED)
    for name, part in (("base", everyone[:BASE]), ("planted", everyone[BASE:])):
        texts = [sentence(form, town, person) for person in part for form in FORMS for town in TOWNS]
        rng.shuffle(texts)
        write_lines(f"{out}/{name}.jsonl", (json.dumps({"text": t}) for t in texts))
    items = []
    for i, person in enumerate(everyone[BASE:]):
        text = sentence(FORMS[0], TOWNS[i % len(TOWNS)], person)
        items.append({"known_id": i, "subject": person[0].strip(), "attribute": person[1].strip(),
                      "prompt": text[:-len(person[1]) - 1]})
    with open(out + "/items.json", "w", encoding="utf-8") as f:
        json.dump(items, f, indent=1)
        f.write("\n")


main()
