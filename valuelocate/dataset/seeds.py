"""The seed bank: hand-composed scenes with a tension, two answers each, that questions grow from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

from valuelocate.dataset import fields as rule
from valuelocate.dataset.fields import FieldRule, read_fields, shown
from valuelocate.dataset.reading import read_lines
from valuelocate.dataset.records import NEG_KINDS, SPLITS, NegKind, Person, Split, Stakes
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.splits import Half, Topics, half, load_topics
from valuelocate.dataset.text import normalise
from valuelocate.errors import MistakesError, UserError

SEEDS: Final = DATA / "seeds"

FORMS: Final = (
    *("open_intention", "two_options", "how_decide", "weighs_most", "first_reaction", "advise_friend"),
    *("reply_message", "explain_choice", "rank_three", "plan_week", "speak_or_stay", "spend_sum", "free_day"),
    *("accept_refuse_bargain", "tell_younger_self", "good_outcome", "trade", "react_to_choice", "pick_one"),
    *("defend_to_sceptic", "notice_first", "guide_someone", "explain_rule", "where_next", "change_mind"),
    *("draw_the_line", "regret", "write_note", "finish_story", "diary_line"),
)
"""The kinds of answer a seed can ask for."""

OPEN_MARK: Final = "*"
"""After the name of a form: a further ask that the seed's stances do not answer."""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A scene in which a value may guide the answer, and the answers of two people."""

    topic: str
    value: str
    basic_value: str | None
    """Part of the value that is meant; None in a theory whose values have none."""
    against: str
    """Value, of the basic level where there is one, that the scene trades the first one off against."""
    form: str
    person: Person
    stakes: Stakes
    scene: str
    ask: str
    """The closing question or instruction."""
    neg_kind: NegKind
    pos: str
    """Answer of a person who holds the value."""
    neg: str
    """Answer of a person for whom it does not matter, or who argues against it."""
    pos_more: str
    """A further sentence of the first person: their reason, in words that fit other scenes too."""
    neg_more: str
    refined_value: str | None = None
    """Part of the basic value that is meant, in the theory's refined form (Schwartz et al. 2012)."""
    retold: str | None = None
    """The scene told another way; any ask fits after it."""
    slots: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)
    """Exchangeable details of the scene, three fillers or more each; the first stands in the text of scene,
    retelling, asks and answers."""
    asks: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Further closing questions by form; a form marked `*` is not answered by the stances."""
    split: Split
    family: str

    @property
    def question(self) -> str:
        """Scene and closing question as one text."""
        return question_text(self.scene, self.ask)

    @property
    def half(self) -> Half:
        """Half of the bank: for the embedded model, or for the offline judge."""
        return half(self.family)


_FILLERS = 3


def _are_fillers(found: Any) -> bool:
    return isinstance(found, list) and len({*map(str, found)}) >= _FILLERS and all(map(_is_text, found))


def _is_ask(found: tuple[Any, Any]) -> bool:
    form, ask = found
    return str(form).removesuffix(OPEN_MARK) in FORMS and _is_text(ask)


def _is_text(found: Any) -> bool:
    return isinstance(found, str) and bool(found.strip())


_RULES: Final[dict[str, FieldRule]] = {
    **{name: rule.text() for name in ("topic", "value", "against")},
    "basic_value": rule.text_or_null(rule.REQUIRED),
    "form": rule.one_of(*FORMS),
    "person": rule.one_of(*get_args(Person)),
    "stakes": rule.one_of(*get_args(Stakes)),
    "scene": FieldRule(expected="a text, which may be empty", accepts=lambda found: isinstance(found, str)),
    "ask": rule.text(),
    "neg_kind": rule.one_of(*NEG_KINDS),
    **{name: rule.text() for name in ("pos", "neg", "pos_more", "neg_more")},
    "refined_value": rule.text_or_null(),
    "retold": rule.text_or_null(),
    "slots": FieldRule(
        expected=f"an object of lists of at least {_FILLERS} different texts",
        accepts=lambda found: isinstance(found, Mapping) and all(map(_are_fillers, found.values())),
        default={},
    ),
    "asks": FieldRule(
        expected=f"an object of texts by form ({', '.join(FORMS)}), {OPEN_MARK} after a form whose asks the "
        "stances do not answer",
        accepts=lambda found: isinstance(found, Mapping) and all(map(_is_ask, found.items())),
        default={},
    ),
}


def question_text(scene: str, ask: str) -> str:
    """Join a scene and its closing question."""
    return f"{scene} {ask}".strip()


def seed_family(topic: str, value: str, question: str) -> str:
    """Return `seed-`, the topic and eight hex digits of the SHA-256 of value and normalised question."""
    content = f"{value}\n{normalise(question)}"
    return f"seed-{topic}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def read_seeds(files: Sequence[Path], topics: Topics) -> tuple[Seed, ...]:
    """Read seed files, sorted by family.

    Raises:
        MistakesError: one message a bad row, with file, line, field and reason.
        UserError: there is no file.
    """
    if not files:
        raise UserError(f"no seed files found; expected one JSON Lines file a topic in {SEEDS}")
    seeds: dict[str, Seed] = {}
    messages: list[str] = []
    for line in (line for file in sorted(files) for line in read_lines(file)):
        try:
            seed = _parse_seed(line.row, topics) if line.mistake is None else None
        except UserError as error:
            messages.append(f"{line.place}: {'; '.join(str(error).splitlines())}")
            continue
        if seed is None:
            messages.append(f"{line.place}: {line.mistake}")
        elif seed.family in seeds:
            messages.append(f"{line.place}: scene and ask of another seed of the topic again")
        else:
            seeds[seed.family] = seed
    if messages:
        raise MistakesError(messages, heading=f"{len(messages)} bad seeds:")
    return tuple(seeds[family] for family in sorted(seeds))


@cache
def _shipped_seeds() -> tuple[Seed, ...]:
    return read_seeds(sorted(SEEDS.glob("*.jsonl")), load_topics())


def load_seeds(split: str | None = None) -> list[Seed]:
    """Return the seeds of a split, or all, sorted by family.

    Raises:
        UserError: an unknown split, or a bad row in a seed file.
    """
    if split is not None and split not in SPLITS:
        raise UserError(f"split={split}: expected one of {', '.join(SPLITS)}")
    return [seed for seed in _shipped_seeds() if split in (None, seed.split)]


def _parse_seed(row: Any, topics: Topics) -> Seed:
    if not isinstance(row, Mapping):
        raise MistakesError([f"expected a JSON object, found {shown(row)}"])
    found, mistakes = read_fields(row, _RULES)
    if mistakes:
        raise MistakesError(mistakes)
    family = seed_family(found["topic"], found["value"], question_text(found["scene"], found["ask"]))
    return Seed(**found, split=topics.split_of(found["topic"]), family=family)
