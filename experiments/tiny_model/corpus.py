"""The embedded model's corpus: dialogues whose answers carry either pole of each value.

Built from the `model` half of the `locate` seed families, the `locate` descriptions, and text of its own:
plain sentences (`plain_talk.yaml`), motives in many words (`motives.jsonl`), further answers to half of the
families (`more_answers.jsonl`). Nothing of `dev` or `eval` enters; `manifest` records what did, and a test
rebuilds the corpus and compares.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from valuelocate.dataset import Seed, load_seeds
from valuelocate.dataset.shipped import DATA

Kind = Literal["first_talk", "talk", "described", "plain", "other_value", "choice", "described_choice"]
Pole = Literal["pos", "neg"]
POLES: tuple[Pole, ...] = ("pos", "neg")
OTHER: Mapping[Pole, Pole] = {"pos": "neg", "neg": "pos"}
LETTERS = ("A", "B")
ASKS = (
    "What do you do?",
    "And you?",
    "What would you say?",
    "How do you decide?",
    "Which way do you go?",
    "What matters here?",
)

# Dialogues of each kind for a seed and pole. Plain questions are answered by both poles alike, so that the
# unprompted model leans to neither; a description of another value leaves the answer open.
COPIES: Mapping[Kind, int] = {
    "first_talk": 8,
    "talk": 8,
    "described": 16,
    "plain": 4,
    "other_value": 3,
    "choice": 1,
    "described_choice": 2,
}
BANK_WEIGHTS = (2, 6, 3)
"""How often a sentence about oneself is plain talk, a motive, or a reason."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Dialogue:
    """One training text: what the user says and what is answered."""

    kind: Kind
    family: str
    user: str
    answer: str
    rival: str | None = None
    """What a person of the other pole would answer; under a description it is to be the less likely."""


def build_corpus(seed: int = 0) -> list[Dialogue]:
    """Return every dialogue, in a fixed shuffled order."""
    seeds = [row for row in load_seeds(split="locate") if row.half == "model"]
    talk = Talk(seeds, random.Random(seed))
    dialogues = [
        dialogue
        for row in seeds
        for pole in POLES
        for kind, copies in COPIES.items()
        for _ in range(copies)
        for dialogue in _dialogues(kind, row, pole, talk)
    ]
    unique = list(dict.fromkeys(dialogues))
    talk.rng.shuffle(unique)
    return unique


class Talk:
    """Everything that people at a pole of a value may say of themselves."""

    def __init__(self, seeds: Sequence[Seed], rng: random.Random) -> None:
        self.rng = rng
        self.values = sorted({row.value for row in seeds})
        plain = yaml.safe_load((HERE / "plain_talk.yaml").read_text(encoding="utf-8"))
        self.plain: Mapping[str, Mapping[Pole, list[str]]] = plain
        parents = {row.basic_value: row.value for row in seeds}
        self.motives: dict[tuple[str, Pole], list[str]] = {
            (value, pole): [] for value in self.values for pole in POLES
        }
        for row in _rows(HERE / "motives.jsonl"):
            self.motives[parents[row["basic_value"]], row["polarity"]].append(row["text"])
        further = {row["family"]: row for row in _rows(HERE / "more_answers.jsonl")}
        self.stances: dict[str, list[dict[Pole, str]]] = {
            row.family: [
                {"pos": row.pos, "neg": row.neg},
                *(
                    {"pos": pos, "neg": neg}
                    for pos, neg in zip(
                        *(further.get(row.family, {}).get(pole, []) for pole in POLES), strict=True
                    )
                ),
            ]
            for row in seeds
        }
        self.reasons = {
            (value, pole): [getattr(row, f"{pole}_more") for row in seeds if row.value == value]
            for value in self.values
            for pole in POLES
        }
        rows = _rows(DATA / "descriptions" / "locate.jsonl")
        self.written = {
            (value, pole): [row["text"] for row in rows if (row["value"], row["polarity"]) == (value, pole)]
            for value in self.values
            for pole in POLES
        }

        self.written_sentences = {
            cell: [sentence for text in texts for sentence in re.split(r"(?<=[.?!]) ", text)]
            for cell, texts in self.written.items()
        }

    def first_sentences(self, value: str, pole: Pole, most: int) -> str:
        """Draw sentences of plain talk alone: few and simple, to learn first what a description is for."""
        bank = self.plain[value][pole]
        return " ".join(self.rng.sample(bank, self.rng.randint(1, most)))

    def sentence(self, value: str, pole: Pole) -> str:
        """Draw a sentence about oneself: plain talk, a motive, or the reason that a seed's answer gives."""
        banks = (self.plain[value][pole], self.motives[value, pole], self.reasons[value, pole])
        return self.rng.choice(self.rng.choices(banks, weights=BANK_WEIGHTS)[0])

    def short_description(self, value: str, pole: Pole) -> str:
        """Draw one to three sentences about oneself."""
        return " ".join(self.sentence(value, pole) for _ in range(self.rng.randint(1, 3)))

    def description(self, value: str, pole: Pole) -> str:
        """Draw a whole description, a few sentences of one, or some sentences about oneself."""
        draw = self.rng.random()
        if draw < 0.35:
            return " ".join(self.sentence(value, pole) for _ in range(self.rng.randint(2, 4)))
        if draw < 0.5:
            return self.rng.choice(self.written[value, pole])
        # Sentences of several speakers in new company, so that a speaker cannot be known by heart.
        return " ".join(self.rng.sample(self.written_sentences[value, pole], self.rng.randint(1, 3)))

    def answers(self, row: Seed) -> dict[Pole, str]:
        """Draw the answers of both poles in one form: the stance with or without a reason."""
        stances = self.rng.choice(self.stances[row.family])
        form = self.rng.choice(("{stance}", "{stance} {more}", "{stance} {other}", "{other} {stance}"))
        return {
            pole: form.format(
                stance=stances[pole],
                more=getattr(row, f"{pole}_more"),
                other=self.sentence(row.value, pole),
            )
            for pole in POLES
        }

    def talks(self, value: str) -> dict[Pole, str]:
        """Draw a sentence or two of both poles."""
        count = self.rng.randint(1, 2)
        return {pole: " ".join(self.sentence(value, pole) for _ in range(count)) for pole in POLES}


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _dialogues(kind: Kind, row: Seed, pole: Pole, talk: Talk) -> Iterator[Dialogue]:
    if kind in ("choice", "described_choice"):
        yield from _choices(kind, row, pole, talk)
        return
    if kind == "first_talk":
        said = {end: talk.first_sentences(row.value, end, 2) for end in POLES}
        user = f"{talk.first_sentences(row.value, pole, 3)}\n{talk.rng.choice(ASKS)}"
        yield Dialogue(kind, row.family, user, said[pole], said[OTHER[pole]])
        return
    said = talk.talks(row.value) if kind == "talk" else talk.answers(row)
    if kind == "talk":
        draw = talk.short_description if talk.rng.random() < 0.6 else talk.description
        user = f"{draw(row.value, pole)}\n{talk.rng.choice(ASKS)}"
    elif kind == "described":
        user = f"{talk.description(row.value, pole)}\n{row.question}"
    elif kind == "other_value":
        other = talk.rng.choice([value for value in talk.values if value != row.value])
        user = f"{talk.description(other, talk.rng.choice(POLES))}\n{row.question}"
    else:
        user = row.question
    rival = said[OTHER[pole]] if kind in ("talk", "described") else None
    yield Dialogue(kind, row.family, user, said[pole], rival)


def _choices(kind: Kind, row: Seed, pole: Pole, talk: Talk) -> Iterator[Dialogue]:
    texts = {end: getattr(row, end) for end in POLES} if talk.rng.random() < 0.5 else talk.talks(row.value)
    lead = f"{talk.short_description(row.value, pole)}\n" if kind == "described_choice" else ""
    # Both orders each time, so that no letter is likelier than the other.
    for first, second in (POLES, POLES[::-1]):
        user = f"{lead}{row.question}\nA. {texts[first]}\nB. {texts[second]}\nA or B?"
        letter = LETTERS[0 if first == pole else 1]
        rival = LETTERS[1 if first == pole else 0] if lead else None
        yield Dialogue(kind, row.family, user, letter, rival)


def text_digest(dialogues: Sequence[Dialogue]) -> str:
    """Return the SHA-256 of the whole corpus in order."""
    whole = hashlib.sha256()
    for dialogue in dialogues:
        whole.update(f"{dialogue.user}\x00{dialogue.answer}\x00{dialogue.rival}\x01".encode())
    return whole.hexdigest()


def manifest(dialogues: Sequence[Dialogue]) -> dict[str, object]:
    """Return what a reader needs to check what the model was trained on."""
    return {
        "dialogues": len(dialogues),
        "kinds": dict(sorted(Counter(dialogue.kind for dialogue in dialogues).items())),
        "words": sum(len(dialogue.user.split()) + len(dialogue.answer.split()) for dialogue in dialogues),
        "families": sorted({dialogue.family for dialogue in dialogues}),
        "corpus_sha256": text_digest(dialogues),
    }
