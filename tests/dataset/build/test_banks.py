from __future__ import annotations

import json
from collections import Counter

import pytest

from valuelocate.dataset import DatasetSource, load_dataset, load_seeds
from valuelocate.dataset.build import build_set, check_and_build
from valuelocate.dataset.build.__main__ import main
from valuelocate.dataset.build.bank import description_file
from valuelocate.dataset.build.banks import BANKS, bank_of, bank_seeds, compose_bank
from valuelocate.dataset.build.cuts import COUNTS, MINI, cut
from valuelocate.dataset.build.sets import build, theory_of
from valuelocate.dataset.shipped import DATA, shipped_names, shipped_theory
from valuelocate.errors import MistakesError, UserError
from valuelocate.values import load_theory

BANK = "moral_foundations"
SET = "moral_foundations_mini"


@pytest.fixture(scope="module")
def foundations():
    return load_theory(BANK)


@pytest.fixture(scope="module")
def composed(foundations):
    return compose_bank(BANK, foundations)


@pytest.fixture(scope="module")
def shipped():
    return load_dataset(SET)


def test_a_rebuild_gives_the_shipped_bytes(tmp_path) -> None:
    build_set(SET, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in (DATA / SET).iterdir()
    }


def test_the_shipped_text_passes_every_check(composed, foundations) -> None:
    checked = build(SET, foundations, composed).checked
    assert checked.findings == []
    assert all(row.ok for row in checked.rows)
    assert composed.rejected == []


def test_counts_are_exact(shipped, foundations) -> None:
    questions = Counter((row.value, row.split) for row in shipped.question_rows)
    assert questions == {
        (value.id, split): count
        for value in foundations.targets()
        for split, count in {"locate": 24, "dev": 8, "eval": 18}.items()
    }
    descriptions = Counter((row.value, row.polarity, row.split) for row in shipped.description_rows)
    assert descriptions == {
        (value.id, pole, split): count
        for value in foundations.targets()
        for pole in ("pos", "neg")
        for split, count in {"locate": 4, "dev": 1, "eval": 3}.items()
    }
    assert COUNTS[SET] == MINI


def test_the_set_is_its_bank(shipped, composed) -> None:
    """Every seed is one question, as it was written; the bank holds no more than the set."""
    questions = {row.text: row for row in shipped.question_rows}
    assert len(questions) == len(composed.seeds) == 300
    for seed in composed.seeds:
        row = questions[seed.question]
        assert (row.stances.pos, row.stances.neg) == (seed.pos, seed.neg)
        assert row.tension == (seed.value, seed.against)
    assert {row.text for row in shipped.description_rows} == {row.text for row in composed.descriptions}


def test_rows_of_a_theory_of_one_level_have_no_parts_and_no_opposite_pole(shipped) -> None:
    rows = [*shipped.description_rows, *shipped.question_rows]
    assert {(row.basic_value, row.refined_value) for row in rows} == {(None, None)}
    assert {row.neg_kind for row in shipped.description_rows} == {None, "absence", "rejection"}
    assert all(row.tension[0] == row.value != row.tension[1] for row in shipped.question_rows)


def test_descriptions_come_in_pairs_about_one_topic(shipped) -> None:
    cells = Counter((row.family, row.polarity) for row in shipped.description_rows)
    for family, pole in list(cells):
        assert cells[family, "pos"] == cells[family, "neg"], (family, pole)


def test_topics_are_as_the_card_tells(shipped, foundations) -> None:
    values: dict[tuple[str, str], set[str]] = {}
    for row in shipped.question_rows:
        values.setdefault((row.split, row.topic), set()).add(row.value)
    every = {value.id for value in foundations.targets()}
    assert all(found == every for (split, _), found in values.items() if split != "locate")
    assert any(found != every for (split, _), found in values.items() if split == "locate")


def test_the_set_knows_its_theory(shipped, theory) -> None:
    assert SET in shipped_names() and BANK not in shipped_names()
    assert shipped.theory.id == shipped_theory(SET) == BANK
    assert (bank_of(SET), bank_of("mini"), shipped_theory("mini")) == (BANK, None, None)
    assert theory_of("mini").id == theory.id
    with pytest.raises(MistakesError, match="has no such value"):
        load_dataset(SET, theory)


def test_the_card_speaks_of_its_own_theory() -> None:
    card = (DATA / SET / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "Moral Foundations (Graham et al. 2011" in card and "Atari et al. 2023" in card
    assert "Schwartz" not in card and "basic value" not in card
    assert f"python -m valuelocate.dataset.build {BANK}`" in card
    assert "written by a large language model" in card and "none was validated on people" in card
    assert "300 seeds" in card


def test_the_card_of_the_main_bank_is_unchanged_by_other_banks(full, theory) -> None:
    from valuelocate.dataset.build.card import data_card

    card = data_card("mini", cut(full, theory, "mini"), [])
    assert "over the four higher-order values of Schwartz's theory (Schwartz 1992). A language model" in card
    assert "descriptions included; each topic has seeds for all values." in card
    assert "the labels (value, basic value, pole) are" in card
    assert "Questions by basic value: " in card


def test_banks_do_not_mix(foundations) -> None:
    ids = {value.id for value in foundations.values}
    assert not any(seed.value in ids for seed in load_seeds())
    assert all(seed.basic_value for seed in load_seeds())
    assert {seed.value for seed in bank_seeds(BANK)} == ids
    assert not {seed.family for seed in load_seeds()} & {seed.family for seed in bank_seeds(BANK)}


def test_the_command_builds_the_sets_of_a_bank(tmp_path, monkeypatch) -> None:
    def refuse(_):
        raise AssertionError("the main bank is not asked")

    monkeypatch.setattr("valuelocate.dataset.build.__main__.compose_full", refuse)
    assert main([BANK, "--output", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(BANKS[BANK]) == {SET}
    manifest = json.loads((tmp_path / SET / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["name"], manifest["theory"]) == (SET, BANK)


def test_the_task_rebuilds_compares_and_exports(tmp_path, foundations) -> None:
    rows = check_and_build(DatasetSource(name=SET), foundations, tmp_path)
    assert (rows[0].check, rows[0].found, rows[0].ok) == ("rebuilt set and shipped set", "the same", True)
    readme = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    assert BANK in readme and (tmp_path / "hub" / "questions" / "eval.parquet").is_file()


def test_a_description_must_tell_its_split_and_may_have_no_part(tmp_path) -> None:
    row = {
        "value": "a",
        "basic_value": None,
        "polarity": "pos",
        "neg_kind": None,
        "topic": "pets",
        "text": "I am I.",
    }
    path = tmp_path / "descriptions.jsonl"
    path.write_text(f"{json.dumps({**row, 'split': 'dev'})}\n", encoding="utf-8")
    (found,) = description_file(path)
    assert (found.split, found.basic_value, found.refined_value) == ("dev", None, None)
    path.write_text(f"{json.dumps(row)}\n{json.dumps({**row, 'split': 'test'})}\n[]\n", encoding="utf-8")
    with pytest.raises(MistakesError) as error:
        description_file(path)
    assert [told.split(": ")[0] for told in error.value.messages] == [
        f"descriptions.jsonl:{number}" for number in (1, 2, 3)
    ]
    assert all("field 'split'" in told for told in error.value.messages[:2])


def test_a_bank_too_small_is_told(composed, foundations) -> None:
    with pytest.raises(UserError, match="too few seeds for care: 24 are wanted"):
        build(SET, foundations, composed._replace(originals={}))
