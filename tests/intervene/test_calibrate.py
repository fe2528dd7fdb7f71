import math

import pytest

from valuelocate.errors import UserError
from valuelocate.intervene import Dose, DosePoint, choose_dose


def test_the_largest_usable_dose_is_chosen() -> None:
    curve = [DosePoint(2.0, 0.91), DosePoint(0.5, 1.0), DosePoint(4.0, 0.5), DosePoint(1.0, 0.85)]
    assert choose_dose(curve) == Dose(2.0, True)


def test_the_limit_itself_is_usable() -> None:
    assert choose_dose([DosePoint(1.0, 0.9), DosePoint(2.0, 0.8999)]) == Dose(1.0, True)
    assert choose_dose([DosePoint(1.0, 0.9), DosePoint(2.0, 0.8999)], usable=0.8) == Dose(2.0, True)


def test_without_a_usable_dose_the_smallest_is_marked() -> None:
    assert choose_dose([DosePoint(2.0, 0.3), DosePoint(0.5, 0.7)]) == Dose(0.5, False)


def test_what_was_not_measured_is_not_usable() -> None:
    assert choose_dose([DosePoint(2.0, math.nan), DosePoint(1.0, 0.95)]) == Dose(1.0, True)
    assert choose_dose([DosePoint(2.0, math.nan)]) == Dose(2.0, False)


def test_no_strengths_are_refused() -> None:
    with pytest.raises(UserError, match=r"evaluate\.strengths is empty"):
        choose_dose([])
