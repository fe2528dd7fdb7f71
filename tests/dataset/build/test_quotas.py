from __future__ import annotations

import pytest

from valuelocate.dataset.build.quotas import (
    EVAL_FORMS,
    HELD_OUT_FORMS,
    SHARED_FORMS,
    rows_per_seed,
    split_evenly,
)
from valuelocate.dataset.seeds import FORMS
from valuelocate.errors import UserError


def test_forms_are_twenty_four_shared_and_six_held_out() -> None:
    assert len(SHARED_FORMS) == 24 and len(HELD_OUT_FORMS) == 6 and len(EVAL_FORMS) == 18
    assert set(SHARED_FORMS) | set(HELD_OUT_FORMS) == set(FORMS)
    assert set(SHARED_FORMS).isdisjoint(HELD_OUT_FORMS)
    assert len(set(EVAL_FORMS) & set(SHARED_FORMS)) == 12


@pytest.mark.parametrize(("total", "parts", "offset"), [(3000, 3, 0), (250, 3, 1), (500, 3, 2), (7, 5, 4)])
def test_an_even_split_is_exact(total, parts, offset) -> None:
    sizes = split_evenly(total, parts, offset)
    assert sum(sizes) == total and max(sizes) - min(sizes) <= 1 and len(sizes) == parts


def test_the_parts_of_a_value_get_as_many_over_all_splits() -> None:
    by_split = [split_evenly(total, 3, place) for place, total in enumerate((3000, 250, 500))]
    assert [sum(sizes) for sizes in zip(*by_split, strict=True)] == [1250, 1250, 1250]


@pytest.mark.parametrize("capacities", [[6] * 540, [6, 5, 4] * 180, [1, 6] * 300])
def test_rows_are_shared_out_evenly_and_within_capacity(capacities) -> None:
    total = sum(capacities) * 9 // 10
    shares = rows_per_seed(capacities, total, "x")
    assert sum(shares) == total
    assert all(0 <= share <= capacity for share, capacity in zip(shares, capacities, strict=True))
    stretch = [sum(shares[start : start + 9]) for start in range(0, len(shares) - 9, 9)]
    wanted = [sum(capacities[start : start + 9]) * 0.9 for start in range(0, len(shares) - 9, 9)]
    assert max(abs(found - want) for found, want in zip(stretch, wanted, strict=True)) <= 1


def test_a_bank_that_is_too_small_is_told() -> None:
    with pytest.raises(UserError, match="gives 10 rows for openness/locate, 11 are wanted"):
        rows_per_seed([6, 4], 11, "openness/locate")
