from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from valuelocate.dataset import DatasetSource, ValueDataset, dataset_of, load_dataset, parse_record
from valuelocate.dataset.build import check_and_build
from valuelocate.dataset.build.cuts import Rows
from valuelocate.dataset.build.full import Full
from valuelocate.dataset.build.sets import Built
from valuelocate.dataset.checks.suite import Checked
from valuelocate.dataset.export import export_hub_folder
from valuelocate.dataset.shipped import DATA
from valuelocate.errors import UserError

CONFIGS = ("descriptions", "questions")
SPLITS = ("locate", "dev", "eval")
GENERATOR = {"model": "m", "revision": "r", "prompt_sha256": "0f", "temperature": 0.5, "seed": 7}


@pytest.fixture(scope="module")
def mini() -> ValueDataset:
    return load_dataset("mini")


@pytest.fixture(scope="module")
def card() -> str:
    return (DATA / "mini" / "DATA_CARD.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(mini, card, tmp_path_factory) -> Path:
    return export_hub_folder(mini, card, tmp_path_factory.mktemp("hub"))


@pytest.fixture
def own(theory, description, question) -> ValueDataset:
    """Rows with as little as a row may have, and one with everything."""
    bare = {"stances": None, "topic": None, "domain": None, "form": None, "basic_value": None}
    rows = [
        question(**bare, text="A bare story. What now?"),
        question(
            text="A story told in full, with more than ASCII: naïve. What now?",
            split="eval",
            tension=["stimulation", "security"],
            slots={"name": "Zoë", "amount": 3},
            source="llm",
            generator=GENERATOR,
            license="MIT",
        ),
        description(topic=None, basic_value=None),
    ]
    return dataset_of(rows, name="mine", theory=theory)


def front_matter(folder: Path) -> dict[str, Any]:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def read_rows(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.rglob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return [row | {"slots": json.loads(row["slots"])} if "slots" in row else row for row in rows]


def as_arrow(feature: dict[str, Any]) -> pa.DataType:
    """The Arrow type that a feature of front matter stands for, written from the hub's documentation."""
    if "struct" in feature:
        return pa.struct([(part["name"], as_arrow(part)) for part in feature["struct"]])
    if "list" in feature:
        return pa.list_(as_arrow({"dtype": feature["list"]}))
    return {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64()}[feature["dtype"]]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_both_configs_have_all_splits(folder):
    named = {
        config["config_name"]: {file["split"]: file["path"] for file in config["data_files"]}
        for config in front_matter(folder)["configs"]
    }
    assert named == {name: {split: f"{name}/{split}.parquet" for split in SPLITS} for name in CONFIGS}
    for splits in named.values():
        for split, path in splits.items():
            assert set(pq.read_table(folder / path)["split"].to_pylist()) == {split}
    listed = {path for splits in named.values() for path in splits.values()}
    assert set(contents(folder)) == {*listed, "README.md"}


def test_rows_come_back_as_the_records_they_were(folder, mini, theory):
    found = dataset_of([parse_record(row, theory) for row in read_rows(folder)], name="back", theory=theory)
    assert found.question_rows == mini.question_rows
    assert found.description_rows == mini.description_rows
    assert found.hash == mini.hash


def test_features_and_counts_of_the_front_matter_are_those_of_the_files(folder):
    infos = {info["config_name"]: info for info in front_matter(folder)["dataset_info"]}
    assert tuple(infos) == CONFIGS
    for name, info in infos.items():
        wanted = pa.schema([(feature["name"], as_arrow(feature)) for feature in info["features"]])
        assert [split["name"] for split in info["splits"]] == list(SPLITS)
        for split in info["splits"]:
            path = folder / name / f"{split['name']}.parquet"
            assert pq.read_schema(path) == wanted
            assert pq.read_metadata(path).num_rows == split["num_examples"]


def test_the_front_matter_says_what_the_text_is(folder, card):
    front = front_matter(folder)
    assert (front["license"], front["language"]) == ("cc-by-4.0", ["en"])
    assert front["size_categories"] == ["n<1K"]
    assert front["pretty_name"].startswith("ValueInsight mini")
    assert {"human-values", "schwartz", "synthetic"} <= set(front["tags"])
    assert front["language_creators"] == ["machine-generated"]
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert card.rstrip() in readme
    assert "written by a large language model" in readme
    assert "none was validated on people" in readme


def test_the_same_rows_give_the_same_bytes(folder, mini, card, tmp_path, theory):
    rows = [*mini.question_rows, *mini.description_rows]
    again = dataset_of(rows[::-1], name="mini", theory=theory)
    assert contents(export_hub_folder(again, card, tmp_path / "again")) == contents(folder)


def test_a_dataset_of_ones_own_may_lack_stances_topics_and_splits(own, theory, tmp_path):
    folder = export_hub_folder(own, None, tmp_path / "hub")
    front = front_matter(folder)
    files = {c["config_name"]: [file["split"] for file in c["data_files"]] for c in front["configs"]}
    assert files == {"descriptions": ["locate"], "questions": ["locate", "eval"]}
    back = dataset_of([parse_record(row, theory) for row in read_rows(folder)], name="back", theory=theory)
    assert back.hash == own.hash
    assert (front["license"], front["pretty_name"]) == ("other", "mine")
    assert "synthetic" in front["tags"] and "language_creators" not in front
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "1 of 3 rows were written by a language model" in readme
    assert "No data card came with these rows" in readme


def test_rows_by_hand_without_a_licence_claim_neither_licence_nor_machine(own, theory, tmp_path):
    row = dataclasses.replace(own.question_rows[0], license="unspecified", source="handwritten")
    front = front_matter(export_hub_folder(dataset_of([row], name="mine", theory=theory), None, tmp_path))
    assert front["license"] == "unknown"
    assert "synthetic" not in front["tags"] and "language_creators" not in front


def test_files_of_an_earlier_export_do_not_stay(folder, mini, card, own, tmp_path):
    export_hub_folder(mini, card, tmp_path / "hub")
    assert contents(export_hub_folder(own, None, tmp_path / "hub")).keys() == {
        "README.md",
        "descriptions/locate.parquet",
        "questions/eval.parquet",
        "questions/locate.parquet",
    }
    assert contents(export_hub_folder(mini, card, tmp_path / "hub")) == contents(folder)


@pytest.mark.parametrize("changes", [{"seed": "seven"}, {"seed": 2**70}, {"temperature": "warm"}])
def test_what_no_column_can_hold_is_told_with_its_row(question, theory, tmp_path, changes):
    good = question(text="A good story. What now?")
    bad = question(id="bad-1", text="A bad story. What now?", generator=GENERATOR | changes)
    with pytest.raises(UserError, match=r"row 'bad-1', field 'generator': expected struct<.*found"):
        export_hub_folder(dataset_of([good, bad], name="mine", theory=theory), None, tmp_path)


def test_text_that_is_not_unicode_is_told(question, theory, tmp_path):
    broken = question(id="bad-1", text="Half a sign: \ud83d. What now?")
    with pytest.raises(UserError, match="row 'bad-1', field 'text'"):
        export_hub_folder(dataset_of([broken], name="mine", theory=theory), None, tmp_path)


def test_no_rows_are_no_dataset(theory, tmp_path):
    with pytest.raises(UserError, match="dataset 'none' has no rows"):
        export_hub_folder(dataset_of([], name="none", theory=theory), None, tmp_path / "hub")
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("name", CONFIGS)
def test_the_frames_can_be_written_as_parquet(mini, own, tmp_path, name):
    for dataset in (mini, own):
        frame = getattr(dataset, name)
        path = tmp_path / f"{dataset.name}.parquet"
        frame.to_parquet(path)
        back = pd.read_parquet(path)
        assert list(back["text"]) == list(frame["text"])
        if name == "questions":
            assert [json.loads(slots) for slots in back["slots"]] == [r.slots for r in dataset.question_rows]


def test_the_task_writes_the_folder_beside_a_shipped_set(mini, theory, tmp_path, monkeypatch):
    rows = Rows(list(mini.description_rows), list(mini.question_rows))
    full = Full([], rows.descriptions, rows.questions, {}, [])
    monkeypatch.setattr("valuelocate.dataset.build.check.compose_full", lambda _: full)
    monkeypatch.setattr(
        "valuelocate.dataset.build.check.build",
        lambda name, *_: Built(name, rows, Checked([], []), Checked([], [])),
    )
    regrouped = DatasetSource(name="regrouped", rows="mini")
    check_and_build(regrouped, theory, tmp_path)
    rebuilt = load_dataset(tmp_path / "mini", theory)
    found = [parse_record(row, theory) for row in read_rows(tmp_path / "hub")]
    assert dataset_of(found, name="back", theory=theory).hash == rebuilt.hash
    built_card = (tmp_path / "mini" / "DATA_CARD.md").read_text(encoding="utf-8")
    assert built_card.rstrip() in (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")


def test_the_task_writes_the_folder_beside_a_set_of_ones_own(write_jsonl, question_row, theory, tmp_path):
    path = write_jsonl([question_row(stances=None, topic=None)], "mine.jsonl")
    check_and_build(DatasetSource(name="own", path=str(path)), theory, tmp_path / "out")
    assert set(contents(tmp_path / "out" / "hub")) == {"README.md", "questions/locate.parquet"}


@pytest.fixture
def hub_library(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    return pytest.importorskip("datasets", reason="the library `datasets` is not installed")


def test_the_library_opens_the_folder(hub_library, folder, mini, tmp_path):
    for name in CONFIGS:
        opened = hub_library.load_dataset(str(folder), name, cache_dir=str(tmp_path / "cache"))
        assert list(opened) == list(SPLITS)
        expected = getattr(mini, name)
        for split, rows in opened.items():
            assert rows["id"][:] == list(expected.loc[expected["split"] == split, "id"])
        wanted = pq.read_schema(folder / name / "locate.parquet")
        assert opened["locate"].features.arrow_schema.remove_metadata() == wanted


def test_the_library_opens_a_dataset_of_ones_own(hub_library, own, tmp_path):
    folder = export_hub_folder(own, None, tmp_path / "hub")
    opened = hub_library.load_dataset(str(folder), "questions", cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in opened.items()} == {"locate": 1, "eval": 1}
    assert opened["locate"][0]["stances"] is None
    assert json.loads(opened["eval"][0]["slots"]) == {"name": "Zoë", "amount": 3}
