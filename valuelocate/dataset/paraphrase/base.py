"""What every paraphraser does: say a text in other words, under constraints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from valuelocate.dataset.records import Generator, Source
from valuelocate.errors import UserError
from valuelocate.store import Store

MOST_SHARE: Final = 0.5
"""Largest share of rewritten rows in a set, so that a build without a model is still the reference."""
MOST_REWRITES: Final = 10


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """What a rewrite must hold to."""

    words: tuple[int, int]
    """Least and most words."""
    keep: tuple[str, ...]
    """Texts that must stay as they are: slot fillers, and names and numbers that the answers speak of."""
    question: bool
    """Whether the text ends with a question mark, as the rewrite then must; otherwise with a full stop."""
    count: int
    """Rewrites asked for; fewer may come."""


class Request(NamedTuple):
    """A text to be rewritten."""

    text: str
    constraints: Constraints


class Answer(NamedTuple):
    """What came back for a text: rewrites, not yet checked, or the reason why there are none."""

    rewrites: tuple[str, ...]
    generator: Generator | None = None
    """The model that wrote them, where a model did."""
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class Paraphraser(ABC):
    """A way to rewrite questions, named by `paraphrase` in the config."""

    share: float = MOST_SHARE
    """Share of a set's rows to rewrite, 0 to .5."""
    count: int = 3
    """Rewrites asked for a row; the first that breaks no rule is taken."""

    id: ClassVar[str]
    """The member of the config group."""
    active: ClassVar[bool] = True
    """Whether rows are rewritten at all."""

    def __post_init__(self) -> None:
        check_share(self.share)
        if not 1 <= self.count <= MOST_REWRITES:
            raise UserError(
                f"paraphrase.count={self.count}: expected a whole number from 1 to {MOST_REWRITES}"
            )

    @property
    def source(self) -> Source:
        """What rewritten rows say of their source."""
        return "llm"

    @abstractmethod
    def rewrite(self, text: str, constraints: Constraints) -> list[str]:
        """Return rewrites of a text, which may be none; nothing is kept in the store.

        Raises:
            UserError: the model, server or file cannot be used.
        """

    def require(self) -> None:  # noqa: B027 - most need nothing beyond their settings
        """Refuse, before anything is composed, what the settings alone do not show: a missing key or file.

        Raises:
            UserError: names the config key.
        """

    def answer(self, requests: Sequence[Request], store: Store) -> list[Answer]:
        """Return an answer a request, in order.

        Args:
            requests: the texts.
            store: keeps what models and servers said, so that a build can be repeated and resumed.

        Raises:
            UserError: as `rewrite`, or the store cannot be written.
        """
        return [Answer(tuple(self.rewrite(text, constraints))) for text, constraints in requests]

    def told(self) -> Mapping[str, object]:
        """Return what the data card says of where the rewrites come from."""
        return {"paraphrase": self.id}


def check_share(share: float) -> None:
    """Refuse a share of rows above one half.

    Raises:
        UserError: names the config key.
    """
    if not 0 <= share <= MOST_SHARE:
        raise UserError(f"paraphrase.share={share}: expected a share from 0 to {MOST_SHARE}")
