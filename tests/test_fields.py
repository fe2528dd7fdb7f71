"""Values as annotations ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import pytest

from valuelocate.fields import MismatchError, conform, hints_of


class Part:
    pass


class Shape(Protocol):
    def area(self) -> float: ...


PART = Part()


@pytest.mark.parametrize(
    ("value", "annotation", "wanted"),
    [
        (3, int, 3),
        (3, float, 3),
        (0.5, float, 0.5),
        (True, bool, True),
        ("a", str, "a"),
        ("x/y", Path, Path("x/y")),
        (None, None, None),
        (None, str | None, None),
        ("dev", float | Literal["dev"], "dev"),
        (2.0, float | Literal["dev"], 2.0),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, "a"], tuple[int, str], (1, "a")),
        ([], tuple[int, ...], ()),
        (["a", "b"], frozenset[str], frozenset({"a", "b"})),
        ([[1], []], list[tuple[int, ...]], [(1,), ()]),
        ([1.5], Sequence[float], [1.5]),
        ({"a": [1]}, Mapping[str, tuple[int, ...]], {"a": (1,)}),
        ({}, dict, {}),
        (PART, Part, PART),
        (PART, Any, PART),
        (PART, Shape, PART),
        (len, Callable[..., int], len),
        (4, Annotated[int, "a unit"], 4),
    ],
)
def test_what_fits_is_taken(value: Any, annotation: Any, wanted: Any) -> None:
    found = conform(value, annotation)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("value", "annotation", "told"),
    [
        ("two", int, "expected a whole number, found 'two'"),
        (2.5, int, "expected a whole number, found 2.5"),
        (True, int, "expected a whole number, found True"),
        (False, float, "expected a number, found False"),
        (1, bool, "expected true or false, found 1"),
        (1, str, "expected text, found 1"),
        (None, int, "expected a whole number, found null"),
        ("slow", Literal["early", "late"], "expected one of early, late, found 'slow'"),
        ("slow", float | Literal["dev"], "expected a number or one of dev, found 'slow'"),
        ("a", tuple[str, ...], "expected a list, found 'a'"),
        ([1], tuple[int, int], "expected a list of 2, found [1]"),
        ([1, "x"], list[int], "expected a whole number, found 'x'"),
        (3, dict[str, int], "expected a mapping, found 3"),
        ({"name": 1}, Part, "expected a component of type Part, found a mapping without _target_"),
        (
            {"name": 1},
            Part | None,
            "expected a component of type Part or null, found a mapping without _target_",
        ),
    ],
)
def test_what_does_not_fit_is_told(value: Any, annotation: Any, told: str) -> None:
    with pytest.raises(MismatchError) as raised:
        conform(value, annotation)
    assert str(raised.value) == told


@dataclass(frozen=True, kw_only=True)
class Settings:
    names: tuple[str, ...] = ()


def test_hints_come_from_classes_and_functions() -> None:
    def function(size: int) -> None: ...

    assert hints_of(Settings)["names"] == tuple[str, ...]
    assert hints_of(function)["size"] is int


def test_hints_that_only_a_type_checker_knows_are_no_hints() -> None:
    def function(size: int) -> None: ...

    function.__annotations__["size"] = "Nowhere"
    assert hints_of(function) == {}
