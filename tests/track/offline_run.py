"""Reads what an offline W&B run holds: the log of records that `wandb sync` would upload."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from wandb.proto import wandb_internal_pb2 as protocol

FILE_HEADER, RECORD_HEADER, BLOCK = 7, 7, 1 << 15
FULL, FIRST, LAST = 1, 2, 4


def messages(path: Path) -> Iterator[bytes]:
    """Yield the payloads of a log in LevelDB's format: blocks of 32 KiB, long payloads in several parts."""
    data = path.read_bytes()
    at, parts = FILE_HEADER, b""
    while at + RECORD_HEADER <= len(data):
        left = BLOCK - at % BLOCK
        if left < RECORD_HEADER:
            at += left
            continue
        _checksum, length, kind = struct.unpack_from("<IHB", data, at)
        part = data[at + RECORD_HEADER : at + RECORD_HEADER + length]
        if len(part) < length:
            return
        parts = part if kind in (FULL, FIRST) else parts + part
        at += RECORD_HEADER + length
        if kind in (FULL, LAST):
            yield parts


class OfflineRun:
    def __init__(self, job_folder: Path) -> None:
        (self.folder,) = (job_folder / "wandb").glob("offline-run-*")
        (log,) = self.folder.glob("*.wandb")
        self.records = _finished(log)
        self.raw = log.read_bytes()

    def of(self, kind: str) -> list[Any]:
        return [getattr(record, kind) for record in self.records if record.WhichOneof("record_type") == kind]

    @property
    def header(self) -> Any:
        return self.of("run")[0]

    @property
    def config(self) -> dict[str, Any]:
        items = self.header.config.update
        return {item.key: yaml.safe_load(item.value_json) for item in items if item.key != "_wandb"}

    @property
    def history(self) -> list[dict[str, Any]]:
        return [_values(record.item) for record in self.of("history")]

    @property
    def summary(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for record in self.of("summary"):
            merged |= _values(record.update)
        return merged


def _finished(log: Path) -> list[Any]:
    # W&B's own process writes the log, and may still be at it for a moment after the run is finished.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        records = [protocol.Record.FromString(message) for message in messages(log)]
        if any(record.WhichOneof("record_type") == "exit" for record in records):
            return records
        time.sleep(0.05)
    raise AssertionError(f"{log} has no end")


def _values(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): yaml.safe_load(item.value_json) for item in items}
