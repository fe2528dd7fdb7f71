from __future__ import annotations

import pytest

from valuelocate.dataset.paraphrase.estimate import estimate
from valuelocate.dataset.paraphrase.prompt import Prompt


def test_tokens_and_cost_are_estimated() -> None:
    found = estimate([Prompt("one two three", "four five six")] * 10, 400, 1.5, 2.0)
    assert found[:3] == (10, 80, 4000)
    assert found.cost == pytest.approx((80 * 1.5 + 4000 * 2) / 1e6)
    assert "10 rows" in str(found) and "0.01" in str(found)


@pytest.mark.parametrize("prices", [(None, None), (1.0, None), (None, 1.0)])
def test_an_unknown_price_is_not_guessed(prices) -> None:
    found = estimate([Prompt("a", "b")], 4, *prices)
    assert found.cost is None and "price not known" in str(found)
