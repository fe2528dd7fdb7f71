"""Theories of values as data: names, parents, opposites and angles come from a file, never from code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from valuelocate.errors import MistakesError, UserError, nearest

Geometry = Literal["circle", "none"]


LEVEL_FIELDS = ("value", "basic_value", "refined_value")
"""Fields of a dataset's rows, by level of the theory, top first."""

NO_VALUE = "none"
"""In the field `value` of a row: no value is at stake. No theory may have a value of this id."""


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A side of a value that a question can be about."""

    id: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Value:
    """One value of a theory."""

    id: str
    name: str
    short: str
    """A name for the command line."""
    definition: str
    parent: str | None
    """Id of the value one level up; None at the top of the hierarchy."""
    angle: float | None
    """Degrees on the theory's circle; None where there is none. Rotation and reflection are arbitrary."""
    opposite: tuple[str, ...]
    """Ids of the values across the circle, of the same level."""
    neg_meaning: str
    """What the negative pole means."""
    lexicon: tuple[str, ...] = ()
    """Words that would give the value away; a question must not contain them."""
    facets: tuple[Facet, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Theory:
    """A set of values with their relations, e.g. Schwartz 1992."""

    id: str
    name: str
    citation: str
    license: str
    geometry: Geometry
    hierarchy: tuple[str, ...]
    """Names of the levels, top first."""
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        mistakes = list(_mistakes(self))
        if mistakes:
            raise MistakesError(mistakes, heading=f"theory '{self.id}' does not hold together:")

    def value(self, value_id: str) -> Value:
        """Return the value of exactly this id.

        Raises:
            UserError: no such id; the message lists the nearest.
        """
        for value in self.values:
            if value.id == value_id:
                return value
        known = [value.id for value in self.values]
        raise UserError(f"theory '{self.id}' has no value '{value_id}'; {nearest(value_id, known)}")

    def resolve(self, name: str) -> Value:
        """Return the value meant by an id, a short name or a display name in any case or spacing.

        Raises:
            UserError: nothing matches; the message lists the nearest names.
        """
        wanted = _plain(str(name))
        for value in self.values:
            if wanted in {_plain(value.id), _plain(value.short), _plain(value.name)}:
                return value
        known = {value.id for value in self.values} | {value.short for value in self.values}
        raise UserError(f"value={name}: theory '{self.id}' has no such value; {nearest(wanted, known)}")

    def targets(self) -> tuple[Value, ...]:
        """Return the values of the top level, in the theory's order."""
        return tuple(value for value in self.values if value.parent is None)

    def members(self, value_id: str) -> tuple[Value, ...]:
        """Return the values whose parent is `value_id`."""
        return tuple(value for value in self.values if value.parent == value_id)

    def level(self, name: str) -> tuple[Value, ...]:
        """Return the values of a level; where a value above has no parts of that level, the value itself.

        Raises:
            UserError: no such level.
        """
        if name not in self.hierarchy:
            raise UserError(f"theory '{self.id}' has no level '{name}'; {nearest(name, self.hierarchy)}")
        depth = self.hierarchy.index(name)
        return tuple(
            value
            for value in self.values
            if self.depth(value.id) == depth or (self.depth(value.id) < depth and not self.members(value.id))
        )

    def depth(self, value_id: str) -> int:
        """Return how many levels lie above a value: 0 for the top level."""
        parent = self.value(value_id).parent
        return 0 if parent is None else 1 + self.depth(parent)

    def column(self, value_id: str) -> str:
        """Return the field of a dataset's rows that holds values of this value's level."""
        return LEVEL_FIELDS[self.depth(value_id)]

    def peers(self, value_id: str) -> tuple[Value, ...]:
        """Return the other values of the same level: neighbours on the circle first, opposites last.

        Without a circle they stand in the theory's order.
        """
        value = self.value(value_id)
        depth = self.depth(value_id)
        others = [v for v in self.values if v.id != value_id and self.depth(v.id) == depth]
        return tuple(sorted(others, key=lambda v: (v.id in value.opposite, _distance(value, v))))


def load_theory(name: str = "schwartz") -> Theory:
    """Read a theory file: the id of a shipped one, or the path of a YAML file with the same fields.

    Raises:
        UserError: no such theory, unreadable YAML, or fields missing or contradictory.
    """
    folder = files("valuelocate") / "theories"
    shipped = sorted(Path(str(entry)).stem for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    if name in shipped:
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    elif Path(name).is_file():
        text = Path(name).read_text(encoding="utf-8")
    else:
        raise UserError(f"theory.name={name}: neither a file nor a shipped theory; {nearest(name, shipped)}")
    try:
        return _parse(yaml.safe_load(text))
    except (KeyError, TypeError, yaml.YAMLError) as error:
        raise UserError(f"theory file '{name}' cannot be read: {error!r}") from error


def _parse(raw: dict[str, Any]) -> Theory:
    values = tuple(
        Value(
            id=row["id"],
            name=row["name"],
            short=row.get("short", row["id"]),
            definition=row["definition"],
            parent=row["parent"],
            angle=row["angle"],
            opposite=tuple(row["opposite"]),
            neg_meaning=row["neg_meaning"],
            lexicon=tuple(row.get("lexicon", ())),
            facets=tuple(Facet(**facet) for facet in row.get("facets", ())),
        )
        for row in raw["values"]
    )
    head = {key: raw[key] for key in ("id", "name", "citation", "license", "geometry")}
    return Theory(**head, hierarchy=tuple(raw["hierarchy"]), values=values)


def _mistakes(theory: Theory) -> Iterator[str]:
    ids = [value.id for value in theory.values]
    for value_id in {i for i in ids if ids.count(i) > 1}:
        yield f"value id '{value_id}' occurs twice"
    if NO_VALUE in ids:
        yield f"value id '{NO_VALUE}' is reserved for rows with no value at stake"
    if theory.geometry not in ("circle", "none"):
        yield f"geometry is '{theory.geometry}'; expected circle or none"
    for value in theory.values:
        for key in (value.parent, *value.opposite):
            if key is not None and key not in ids:
                yield f"value '{value.id}' refers to '{key}', which the theory does not have"
        if value.parent in ids and (levels := _levels_above(theory, value)) >= len(theory.hierarchy):
            named = len(theory.hierarchy)
            yield f"value '{value.id}' lies {levels} levels deep; hierarchy names {named} levels"
        if theory.geometry == "circle" and value.angle is None:
            yield f"value '{value.id}' has no angle, but the geometry is a circle"
        for other in value.opposite:
            if other in ids and value.id not in next(v for v in theory.values if v.id == other).opposite:
                yield f"'{value.id}' names '{other}' as its opposite, but not the other way round"


def _levels_above(theory: Theory, value: Value) -> int:
    """Return a value's depth; more than there can be where parents run in a circle."""
    depth = 0
    parents = {row.id: row.parent for row in theory.values}
    parent = value.parent
    while parent is not None and depth <= len(LEVEL_FIELDS):
        depth, parent = depth + 1, parents.get(parent)
    return depth


def _plain(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def _distance(first: Value, second: Value) -> float:
    if first.angle is None or second.angle is None:
        return 0.0
    gap = abs(first.angle - second.angle) % 360
    return min(gap, 360 - gap)
