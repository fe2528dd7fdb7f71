"""Composition: the questions that can grow from one seed, by form, telling and exchangeable details."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from valuelocate.dataset.build.release import LANGUAGE, LICENSE, VERSION
from valuelocate.dataset.checks.form import with_articles
from valuelocate.dataset.records import Question, Stances, record_id
from valuelocate.dataset.seeds import OPEN_MARK, Seed, question_text
from valuelocate.dataset.splits import load_topics
from valuelocate.dataset.text import mask_numbers, ngrams, normalise

_LETTERS = 3
"""Fillers of a slot that the code words below draw on."""


@dataclass(frozen=True)
class Candidate:
    """A question that might be taken, and what choosing among a seed's questions looks at."""

    question: Question
    telling: str
    """`scene` or `retold`."""
    original: bool
    """The seed as it was written: its scene, its ask, its details."""

    @cached_property
    def masked(self) -> frozenset[tuple[str, ...]]:
        """The runs of three words of the text with its exchangeable details and numbers masked."""
        text = self.question.text
        for filler in sorted(self.question.slots.values(), key=len, reverse=True):
            text = _word(filler).sub("0", text)
        return frozenset(ngrams(mask_numbers(normalise(text)).split(), 3))

    @cached_property
    def shingles(self) -> frozenset[tuple[str, ...]]:
        """The text's runs of three words, numbers masked, as the check on near-duplicates reads them."""
        return frozenset(ngrams(mask_numbers(normalise(self.question.text)).split(), 3))


def compose(seed: Seed, forms: Sequence[str]) -> list[Candidate]:
    """Return the seed's candidates: each ask of an allowed form after each telling of the scene.

    Candidates of different asks differ in at least two details wherever the scene holds three or more.

    Args:
        seed: a seed; one without slots, retelling or further asks gives itself alone.
        forms: the forms that the seed's split allows.
    """
    asks = [(seed.form, seed.ask, True), *_further_asks(seed)]
    words = _code_words(seed.family, len(asks))
    candidates: dict[str, Candidate] = {}
    for (form, ask, answered), word in zip(asks, words, strict=True):
        if form not in forms:
            continue
        for telling, scene in (("scene", seed.scene), ("retold", seed.retold)):
            if scene is None:
                continue
            original = telling == "scene" and ask == seed.ask
            found = _candidate(seed, form, ask, answered, scene, word, telling, original)
            candidates.setdefault(found.question.id, found)
    return list(candidates.values())


def _further_asks(seed: Seed) -> list[tuple[str, str, bool]]:
    return [
        (form.removesuffix(OPEN_MARK), ask, not form.endswith(OPEN_MARK)) for form, ask in seed.asks.items()
    ]


def _code_words(family: str, count: int) -> list[tuple[int, int, int, int]]:
    """Return which filler each slot takes, an entry an ask; the seed's own ask keeps its own details.

    Words (u, v, u + v, u - v) modulo 3 differ pairwise in at least two of their first three letters.
    """
    pairs = [pair for pair in product(range(_LETTERS), repeat=2) if pair != (0, 0)]
    pairs.sort(key=lambda pair: hashlib.sha256(f"{family}:{pair}".encode()).hexdigest())
    chosen = [(0, 0), *pairs][:count]
    if len(chosen) < count:
        raise ValueError(f"{family}: {count} asks; at most {len(pairs) + 1} can differ in two details each")
    return [(u, v, (u + v) % _LETTERS, (u - v) % _LETTERS) for u, v in chosen]


def _candidate(
    seed: Seed,
    form: str,
    ask: str,
    answered: bool,
    scene: str,
    word: Sequence[int],
    telling: str,
    original: bool,
) -> Candidate:
    fillers = {
        slot: (options[0], options[place % len(options)])
        for (slot, options), place in zip(seed.slots.items(), word, strict=False)
    }
    exchange = _exchanger(dict(fillers.values()))
    plain = question_text(scene, ask)
    text = exchange(plain)
    stances = Stances(pos=exchange(seed.pos), neg=exchange(seed.neg)) if answered else None
    return Candidate(
        question=Question(
            id=record_id("question", LANGUAGE, text),
            value=seed.value,
            basic_value=seed.basic_value,
            refined_value=seed.refined_value,
            text=text,
            topic=seed.topic,
            domain=load_topics().domain_of(seed.topic),
            form=form,
            tension=(seed.basic_value or seed.value, seed.against),
            stances=stances,
            stakes=seed.stakes,
            person=seed.person,
            lang=LANGUAGE,
            split=seed.split,
            family=seed.family,
            seed_id=seed.family,
            slots={slot: new for slot, (old, new) in fillers.items() if _word(old).search(plain)},
            source="llm" if original else "composed",
            generator=None,
            license=LICENSE,
            version=VERSION,
        ),
        telling=telling,
        original=original,
    )


def _exchanger(fillers: Mapping[str, str]) -> Callable[[str], str]:
    if not fillers:
        return lambda text: text
    pattern = re.compile("|".join(_word(old).pattern for old in sorted(fillers, key=len, reverse=True)))
    return lambda text: with_articles(pattern.sub(lambda match: fillers[match.group()], text))


def _word(literal: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(literal)}(?!\w)")
