"""What a data card says that no figure tells: how the text of a bank was made, and what a set is good for."""

from __future__ import annotations

from typing import Final, NamedTuple

from valuelocate.dataset.build.banks import bank_of, bank_seeds
from valuelocate.dataset.seeds import load_seeds
from valuelocate.values import load_theory


class CardWords(NamedTuple):
    """The sentences of a set's card."""

    values: str
    """Whose values, with the source."""
    labels: str
    """What a row is labelled with."""
    seeds: int
    """Seeds of the bank."""
    seed: str
    """What a seed is."""
    grown: str
    """How questions come from seeds."""
    command: str
    """The set's name on the command line of the build."""
    topics: str
    halves: str
    """Who learns from the text of `locate`."""
    power: str
    """What size of effect the set can show."""


_DRAWN: Final = (
    "Every question of this set is a seed as it was written, each of a family of its own: a seeded draw, "
    "even over basic values, topics, kinds of negative answer and the two halves of the bank. Descriptions "
    "come in pairs, a positive and a negative one about the same topic."
)
_GROWN: Final = {
    "mini": _DRAWN,
    "small": f"{_DRAWN} It holds the mini set.",
    "full": (
        "Up to six questions grow from a seed, each of another form and with at least two other details; "
        "they are one family and share its split. Rows that are a seed as written have the source `llm`, the "
        "others `composed`. Of all candidates those were selected that meet the quotas, the least alike "
        "first."
    ),
}
_DEMONSTRATION: Final = (
    "Made for demonstrations and tests: its intervals are wide, and a claim needs a larger set."
)
_POWER: Final = {
    "mini": _DEMONSTRATION,
    "small": "Enough for effects of a moderate size.",
    "full": "Questions of a family are not independent: resample families.",
}


def card_words(name: str) -> CardWords:
    """Return the sentences of a set's card."""
    bank = bank_of(name)
    return _main_words(name) if bank is None else _bank_words(bank)


def _main_words(name: str) -> CardWords:
    return CardWords(
        values="the four higher-order values of Schwartz's theory (Schwartz 1992)",
        labels="value, basic value, pole",
        seeds=len(load_seeds()),
        seed=(
            "A seed is a scene with a tension, the scene told a second way, three or four details that can "
            "be exchanged, closing questions of up to six forms, and two answers, one of each pole."
        ),
        grown=_GROWN[name],
        command=name,
        topics="; each topic has seeds for all values",
        halves=(
            "Text for training the embedded model comes from one half, text for training the offline judge "
            "from the other."
        ),
        power=_POWER[name],
    )


def _bank_words(bank: str) -> CardWords:
    theory = load_theory(bank)
    return CardWords(
        values=f"the {len(theory.targets())} values of the theory {theory.name} ({theory.citation})",
        labels="value, pole",
        seeds=len(bank_seeds(bank)),
        seed="A seed is a scene with a tension, a closing question, and two answers, one of each pole.",
        grown=(
            "Every question of this set is a seed as it was written, each of a family of its own. "
            "Descriptions come in pairs, a positive and a negative one about the same topic."
        ),
        command=bank,
        topics=(
            ". In `dev` and `eval` every topic has questions of all values; in `locate` many have questions "
            "of few, so there a topic can tell the value, though never the pole"
        ),
        halves=(
            "The embedded model has read none of this text, so the offline judge learns from the answers of "
            "all of `locate`."
        ),
        power=_DEMONSTRATION,
    )
