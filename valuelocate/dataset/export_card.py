"""The README of an exported dataset: front matter that the Hugging Face hub reads, and the data card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import yaml

from valuelocate.dataset.records import Record
from valuelocate.dataset.value_dataset import ValueDataset

Tables = Mapping[str, Mapping[str, pa.Table]]
"""Tables by config and split; only those that have rows."""

_LICENSES: Final = frozenset(
    {"apache-2.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0", "cc0-1.0", "mit", "odc-by", "pddl"}
)
"""Licences that the hub knows by these names; it has more, and any other is told as `other`."""
_SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MACHINE: Final = frozenset({"llm", "composed"})
"""Sources of text that a program wrote or put together."""


def hub_card(dataset: ValueDataset, card: str | None, tables: Tables) -> str:
    """Return the README.

    Args:
        dataset: what is exported.
        card: its data card; without one, its counts and what its rows say of themselves.
        tables: what is written, from which the front matter's configs and features are read.
    """
    text = _own_card(dataset) if card is None else card
    front = yaml.safe_dump(_front_matter(dataset, text, tables), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n{text.rstrip()}\n\n{_folder(dataset, tables)}"


def _front_matter(dataset: ValueDataset, text: str, tables: Tables) -> dict[str, Any]:
    records = _records(dataset)
    machine = [record.source in _MACHINE for record in records]
    front: dict[str, Any] = {
        "license": _license({record.license for record in records}),
        "language": sorted({record.lang for record in records}),
        "pretty_name": text.partition("\n")[0].removeprefix("# "),
        "size_categories": [next((name for limit, name in _SIZES if len(records) < limit), "n>1M")],
        "tags": ["human-values", dataset.theory.id, "interpretability", *["synthetic"] * any(machine)],
    }
    if all(machine):
        front["language_creators"] = ["machine-generated"]
    front["configs"] = [_config(name, splits) for name, splits in tables.items()]
    front["dataset_info"] = [_info(name, splits) for name, splits in tables.items()]
    return front


def _license(found: set[str]) -> str:
    names = {name.lower() for name in found}
    if names == {"unspecified"}:
        return "unknown"
    return names.pop() if len(names) == 1 and names <= _LICENSES else "other"


def _config(name: str, splits: Mapping[str, pa.Table]) -> dict[str, Any]:
    files = [{"split": split, "path": f"{name}/{split}.parquet"} for split in splits]
    return {"config_name": name, "data_files": files}


def _info(name: str, splits: Mapping[str, pa.Table]) -> dict[str, Any]:
    schema = next(iter(splits.values())).schema
    return {
        "config_name": name,
        "features": [_feature(column) for column in schema],
        "splits": [
            {"name": split, "num_bytes": table.nbytes, "num_examples": table.num_rows}
            for split, table in splits.items()
        ],
    }


def _feature(column: pa.Field) -> dict[str, Any]:
    """Return a column as `datasets` writes it in front matter."""
    kind = column.type
    if pa.types.is_struct(kind):
        return {"name": column.name, "struct": [_feature(part) for part in kind]}
    if pa.types.is_list(kind):
        return {"name": column.name, "list": _dtype(kind.value_type)}
    return {"name": column.name, "dtype": _dtype(kind)}


def _dtype(kind: pa.DataType) -> str:
    return "float64" if pa.types.is_float64(kind) else str(kind)


def _own_card(dataset: ValueDataset) -> str:
    records = _records(dataset)
    machine = sum(record.source in _MACHINE for record in records)
    leaks = "".join(f"- Split: {leak}\n" for leak in dataset.leaks)
    return f"""# {dataset.name}

{len(dataset.description_rows):,} descriptions of people by what they value and \
{len(dataset.question_rows):,} everyday situations, over the values of {dataset.theory.name} \
({dataset.theory.citation}), in the format of ValueInsight.

- Source by row: {_listed(records, "source")}. {machine:,} of {len(records):,} rows were written by a \
language model or composed by a program (`llm`, `composed`)
- Licence by row: {_listed(records, "license")}
- Language by row: {_listed(records, "lang")}
{leaks}
No data card came with these rows: how the text was made, and whether any of it was validated on people, \
is for their author to add. Nothing here says that it was.
"""


def _folder(dataset: ValueDataset, tables: Tables) -> str:
    configs = " or ".join(f'`"{name}"`' for name in tables)
    counts = "".join(
        f"| {name} | {split} | {table.num_rows:,} |\n"
        for name, splits in tables.items()
        for split, table in splits.items()
    )
    return f"""## This folder

The rows as Parquet, a config for each kind of row and a file for each split. \
`datasets.load_dataset(FOLDER_OR_REPOSITORY, CONFIG)` opens it, with {configs} for the config. Other files \
and commands named above are those of the ValueLocate package. SHA-256 over the sorted rows, as ValueLocate \
tells it in results: `{dataset.hash}`.

| config | split | rows |
| --- | --- | --- |
{counts}
- `locate` is what neurons are located by, as a model is trained on `train`. `dev` is a validation split: \
doses are chosen on it. `eval` is a test split: read it for results only. A family of rows stays in one \
split where nothing above says otherwise.
- `slots` is the text of a JSON object, details exchanged in a question by name; `{{}}` where there are none.
- `stances` has two answers, one of each pole, or is null. `tension` has the value that a question is about \
and the one it is traded off against, or is null. `generator` is null where the writing model is not recorded.
"""


def _records(dataset: ValueDataset) -> list[Record]:
    return [*dataset.description_rows, *dataset.question_rows]


def _listed(records: list[Record], field: str) -> str:
    counts = Counter(str(getattr(record, field)) for record in records)
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
