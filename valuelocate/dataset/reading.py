"""Reading records from JSON Lines: every bad row is told with its file, line, field and reason."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from valuelocate.dataset.records import Record, parse_record
from valuelocate.dataset.shipped import RECORD_FILES
from valuelocate.dataset.text import normalise
from valuelocate.errors import MistakesError, UserError
from valuelocate.values import Theory

_MOST_MESSAGES = 200
"""A file with more bad rows than this has one mistake everywhere; the rest is counted."""


class Line(NamedTuple):
    """One line of a JSON Lines file that is not blank."""

    place: str
    """`file:line`, for messages."""
    row: Any
    mistake: str | None
    """Why the line is no JSON; None where it is."""


class Placed(NamedTuple):
    """A record and the line it was read from."""

    place: str
    record: Record


def record_files(path: Path) -> list[Path]:
    """Return the files of a dataset: the path itself, or those of a folder.

    Raises:
        UserError: no such file or folder, or a folder with neither descriptions.jsonl nor questions.jsonl.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(
            f"dataset.path={path}: no such file or folder; expected a JSON Lines file, or a folder with "
            f"{' and '.join(RECORD_FILES)}"
        )
    names = [name if (path / name).is_file() else f"{name}.gz" for name in RECORD_FILES]
    found = [path / name for name in names if (path / name).is_file()]
    if not found:
        raise UserError(f"dataset.path={path}: the folder has neither {' nor '.join(RECORD_FILES)}")
    return found


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a JSON Lines file (packed if it ends in .gz), parsed; blank lines are left out.

    Raises:
        UserError: the file is not UTF-8 text or cannot be opened.
    """
    try:
        raw = path.read_bytes()
        content = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"dataset.path: '{path}' cannot be read as UTF-8 text: {error}") from error
    # Not splitlines: JSON strings may hold U+2028, which it would take for a line's end.
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            yield Line(place, json.loads(line), None)
        except (json.JSONDecodeError, RecursionError) as error:
            yield Line(place, None, f"expected one JSON object on the line, found {error}")


def read_records(files: Sequence[Path], theory: Theory, *, allow_leak: bool = False) -> list[Record]:
    """Read the records of several files.

    Args:
        files: JSON Lines files; kinds may be mixed.
        theory: resolves the values' names.
        allow_leak: accept a family or a text that lies in more than one split.

    Raises:
        MistakesError: one message a bad row, in order, all at once.
        UserError: a file is unreadable, or there is no row at all.
    """
    placed: list[Placed] = []
    messages: list[str] = []
    for line in (line for file in files for line in read_lines(file)):
        if line.mistake is not None:
            messages.append(f"{line.place}: {line.mistake}")
            continue
        try:
            placed.append(Placed(line.place, parse_record(line.row, theory)))
        except MistakesError as error:
            messages.append(f"{line.place}: {'; '.join(error.messages)}")
    if not placed and not messages:
        raise UserError(
            f"dataset.path: {', '.join(map(str, files))} has no rows; expected one JSON object a line"
        )
    messages += _conflicts(placed, allow_leak)
    if messages:
        raise _refusal(files, messages)
    return [record for _, record in placed]


def _refusal(files: Sequence[Path], messages: list[str]) -> MistakesError:
    left = len(messages) - _MOST_MESSAGES
    told = messages[:_MOST_MESSAGES] + ([f"... and {left} more"] if left > 0 else [])
    counted = "1 bad row" if len(messages) == 1 else f"{len(messages)} bad rows"
    return MistakesError(told, heading=f"dataset.path: {counted} in {', '.join(map(str, files))}:")


def _conflicts(placed: Sequence[Placed], allow_leak: bool) -> Iterator[str]:
    """Tell rows that occur twice, and text or families that lie in two splits."""
    ids: dict[str, Placed] = {}
    families: dict[str, Placed] = {}
    texts: dict[tuple[str, str], Placed] = {}
    for entry in placed:
        record = entry.record
        text = normalise(record.text)
        same_id = ids.setdefault(record.id, entry)
        same_text = texts.setdefault((record.kind, text), entry)
        same_family = families.setdefault(record.family, entry)
        if same_id is not entry:
            same = "the text" if text == normalise(same_id.record.text) else f"the id '{record.id}'"
            yield f"{entry.place}: {same} of {same_id.place} again; expected every row once"
        elif not allow_leak and same_text.record.split != record.split:
            yield f"{entry.place}: field 'split': the same text {_in_two_splits(same_text, entry)}"
        elif not allow_leak and same_family.record.split != record.split:
            family = f"family '{record.family}'"
            yield f"{entry.place}: field 'split': {family} {_in_two_splits(same_family, entry)}"


def _in_two_splits(earlier: Placed, entry: Placed) -> str:
    return (
        f"is in '{earlier.record.split}' ({earlier.place}) and in '{entry.record.split}'; expected one split "
        f"(dataset.allow_leak=true accepts it and marks the results)"
    )
