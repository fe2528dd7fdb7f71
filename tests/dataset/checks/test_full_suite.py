"""The table of release gates: small sets get only what makes sense for their size."""

from __future__ import annotations

import numpy as np
import pytest

from valuelocate.dataset import load_dataset
from valuelocate.dataset.checks.full_suite import run_gates
from valuelocate.dataset.checks.gate import Gate, run_all
from valuelocate.dataset.checks.measured import Measured, at_least, at_most
from valuelocate.dataset.checks.suite import NOT_RUN


def test_limits_let_their_own_value_pass():
    assert at_most(0.5, 0.5, "x").findings == at_least(0.5, 0.5, "x").findings == []
    assert at_most(0.51, 0.5, "x").findings[0].reason == "0.51; at most 0.5"
    assert at_least(0.49, 0.5, "x").findings[0].reason == "0.49; at least 0.5"


def test_a_gate_without_rows_enough_is_not_measured():
    def measure() -> Measured:
        raise AssertionError

    gate = Gate(check="x", limit="0", rows=1_999, fewest=2_000, measure=measure)
    assert run_all([gate], fast=False) == ([("x", "0", "not run: fewer than 2,000 rows", None)], [])
    dear = Gate(check="x", limit="0", rows=2, fewest=1, measure=measure, dear=True)
    assert run_all([dear], fast=True).rows[0].ok is None
    with pytest.raises(AssertionError):
        run_all([dear], fast=False)


def test_gates_of_the_shipped_set_run_by_its_size(theory, topics):
    mini = load_dataset("mini")
    checked = run_gates(mini.description_rows, mini.question_rows, theory, topics)
    found = {row.check: row for row in checked.rows}
    assert len(found) == len(checked.rows)
    assert found["language as told"].ok
    assert found["rows of a seed"].ok
    assert found["near-duplicates, 3-word Jaccard .7 or more: across splits"].ok
    assert found["mutual information of topic and value"].found == "not run: fewer than 15,000 rows"
    assert found["commonest first two words"].limit == "at most 4 % (NPTI 26 %)"
    assert found["distinct-3 on 15,000 words"].limit == "at least .86 (NPTI .79, people .91)"
    assert set(NOT_RUN) <= set(checked.rows)
    assert {row.check for row in checked.rows if row.ok is False} or not checked.findings


def test_fast_gates_leave_out_the_dear_ones(theory):
    mini = load_dataset("mini")
    checked = run_gates(mini.description_rows, mini.question_rows, theory, None, fast=True)
    assert {row.found for row in checked.rows if row.check == "language as told"} == {
        "not run: left out of the fast gates"
    }
    assert not [row for row in checked.rows if row.check.startswith("value and topic")]


def test_an_encoder_takes_the_place_of_the_line_that_says_not_run(theory, question):
    rows = [question(text=f"Would {n} cats do?", family=f"f{n}") for n in range(200)]
    checked = run_gates([], rows, theory, None, encoder=lambda texts: np.eye(len(texts)))
    (line,) = [row for row in checked.rows if row.check == NOT_RUN[0].check]
    assert line.ok
    assert line.found == "0.00%"


def test_empty_sets_run_nothing(theory, topics):
    checked = run_gates([], [], theory, topics)
    assert {row.ok for row in checked.rows} == {None}
    assert checked.findings == []
