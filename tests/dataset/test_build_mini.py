from __future__ import annotations

import json
from collections import Counter

import pytest

from valuelocate.dataset import Record, dataset_of, load_dataset
from valuelocate.dataset.build import build_mini, compose_mini, description_bank, question_bank
from valuelocate.dataset.build.__main__ import main
from valuelocate.dataset.build.draw import HELD_OUT_FORMS, draw_descriptions, draw_seeds
from valuelocate.dataset.build.mini import check_bank, check_mini
from valuelocate.dataset.seeds import load_seeds
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.splits import half
from valuelocate.errors import UserError

FILES = ("descriptions.jsonl", "questions.jsonl", "manifest.json", "DATA_CARD.md")


@pytest.fixture(scope="module")
def mini(theory):
    return compose_mini(theory)


def test_a_rebuild_gives_the_shipped_bytes(tmp_path):
    build_mini(tmp_path / "mini")
    assert sorted(path.name for path in (tmp_path / "mini").iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / "mini" / name).read_bytes() == (DATA / "mini" / name).read_bytes(), name


def test_the_shipped_text_passes_every_check(mini, theory):
    assert check_mini(mini, theory).findings == []
    assert check_bank(theory).findings == []
    assert all(row.ok for row in check_mini(mini, theory).rows)


def test_locate_questions_are_even_over_what_they_should_be(mini, theory):
    rows = [question for question in mini.questions if question.split == "locate"]
    assert max(Counter((row.value, row.topic) for row in rows).values()) == 1
    assert set(Counter((row.basic_value, half(row.family)) for row in rows).values()) == {4, 6}
    assert {row.form for row in rows}.isdisjoint(HELD_OUT_FORMS)
    kinds = {seed.family: seed.neg_kind for seed in load_seeds("locate")}
    assert set(Counter((row.value, kinds[row.family]) for row in rows).values()) == {12}
    assert len({row.topic for row in rows}) == 60
    assert all(row.stances is not None for row in mini.questions)


def test_locate_descriptions_come_in_pairs_about_one_topic(mini, theory):
    rows = [description for description in mini.descriptions if description.split == "locate"]
    kinds = Counter((row.value, row.polarity, row.neg_kind) for row in rows)
    for value in theory.targets():
        assert kinds[value.id, "pos", None] == 4
        assert kinds[value.id, "neg", "absence"] == kinds[value.id, "neg", "rejection"] == 2
        basics = Counter(row.basic_value for row in rows if row.value == value.id and row.polarity == "pos")
        assert len(basics) == len(theory.members(value.id))
    assert set(Counter((row.value, row.topic, row.basic_value) for row in rows).values()) == {2}


def test_dev_and_eval_hold_the_whole_bank(mini):
    for split in ("dev", "eval"):
        bank: list[Record] = [*question_bank(), *description_bank()]
        banked = {row.id for row in bank if row.split == split}
        assert {row.id for row in [*mini.questions, *mini.descriptions] if row.split == split} == banked


def test_the_manifest_tells_what_the_files_hold(theory):
    manifest = json.loads((DATA / "mini" / "manifest.json").read_text(encoding="utf-8"))
    dataset = load_dataset("mini")
    assert manifest["counts"]["questions"] == {"locate": 96, "dev": 32, "eval": 72}
    assert manifest["counts"]["descriptions"] == {"locate": 32, "dev": 8, "eval": 24}
    assert manifest["license"] == "CC-BY-4.0"
    for split, found in manifest["sha256"].items():
        records: list[Record] = [*dataset.description_rows, *dataset.question_rows]
        rows = [record for record in records if record.split == split]
        assert dataset_of(rows, name=split, theory=theory).hash == found


def test_the_card_says_who_wrote_the_text_and_what_was_not_run():
    card = (DATA / "mini" / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "written by a large language model" in card
    assert "none was validated on people" in card
    assert "| not run |" in card
    assert "| failed |" not in card


def test_a_bank_that_is_too_small_is_told(theory):
    with pytest.raises(UserError, match="too few seeds for self_direction/model/absence"):
        draw_seeds([], theory, 1)
    with pytest.raises(UserError, match="too few pairs for openness_to_change/absence"):
        draw_descriptions([], theory, 1)


def test_the_command_builds_and_refuses_text_that_breaks_a_rule(tmp_path, monkeypatch, caplog):
    assert main(["mini", "--output", str(tmp_path / "good")]) == 0
    assert (tmp_path / "good" / "manifest.json").is_file()
    spoilt = compose_mini()
    spoilt.questions.pop()
    monkeypatch.setattr("valuelocate.dataset.build.mini.compose_mini", lambda theory: spoilt)
    assert main(["mini", "--output", str(tmp_path / "bad")]) == 1
    assert "question counts: 17 rows; expected 18" in caplog.text
    assert not (tmp_path / "bad").exists()
