from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from valuelocate.dataset import DatasetSource, dataset_of, load_dataset
from valuelocate.dataset.build import check_and_build
from valuelocate.dataset.build.__main__ import main
from valuelocate.dataset.build.neutral import BANK, check_neutral, compose_neutral
from valuelocate.dataset.build.paired import BANK as PAIRS
from valuelocate.dataset.build.paired import PAIRS_PER_VALUE, check_paired, compose_paired
from valuelocate.dataset.build.sets import Built, set_files, write_checked
from valuelocate.dataset.build.variants import VARIANTS
from valuelocate.dataset.matching import matched_pairs
from valuelocate.dataset.shipped import DATA, shipped_names
from valuelocate.errors import MistakesError, UserError

NAMES = sorted(VARIANTS)


@pytest.fixture(scope="module")
def built(theory) -> dict[str, Built]:
    return {name: compose(theory) for name, compose in VARIANTS.items()}


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_rebuild_gives_the_shipped_bytes(name, tmp_path) -> None:
    assert main([name, "--output", str(tmp_path)]) == 0
    found = {path.name: content(path) for path in (tmp_path / name).iterdir()}
    assert found == {path.name: content(path) for path in (DATA / name).iterdir()}
    assert name in shipped_names()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_rows_give_the_same_bytes(name, built, theory) -> None:
    assert set_files(built[name]) == set_files(VARIANTS[name](theory))


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_text_passes_every_check(name, built) -> None:
    assert built[name].checked.findings == []
    assert all(row.ok for row in built[name].checked.rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_tells_what_the_files_hold(name, built, theory) -> None:
    manifest = json.loads((DATA / name / "manifest.json").read_text(encoding="utf-8"))
    records = [*built[name].rows.descriptions, *built[name].rows.questions]
    for split, found in manifest["sha256"].items():
        rows = [record for record in records if record.split == split]
        assert dataset_of(rows, name=split, theory=theory).hash == found
    assert sum(manifest["counts"]["cells"].values()) == len(records)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_who_wrote_the_text_and_what_was_missed(name, built) -> None:
    card = (DATA / name / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "written by a large language model" in card
    assert "none was validated on people" in card
    assert "| not run |" in card
    assert card.count("| failed |") == sum(row.ok is False for row in built[name].gates.rows)


def test_a_pair_is_a_family_of_one_split_and_topic(built, theory) -> None:
    rows = built["paired"].rows
    assert rows.questions == []
    poles = ([row for row in rows.descriptions if row.polarity == pole] for pole in ("pos", "neg"))
    pairs = matched_pairs(*poles)
    counts = Counter((pair.positive.value, pair.positive.split) for pair in pairs)
    assert counts == {
        (value.id, split): count for value in theory.targets() for split, count in PAIRS_PER_VALUE.items()
    }


def test_rows_of_the_neutral_set_have_no_value(built) -> None:
    rows = built["neutral"].rows
    assert (len(rows.descriptions), len(rows.questions)) == (40, 200)
    assert {row.value for part in rows for row in part} == {"none"}
    assert {row.polarity for row in rows.descriptions} == {None}
    assert {row.stances for row in rows.questions} == {None}


def test_pairs_that_break_a_rule_are_told_and_not_written(built, theory, tmp_path) -> None:
    first, *rest = built["paired"].rows.descriptions
    spoilt = [replace(first, topic="nowhere", text=first.text.replace("I ", "they ")), *rest]
    poles = ([row for row in spoilt if row.polarity == pole] for pole in ("pos", "neg"))
    checked = check_paired(spoilt, matched_pairs(*poles), theory)
    assert {"pairs", "splits", "schema"} <= {finding.check for finding in checked.findings}
    with pytest.raises(MistakesError, match="the text of ValueInsight paired breaks its rules"):
        write_checked(built["paired"]._replace(checked=checked), tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_neutral_rows_that_break_a_rule_are_told(built, question, theory) -> None:
    descriptions, questions = built["neutral"].rows
    lost = replace(questions[0], text="An egg lies in the pan, and the pan stands on the kitchen stove.")
    moved = replace(questions[1], split="eval" if questions[1].split != "eval" else "dev")
    twice = replace(questions[2], topic=moved.topic)
    rows = type(built["neutral"].rows)(descriptions, [question(), lost, moved, twice, *questions[3:]])
    found = {finding.check for finding in check_neutral(rows, theory).findings}
    assert {"counts", "no value", "asks", "splits", "schema"} <= found


def test_bad_rows_of_a_bank_are_told(theory, tmp_path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"pair": -1}\n[]\nno\n', encoding="utf-8")
    with pytest.raises(MistakesError) as error:
        compose_paired(theory, path)
    assert [message[:13] for message in error.value.messages] == [f"pairs.jsonl:{n}" for n in (1, 2, 3)]
    assert "field 'pair': expected a whole number of at least 0" in error.value.messages[0]
    lines = PAIRS.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[1:]), encoding="utf-8")
    with pytest.raises(MistakesError, match="has 0 pos and 1 neg descriptions"):
        compose_paired(theory, path)
    for file in BANK.iterdir():
        shutil.copy(file, tmp_path)
    with (tmp_path / "neutral_questions.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "How?", "topic": "x", "form": "sing", "split": "eval"}\n')
    with pytest.raises(MistakesError, match=r"neutral_questions\.jsonl:201: field 'form'"):
        compose_neutral(theory, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_task_rebuilds_compares_and_exports(name, theory, tmp_path) -> None:
    # Read with questions or descriptions of the smallest set; what is rebuilt is the set's own rows.
    other = {"paired": {"questions": "mini"}, "neutral": {"descriptions": "mini"}}[name]
    rows = check_and_build(DatasetSource(name=name, **other), theory, tmp_path)
    assert (rows[0].check, rows[0].found, rows[0].ok) == ("rebuilt set and shipped set", "the same", True)
    kinds = {path.name for path in (tmp_path / "hub").iterdir() if path.is_dir() and any(path.iterdir())}
    assert kinds == ({"descriptions"} if name == "paired" else {"descriptions", "questions"})
    own = load_dataset(tmp_path / name, theory)
    for kind in kinds:
        frame = pd.concat([pd.read_parquet(path) for path in sorted((tmp_path / "hub" / kind).iterdir())])
        assert sorted(frame["id"]) == list(getattr(own, kind)["id"])
    readme = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    assert f"# ValueInsight {name}" in readme and "license: cc-by-4.0" in readme


def test_a_paraphraser_is_refused(theory, tmp_path) -> None:
    from valuelocate.dataset.paraphrase import RuleParaphraser
    from valuelocate.dataset.paraphrase.rebuild import Paraphrasing
    from valuelocate.store import Store

    paraphrasing = Paraphrasing(RuleParaphraser(), Store(tmp_path / "store"), 0)
    with pytest.raises(UserError, match="the rows of dataset=neutral are not rewritten"):
        check_and_build(DatasetSource(name="neutral", descriptions="mini"), theory, tmp_path, paraphrasing)
