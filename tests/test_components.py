"""Components are bound and built from the inside out, and every mistake is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from valuelocate.components import Assembly
from valuelocate.errors import MistakesError, UserError


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int = 1

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"outer.inner.size={self.size}: must be at least 1")


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "bad" in self.names:
            raise ValueError("'bad' is no name")


def open_ended(**settings: Any) -> dict[str, Any]:
    return settings


INNER = {"_target_": f"{__name__}.Inner"}
OUTER = {"_target_": f"{__name__}.Outer", "inner": INNER}


def built(node: Any) -> Any:
    assembly = Assembly()
    found = assembly.component(node, "outer")
    assembly.check("mistakes:")
    return found


def mistakes(node: Any) -> tuple[str, ...]:
    assembly = Assembly()
    assembly.component(node, "outer")
    with pytest.raises(MistakesError) as raised:
        assembly.check("mistakes:")
    return raised.value.messages


def test_nested_components_are_objects() -> None:
    found = built({**OUTER, "names": ["a", "b"]})
    assert found == Outer(inner=Inner(size=1), names=("a", "b"))
    assert isinstance(found.inner, Inner)


def test_function_with_open_keys_takes_all() -> None:
    assert built({"_target_": f"{__name__}.open_ended", "from": 0.3}) == {"from": 0.3}


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes({**OUTER, "inner": {**INNER, "size": 0, "sice": 2}, "name": ["a"], "names": "a"})
    assert len(found) == 3
    assert "outer.inner.sice: Inner takes no such key; did you mean size?" in found
    assert "outer.name: Outer takes no such key; did you mean names?" in found
    assert "outer.names: expected a list, found 'a'" in found


def test_missing_key_is_told() -> None:
    assert mistakes({"_target_": f"{__name__}.Outer"}) == ("outer.inner: missing, and Outer needs it",)


def test_rule_of_a_component_is_told_with_its_key() -> None:
    assert mistakes({**OUTER, "inner": {**INNER, "size": 0}}) == ("outer.inner.size=0: must be at least 1",)
    assert mistakes({**OUTER, "names": ["bad"]}) == ("outer: 'bad' is no name",)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("nowhere.Thing", "there is no module nowhere"),
        (f"{__name__}.Iner", f"{__name__} has no Iner; did you mean Inner?"),
        (f"{__name__}.Inner.large", "has no large"),
        ("valuelocate", "there is no module valuelocate"),
        ("valuelocate.errors", "not a callable"),
    ],
)
def test_target_that_cannot_be_used(target: str, why: str) -> None:
    (told,) = mistakes({"_target_": target})
    assert told.startswith(f"outer._target_={target}: cannot be used")
    assert why in told


def test_module_that_a_target_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy.py").write_text("import module_that_is_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path)
    (told,) = mistakes({"_target_": "needy.Thing"})
    assert "module_that_is_not_installed" in told


@pytest.mark.parametrize("node", [None, {}, {"size": 3}, "text", [1]])
def test_node_without_target_is_refused(node: Any) -> None:
    (told,) = mistakes(node)
    assert told.startswith("outer: no component is selected here")
    assert ("size" in told) == (node == {"size": 3})


def test_plain_mapping_where_a_component_belongs() -> None:
    (told,) = mistakes({**OUTER, "inner": {"size": 3}})
    assert told == "outer.inner: expected a component of type Inner, found a mapping without _target_"
