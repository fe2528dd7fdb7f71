"""Topics and the splits they belong to for good; families and the half they belong to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from valuelocate.dataset.records import SPLITS, Split
from valuelocate.dataset.shipped import DATA
from valuelocate.errors import MistakesError, UserError, nearest

Half = Literal["model", "judge"]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """An everyday subject of questions and descriptions."""

    id: str
    domain: str
    split: Split
    """Split of everything that is written about the topic."""


@dataclass(frozen=True)
class Topics:
    """All topics by id."""

    topics: Mapping[str, Topic]

    def topic(self, topic_id: str) -> Topic:
        """Return a topic.

        Raises:
            UserError: no such topic; the message lists the nearest.
        """
        if topic_id not in self.topics:
            raise UserError(f"topic '{topic_id}' is not in topics.yaml; {nearest(topic_id, self.topics)}")
        return self.topics[topic_id]

    def split_of(self, topic_id: str) -> Split:
        """Return the split of a topic."""
        return self.topic(topic_id).split

    def domain_of(self, topic_id: str) -> str:
        """Return the domain of a topic."""
        return self.topic(topic_id).domain

    def of_split(self, split: str) -> tuple[str, ...]:
        """Return the ids of a split's topics, in the order of the file."""
        return tuple(topic.id for topic in self.topics.values() if topic.split == split)


def read_topics(path: Path) -> Topics:
    """Read a YAML file of domains, each a mapping from topic to split.

    Raises:
        MistakesError: a topic occurs twice, or its split is none of locate, dev, eval.
    """
    domains: Mapping[str, Mapping[str, Split]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    topics: dict[str, Topic] = {}
    mistakes: list[str] = []
    for domain, members in domains.items():
        for name, split in members.items():
            if split not in SPLITS:
                mistakes.append(f"topic '{name}': expected one of {', '.join(SPLITS)}, found {split!r}")
            if name in topics:
                mistakes.append(f"topic '{name}' is in the domains '{topics[name].domain}' and '{domain}'")
            topics[name] = Topic(id=name, domain=domain, split=split)
    if mistakes:
        raise MistakesError(mistakes, heading=f"{path}:")
    return Topics(topics)


@cache
def load_topics() -> Topics:
    """Return the topics of ValueInsight."""
    return read_topics(DATA / "topics.yaml")


def half(family: str) -> Half:
    """Return the half of a family: text for training the embedded model, or for the offline judge.

    By hash, so that what the embedded model has learnt from is never what the judge has learnt from.
    """
    return "model" if hashlib.sha256(f"half:{family}".encode()).digest()[0] % 2 == 0 else "judge"
