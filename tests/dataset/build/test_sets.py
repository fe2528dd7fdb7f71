from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from valuelocate.dataset import Record, dataset_of, load_dataset
from valuelocate.dataset.build import build_set, cut
from valuelocate.dataset.build.__main__ import main
from valuelocate.dataset.build.cuts import COUNTS
from valuelocate.dataset.build.sets import build, set_files, write_rejected
from valuelocate.dataset.shipped import DATA
from valuelocate.errors import MistakesError


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("name", ["mini", "small", pytest.param("full", marks=pytest.mark.slow)])
def test_a_rebuild_gives_the_shipped_bytes(name, full, tmp_path) -> None:
    build_set(name, tmp_path, full)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in (DATA / name).iterdir()
    )
    for path in tmp_path.iterdir():
        assert content(path) == content(DATA / name / path.name), path.name


def test_the_same_rows_give_the_same_bytes(full, theory) -> None:
    assert set_files(build("small", theory, full)) == set_files(build("small", theory, full))


@pytest.mark.parametrize("name", ["mini", "small"])
def test_the_shipped_text_passes_every_check(name, full, theory) -> None:
    checked = build(name, theory, full).checked
    assert checked.findings == []
    assert all(row.ok is not False for row in checked.rows)


@pytest.mark.parametrize("name", ["mini", "small", "full"])
def test_the_manifest_tells_what_the_files_hold(name, theory) -> None:
    manifest = json.loads((DATA / name / "manifest.json").read_text(encoding="utf-8"))
    dataset = load_dataset(name)
    values = len(theory.targets())
    wanted = COUNTS[name]
    assert manifest["counts"]["questions"] == {
        split: values * count for split, count in wanted.questions_per_value.items()
    }
    assert manifest["counts"]["descriptions"] == {
        split: 2 * values * count for split, count in wanted.descriptions_per_cell.items()
    }
    for split, found in manifest["sha256"].items():
        records: list[Record] = [*dataset.description_rows, *dataset.question_rows]
        rows = [record for record in records if record.split == split]
        assert dataset_of(rows, name=split, theory=theory).hash == found


def test_what_is_shipped_is_small() -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) <= 12e6


@pytest.mark.parametrize("name", ["mini", "small", "full"])
def test_the_card_says_who_wrote_the_text_and_what_was_not_run(name) -> None:
    card = (DATA / name / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "written by a large language model" in card
    assert "none was validated on people" in card
    assert "| not run |" in card
    missed = card.count("| failed |")
    assert ("All hold." in card) == (missed == 0)
    assert missed == 0 or f"**{missed} of " in card


def test_rejected_rows_are_kept_with_their_reasons(full, tmp_path) -> None:
    lines = write_rejected(full, tmp_path / "out").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == len(full.rejected)
    assert all(set(row) == {"id", "family", "reason", "text"} and row["reason"] for row in rows)


def test_text_that_breaks_a_rule_is_not_written(full, theory, tmp_path, monkeypatch) -> None:
    spoilt = cut(full, theory, "mini")
    spoilt.questions.pop()
    monkeypatch.setattr("valuelocate.dataset.build.sets.cut", lambda *_: spoilt)
    with pytest.raises(MistakesError, match="question counts: 17 rows; expected 18"):
        build_set("mini", tmp_path / "bad", full)
    assert not (tmp_path / "bad").exists()


def test_the_command_builds_and_tells_mistakes(full, tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr("valuelocate.dataset.build.__main__.compose_full", lambda _: full)
    assert main(["mini", "--output", str(tmp_path)]) == 0
    assert (tmp_path / "mini" / "manifest.json").is_file()
    spoilt = full._replace(originals={})
    monkeypatch.setattr("valuelocate.dataset.build.__main__.compose_full", lambda _: spoilt)
    assert main(["mini", "--output", str(tmp_path)]) == 1
    assert "too few seeds" in caplog.text
