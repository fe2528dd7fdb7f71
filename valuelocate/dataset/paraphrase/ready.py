"""Answers made beforehand, from a JSON Lines file: for machines without a network, or hand-written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from valuelocate.dataset import fields as rule
from valuelocate.dataset.fields import FieldRule, read_fields, shown
from valuelocate.dataset.paraphrase.base import Answer, Constraints, Paraphraser, Request
from valuelocate.dataset.reading import read_lines
from valuelocate.dataset.records import Generator, Source
from valuelocate.errors import MistakesError, UserError
from valuelocate.store import Store

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_GENERATOR: Final[Mapping[str, tuple[type, ...]]] = {
    "model": (str,),
    "revision": (str,),
    "prompt_sha256": (str,),
    "temperature": (int, float),
    "seed": (int,),
}
_RULES: Final[dict[str, FieldRule]] = {
    "text_sha256": FieldRule(
        expected="64 hex digits, or null",
        accepts=lambda found: found is None or (isinstance(found, str) and bool(_SHA256.fullmatch(found))),
        default=None,
    ),
    "text": rule.text_or_null(),
    "rewrites": FieldRule(
        expected="a list of texts",
        accepts=lambda found: isinstance(found, list) and all(isinstance(text, str) for text in found),
    ),
    "generator": FieldRule(
        expected=f"null or an object {{{', '.join(_GENERATOR)}}}",
        accepts=lambda found: found is None or _is_generator(found),
        default=None,
    ),
}


@dataclass(frozen=True, kw_only=True)
class ReadyParaphraser(Paraphraser):
    """Looks texts up in a file of `{"text_sha256": ..., "rewrites": [...]}` or `{"text": ..., ...}`.

    The hash is that of the text in UTF-8, as it stands in the set. A row may name its `generator`.
    """

    path: str | None = None
    """The file."""
    written_by: Literal["llm", "handwritten"] = "llm"
    """What rewritten rows say of their source."""

    id: ClassVar[str] = "file"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path:
            raise UserError("paraphrase.path is empty: give the JSON Lines file of ready answers")
        if self.written_by not in ("llm", "handwritten"):
            raise UserError(f"paraphrase.written_by={self.written_by}: expected llm or handwritten")

    @property
    def source(self) -> Source:
        """Who wrote the file, as the config says."""
        return self.written_by

    def require(self) -> None:
        """Read the file, so that its mistakes are told first.

        Raises:
            UserError: there is no such file, or a row of it is wrong.
        """
        _ = self._answers

    def rewrite(self, text: str, constraints: Constraints) -> list[str]:
        """Return the file's rewrites of a text."""
        return list(self._find(Request(text, constraints)).rewrites)

    def answer(self, requests: Sequence[Request], store: Store) -> list[Answer]:
        """Return the file's answer to each request; the store is not needed."""
        return [self._find(request) for request in requests]

    def told(self) -> Mapping[str, object]:
        """Return the file's name and hash."""
        path = Path(str(self.path)).expanduser()
        return {**super().told(), "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    def _find(self, request: Request) -> Answer:
        found = self._answers.get(text_sha256(request.text))
        if found is None:
            return Answer((), fault="not in the file")
        return found._replace(rewrites=found.rewrites[: request.constraints.count])

    @cached_property
    def _answers(self) -> dict[str, Answer]:
        path = Path(str(self.path)).expanduser()
        if not path.is_file():
            raise UserError(f"paraphrase.path={self.path}: there is no such file")
        answers: dict[str, Answer] = {}
        messages: list[str] = []
        for line in read_lines(path):
            mistakes = [line.mistake] if line.mistake else _mistakes(line.row)
            if mistakes:
                messages.append(f"{line.place}: {'; '.join(mistakes)}")
            else:
                key, answer = _read(line.row)
                answers[key] = answer
        if messages:
            heading = f"paraphrase.path={self.path}: {len(messages)} bad rows:"
            raise MistakesError(messages, heading=heading)
        return answers


def text_sha256(text: str) -> str:
    """Return the hash that a text is looked up by."""
    return hashlib.sha256(text.encode()).hexdigest()


def _mistakes(row: Any) -> list[str]:
    if not isinstance(row, Mapping):
        return [f"expected a JSON object, found {shown(row)}"]
    found, mistakes = read_fields(row, _RULES)
    if not mistakes and (found["text"] is None) == (found["text_sha256"] is None):
        mistakes.append("expected one of the fields 'text' and 'text_sha256'")
    return mistakes


def _read(row: Mapping[str, Any]) -> tuple[str, Answer]:
    generator = row.get("generator")
    answer = Answer(tuple(row["rewrites"]), None if generator is None else Generator(**generator))
    return row.get("text_sha256") or text_sha256(row["text"]), answer


def _is_generator(found: Any) -> bool:
    return (
        isinstance(found, Mapping)
        and set(found) == set(_GENERATOR)
        and all(
            isinstance(found[name], kinds) and not isinstance(found[name], bool)
            for name, kinds in _GENERATOR.items()
        )
    )
