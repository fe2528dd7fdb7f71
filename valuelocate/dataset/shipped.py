"""Where the text that comes with the package lies."""

from __future__ import annotations

from pathlib import Path

DATA: Path = Path(__file__).parent / "data"

RECORD_FILES = ("descriptions.jsonl", "questions.jsonl")
"""The files of a dataset's folder."""


def shipped_names() -> tuple[str, ...]:
    """Return the names of the datasets that come with the package."""
    return tuple(
        sorted(path.name for path in DATA.iterdir() if all((path / file).is_file() for file in RECORD_FILES))
    )
