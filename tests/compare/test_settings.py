from __future__ import annotations

import pytest

from valuelocate.compare import CompareSettings
from valuelocate.errors import UserError
from valuelocate.evaluate import Resampling


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"draws": 0}, "compare.draws=0: expected at least 1; an effect is claimed from 19"),
        ({"draws": 19.0}, r"compare.draws=19.0"),
        ({"draws": True}, "compare.draws=True"),
        ({"level": 1}, "compare.level=1: expected a share between 0 and 1"),
        ({"level": 95}, "compare.level=95"),
        ({"resamples": 99}, "compare.resamples=99: expected a whole number of at least 100"),
        ({"methods": []}, r"compare.methods=\[\]: expected at least one method"),
        ({"methods": ["mean_diff", "mean_diff"]}, "each once"),
    ],
)
def test_settings_are_checked(changes, message) -> None:
    with pytest.raises(UserError, match=message):
        CompareSettings(**changes)


def test_intervals_are_made_as_the_settings_say() -> None:
    made = CompareSettings(level=0.9, resamples=500).resampling(7)
    assert made == Resampling(level=0.9, resamples=500, seed=7)
