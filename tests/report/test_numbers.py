from __future__ import annotations

import math

import pytest

from valuelocate.report import numbers
from valuelocate.report.numbers import MISSING


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "a", True, [1]])
def test_what_is_no_number_is_missing(value: object):
    assert numbers.number(value) is None
    written = (
        numbers.plain,
        numbers.signed,
        numbers.percent,
        numbers.probability,
        numbers.dose,
        numbers.count,
    )
    assert {write(value) for write in (*written, numbers.duration)} == {MISSING}
    assert numbers.interval(0.1, value) == numbers.interval(value, 0.1) == MISSING


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.000"),
        (0.25, "+0.250"),
        (-0.25, "-0.250"),
        (0.0042, "+0.0042"),
        (-4e-5, "-4e-05"),
        (2e6, "+2e+06"),
    ],
)
def test_signed(value: float, text: str):
    assert numbers.signed(value) == text.replace("-", numbers.MINUS)


def test_interval_probability_and_dose():
    assert numbers.interval(-0.1, 0.2) == f"{numbers.MINUS}0.100 to +0.200"
    assert [numbers.probability(p) for p in (0.05, 0.5, 1.0, 0.0004)] == ["0.05", "0.5", "1", "below 0.001"]
    assert [numbers.dose(dose) for dose in (2.0, 1.5, 0.25)] == ["2", "1.5", "0.25"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.84, "0.8 s"), (31, "31 s"), (59.7, "1 min 00 s"), (74.2, "1 min 14 s"), (3900, "1 h 05 min")],
)
def test_duration(seconds: float, text: str):
    assert numbers.duration(seconds) == text
