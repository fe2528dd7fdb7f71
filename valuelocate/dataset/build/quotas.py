"""How many rows each value, part of a value, topic and split gets in the full set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from types import MappingProxyType
from typing import Final

from valuelocate.dataset.seeds import FORMS
from valuelocate.errors import UserError

QUESTIONS_PER_VALUE: Final[Mapping[str, int]] = MappingProxyType({"locate": 3000, "dev": 250, "eval": 500})
DESCRIPTIONS_PER_CELL: Final[Mapping[str, int]] = MappingProxyType({"locate": 56, "dev": 8, "eval": 16})
"""By split, for every value and pole."""

ROWS_PER_SEED: Final = 6
"""Most questions that may grow from one seed."""

HELD_OUT_FORMS: Final = ("change_mind", "draw_the_line", "regret", "write_note", "finish_story", "diary_line")
"""Forms kept for `eval`, so that it also asks in ways that locating has not seen."""

SHARED_FORMS: Final = tuple(form for form in FORMS if form not in HELD_OUT_FORMS)
"""The forms of `locate` and `dev`."""

EVAL_FORMS: Final = (
    *("open_intention", "two_options", "how_decide", "weighs_most", "first_reaction", "advise_friend"),
    *("reply_message", "speak_or_stay", "accept_refuse_bargain", "trade", "react_to_choice", "pick_one"),
    *HELD_OUT_FORMS,
)

FORMS_OF: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"locate": SHARED_FORMS, "dev": SHARED_FORMS, "eval": EVAL_FORMS}
)


def split_evenly(total: int, parts: int, offset: int = 0) -> list[int]:
    """Return `parts` numbers that sum to `total` and differ by at most one; the larger begin at `offset`."""
    sizes = [total // parts] * parts
    for place in range(total % parts):
        sizes[(place + offset) % parts] += 1
    return sizes


def rows_per_seed(
    capacities: Sequence[int], total: int, what: str, phase: Fraction = Fraction(1, 2)
) -> list[int]:
    """Share out `total` rows in proportion to what each seed can give, evenly along the sequence.

    Args:
        capacities: most rows of each seed, in an order in which neighbours share a topic.
        total: rows wanted.
        what: names the cell in the message.
        phase: where the running sum is rounded up, from 0 to 1; cells that share topics take different ones,
            lest their rounding add up.

    Raises:
        UserError: the seeds cannot give as many.
    """
    room = sum(capacities)
    if room < total:
        raise UserError(f"the seed bank gives {room} rows for {what}, {total} are wanted: add seeds or asks")
    # Rounding the running sum keeps every stretch of neighbours within one row of its share.
    shares: list[int] = []
    given = reached = 0
    for capacity in capacities:
        reached += capacity
        upto = total if reached == room else floor(Fraction(reached * total, room) + phase)
        shares.append(upto - given)
        given = upto
    return shares
