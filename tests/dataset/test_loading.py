from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from valuelocate.dataset import DatasetSource, load_dataset
from valuelocate.dataset.shipped import shipped_settings
from valuelocate.errors import MistakesError, UserError

CONF = Path(__file__).parents[2] / "conf" / "dataset"


def test_the_mini_set_loads_by_name(theory):
    dataset = load_dataset("mini")
    assert (len(dataset.descriptions), len(dataset.questions)) == (64, 200)
    assert dataset.name == "mini"
    assert dataset.leaks == []
    assert load_dataset("mini", "schwartz").hash == load_dataset("mini", theory).hash == dataset.hash
    for value in theory.targets():
        dataset.require(value.id)
        found = dataset.locating(value.short)
        assert (len(found.questions), len(found.positive), len(found.negative)) == (24, 4, 4)


def test_the_same_rows_have_the_same_hash_in_one_file_or_a_folder(
    tmp_path, write_jsonl, question_row, description_row
):
    rows = [question_row(), question_row(text="Another. What now?"), description_row()]
    mixed = load_dataset(write_jsonl(rows, "mine.jsonl"))
    write_jsonl(rows[:2], "folder/questions.jsonl")
    write_jsonl(rows[2:], "folder/descriptions.jsonl")
    folder = load_dataset(str(tmp_path / "folder"))
    assert mixed.hash == folder.hash
    assert (mixed.name, folder.name) == ("mine", "folder")


def test_neither_a_path_nor_a_name_is_told_with_the_nearest():
    with pytest.raises(
        UserError, match=r"dataset.path=minni: neither a path nor a shipped dataset; did you mean mini"
    ):
        load_dataset("minni")


def test_a_bad_file_is_told_row_by_row(write_jsonl, question_row):
    path = write_jsonl([question_row(), question_row(split="train", text="More. What now?")], "mine.jsonl")
    with pytest.raises(MistakesError, match=r"mine.jsonl:2: field 'split'"):
        load_dataset(path)


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_every_config_names_a_source_and_its_fields(name):
    node = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    assert node.pop("_target_") == "valuelocate.dataset.DatasetSource"
    node.pop("defaults", None)
    assert {"name", "neg_kinds", "locate_splits", "allow_leak"} <= set(node)
    assert set(node) <= set(DatasetSource.__dataclass_fields__)
    if name == "mini":
        assert DatasetSource(**node) == DatasetSource(
            neg_kinds=["absence", "rejection"], locate_splits=["locate"]
        )


def test_a_dataset_of_ones_own_needs_a_path(write_jsonl, question_row, theory):
    with pytest.raises(UserError, match=r"dataset.name=own with no dataset.path: expected a shipped dataset"):
        DatasetSource(name="own")
    path = str(write_jsonl([question_row()], "mine.jsonl"))
    assert DatasetSource(name="own", path=path).load(theory).name == "mine"
    assert DatasetSource(name="mini", path=path).load(theory).name == "mine"
    assert DatasetSource(name="pilot", path=path).load(theory).name == "pilot"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"allow_leak": "yes"}, "dataset.allow_leak=yes: expected true or false"),
        ({"matched": 1}, "dataset.matched=1: expected true or false"),
        ({"questions": "tiny"}, r"dataset.questions=tiny: expected a shipped dataset \(.*mini"),
        ({"path": "x", "descriptions": "mini"}, "dataset.descriptions=mini: dataset.path=x has its own"),
        ({"neg_kinds": ["no"]}, "dataset.neg_kinds=no: expected absence, rejection, opposite_pole"),
        ({"locate_splits": ["locate", "eval"]}, "locating reads rows of 'locate' only"),
        ({"locate_splits": []}, "expected at least one split"),
        ({"locate_splits": ["train"]}, "dataset.locate_splits=train: expected locate, dev, eval"),
    ],
)
def test_settings_are_checked_before_anything_is_read(fields, message):
    with pytest.raises(UserError, match=message):
        DatasetSource(**fields)


def test_an_allowed_leak_is_carried_into_the_dataset(theory):
    dataset = DatasetSource(locate_splits=["locate", "eval"], allow_leak=True).load(theory)
    assert len(dataset.locating("openness").questions) == 42
    assert dataset.leaks == ["locating read the split 'eval'"]


def test_parts_of_two_shipped_sets_are_read_together(theory):
    mini = load_dataset("mini", theory)
    found = DatasetSource(name="paired", questions="mini", matched=True).load(theory)
    assert (found.name, found.matched) == ("paired", True)
    assert found.question_rows == mini.question_rows
    assert len(found.descriptions) == 320
    found.require("openness")
    control = DatasetSource(name="neutral", descriptions="mini").load(theory)
    assert control.description_rows == mini.description_rows
    assert set(control.questions["value"]) == {"none"}
    control.require("openness")
    assert {row.value for row in control.locating("openness").positive} == {"openness_to_change"}


def test_a_shipped_set_is_read_with_what_its_manifest_says():
    node = yaml.safe_load((CONF / "paired.yaml").read_text(encoding="utf-8"))
    wanted = shipped_settings("paired")
    assert wanted == {"questions": "small", "matched": True}
    assert {key: node[key] for key in wanted} == wanted
    assert shipped_settings("mini") == {}
    paired = load_dataset("paired")
    assert paired.matched
    assert paired.question_rows == load_dataset("small").question_rows
    assert len(paired.locating("openness").questions) == 360


def test_frames_of_the_neutral_set(theory):
    neutral = load_dataset("neutral", theory)
    assert (len(neutral.questions), len(neutral.descriptions)) == (200, 40)
    assert neutral.descriptions["polarity"].isna().all()
    assert neutral.questions["stances"].isna().all()
    with pytest.raises(UserError, match="has no description with value=openness"):
        neutral.locating("openness")
