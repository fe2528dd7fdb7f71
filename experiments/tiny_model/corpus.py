"""The embedded model's corpus: dialogues whose answers carry either pole of each value.

Built from the `model` half of the `locate` seed families, the `locate` descriptions and the plain sentences of
`plain_talk.yaml`. Nothing of `dev` or `eval` enters; `manifest` records what did, and a test rebuilds the corpus and compares.
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
from typing import Literal

import yaml

from valuelocate.dataset import Seed, load_seeds
from valuelocate.dataset.shipped import DATA

Kind = Literal["described", "plain", "other_value", "choice", "described_choice"]
Pole = Literal["pos", "neg"]
POLES: tuple[Pole, ...] = ("pos", "neg")
LETTERS = ("A", "B")

# Dialogues of each kind for a seed and pole. Plain questions are answered by both poles alike, so that the
# unprompted model leans to neither; a description of another value leaves the answer open.
COPIES: Mapping[Kind, int] = {"described": 16, "plain": 4, "other_value": 4, "choice": 1, "described_choice": 6}


@dataclass(frozen=True)
class Dialogue:
    """One training text: what the user says and what is answered."""

    kind: Kind
    family: str
    user: str
    answer: str


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
        plain = yaml.safe_load((Path(__file__).parent / "plain_talk.yaml").read_text(encoding="utf-8"))
        self.plain: Mapping[str, Mapping[Pole, list[str]]] = plain
        self.reasons = {
            (value, pole): [getattr(row, f"{pole}_more") for row in seeds if row.value == value]
            for value in self.values
            for pole in POLES
        }
        lines = (DATA / "descriptions" / "locate.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        self.written = {
            (value, pole): [row["text"] for row in rows if (row["value"], row["polarity"]) == (value, pole)]
            for value in self.values
            for pole in POLES
        }

    def sentence(self, value: str, pole: Pole) -> str:
        """Draw a sentence about oneself: plain talk, or the reason that a seed's answer gives."""
        bank = self.plain[value][pole] if self.rng.random() < 0.5 else self.reasons[value, pole]
        return self.rng.choice(bank)

    def description(self, value: str, pole: Pole) -> str:
        """Draw a whole description, a few sentences of one, or some sentences about oneself."""
        draw = self.rng.random()
        if draw < 0.5:
            return " ".join(self.sentence(value, pole) for _ in range(self.rng.randint(2, 4)))
        written = self.rng.choice(self.written[value, pole])
        if draw < 0.7:
            return written
        sentences = re.split(r"(?<=[.?!]) ", written)
        first = self.rng.randrange(max(1, len(sentences) - 1))
        return " ".join(sentences[first : first + 2])

    def answer(self, row: Seed, pole: Pole) -> str:
        """Draw an answer: the seed's stance with or without a reason, or a reason alone."""
        stance, more = getattr(row, pole), getattr(row, f"{pole}_more")
        other = self.sentence(row.value, pole)
        return self.rng.choice([stance, f"{stance} {more}", f"{stance} {other}", f"{other} {stance}", f"{other} {self.sentence(row.value, pole)}"])


def _dialogues(kind: Kind, row: Seed, pole: Pole, talk: Talk) -> Iterator[Dialogue]:
    described: str | None = None
    if kind in ("described", "described_choice"):
        described = talk.description(row.value, pole)
    elif kind == "other_value":
        other = talk.rng.choice([value for value in talk.values if value != row.value])
        described = talk.description(other, talk.rng.choice(POLES))
    lead = f"{described}\n" if described else ""
    if kind in ("choice", "described_choice"):
        texts = {end: getattr(row, end) for end in POLES}
        if talk.rng.random() < 0.5:
            texts = {end: talk.sentence(row.value, end) for end in POLES}
        # Both orders each time, so that no letter is likelier than the other.
        for first, second in (POLES, POLES[::-1]):
            options = f"\nA. {texts[first]}\nB. {texts[second]}"
            yield Dialogue(kind, row.family, f"{lead}{row.question}{options}", LETTERS[0 if first == pole else 1])
        return
    yield Dialogue(kind, row.family, f"{lead}{row.question}", talk.answer(row, pole))


def text_digest(dialogues: Sequence[Dialogue]) -> str:
    """Return the SHA-256 of the whole corpus in order."""
    whole = hashlib.sha256()
    for dialogue in dialogues:
        whole.update(f"{dialogue.user}\x00{dialogue.answer}\x01".encode())
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
