"""What a job found, in plain words: one sentence a direction, the verdict, and the numbers beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from valuelocate.evaluate.fluency import DEGENERATE, USABLE
from valuelocate.report import numbers
from valuelocate.report.artifacts import outcome
from valuelocate.report.labels import DIRECTIONS, VERDICTS, measure
from valuelocate.report.numbers import MISSING, number

NOT_RUN = "not run"
NO_DRAWS = "no draws"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One direction of a job in words."""

    direction: str
    verdict: str
    """moved, not_moved, degenerate, or missing where the direction was not run."""
    badge: str
    sentence: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One line of the summary table."""

    label: str
    cells: tuple[str, ...]
    """Towards, away."""
    meaning: str


def findings(result: Mapping[str, Any], *, level: float | None = None) -> tuple[Finding, ...]:
    """Return what was found towards and away, in this order; a direction that was not run says so."""
    return tuple(_finding(result, direction, level) for direction in DIRECTIONS)


def summary_rows(result: Mapping[str, Any], *, level: float | None = None) -> tuple[SummaryRow, ...]:
    """Return the lines of the summary table."""
    unit = measure(str(result.get("metric", ""))).unit
    words = {"interval": f"{100 * level:g} % interval" if level else "Interval", "unit": unit}
    parts = [outcome(result, direction) for direction in DIRECTIONS]
    return tuple(
        SummaryRow(
            label=label.format(**words),
            cells=tuple(write(part) if part else NOT_RUN for part in parts),
            meaning=meaning.format(**words),
        )
        for label, write, meaning in _LINES
    )


def prompt_share(part: Mapping[str, Any]) -> str:
    """Return the edit's gain as a share of the prompt's; a prompt that gained nothing gives no share."""
    gain, prompt = number(part.get("gain")), number(part.get("prompt_estimate"))
    if gain is None or prompt is None:
        return MISSING
    return numbers.percent(gain / prompt) if prompt > 0 else "none: the prompt gained nothing"


def as_large(part: Mapping[str, Any]) -> int | None:
    """Return how many random draws gained at least as much as the edit, from the rank p."""
    draws, p = number(part.get("n_draws")), number(part.get("p_rank"))
    return round(p * (draws + 1)) - 1 if draws and p is not None else None


def _finding(result: Mapping[str, Any], direction: str, level: float | None) -> Finding:
    part = outcome(result, direction)
    name = str(result.get("value_name") or result["target"])
    if part is None:
        sentence = (
            f"The edit away from {name} was not run."
            if direction == "away"
            else f"The edit towards {name} was not run."
        )
        return Finding(direction=direction, verdict="missing", badge=NOT_RUN, sentence=sentence, reasons=())
    verdict = str(part.get("verdict"))
    return Finding(
        direction=direction,
        verdict=verdict if verdict in VERDICTS else "missing",
        badge=VERDICTS.get(verdict, verdict.replace("_", " ")),
        sentence=f"{_opening(result, part, direction, name)} {_evidence(result, part, level)}",
        reasons=tuple(str(reason) for reason in part.get("reasons") or ()),
    )


def _opening(result: Mapping[str, Any], part: Mapping[str, Any], direction: str, name: str) -> str:
    whose = f"{result.get('model', 'the model')}'s preference"
    way = f"towards {name}" if direction == "towards" else f"away from {name}"
    neurons = number(result.get("k_effective"))
    subject = f"Editing {numbers.count(neurons)} neurons" if neurons is not None else "The edit"
    opening = {
        "moved": f"{subject} moved {whose} {way}.",
        "not_moved": f"{subject} was not shown to move {whose} {way}.",
        "degenerate": f"{subject} {way} broke the model's text, so nothing is claimed: fluency fell to "
        f"{numbers.plain(part.get('fluency'))}, below {DEGENERATE}.",
    }
    return opening.get(str(part.get("verdict")), f"{subject} {way} has no verdict.")


def _evidence(result: Mapping[str, Any], part: Mapping[str, Any], level: float | None) -> str:
    estimate, gain, draws = (
        number(part.get("estimate")),
        number(part.get("gain")),
        number(part.get("n_draws")),
    )
    unit = measure(str(result.get("metric", ""))).unit
    if not draws and gain is None:
        return "The shift was not measured, so nothing is claimed."
    if not draws:
        alone = f"The shift was {numbers.signed(gain)} {unit}"
        return f"{alone}; no random draws were made, so there is nothing to hold it against."
    if estimate is None:
        return "The shift beyond random neurons was not measured."
    covered = f"{100 * level:g} % interval" if level else "interval"
    low, high = part.get("ci_low"), part.get("ci_high")
    known = number(low) is not None and number(high) is not None
    bounds = f"{covered} {numbers.interval(low, high)}" if known else f"{covered} {MISSING}"
    size = f"{numbers.plain(abs(estimate))} {unit} {'larger' if estimate >= 0 else 'smaller'}"
    counted = f"{numbers.count(part.get('n'))} questions"
    told = f"The shift was {size} than under random neurons ({bounds}; {counted}){_rank(part, int(draws))}."
    fluency = number(part.get("fluency"))
    if fluency is not None and part.get("verdict") == "moved":
        told += (
            f" The text stayed fluent (fluency {numbers.plain(fluency)}, 1 being that of the unedited model)."
        )
    return told


def _rank(part: Mapping[str, Any], draws: int) -> str:
    beaten = as_large(part)
    if beaten is None:
        return f", against {draws} random draws without a rank"
    rank = f"rank p = {numbers.probability(part.get('p_rank'))}"
    if beaten == 0:
        return f", and larger than under every one of {draws} random draws ({rank})"
    return f"; {beaten} of {draws} random draws shifted it at least as far ({rank})"


def _random_cell(part: Mapping[str, Any]) -> str:
    draws = number(part.get("n_draws"))
    if not draws:
        return NO_DRAWS
    spread = f"{numbers.signed(part.get('random_mean'))} ({numbers.plain(part.get('random_sd'))})"
    return f"{spread}, {draws:.0f} draws"


def _specificity_cell(part: Mapping[str, Any]) -> str:
    if number(part.get("specificity")) is None:
        return MISSING
    low, high = part.get("specificity_ci_low"), part.get("specificity_ci_high")
    bounds = (
        f" ({numbers.interval(low, high)})" if number(low) is not None and number(high) is not None else ""
    )
    return f"{numbers.signed(part.get('specificity'))}{bounds}"


def _cell(write: Callable[..., str], *keys: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda part: write(*(part.get(key) for key in keys))


_LINES: tuple[tuple[str, Callable[[Mapping[str, Any]], str], str], ...] = (
    (
        "Gain beyond random neurons",
        _cell(numbers.signed, "estimate"),
        "gain of the edit minus the mean gain of its random draws, averaged over questions; {unit}",
    ),
    (
        "{interval}",
        _cell(numbers.interval, "ci_low", "ci_high"),
        "bootstrap over seed families crossed with random draws",
    ),
    ("Questions", _cell(numbers.count, "n"), "of the evaluation split, asked about the target value"),
    ("Gain of the edit", _cell(numbers.signed, "gain"), "against the unedited model"),
    ("Random draws: mean (SD)", _random_cell, "gain of as many random neurons a layer, same amplitudes"),
    ("Rank p", _cell(numbers.probability, "p_rank"), "(1 + draws at least as large) / (draws + 1)"),
    (
        "Gain of a prompt",
        _cell(numbers.signed, "prompt_estimate"),
        "a description of the value before the question",
    ),
    ("Share of the prompt's gain", prompt_share, "gain of the edit over gain of the prompt"),
    (
        "Specificity",
        _specificity_cell,
        "gain minus the mean size of the change on the other values' questions (Figure 3)",
    ),
    (
        "Fluency",
        _cell(numbers.plain, "fluency"),
        f"1: as fluent as the unedited model; usable from {USABLE}, broken below {DEGENERATE}",
    ),
    ("Dose", _cell(numbers.dose, "strength"), "strength of the edit at which all of this was read"),
)
"""Label, how its cell is written from one direction's result, and what it means."""
