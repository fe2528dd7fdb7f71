"""A content-addressed store: what a pass over the model gave, under the hash of everything it depends on.

An entry is a folder of safetensors, parquet or JSON files and a manifest with their hashes, written last into
a draft that is then renamed; so an entry is whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock
from safetensors import SafetensorError
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
    """An entry being written; its methods mirror those of `Entry`, with a UserError where a disk refuses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tensors(self, values: Mapping[str, Tensor], name: str = "tensors") -> None:
        """Write a safetensors file."""
        path = self.folder / f"{name}.safetensors"
        with writing(path):
            save_file({key: value.contiguous().cpu() for key, value in values.items()}, path)

    def table(self, frame: pd.DataFrame, name: str = "table") -> None:
        """Write a parquet file."""
        path = self.folder / f"{name}.parquet"
        with writing(path):
            frame.to_parquet(path, index=False)

    def json(self, value: Any, name: str = "data") -> None:
        """Write a JSON file."""
        path = self.folder / f"{name}.json"
        with writing(path):
            path.write_text(json.dumps(value), encoding="utf-8")


class Store:
    """Entries below one root folder, safe to share between concurrent jobs."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().absolute()

    def folder(self, kind: str, parts: Mapping[str, Any]) -> Path:
        """Return where the entry of these parts is or will be."""
        key = digest({"schema": SCHEMA, "kind": kind, **parts})
        return self.root / kind / key[:2] / key

    def get(self, kind: str, parts: Mapping[str, Any]) -> Entry | None:
        """Return the entry, or None where there is none whose files have the hashes of its manifest."""
        folder = self.folder(kind, parts)
        return Entry(folder) if _fault(folder) is None else None

    def get_or_make(self, kind: str, parts: Mapping[str, Any], make: Callable[[Draft], None]) -> Entry:
        """Return the entry, first making it where there is none; concurrent callers make it once.

        An entry whose files do not have the hashes of its manifest is set aside with a warning and made anew.

        Raises:
            UserError: the store cannot be written.
        """
        found = self.get(kind, parts)
        if found:
            return found
        folder = self.folder(kind, parts)
        with _locked(folder):
            found = self.get(kind, parts)
            if found is None:
                _set_aside(folder)
                found = _write(folder, kind, parts, make)
        return found

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
    except (OSError, SafetensorError) as error:
        told = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot write {path}: {told}; free space or set paths.outputs and paths.store elsewhere"
        ) from error


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


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold an entry, so that nobody else makes it meanwhile."""
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{folder}.lock")
        lock.acquire()
    try:
        yield
        # Whoever waited for this very file finds the entry made, and whoever comes later asks for no lock.
        with suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
    finally:
        lock.release()


def _write(folder: Path, kind: str, parts: Mapping[str, Any], make: Callable[[Draft], None]) -> Entry:
    draft = folder.with_name(f".draft-{folder.name}")
    with writing(folder):
        if draft.exists():
            # Of a process that was killed; the lock says that nobody is writing it.
            shutil.rmtree(draft)
        draft.mkdir()
    try:
        make(Draft(draft))
        with writing(folder):
            files = sorted(draft.iterdir())
            manifest = {
                "kind": kind,
                "schema": SCHEMA,
                "parts": dict(parts),
                "sha256": {path.name: file_digest(path) for path in files},
            }
            (draft / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
            for path in files:
                # safetensors writes files that only their owner may read, and a store may be shared.
                shutil.copymode(draft / _MANIFEST, path)
            _publish(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Entry(folder)


def _publish(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        # A network file system may show late that another machine was faster.
        if _fault(folder) is not None:
            raise


def _set_aside(folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.corrupt")
    with writing(folder):
        if not folder.exists():
            return
        fault = _fault(folder)
        if aside.exists():
            shutil.rmtree(aside)
        folder.rename(aside)
    logger.warning("store entry %s is corrupt (%s): set aside as %s and made anew", folder, fault, aside.name)


def _fault(folder: Path) -> str | None:
    """Return what is wrong with an entry's files, or None."""
    try:
        hashes = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))["sha256"]
        for name, expected in hashes.items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            if file_digest(path) != expected:
                return f"{name} does not have the hash of its manifest"
    except OSError as error:
        return f"cannot be read: {error}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"unreadable manifest: {error!r}"
    return None
