"""A dataset in memory: records chosen by value, pole and split, with a guard against leaking splits."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from valuelocate.dataset.guard import guarded_splits, known_names
from valuelocate.dataset.matching import matched_pairs
from valuelocate.dataset.records import NEG_KINDS, POLARITIES, SPLITS, Description, Question, Record, to_row
from valuelocate.dataset.text import normalise
from valuelocate.errors import MistakesError, UserError
from valuelocate.store import digest
from valuelocate.values import NO_VALUE, Theory

logger = logging.getLogger(__name__)

LOCATE_NEG_KINDS = ("absence", "rejection")
"""Negative texts for locating by default: were they all from across the circle, opposite values would share
neurons by construction."""


class LocatingRows(NamedTuple):
    """What locating one value may read."""

    questions: list[Question]
    positive: list[Description]
    negative: list[Description]


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueDataset:
    """Descriptions and questions over a theory's values."""

    name: str
    theory: Theory
    description_rows: tuple[Description, ...]
    question_rows: tuple[Question, ...]
    neg_kinds: tuple[str, ...] = LOCATE_NEG_KINDS
    """Kinds of negative descriptions that locating reads."""
    locate_splits: tuple[str, ...] = ("locate",)
    allow_leak: bool = False
    matched: bool = False
    """Whether locating puts both descriptions of one family before a question."""
    leaks: list[str] = field(default_factory=list)
    """What was read against the rules of splits, to be written into every result; empty if nothing was."""

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the sorted rows: the same rows in any order and any files have the same hash."""
        rows: list[Record] = [*self.description_rows, *self.question_rows]
        return digest(sorted(digest(to_row(record)) for record in rows))

    @cached_property
    def value_free(self) -> bool:
        """Whether no question has a value at stake; they are then asked whatever the value."""
        return bool(self.question_rows) and all(row.value == NO_VALUE for row in self.question_rows)

    @cached_property
    def descriptions(self) -> pd.DataFrame:
        """The descriptions, a row each, with the schema's columns; `to_parquet` can write it."""
        return _frame(self.description_rows, Description)

    @cached_property
    def questions(self) -> pd.DataFrame:
        """The questions, a row each, with the schema's columns, `slots` as the text of a JSON object."""
        return _frame(self.question_rows, Question)

    def description_records(
        self,
        value: str | None = None,
        polarity: str | None = None,
        split: str | None = None,
        neg_kinds: Iterable[str] | None = None,
    ) -> list[Description]:
        """Return the descriptions of a value, pole and split, sorted by id.

        Args:
            value: id or name of a value of any level; None for all.
            polarity: "pos" or "neg"; None for both.
            split: "locate", "dev" or "eval"; None for all.
            neg_kinds: kinds of negative descriptions to keep; None for all. Positive ones are not affected.

        Raises:
            UserError: a name is unknown, or nothing is left.
        """
        kinds = None if neg_kinds is None else known_names("dataset.neg_kinds", neg_kinds, NEG_KINDS)
        known_names("polarity", [polarity], (None, *POLARITIES))
        kept = [
            row
            for row in self._matching(self.description_rows, value, split)
            if polarity in (None, row.polarity)
            and (kinds is None or row.neg_kind is None or row.neg_kind in kinds)
        ]
        if not kept:
            wanted = {"value": value, "polarity": polarity, "split": split, "neg_kinds": kinds}
            raise self._nothing("description", wanted, self.description_rows)
        return kept

    def question_records(
        self, value: str | None = None, split: str | None = None, with_stances: bool = False
    ) -> list[Question]:
        """Return the questions of a value and split, sorted by id; only those with two answers if asked.

        Where no question has a value at stake, all of them are those of any value.

        Raises:
            UserError: a name is unknown, or nothing is left.
        """
        kept = [
            row
            for row in self._matching(self.question_rows, value, split, any_value=self.value_free)
            if not with_stances or row.stances is not None
        ]
        if not kept:
            wanted = {"value": value, "split": split, "with_stances": with_stances or None}
            raise self._nothing("question", wanted, self.question_rows)
        return kept

    def locating(
        self,
        value: str,
        *,
        splits: Sequence[str] | None = None,
        neg_kinds: Iterable[str] | None = None,
        allow_leak: bool | None = None,
    ) -> LocatingRows:
        """Return what locating a value may read: rows of the `locate` split.

        Args:
            value: id or name of a value.
            splits: read these instead of `locate_splits`.
            neg_kinds: read these kinds of negative descriptions instead of the dataset's.
            allow_leak: read another split all the same, and record it in `leaks`.

        Raises:
            UserError: another split is asked for and leaks are not allowed, or rows are missing.
        """
        chosen = guarded_splits(
            splits or self.locate_splits, self.allow_leak if allow_leak is None else allow_leak
        )
        self._record_leaks(chosen)
        kinds = self.neg_kinds if neg_kinds is None else tuple(neg_kinds)
        rows = LocatingRows([], [], [])
        for split in chosen:
            rows.questions.extend(self.question_records(value, split))
            rows.positive.extend(self.description_records(value, "pos", split))
            rows.negative.extend(self.description_records(value, "neg", split, kinds))
            if self.matched:
                self._drop_partners(rows, self.description_records(value, "neg", split))
        for part in (rows.questions, rows.positive, rows.negative):
            part.sort(key=_by_id)
        return rows

    def _drop_partners(self, rows: LocatingRows, negative: Iterable[Description]) -> None:
        """Drop the positive descriptions whose partner is of a kind that is not read."""
        unread = {row.family for row in negative} - {row.family for row in rows.negative}
        rows.positive[:] = [row for row in rows.positive if row.family not in unread]

    def require(self, value: str, splits: Iterable[str] = SPLITS) -> None:
        """Check that a value has questions in these splits, and descriptions of both poles for locating.

        Tells in the log what a job on questions without a value cannot measure.

        Raises:
            MistakesError: names everything that is missing.
            UserError: descriptions are to be matched, and a family does not hold one of each pole.
        """
        messages: list[str] = []
        wanted: list[tuple[Any, ...]] = [(self.question_records, value, split) for split in splits]
        for split in self.locate_splits:
            wanted += [
                (self.description_records, value, "pos", split),
                (self.description_records, value, "neg", split, self.neg_kinds),
            ]
        for select, *arguments in wanted:
            try:
                select(*arguments)
            except UserError as error:
                messages.append(str(error))
        if messages:
            raise MistakesError(messages, heading=f"dataset '{self.name}' does not cover value={value}:")
        if self.matched:
            rows = self.locating(value)
            matched_pairs(rows.positive, rows.negative)
        if self.value_free:
            told = (
                "dataset=%s: no value is at stake in its questions and none has two answers, so preference "
                "is not measured and no effect can be claimed"
            )
            logger.warning(told, self.name)

    def _matching(
        self, rows: Sequence[Any], value: str | None, split: str | None, *, any_value: bool = False
    ) -> list[Any]:
        known_names("split", [split], (None, *SPLITS))
        named = None if value is None else self.theory.resolve(value).id
        wanted = None if any_value else named
        level = "value" if wanted is None else self.theory.column(wanted)
        return [
            row
            for row in rows
            if split in (None, row.split) and (wanted is None or getattr(row, level) == wanted)
        ]

    def _nothing(self, kind: str, wanted: dict[str, Any], rows: Sequence[Record]) -> UserError:
        asked = ", ".join(f"{name}={asked}" for name, asked in wanted.items() if asked is not None) or "any"
        there = Counter(f"{row.value}/{row.split}" for row in rows)
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(there.items())) or "none at all"
        return UserError(
            f"dataset.path: dataset '{self.name}' has no {kind} with {asked}; it has {listed}. "
            f"Add such rows to the file, or choose another value, split or dataset.neg_kinds"
        )

    def _record_leaks(self, splits: Sequence[str]) -> None:
        for split in splits:
            leak = f"locating read the split '{split}'"
            if split != "locate" and leak not in self.leaks:
                logger.warning("dataset.allow_leak=true: %s of dataset '%s'", leak, self.name)
                self.leaks.append(leak)


def dataset_of(records: Iterable[Record], *, name: str, theory: Theory, **settings: Any) -> ValueDataset:
    """Return a dataset of records in memory; `settings` are further fields of `ValueDataset`."""
    ordered = sorted(records, key=_by_id)
    dataset = ValueDataset(
        name=name,
        theory=theory,
        description_rows=tuple(record for record in ordered if isinstance(record, Description)),
        question_rows=tuple(record for record in ordered if isinstance(record, Question)),
        **settings,
    )
    dataset.leaks.extend(_in_several_splits(ordered))
    return dataset


def table_row(record: Record) -> dict[str, Any]:
    """Return the record as a row of a table, `slots` as the text of a JSON object.

    Names and fillers of slots differ from row to row, and Parquet has no column for objects without fields.
    """
    row = to_row(record)
    if "slots" in row:
        row["slots"] = json.dumps(row["slots"], ensure_ascii=False)
    return row


def _by_id(record: Record) -> str:
    return record.id


def _frame(rows: Sequence[Record], kind: type) -> pd.DataFrame:
    return pd.DataFrame([table_row(row) for row in rows], columns=[column.name for column in fields(kind)])


def _in_several_splits(records: Sequence[Record]) -> list[str]:
    splits: dict[str, set[str]] = {}
    for record in records:
        splits.setdefault(f"family '{record.family}'", set()).add(record.split)
        splits.setdefault(f"{record.kind} text '{normalise(record.text)}'", set()).add(record.split)
    across = {what: sorted(found) for what, found in splits.items() if len(found) > 1}
    return [f"{what} lies in the splits {', '.join(found)}" for what, found in sorted(across.items())]
