"""Where the text that comes with the package lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA: Path = Path(__file__).parent / "data"

RECORD_FILES = ("descriptions.jsonl", "questions.jsonl")
"""The files of a dataset's folder; each may be packed and end in .gz."""


MANIFEST = "manifest.json"
"""Written last: a folder that has it is a whole set, and not text that a set is built from."""


def shipped_names() -> tuple[str, ...]:
    """Return the names of the datasets that come with the package."""
    return tuple(sorted(path.name for path in DATA.iterdir() if (path / MANIFEST).is_file()))


def shipped_settings(name: str) -> dict[str, Any]:
    """Return the fields of `DatasetSource` that a shipped set is read with; most have none."""
    return dict(_manifest(name).get("read_with", {}))


def shipped_theory(name: str) -> str | None:
    """Return the id of the theory of a shipped set; None for the default theory."""
    theory: str | None = _manifest(name).get("theory")
    return theory


def _manifest(name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((DATA / name / MANIFEST).read_text(encoding="utf-8"))
    return manifest
