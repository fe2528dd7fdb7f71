"""Loading a dataset: one that comes with the package, or one's own in the same format."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from valuelocate.dataset.guard import guarded_splits, known_names
from valuelocate.dataset.reading import read_records, record_files
from valuelocate.dataset.records import NEG_KINDS, POLARITIES
from valuelocate.dataset.shipped import DATA, shipped_names, shipped_settings, shipped_theory
from valuelocate.dataset.value_dataset import LOCATE_NEG_KINDS, LocatingRows, ValueDataset, dataset_of
from valuelocate.errors import UserError, nearest
from valuelocate.values import Theory, load_theory

logger = logging.getLogger(__name__)

__all__ = ["DatasetSource", "LocatingRows", "ValueDataset", "dataset_of", "load_dataset"]


@dataclass(frozen=True, kw_only=True)
class DatasetSource:
    """Names a dataset, shipped or one's own, and how locating reads it."""

    name: str = "mini"
    """A shipped dataset, or what to call the one at `path`."""
    path: str | None = None
    """A JSON Lines file of both kinds, or a folder with descriptions.jsonl and questions.jsonl."""
    rows: str | None = None
    """The shipped dataset whose rows these are, where it is not `name` itself."""
    descriptions: str | None = None
    """A shipped dataset whose descriptions are read in place of its own."""
    questions: str | None = None
    """A shipped dataset whose questions are read in place of its own."""
    level: str | None = None
    """Level of the theory (a name of its hierarchy) by whose values the rows are grouped; None for any."""
    matched: bool = False
    """Whether locating puts the two descriptions of one family before a question: a family then holds exactly
    one of each pole."""
    neg_kinds: Sequence[str] = LOCATE_NEG_KINDS
    locate_splits: Sequence[str] = ("locate",)
    allow_leak: bool = False

    def __post_init__(self) -> None:
        for field in ("allow_leak", "matched"):
            if not isinstance(getattr(self, field), bool):
                raise UserError(f"dataset.{field}={getattr(self, field)}: expected true or false")
        known_names("dataset.neg_kinds", self.neg_kinds, NEG_KINDS)
        guarded_splits(self.locate_splits, self.allow_leak)
        key, shipped = ("rows", self.rows) if self.rows else ("name", self.name)
        if self.path is None and shipped not in shipped_names():
            raise UserError(
                f"dataset.{key}={shipped} with no dataset.path: expected a shipped dataset "
                f"({', '.join(shipped_names())}), or dataset.path=FILE_OR_FOLDER with rows of your own"
            )
        self._check_parts()

    def _check_parts(self) -> None:
        for key, part in (("descriptions", self.descriptions), ("questions", self.questions)):
            if part is None:
                continue
            if self.path is not None:
                raise UserError(
                    f"dataset.{key}={part}: dataset.path={self.path} has its own; drop one of the two"
                )
            if part not in shipped_names():
                raise UserError(
                    f"dataset.{key}={part}: expected a shipped dataset ({', '.join(shipped_names())})"
                )

    @property
    def label(self) -> str:
        """The dataset's name in results; a file of one's own never goes by the name of a shipped dataset."""
        if self.path is not None and self.name in (*shipped_names(), "own"):
            return Path(self.path).stem
        return self.name

    def load(self, theory: Theory) -> ValueDataset:
        """Read and check all rows.

        Raises:
            UserError: the path does not exist or holds no rows.
            MistakesError: one message a bad row.
        """
        records = read_records(self._files(), theory, allow_leak=self.allow_leak)
        dataset = dataset_of(
            records,
            name=self.label,
            theory=theory,
            neg_kinds=tuple(self.neg_kinds),
            locate_splits=tuple(self.locate_splits),
            allow_leak=self.allow_leak,
            matched=self.matched,
        )
        if self.level is not None:
            _warn_of_few(dataset, self.level)
        return dataset

    def _files(self) -> list[Path]:
        if self.path is not None:
            return record_files(Path(self.path).expanduser())
        own = self.rows or self.name
        parts = {"descriptions": self.descriptions or own, "questions": self.questions or own}
        return [
            file
            for kind, shipped in parts.items()
            for file in record_files(DATA / shipped)
            if file.name.startswith(kind)
        ]

    def admit(self, value_id: str, theory: Theory) -> None:
        """Refuse a value of another level than the one that the rows are grouped by.

        Raises:
            UserError: `level` is no level of the theory, or the value is of another one.
        """
        if self.level is None:
            return
        known_names("dataset.level", [self.level], theory.hierarchy)
        grouped = [value.id for value in theory.level(self.level)]
        if value_id not in grouped:
            raise UserError(
                f"value={value_id}: dataset={self.name} groups by dataset.level={self.level}; expected one "
                f"of {', '.join(grouped)}"
            )


_FEW = 10
"""Descriptions of a value and pole, in the split for locating, below which a warning is due."""


def _warn_of_few(dataset: ValueDataset, level: str) -> None:
    for value in dataset.theory.level(level):
        field = dataset.theory.column(value.id)
        rows = [row for row in dataset.description_rows if getattr(row, field) == value.id]
        for pole in POLARITIES:
            count = sum(row.polarity == pole and row.split in dataset.locate_splits for row in rows)
            if count < _FEW:
                told = "dataset=%s has %d %s descriptions of %s to locate with; fewer than %d tell little"
                logger.warning(told, dataset.name, count, pole, value.id, _FEW)


def load_dataset(name_or_path: str | Path = "mini", theory: Theory | str | None = None) -> ValueDataset:
    """Return a shipped dataset by name, or one's own by path.

    Args:
        name_or_path: "mini", a JSON Lines file, or a folder with descriptions.jsonl and questions.jsonl.
        theory: a theory, the name of a shipped one or a theory file; by default that of the shipped dataset,
            and Schwartz's for one's own.

    Raises:
        UserError: neither a shipped name nor a path, or rows are bad.
    """
    name = str(name_or_path)
    if theory is None and name in shipped_names():
        theory = shipped_theory(name)
    resolved = theory if isinstance(theory, Theory) else load_theory(theory or "schwartz")
    if name in shipped_names():
        return DatasetSource(name=name, **shipped_settings(name)).load(resolved)
    path = Path(name_or_path)
    if not path.exists():
        known = nearest(str(name_or_path), shipped_names())
        raise UserError(f"dataset.path={name_or_path}: neither a path nor a shipped dataset; {known}")
    return DatasetSource(name=path.stem, path=str(path)).load(resolved)
