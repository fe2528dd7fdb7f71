"""Export of a dataset as a folder that `datasets.load_dataset` opens and that the Hugging Face hub shows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from valuelocate.dataset.export_card import Tables, hub_card
from valuelocate.dataset.fields import shown
from valuelocate.dataset.records import SPLITS, Description, Question, Record
from valuelocate.dataset.value_dataset import ValueDataset, table_row
from valuelocate.errors import UserError

logger = logging.getLogger(__name__)

_TEXT: Final = pa.string()
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "tension": pa.list_(_TEXT),
    "stances": pa.struct([("pos", _TEXT), ("neg", _TEXT)]),
    "generator": pa.struct(
        [
            ("model", _TEXT),
            ("revision", _TEXT),
            ("prompt_sha256", _TEXT),
            ("temperature", pa.float64()),
            ("seed", pa.int64()),
        ]
    ),
}
"""Of the fields that are no text; every field may be null."""


def _schema(kind: type) -> pa.Schema:
    return pa.schema([(column.name, _TYPES.get(column.name, _TEXT)) for column in fields(kind)])


SCHEMAS: Final[Mapping[str, pa.Schema]] = MappingProxyType(
    {"descriptions": _schema(Description), "questions": _schema(Question)}
)
"""The columns of each config: a record's fields in their order, `slots` as the text of a JSON object."""

_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError)


def export_hub_folder(dataset: ValueDataset, card: str | None, folder: str | Path) -> Path:
    """Write a dataset as Parquet files and a README; return their folder.

    `datasets.load_dataset(folder, "questions")` and `"descriptions"` open it, with the splits `locate`, `dev`
    and `eval`. The README's front matter names the splits, for by the names of files alone the hub would take
    `dev` for `validation`, which it is like, and `eval` for `test`. A config or split without rows is left
    out, since `datasets` opens no Parquet file without rows. The same rows and card give the same bytes.

    Args:
        dataset: shipped or one's own.
        card: its data card in Markdown; None for one's own, which gets counts and the rows' own statements.
        folder: made if it is not there; files of an earlier export in it are replaced.

    Raises:
        UserError: there are no rows, or a row holds what its column cannot.
    """
    tables = _tables(dataset)
    if not tables:
        raise UserError(f"dataset.path: dataset '{dataset.name}' has no rows; expected some to export")
    root = Path(folder)
    for config in SCHEMAS:
        for split in SPLITS:
            _write(tables.get(config, {}).get(split), root / config / f"{split}.parquet")
    (root / "README.md").write_text(hub_card(dataset, card, tables), encoding="utf-8", newline="\n")
    logger.info("wrote dataset '%s' for the hub to %s", dataset.name, root)
    return root


def _tables(dataset: ValueDataset) -> Tables:
    rows: dict[str, Sequence[Record]] = {
        "descriptions": dataset.description_rows,
        "questions": dataset.question_rows,
    }
    tables: dict[str, dict[str, pa.Table]] = {}
    for config, schema in SCHEMAS.items():
        for split in SPLITS:
            found = [table_row(record) for record in rows[config] if record.split == split]
            if found:
                tables.setdefault(config, {})[split] = _table(found, schema)
    return tables


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays([_column(rows, column) for column in schema], schema=schema)


def _column(rows: Sequence[Mapping[str, Any]], column: pa.Field) -> pa.Array:
    try:
        return pa.array([row[column.name] for row in rows], type=column.type)
    except _UNFIT as error:
        unfit = next((row for row in rows if not _fits(row[column.name], column.type)), rows[0])
        raise UserError(
            f"dataset.path: row '{unfit['id']}', field '{column.name}': expected {column.type} for its "
            f"Parquet column, found {shown(unfit[column.name])} ({error})"
        ) from error


def _fits(found: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([found], type=kind)
    except _UNFIT:
        return False
    return True


def _write(table: pa.Table | None, path: Path) -> None:
    if table is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
