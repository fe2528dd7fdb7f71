"""Answers of models, each kept under the hash of all it depends on as soon as it is there."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple, Protocol

from valuelocate.dataset.paraphrase.prompt import Prompt
from valuelocate.store import Draft, Store

logger = logging.getLogger(__name__)

KIND = "paraphrases"
"""The kind of the entries in the store."""


class Reply(NamedTuple):
    """What a model said to one prompt."""

    place: int
    """Of the prompt."""
    text: str | None
    """None where it gave no readable answer; that is not kept, so that a repeated build asks again."""
    fault: str = ""


class Asked(Protocol):
    """A model that can be asked many prompts."""

    def identity(self) -> Mapping[str, Any]:
        """Return what an answer depends on beside the prompt; no secret."""

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        """Answer prompts, in any order, each as soon as it is there."""


def replies(model: Asked, prompts: Sequence[Prompt], store: Store) -> list[Reply]:
    """Return a reply a prompt, in order; only what the store lacks is asked for, and equal prompts once.

    Raises:
        UserError: the model cannot be asked (what is answered by then is kept), or the store not be written.
    """
    identity = dict(model.identity())
    found: dict[str, Reply] = {}
    missing: dict[str, Prompt] = {}
    for prompt in prompts:
        entry = store.get(KIND, _parts(identity, prompt))
        if entry is None:
            missing[prompt.sha256] = prompt
        else:
            found[prompt.sha256] = Reply(0, entry.json()["answer"])
    if found:
        logger.info("%d of %d answers are in the store", len(prompts) - len(missing), len(prompts))
    wanted = list(missing.values())
    if wanted:
        with closing(_iterator(model.ask(wanted))) as arriving:
            for reply in arriving:
                prompt = wanted[reply.place]
                found[prompt.sha256] = reply
                if reply.text is not None:
                    _keep(store, _parts(identity, prompt), reply.text)
    return [found[prompt.sha256]._replace(place=place) for place, prompt in enumerate(prompts)]


def _iterator(arriving: Iterator[Reply]) -> Any:
    """Return the replies as a generator, which can be closed: the calls under way then end."""
    yield from arriving


def _parts(identity: Mapping[str, Any], prompt: Prompt) -> dict[str, Any]:
    return {**identity, "prompt": prompt.sha256}


def _keep(store: Store, parts: Mapping[str, Any], text: str) -> None:
    def make(draft: Draft) -> None:
        draft.json({"answer": text})

    store.get_or_make(KIND, parts, make)
