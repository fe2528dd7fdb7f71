"""Loading a dataset: one that comes with the package, or one's own in the same format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from valuelocate.dataset.guard import guarded_splits, known_names
from valuelocate.dataset.reading import read_records, record_files
from valuelocate.dataset.records import NEG_KINDS
from valuelocate.dataset.shipped import DATA, shipped_names
from valuelocate.dataset.value_dataset import LOCATE_NEG_KINDS, LocatingRows, ValueDataset, dataset_of
from valuelocate.errors import UserError, nearest
from valuelocate.values import Theory, load_theory

__all__ = ["DatasetSource", "LocatingRows", "ValueDataset", "dataset_of", "load_dataset"]


@dataclass(frozen=True, kw_only=True)
class DatasetSource:
    """Names a dataset, shipped or one's own, and how locating reads it."""

    name: str = "mini"
    """A shipped dataset, or what to call the one at `path`."""
    path: str | None = None
    """A JSON Lines file of both kinds, or a folder with descriptions.jsonl and questions.jsonl."""
    neg_kinds: Sequence[str] = LOCATE_NEG_KINDS
    locate_splits: Sequence[str] = ("locate",)
    allow_leak: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.allow_leak, bool):
            raise UserError(f"dataset.allow_leak={self.allow_leak}: expected true or false")
        known_names("dataset.neg_kinds", self.neg_kinds, NEG_KINDS)
        guarded_splits(self.locate_splits, self.allow_leak)
        if self.path is None and self.name not in shipped_names():
            raise UserError(
                f"dataset.name={self.name} with no dataset.path: expected a shipped dataset "
                f"({', '.join(shipped_names())}), or dataset.path=FILE_OR_FOLDER with rows of your own"
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
        path = DATA / self.name if self.path is None else Path(self.path).expanduser()
        records = read_records(record_files(path), theory, allow_leak=self.allow_leak)
        return dataset_of(
            records,
            name=self.label,
            theory=theory,
            neg_kinds=tuple(self.neg_kinds),
            locate_splits=tuple(self.locate_splits),
            allow_leak=self.allow_leak,
        )


def load_dataset(name_or_path: str | Path = "mini", theory: Theory | str | None = None) -> ValueDataset:
    """Return a shipped dataset by name, or one's own by path.

    Args:
        name_or_path: "mini", a JSON Lines file, or a folder with descriptions.jsonl and questions.jsonl.
        theory: a theory, the name of a shipped one or a theory file; Schwartz's by default.

    Raises:
        UserError: neither a shipped name nor a path, or rows are bad.
    """
    resolved = theory if isinstance(theory, Theory) else load_theory(theory or "schwartz")
    if str(name_or_path) in shipped_names():
        return DatasetSource(name=str(name_or_path)).load(resolved)
    path = Path(name_or_path)
    if not path.exists():
        known = nearest(str(name_or_path), shipped_names())
        raise UserError(f"dataset.path={name_or_path}: neither a path nor a shipped dataset; {known}")
    return DatasetSource(name=path.stem, path=str(path)).load(resolved)
