from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from valuelocate.dataset.build.compose import compose
from valuelocate.dataset.build.quotas import SHARED_FORMS
from valuelocate.dataset.build.select import NEAR, details, jaccard, select
from valuelocate.errors import UserError

BASICS = ("self_direction", "stimulation", "hedonism")


@pytest.fixture
def bank(seed):
    words = ("kennel", "garden", "tower", "violin", "harbour", "kitchen", "market", "mirror", "bridge")
    return [
        seed(
            family=f"seed-pets-{place}",
            basic_value=BASICS[place % 3],
            scene=f"Zainab has a {word} in Malmo, and two of the {word} people call on Friday.",
            retold=f"One {word}, two calls: on Friday somebody in Malmo lets Zainab choose a {word}.",
        )
        for place, word in enumerate(words)
    ]


def grown(bank):
    return {seed.family: compose(seed, SHARED_FORMS) for seed in bank}


def only_openness(theory, monkeypatch):
    targets = [theory.value("openness_to_change")]
    monkeypatch.setattr(type(theory), "targets", lambda _: targets)
    return theory


def test_quotas_are_exact_and_originals_come_first(bank, theory, monkeypatch) -> None:
    chosen = select(bank, grown(bank), only_openness(theory, monkeypatch), {"locate": 45})
    rows = [row.question for row in chosen.rows]
    assert len({row.id for row in rows}) == 45
    assert Counter(row.basic_value for row in rows) == dict.fromkeys(BASICS, 15)
    assert {row.question.family for row in chosen.rows if row.original} == {seed.family for seed in bank}


def test_rows_of_a_family_differ_in_form_details_and_words(bank, theory, monkeypatch) -> None:
    chosen = select(bank, grown(bank), only_openness(theory, monkeypatch), {"locate": 54})
    for seed in bank:
        rows = [row for row in chosen.rows if row.question.family == seed.family]
        assert len(rows) == 6
        for first, second in combinations(rows, 2):
            assert first.question.form != second.question.form
            assert details(first.question, second.question) >= 2
            assert jaccard(first, second) < NEAR


def test_forms_and_tellings_are_even(bank, theory, monkeypatch) -> None:
    chosen = select(bank, grown(bank), only_openness(theory, monkeypatch), {"locate": 36})
    forms = Counter(row.question.form for row in chosen.rows if not row.original)
    assert max(forms.values()) - min(forms.values()) <= 1
    tellings = Counter(row.telling for row in chosen.rows)
    assert abs(tellings["scene"] - tellings["retold"]) <= 9


def test_what_is_not_taken_has_a_reason(bank, theory, monkeypatch) -> None:
    candidates = grown(bank)
    chosen = select(bank, candidates, only_openness(theory, monkeypatch), {"locate": 36})
    taken = {row.question.id for row in chosen.rows}
    everything = {row.question.id for rows in candidates.values() for row in rows}
    assert taken.isdisjoint(chosen.refused) and taken | set(chosen.refused) == everything
    assert set(chosen.refused.values()) <= {"form used", "details", "near-duplicate", "quota"}


def test_the_order_of_the_bank_changes_nothing(bank, theory, monkeypatch) -> None:
    theory = only_openness(theory, monkeypatch)
    first = select(bank, grown(bank), theory, {"locate": 40})
    second = select(bank[::-1], grown(bank[::-1]), theory, {"locate": 40})
    assert [row.question.id for row in first.rows] == [row.question.id for row in second.rows]


def test_a_bank_that_is_too_small_is_told(bank, theory, monkeypatch) -> None:
    with pytest.raises(UserError, match="openness_to_change/self_direction/locate"):
        select(bank, grown(bank), only_openness(theory, monkeypatch), {"locate": 60})
