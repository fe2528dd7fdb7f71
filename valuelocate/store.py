"""A content-addressed store: what a pass over the model gave, under the hash of everything it depends on.

An entry is a folder of safetensors, parquet or JSON files and a manifest with their hashes, written last into
a temporary folder that is then renamed; so an entry is whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock
from safetensors.torch import load_file, save_file
from torch import Tensor

from valuelocate.errors import UserError

logger = logging.getLogger(__name__)

SCHEMA = 1
"""Raised whenever the meaning of stored content changes; part of every key."""

_MANIFEST = "manifest.json"


def digest(parts: Any) -> str:
    """Return the SHA-256 of a JSON-like structure in canonical form."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Entry:
    """A complete entry of the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tensors(self, name: str = "tensors") -> dict[str, Tensor]:
        """Read a safetensors file of the entry."""
        return load_file(self.folder / f"{name}.safetensors")

    def table(self, name: str = "table") -> pd.DataFrame:
        """Read a parquet file of the entry."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    def json(self, name: str = "data") -> Any:
        """Read a JSON file of the entry."""
        return json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))


class Draft:
    """An entry being written; its methods mirror those of `Entry`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tensors(self, values: Mapping[str, Tensor], name: str = "tensors") -> None:
        """Write a safetensors file."""
        save_file({key: value.contiguous().cpu() for key, value in values.items()}, self.folder / f"{name}.safetensors")

    def table(self, frame: pd.DataFrame, name: str = "table") -> None:
        """Write a parquet file."""
        frame.to_parquet(self.folder / f"{name}.parquet", index=False)

    def json(self, value: Any, name: str = "data") -> None:
        """Write a JSON file."""
        (self.folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")


class Store:
    """Entries below one root folder, safe to share between concurrent jobs."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().absolute()

    def folder(self, kind: str, parts: Mapping[str, Any]) -> Path:
        """Return where the entry of these parts is or will be."""
        key = digest({"schema": SCHEMA, "kind": kind, **parts})
        return self.root / kind / key[:2] / key

    def get(self, kind: str, parts: Mapping[str, Any]) -> Entry | None:
        """Return the entry, or None where there is none.

        An entry whose files do not have the hashes of its manifest is set aside, with an error in the log.
        """
        folder = self.folder(kind, parts)
        if not (folder / _MANIFEST).is_file():
            return None
        fault = _fault(folder)
        if fault is None:
            return Entry(folder)
        aside = folder.with_name(f"{folder.name}.corrupt")
        with writing(folder):
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
        logger.error("store entry %s is corrupt (%s): set aside as %s and computed anew", folder, fault, aside.name)
        return None

    def get_or_make(self, kind: str, parts: Mapping[str, Any], make: Callable[[Draft], None]) -> Entry:
        """Return the entry, first making it where there is none; concurrent callers make it once."""
        found = self.get(kind, parts)
        if found:
            return found
        folder = self.folder(kind, parts)
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            found = self.get(kind, parts)
            return found or self._write(folder, kind, parts, make)

    def _write(self, folder: Path, kind: str, parts: Mapping[str, Any], make: Callable[[Draft], None]) -> Entry:
        with writing(folder):
            temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
        try:
            with writing(folder):
                make(Draft(temporary))
                hashes = {path.name: file_digest(path) for path in sorted(temporary.iterdir())}
                manifest = {"kind": kind, "schema": SCHEMA, "parts": dict(parts), "sha256": hashes}
                (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
                temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return Entry(folder)

    def scratch(self, kind: str, parts: Mapping[str, Any], name: str) -> Path:
        """Return a path for the unfinished state of an entry; whoever finishes the entry removes it."""
        folder = self.folder(kind, parts)
        with writing(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
        return folder.with_name(f"{folder.name}.{name}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write (full disk, no permission) into one clear error.

    Raises:
        UserError: the operating system refused to write.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; free space or set paths.outputs and paths.store elsewhere") from error


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under a temporary name and rename it, so that it is whole or not there.

    Raises:
        UserError: the operating system refused to write.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The real suffix stays last: some writers choose a format by it.
        temporary = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            write(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _fault(folder: Path) -> str | None:
    try:
        hashes = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError) as error:
        return f"unreadable manifest: {error}"
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if file_digest(path) != expected:
            return f"{name} does not have the hash of its manifest"
    return None
