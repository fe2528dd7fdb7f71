from __future__ import annotations

import json

import pytest

from tests.dataset.paraphrase.conftest import REWRITE, TEXT
from valuelocate.dataset import DatasetSource, to_row
from valuelocate.dataset.build import check_and_build
from valuelocate.dataset.build.sets import build
from valuelocate.dataset.paraphrase import ReadyParaphraser, RuleParaphraser, ServerParaphraser
from valuelocate.dataset.paraphrase.apply import paraphrased
from valuelocate.dataset.paraphrase.rebuild import Paraphrasing, rewrite_set
from valuelocate.dataset.records import record_id
from valuelocate.errors import UserError

FAR = "The ferry to the island leaves at noon on most days, and you have a ticket for it. Do you go?"


@pytest.fixture
def rows(candidate):
    """Two rows of a cell, so that half of them is one; which, the seed decides."""
    return [
        candidate(slots={"what": "allotment"}),
        candidate(text=FAR, family="other", slots={"day": "noon"}),
    ]


@pytest.fixture
def apply(rows, scripted, theory, store):
    def run(*rewrites: str, seed: int = 0, share: float = 0.5, settings=None, **more):
        says = {row.question.text: list(rewrites) for row in rows}
        return paraphrased(
            rows, scripted(says=says, **(settings or {})), theory, share, seed, store=store, **more
        )

    return run


@pytest.fixture
def first_seed(apply) -> int:
    """A seed that draws the first row."""
    return next(seed for seed in range(20) if apply(seed=seed).tries[0].family != "other")


def test_a_sound_rewrite_takes_the_row_and_keeps_what_belongs_to_it(apply, rows, first_seed) -> None:
    found = apply("Too short?", f"\u200b{REWRITE}\x00", "Never looked at, as one was taken?", seed=first_seed)
    old, new = rows[0].question, found.candidates[0].question
    assert new.text == REWRITE and new.id == record_id("question", "en", REWRITE)
    changed = {name for name, value in to_row(new).items() if value != to_row(old)[name]}
    assert changed == {"id", "text", "source"} and new.source == "llm"
    assert found.candidates[1] == rows[1]
    assert (found.chosen, found.taken, dict(found.refused)) == (1, 1, {"length": 2})


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        (TEXT, "same as the original"),
        (REWRITE.replace("allotment", "plot"), "a detail is lost"),
        (f"{REWRITE[:-1]} <|im_end|>?", "chat markers"),
        (REWRITE.replace("whole", "whole  whole"), "form"),
        (REWRITE.replace("How do", "Surely how do"), "leading wording"),
        (REWRITE.replace("a whole", "the freedom of a"), "value words"),
    ],
)
def test_a_broken_rule_leaves_the_row_and_is_counted(rewrite, reason, apply, rows, first_seed) -> None:
    found = apply(rewrite, seed=first_seed)
    assert found.candidates == rows
    assert dict(found.refused) == {reason: 1} and found.taken == 0


def test_rewrites_alike_to_other_rows_are_refused(apply, rows, first_seed, description) -> None:
    near = FAR.replace("Do you go?", "Do you go to the allotment?")
    assert dict(apply(near, seed=first_seed).refused) == {"near-duplicate": 1}
    held = description(
        text=f"I say so. {' '.join(REWRITE.split()[2:14])} is what I do all day long.", split="eval"
    )
    assert dict(apply(REWRITE, seed=first_seed, descriptions=[held]).refused) == {
        "8-word run of another split": 1
    }


def test_no_rewrite_is_a_reason_too(apply, rows) -> None:
    assert dict(apply().refused) == {"no rewrite": 1}


def test_at_most_half_are_rewritten_evenly(candidate, scripted, theory, store) -> None:
    rows = [
        candidate(text=f"{TEXT[:-1]} in week {number}?", split=split)
        for split, count in (("locate", 7), ("eval", 3))
        for number in range(len(split) * 100, len(split) * 100 + count)
    ]
    found = paraphrased(rows, scripted(), theory, 0.5, 0, store=store)
    assert found.chosen == 3 + 1
    assert paraphrased(rows, scripted(), theory, 0.0, 0, store=store).chosen == 0
    with pytest.raises(UserError, match=r"paraphrase\.share=0\.51"):
        paraphrased(rows, scripted(), theory, 0.51, 0, store=store)


def test_models_sign_their_rows_and_rules_do_not(apply, rows, theory, store, write_jsonl, first_seed) -> None:
    generator = {"model": "m", "revision": "r", "prompt_sha256": "p", "temperature": 0, "seed": 1}
    path = write_jsonl([{"text": TEXT, "rewrites": [REWRITE], "generator": generator}])
    by_hand = ReadyParaphraser(path=str(path), written_by="handwritten")
    new = paraphrased(rows, by_hand, theory, 0.5, first_seed, store=store).candidates[0].question
    assert new.source == "handwritten" and to_row(new)["generator"] == generator
    told = (
        "If the ferry is late, the captain takes nobody on board. You do not like to wait. What do you reply?"
    )
    again = [
        rows[0],
        type(rows[0])(
            rows[0].question.__class__(**{**vars(rows[0].question), "text": told, "id": "x", "slots": {}}),
            "",
            True,
        ),
    ]
    found = next(
        run
        for seed in range(20)
        if (run := paraphrased(again, RuleParaphraser(), theory, 0.5, seed, store=store)).taken
    )
    ruled = found.candidates[1]
    assert ruled.question.source == "composed" and ruled.question.generator is None and not ruled.original


@pytest.fixture(scope="module")
def full(theory):
    from valuelocate.dataset.build.full import compose_full

    return compose_full(theory)


def test_a_set_is_rebuilt_with_rewrites_and_checked(full, theory, tmp_path, store, monkeypatch) -> None:
    monkeypatch.setattr("valuelocate.dataset.build.check.compose_full", lambda _: full)
    work = Paraphrasing(RuleParaphraser(), store, 0)
    table = {row.check: row for row in check_and_build(DatasetSource(), theory, tmp_path, work)}
    assert table["rebuilt set and shipped set"].ok is None
    assert table["rebuilt set and shipped set"].found == "not compared: paraphrase=rules changes rows"
    assert table["rewritten questions"].ok is True
    # What the rules allow, the checks of a set allow; limits that the bank misses anyway are not ours.
    plain = build("mini", theory, full)
    missed = {row.check for row in [*plain.checked.rows, *plain.gates.rows] if row.ok is False}
    assert {row.check for row in table.values() if row.ok is False} <= missed
    folder = tmp_path / "mini-paraphrased"
    card = (folder / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "## Rewritten questions" in card and "not the set as it is released" in card
    tries = [json.loads(line) for line in (tmp_path / "paraphrases.jsonl").read_text().splitlines()]
    texts = {json.loads(line)["text"] for line in (folder / "questions.jsonl").read_text().splitlines()}
    taken = {row["text"] for row in tries if row["reason"] == "taken"}
    assert taken and taken <= texts
    again = rewrite_set("mini", full, theory, work).built
    assert {row.text for row in again.rows.questions} == texts


def test_a_set_without_a_single_rewrite_fails_its_check(full, theory, store, scripted) -> None:
    rows = rewrite_set("mini", full, theory, Paraphrasing(scripted(), store, 0)).rows
    assert [row.ok for row in rows] == [None, False, True]


def test_a_dataset_of_ones_own_is_not_rewritten(theory, tmp_path, store, write_jsonl, question_row) -> None:
    source = DatasetSource(name="own", path=str(write_jsonl([question_row()])))
    with pytest.raises(UserError, match="only shipped sets"):
        check_and_build(source, theory, tmp_path, Paraphrasing(RuleParaphraser(), store, 0))


def test_a_missing_key_is_told_before_anything_is_composed(theory, tmp_path, store, monkeypatch) -> None:
    monkeypatch.delenv("NO_KEY", raising=False)
    monkeypatch.setattr("valuelocate.dataset.build.check.compose_full", lambda _: pytest.fail("composed"))
    asked = ServerParaphraser(base_url="http://localhost:1", model="m", key_variable="NO_KEY")
    with pytest.raises(UserError, match="NO_KEY"):
        check_and_build(DatasetSource(), theory, tmp_path, Paraphrasing(asked, store, 0))
