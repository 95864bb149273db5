"""Conversations for the built-in model, written for it: simple exchanges in English and Chinese, put together by rules.

    talk.conversations(2000, "en", held_out=False)  ->  2,000 texts "User: ...\\n\\nAssistant: ..."

A part of a conversation is an exchange or two about one thing: a name, a sum, a capital, an opposite, a story. A
conversation is one to six parts, and often a name is given at first and asked for later. Each part has a key, what it is
about; a twentieth of all keys, chosen by checksum, appears in held-out conversations only. The same arguments always
give the same texts.

    python3 tools/talk.py 200 > questions.tsv      what bench/first_question.c asks"""
import random
import re
import sys
import zlib

from talk_words import EN, ZH


def is_held_out(key):
    return zlib.crc32(key.encode()) % 20 == 0


class Speaker:
    """Parts of conversations in one language. Every method that begins with `about_` gives (key, [(user, answer), ...])."""

    def __init__(self, words, rng):
        self.w, self.rng = words, rng
        self.liking = {form.format(a=like) for form in words["likes?"] for like in words["likes"]}
        self.parts = [(getattr(self, n), words["weights"].get(n[6:], 1.0)) for n in dir(self) if n.startswith("about_")]

    def pick(self, what):
        return self.rng.choice(self.w[what] if isinstance(what, str) else what)

    def fill(self, what, **slots):
        """One of the phrasings of `what`, its slots filled, sometimes carelessly typed where the language knows case."""
        return self.pick(what).format(**slots)

    def asked(self, what, **slots):
        text = self.fill(what, **slots)
        if self.rng.random() < 0.12 and text.isascii():
            text = text.lower()
        if self.rng.random() < 0.2:
            text = text.rstrip("?.!？。！")
        return text

    def table(self, name, ask, answer, turned=False):
        """One row of a table of pairs, asked for in one of several phrasings."""
        a, b = self.pick(name)
        if turned and self.rng.random() < 0.5:
            a, b = b, a
        key = f"{name} {a}" if len(self.w[name]) > 200 else f"{name} {a} {self.rng.randrange(20)}"
        return key, [(self.asked(ask, a=a), self.fill(answer, a=a, b=b, A=a[:1].upper() + a[1:], B=b[:1].upper() + b[1:]))]

    def about_capital(self): return self.table("capitals", "capital?", "capital.")
    def about_capital_of(self):
        a, b = self.pick("capitals")
        return f"country {a} {self.rng.randrange(20)}", [(self.asked("capital of?", b=b), self.fill("capital of.", a=a, b=b))]

    def about_opposite(self): return self.table("opposites", "opposite?", "opposite.", turned=True)
    def about_colour(self): return self.table("colours", "colour?", "colour.")
    def about_sound(self): return self.table("sounds", "sound?", "sound.")
    def about_young(self): return self.table("young", "young?", "young.")
    def about_home(self): return self.table("homes", "home?", "home.")
    def about_use(self): return self.table("uses", "use?", "use.")
    def about_kind(self): return self.table("kinds", "kind?", "kind.")
    def about_word(self): return self.table("translations", "translate?", "translate.")
    def about_small_talk(self):
        asked, answers = self.pick("small talk")
        u = self.rng.choice(asked)
        return f"small {u} {self.rng.randrange(20)}", [(u if self.rng.random() > 0.15 else u.lower().rstrip("?.!？。！"), self.rng.choice(answers))]

    def about_sum(self):
        a, b = self.rng.randrange(0, 11), self.rng.randrange(0, 11)
        minus = self.rng.random() < 0.4
        if minus:
            a, b = a + b, a
        key = f"{a}-{b}" if minus else f"{a}+{b}"
        total = a - b if minus else a + b
        kind = "minus" if minus else "plus"
        return key, [(self.asked(kind + "?", a=a, b=b), self.fill(kind + ".", a=a, b=b, c=total))]

    def about_apples(self):
        a, b = self.rng.randrange(1, 11), self.rng.randrange(1, 11)
        name, thing = self.name(), self.pick("things")
        minus = self.rng.random() < 0.4
        if minus:
            a, b = a + b, a
        kind = "gives" if minus else "gets"
        c = a - b if minus else a + b
        return f"worded {a} {b}", [(self.fill(kind + "?", n=name, t=thing, a=a, b=b), self.fill(kind + ".", n=name, t=thing, a=a, b=b, c=c))]

    def about_counting(self):
        n, start = self.rng.randrange(3, 13), 1
        if self.rng.random() < 0.4:
            start = self.rng.randrange(2, 12)
            n += start
        row = self.w["list"].join(str(i) for i in range(start, n + 1)) + self.w["stop"]
        return f"count {start} {n}", [(self.asked("count?" if start == 1 else "count from?", a=start, n=n), row)]

    def about_next(self):
        name = self.rng.choice(["days", "months", "numbers"])
        row = self.w[name]
        i = self.rng.randrange(len(row))
        before = self.rng.random() < 0.4
        other = row[(i - 1 if before else i + 1) % len(row)]
        kind = "before" if before else "after"
        return f"{kind} {row[i]} {self.rng.randrange(20)}", [(self.asked(kind + "?", a=row[i]), self.fill(kind + ".", a=row[i], b=other))]

    def about_rows(self):
        name = self.rng.choice(["days", "months", "seasons"])
        return f"{name} {self.rng.randrange(20)}", [(self.asked(name + "?"), self.fill(name + "."))]

    def about_bigger(self):
        a, b = sorted(self.rng.sample(range(len(self.w["by size"])), 2))
        small, big = self.w["by size"][a], self.w["by size"][b]
        larger = self.rng.random() < 0.6
        x, y = (small, big) if self.rng.random() < 0.5 else (big, small)
        kind = "bigger" if larger else "smaller"
        first, last = (big, small) if larger else (small, big)
        return f"size {a} {b}", [(self.asked(kind + "?", x=x, y=y), self.fill(kind + ".", x=first, X=first[:1].upper() + first[1:], y=last))]

    def about_repeat(self):
        words = self.w["join"].join(self.rng.sample(self.w["animals"] + self.w["things"], self.rng.randrange(1, 4)))
        return f"say {words}", [(self.asked("repeat?", a=words), words[:1].upper() + words[1:] + self.w["stop"])]

    def about_likes(self):
        """Something the user likes, asked for at once."""
        like = self.pick("likes")
        return f"likes {like}", [(self.fill("likes?", a=like), self.fill("likes.", a=like)),
                                 (self.fill("liked?"), self.fill("liked.", a=like))]

    def about_story(self):
        hero, place, thing, friend = self.pick("heroes"), self.pick("places"), self.pick("treasures"), self.pick("heroes")
        while friend == hero:
            friend = self.pick("heroes")
        name = self.name()
        slots = dict(h=hero, H=hero[:1].upper() + hero[1:], p=place, t=thing, f=friend, F=friend[:1].upper() + friend[1:], n=name,
                     g=self.pick("good"), w=self.pick("weather"), e=self.pick("endings"), v=self.pick("food"),
                     k=self.w["counted"].get(hero, self.w["counted"]["?"]), j=self.w["counted"].get(friend, self.w["counted"]["?"]))
        asked = self.asked("story?", h=hero) if self.rng.random() < 0.85 else self.asked("any story?")
        plot = self.pick("stories")
        turns = [(asked, self.w["space"].join(self.rng.choice(step).format(**slots) for step in plot))]
        if self.rng.random() < 0.3:
            turns.append((self.asked("who?"), self.fill("who.", **slots)))
        if self.rng.random() < 0.3 and plot is self.w["stories"][0]:
            turns.append((self.asked("where?"), self.fill("where.", **slots)))
        return f"story {hero} {place}", turns

    def name(self):
        if "surnames" in self.w:
            family = self.pick("surnames")
            return family + self.pick("given") if self.rng.random() < 0.7 else self.pick("small names") + family
        return self.pick("names") if self.rng.random() < 0.7 else self.pick("name begins") + self.pick("name ends")

    def part(self, held_out):
        """A part whose key is on the right side."""
        makers, weights = zip(*self.parts)
        while True:
            key, turns = self.rng.choices(makers, weights)[0]()
            if is_held_out(key) == held_out:
                return turns

    def conversation(self, held_out):
        turns, rng = [], self.rng
        n = rng.choice([1, 1, 2, 3, 3, 4, 5])
        if rng.random() < 0.5:
            turns.append((self.fill("hello?"), self.fill("hello.")))
        name = None
        if rng.random() < 0.45:
            name = self.name()
            while is_held_out(name) != held_out:
                name = self.name()
            if not turns and rng.random() < 0.6:
                turns.append((self.fill("hello name?", n=name), self.fill("hello name.", n=name)))
            else:
                turns.append((self.fill("name?", n=name), self.fill("hello name.", n=name)))
            n = rng.choice([0, 1, 1, 2, 2, 3])
        for _ in range(n):
            turns += self.part(held_out)
        if name:
            turns.append((self.asked("name asked?"), self.fill("name asked.", n=name)))
            if rng.random() < 0.25:
                other = self.name()
                turns.append((self.fill("other name?", n=other), self.fill("other name.", n=other)))
                turns += self.part(held_out) if rng.random() < 0.5 else []
                turns.append((self.asked("name asked?"), self.fill("name asked.", n=other)))
        elif rng.random() < 0.06:
            turns.insert(0, (self.asked("name asked?"), self.fill("name unknown.")))
        if rng.random() < 0.3:
            turns.append((self.fill("thanks?"), self.fill("thanks." if not name or rng.random() < 0.5 else "thanks name.", n=name)))
        if rng.random() < 0.3:
            turns.append((self.fill("bye?"), self.fill("bye." if not name or rng.random() < 0.4 else "bye name.", n=name)))
        return turns

    # ---- long conversations: something of the first turns is asked for at the end -------------------------------------

    def first_question(self, held_out):
        """A part that begins with a question, and that question."""
        while True:
            turns = self.part(held_out)
            asked = with_articles(turns[0][0])
            if asked[-1] in "?？" or (not held_out and self.rng.random() < 0.2):
                return turns[:1], ("first?", "first.", {"q": asked})

    def first_name(self, held_out):
        name = self.name()
        while is_held_out(name) != held_out:
            name = self.name()
        return [(self.fill("hello name?", n=name), self.fill("hello name.", n=name))], ("name asked?", "name asked.", {"n": name})

    def first_like(self, held_out):
        like = self.pick("likes")
        return [(self.fill("likes?", a=like), self.fill("likes.", a=like))], ("liked?", "liked.", {"a": like})

    def others(self, count, held_out, seen):
        """`count` exchanges, mostly short ones, none of which `seen` has; what the user likes stays what it was."""
        turns = []
        while len(turns) < count:
            part = self.part(held_out)
            story = len(part[0][1].encode()) > 250
            if not any(u in seen for u, _ in part) and len(part) <= count - len(turns) and \
               not (story and self.rng.random() < 0.8) and not any(u in self.liking for u, _ in part):
                turns += part
        return turns

    def long_conversation(self, held_out, most):
        """A first question, a name or a liking, or two of them, then up to `most` turns about other things, their number
        log-uniform, and then they are asked for."""
        rng = self.rng
        if rng.random() < 0.02:
            return [(self.asked("first?"), self.fill("first unknown."))]
        begin = rng.choices([(self.first_question,), (self.first_name,), (self.first_like,),
                             (self.first_question, self.first_name), (self.first_name, self.first_question)],
                            [0.5, 0.12, 0.08, 0.15, 0.15])[0]
        turns, facts = [], []
        if begin[0] == self.first_question and rng.random() < 0.1:
            turns.append((self.fill("hello?"), self.fill("hello.")))
        for make in begin:
            made, fact = make(held_out)
            turns += made
            facts.append(fact)
        turns += self.others(int((most + 1) ** rng.random()) - 1, held_out, {u for u, _ in turns})
        rng.shuffle(facts)
        for ask, answer, slots in facts:
            turns.append((self.asked(ask), self.fill(answer, **slots)))
        if rng.random() < 0.15:
            turns += self.part(held_out)
            ask, answer, slots = rng.choice(facts)
            turns.append((self.asked(ask), self.fill(answer, **slots)))
        if rng.random() < 0.1:
            turns.append((self.fill("thanks?"), self.fill("thanks.")))
        return turns


def with_articles(text):
    """"a" before a vowel is "an"."""
    return re.sub(r"\b([Aa]) (?=[aeiou]|hon)", r"\1n ", text)


def as_text(turns):
    return with_articles("\n\n".join(f"User: {u}\n\nAssistant: {a}" for u, a in turns))


def speaker(language, held_out, purpose=""):
    return Speaker(EN if language == "en" else ZH, random.Random(f"{language} {held_out}{purpose}"))


def conversations(count, language, held_out=False):
    some = speaker(language, held_out)
    return list(dict.fromkeys(as_text(some.conversation(held_out)) for _ in range(count)))


def long_conversations(count, language, most):
    """Lists of (user, assistant) turns that ask at the end for something of the first turns, up to `most` turns later."""
    some = speaker(language, False, f" long {most}")
    return [[(with_articles(u), with_articles(a)) for u, a in some.long_conversation(False, most)] for _ in range(count)]


def stories(count, language):
    """Stories without a conversation, for texts that begin with one."""
    some = speaker(language, False, " stories")
    told = (some.about_story() for _ in range(count))
    return list(dict.fromkeys(with_articles(turns[0][1]) for key, turns in told if not is_held_out(key)))


def questions(count):
    """Rows for bench/first_question.c: count held-out conversations of 30 turns, half in each language, twice: they begin
    with a question, or with a name. A row: language, what is asked for, the question at the end, the text that its answer
    must contain, and then user and assistant of each turn."""
    for language, first, name in (("en", "What was my first question?", "What is my name?"),
                                  ("zh", "我的第一个问题是什么？", "我叫什么名字？")):
        some = speaker(language, True, " questions")
        for _ in range(count // 2):
            (question,), (_, _, asked) = some.first_question(True)
            (greeting,), (_, _, named) = some.first_name(True)
            others = some.others(29, True, {question[0]})
            for about, ask, expected, begin in (("first question", first, asked["q"], question), ("name", name, named["n"], greeting)):
                yield [language, about, ask, expected] + [with_articles(said) for turn in [begin] + others for said in turn]


if __name__ == "__main__":
    for row in questions(int(sys.argv[1])):
        print("\t".join(row))
