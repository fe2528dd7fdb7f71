from __future__ import annotations

import json

import pytest

from valuelocate.dataset import DatasetSource
from valuelocate.dataset.build import check_and_build
from valuelocate.dataset.build.bank import description_bank
from valuelocate.dataset.shipped import DATA
from valuelocate.errors import MistakesError


def test_the_shipped_set_is_rebuilt_compared_and_checked(tmp_path, theory):
    rows = check_and_build(DatasetSource(), theory, tmp_path)
    assert (rows[0].check, rows[0].found, rows[0].ok) == ("rebuilt set and shipped set", "the same", True)
    card = (DATA / "mini" / "DATA_CARD.md").read_text(encoding="utf-8")
    told = [line for line in card.splitlines() if line.endswith("| failed |")]
    assert [row.check for row in rows if row.ok is False] == [line.split(" | ")[0][2:] for line in told]
    assert [row for row in rows if row.ok is None]
    assert all(row.found.startswith("not run: ") for row in rows if row.ok is None)
    assert (tmp_path / "mini" / "questions.jsonl").is_file()
    lines = (tmp_path / "findings.jsonl").read_text(encoding="utf-8").splitlines()
    assert bool(lines) == bool(told)


def test_a_dataset_of_ones_own_is_checked_and_findings_are_kept(tmp_path, theory, write_jsonl, question_row):
    text = "Surely you want freedom, or not so much, in all of this?"
    rows = [question_row(), question_row(id="mine-1", text=text, stances=None)]
    source = DatasetSource(name="own", path=str(write_jsonl(rows, "mine.jsonl")))
    table = {row.check: row for row in check_and_build(source, theory, tmp_path / "out")}
    assert table["leading wording"].ok is False
    assert table["value words in questions and descriptions"].ok is False
    assert table["exact duplicates"].ok is True
    assert not any(
        "description" in name and row.ok is not None for name, row in table.items() if "length" in name
    )
    found = [json.loads(line) for line in (tmp_path / "out" / "findings.jsonl").read_text().splitlines()]
    assert {"row": "mine-1", "check": "leading wording", "reason": "'Surely' favours one side"} in found


def test_descriptions_alone_are_checked_too(tmp_path, theory, write_jsonl, description_row):
    source = DatasetSource(name="own", path=str(write_jsonl([description_row()], "mine.jsonl")))
    table = {row.check: row for row in check_and_build(source, theory, tmp_path / "out")}
    assert table["description length"].ok is True
    assert "question length" not in table


def test_bad_descriptions_in_the_bank_are_told(tmp_path):
    for split in ("locate", "dev", "eval"):
        (tmp_path / f"{split}.jsonl").write_text('{"value": "x"}\n[]\n', encoding="utf-8")
    with pytest.raises(MistakesError) as error:
        description_bank(tmp_path)
    assert len(error.value.messages) == 6
    assert error.value.messages[0].startswith("locate.jsonl:1: field 'basic_value'")
