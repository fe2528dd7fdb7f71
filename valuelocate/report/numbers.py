"""Numbers as words: one way of writing a gain, an interval, a probability or a time."""

from __future__ import annotations

import math
from typing import Any

MISSING = "not measured"
MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


def number(value: Any) -> float | None:
    """Return a finite float, or None for what is missing: None, NaN, infinity, or no number at all."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def plain(value: Any, *, missing: str = MISSING) -> str:
    """Write a number with three decimals, or two significant digits where it is small."""
    found = number(value)
    if found is None:
        return missing
    return _digits(found).replace("-", MINUS)


def signed(value: Any, *, missing: str = MISSING) -> str:
    """Write a number like `plain`, with its sign."""
    found = number(value)
    if found is None:
        return missing
    text = plain(found)
    return f"+{text}" if found > 0 else text


def interval(low: Any, high: Any, *, missing: str = MISSING) -> str:
    """Write an interval as "low to high"."""
    if number(low) is None or number(high) is None:
        return missing
    return f"{signed(low)} to {signed(high)}"


def span(low: Any, high: Any, *, missing: str = MISSING) -> str:
    """Write the interval of something that has no sign, such as a fluency or an AUROC."""
    if number(low) is None or number(high) is None:
        return missing
    return f"{plain(low)} to {plain(high)}"


def percent(value: Any, *, missing: str = MISSING) -> str:
    """Write a share as whole percent."""
    found = number(value)
    return missing if found is None else f"{100 * found:.0f} %".replace("-", MINUS)


def probability(value: Any, *, missing: str = MISSING) -> str:
    """Write a p value with three decimals, without trailing zeros."""
    found = number(value)
    if found is None:
        return missing
    return "below 0.001" if found < 0.001 else f"{found:.3f}".rstrip("0").rstrip(".")


def dose(value: Any, *, missing: str = MISSING) -> str:
    """Write a strength as it was given, e.g. 1.5 or 2."""
    found = number(value)
    return missing if found is None else f"{found:g}".replace("-", MINUS)


def count(value: Any, *, missing: str = MISSING) -> str:
    """Write a count with thousands separated."""
    found = number(value)
    return missing if found is None else f"{found:,.0f}".replace("-", MINUS)


def duration(seconds: Any, *, missing: str = MISSING) -> str:
    """Write a time in the units a person would use."""
    found = number(seconds)
    if found is None:
        return missing
    if found < 10:
        return f"{found:.1f} s"
    if found < 59.5:
        return f"{found:.0f} s"
    minutes, rest = divmod(round(found), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _digits(value: float) -> str:
    size = abs(value)
    if size == 0 or 0.01 <= size < 1e5:
        return f"{value:.3f}"
    return f"{value:.2g}"
