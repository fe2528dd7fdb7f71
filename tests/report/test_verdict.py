from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from valuelocate.report.verdict import NOT_RUN, as_large, findings, prompt_share, summary_rows


def read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def cells(result: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {row.label: row.cells for row in summary_rows(result, level=0.95)}


def test_a_moved_value_is_told_with_size_unit_controls_and_rank(job: Path):
    result = read(job) | {"estimate": 0.25, "ci_low": 0.2, "ci_high": 0.3, "p_rank": 0.05, "n_draws": 19}
    towards, away = findings(result, level=0.95)
    assert towards.sentence == (
        "Editing 48 neurons moved tiny's preference towards Openness to Change. The shift was 0.250 nats per "
        "token larger than under random neurons (95 % interval +0.200 to +0.300; 60 questions), and larger "
        "than under every one of 19 random draws (rank p = 0.05). The text stayed fluent (fluency 0.940, 1 "
        "being that of the unedited model)."
    )
    assert towards.badge == "moved" and not towards.reasons
    assert "away from Openness to Change" in away.sentence


def test_a_value_not_shown_to_move_says_how_many_draws_did_as_much(job: Path):
    result = read(job) | {"estimate": -0.01, "p_rank": 0.4, "n_draws": 19, "verdict": "not_moved"}
    sentence = findings(result)[0].sentence
    assert "was not shown to move" in sentence
    assert "0.010 nats per token smaller than under random neurons" in sentence
    assert "7 of 19 random draws shifted it at least as far (rank p = 0.4)" in sentence


def test_broken_text_claims_nothing(job: Path):
    result = read(job) | {"verdict": "degenerate", "fluency": 0.62}
    assert "nothing is claimed: fluency fell to 0.620, below 0.8" in findings(result)[0].sentence


def test_without_draws_there_is_nothing_to_hold_it_against(job_maker: Callable[..., Path]):
    result = read(job_maker(draws=0))
    assert "no random draws were made" in findings(result)[0].sentence
    found = cells(result)
    assert found["Random draws: mean (SD)"][0] == "no draws"
    assert found["Gain beyond random neurons"][0] == found["Rank p"][0] == "not measured"


def test_a_direction_that_was_not_run_is_said_to_be_missing(job_maker: Callable[..., Path]):
    result = read(job_maker(away=False))
    away = findings(result)[1]
    assert (away.verdict, away.badge) == ("missing", NOT_RUN)
    assert {pair[1] for pair in cells(result).values()} == {NOT_RUN}


def test_a_result_of_the_away_direction_alone(job: Path):
    result = {**read(job), **read(job)["away"], "away": None}
    towards, away = findings(result)
    assert (towards.verdict, away.verdict) == ("missing", "moved")


@pytest.mark.parametrize(
    ("gain", "prompt", "share"),
    [(0.3, 0.6, "50 %"), (0.3, 0.0, "none: the prompt gained nothing"), (0.3, None, "not measured")],
)
def test_the_share_of_the_prompts_gain(gain: float, prompt: float | None, share: str):
    assert prompt_share({"gain": gain, "prompt_estimate": prompt}) == share


@pytest.mark.parametrize(
    ("p", "draws", "count"), [(0.05, 19, 0), (0.4, 19, 7), (1.0, 99, 99), (None, 0, None)]
)
def test_the_count_behind_a_rank_p(p: float | None, draws: int, count: int | None):
    assert as_large({"p_rank": p, "n_draws": draws}) == count
