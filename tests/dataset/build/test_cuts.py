from __future__ import annotations

import json
from collections import Counter
from itertools import combinations

import pytest

from valuelocate.dataset import load_seeds
from valuelocate.dataset.build.cuts import COUNTS, cut
from valuelocate.dataset.build.draw import draw_descriptions, draw_seeds
from valuelocate.dataset.build.full import compose_full
from valuelocate.dataset.build.quotas import FORMS_OF, HELD_OUT_FORMS
from valuelocate.dataset.build.select import details
from valuelocate.dataset.records import to_row
from valuelocate.dataset.splits import half
from valuelocate.errors import UserError


@pytest.fixture(scope="module")
def mini(full, theory):
    return cut(full, theory, "mini")


@pytest.fixture(scope="module")
def small(full, theory):
    return cut(full, theory, "small")


def rows_of(rows) -> set[str]:
    return {json.dumps(to_row(row), sort_keys=True) for row in [*rows.descriptions, *rows.questions]}


def test_each_set_holds_the_smaller_one_row_for_row(full, mini, small, theory) -> None:
    assert rows_of(mini) < rows_of(small) < rows_of(cut(full, theory, "full"))


def test_counts_are_exact(full, mini, small, theory) -> None:
    for name, rows in {"mini": mini, "small": small, "full": cut(full, theory, "full")}.items():
        cells = Counter((row.value, row.polarity, row.split) for row in rows.descriptions)
        questions = Counter((row.value, row.split) for row in rows.questions)
        for value in theory.targets():
            for split, count in COUNTS[name].questions_per_value.items():
                assert questions[value.id, split] == count
            for split, count in COUNTS[name].descriptions_per_cell.items():
                assert cells[value.id, "pos", split] == cells[value.id, "neg", split] == count


def test_questions_of_small_sets_are_seeds_each_of_its_own_family(mini, small) -> None:
    texts = {seed.family: seed.question for seed in load_seeds()}
    for rows in (mini, small):
        assert len({row.family for row in rows.questions}) == len(rows.questions)
        assert all(row.text == texts[row.family] and row.stances for row in rows.questions)


def test_locate_questions_are_even_over_what_they_should_be(mini) -> None:
    rows = [question for question in mini.questions if question.split == "locate"]
    assert max(Counter((row.value, row.topic) for row in rows).values()) == 1
    assert set(Counter((row.basic_value, half(row.family)) for row in rows).values()) == {4, 6}
    assert {row.form for row in rows}.isdisjoint(HELD_OUT_FORMS)
    kinds = {seed.family: seed.neg_kind for seed in load_seeds("locate")}
    assert set(Counter((row.value, kinds[row.family]) for row in rows).values()) == {12}
    assert len({row.topic for row in rows}) == 60


def test_descriptions_come_in_pairs_about_one_topic(mini, theory) -> None:
    for split, each in COUNTS["mini"].descriptions_per_cell.items():
        rows = [row for row in mini.descriptions if row.split == split]
        kinds = Counter((row.value, row.polarity, row.neg_kind) for row in rows)
        for value in theory.targets():
            assert kinds[value.id, "pos", None] == each
            assert kinds[value.id, "neg", "absence"] + kinds[value.id, "neg", "rejection"] == each
        paired = Counter((row.value, row.topic, row.polarity) for row in rows)
        assert all(paired[value, topic, "pos"] == paired[value, topic, "neg"] for value, topic, _ in paired)


def test_the_full_set_is_grown_by_the_rules(full) -> None:
    families = {}
    for row in full.questions:
        assert row.form in FORMS_OF[row.split]
        families.setdefault(row.family, []).append(row)
    assert max(map(len, families.values())) <= 6
    for rows in families.values():
        for first, second in combinations(rows, 2):
            assert first.form != second.form and details(first, second) >= 2
    evaluated = [row for row in full.questions if row.split == "eval"]
    assert sum(row.stances is not None for row in evaluated) / len(evaluated) >= 0.8


def test_every_candidate_is_in_the_set_or_rejected_with_a_reason(full) -> None:
    taken = {row.id for row in full.questions}
    rejected = {row.id: row.reason for row in full.rejected}
    assert taken.isdisjoint(rejected) and all(rejected.values())
    assert len(rejected) == len(full.rejected)


@pytest.mark.slow
def test_changing_one_seed_changes_only_rows_of_its_family(full, theory) -> None:
    from dataclasses import replace

    seeds = load_seeds()
    changed = next(seed for seed in seeds if seed.split == "locate" and seed.slots)
    place = seeds.index(changed)
    seeds[place] = replace(changed, neg=f"{changed.neg[:-1]} today.")
    other = compose_full(theory, seeds)
    differing = set(map(json.dumps, map(to_row, full.questions))) ^ set(
        map(json.dumps, map(to_row, other.questions))
    )
    assert differing
    assert {json.loads(row)["family"] for row in differing} == {changed.family}


def test_a_bank_that_is_too_small_is_told(theory) -> None:
    with pytest.raises(UserError, match="too few seeds for openness_to_change: 1 are wanted"):
        draw_seeds([], theory, 1)
    with pytest.raises(UserError, match="too few pairs for openness_to_change: 1 are wanted"):
        draw_descriptions([], theory, 1, {"absence": 1})
    with pytest.raises(UserError, match="the seed bank gives 0 rows for openness_to_change"):
        compose_full(theory, load_seeds("dev"))
