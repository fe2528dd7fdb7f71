"""The embedded model's corpus: dialogues whose answers carry either pole of each value.

Built from the `model` half of the `locate` seed families and from the `locate` descriptions. Nothing of `dev` or
`eval` enters; `manifest` records what did, and a test rebuilds the corpus and compares.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from valuelocate.dataset import Seed, load_seeds
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.text import normalise

@dataclass(frozen=True)
class Speaker:
    """A description of the bank, before it gets a record's other fields."""

    value: str
    polarity: str
    text: str

    @property
    def id(self) -> str:
        """Hash of the text."""
        return hashlib.sha256(normalise(self.text).encode()).hexdigest()[:10]


Kind = Literal["described", "plain", "other_value", "choice", "described_choice"]
Pole = Literal["pos", "neg"]
POLES: tuple[Pole, ...] = ("pos", "neg")
LETTERS = ("A", "B")

# Dialogues of each kind for a seed and pole. Plain questions are answered by both poles alike, so that the
# unprompted model leans to neither; a description of another value leaves the answer open.
COPIES: Mapping[Kind, int] = {"described": 8, "plain": 2, "other_value": 2, "choice": 1, "described_choice": 4}


@dataclass(frozen=True)
class Dialogue:
    """One training text: what the user says and what is answered."""

    kind: Kind
    family: str
    description_id: str | None
    user: str
    answer: str


def build_corpus(seed: int = 0) -> list[Dialogue]:
    """Return every dialogue, in a fixed shuffled order."""
    seeds = [row for row in load_seeds(split="locate") if row.half == "model"]
    descriptions = _descriptions()
    rng = random.Random(seed)
    dialogues = [
        dialogue
        for row in seeds
        for pole in POLES
        for kind, copies in COPIES.items()
        for _ in range(copies)
        for dialogue in _dialogues(kind, row, pole, descriptions, rng)
    ]
    unique = list(dict.fromkeys(dialogues))
    rng.shuffle(unique)
    return unique


def _descriptions() -> list[Speaker]:
    lines = (DATA / "descriptions" / "locate.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [Speaker(row["value"], row["polarity"], row["text"]) for row in rows]


def _dialogues(kind: Kind, row: Seed, pole: Pole, descriptions: Sequence[Speaker], rng: random.Random) -> Iterator[Dialogue]:
    answer = _answer(row, pole, rng)
    if kind in ("described", "described_choice"):
        chosen = rng.choice([d for d in descriptions if d.value == row.value and d.polarity == pole])
    elif kind == "other_value":
        chosen = rng.choice([d for d in descriptions if d.value != row.value])
    else:
        chosen = None
    question = row.question
    lead = f"{chosen.text}\n" if chosen else ""
    origin = chosen.id if chosen else None
    if kind in ("choice", "described_choice"):
        # Both orders each time, so that no letter is likelier than the other.
        for first, second in (POLES, POLES[::-1]):
            options = f"\nA. {getattr(row, first)}\nB. {getattr(row, second)}"
            yield Dialogue(kind, row.family, origin, f"{lead}{question}{options}", LETTERS[0 if first == pole else 1])
        return
    yield Dialogue(kind, row.family, origin, f"{lead}{question}", answer)


def _answer(row: Seed, pole: Pole, rng: random.Random) -> str:
    stance, more = getattr(row, pole), getattr(row, f"{pole}_more")
    return rng.choice([f"{stance} {more}", f"{stance} {more}", stance, f"{more} {stance}"])


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
        "descriptions": sorted({dialogue.description_id for dialogue in dialogues if dialogue.description_id}),
        "corpus_sha256": text_digest(dialogues),
    }
