"""Another theory than Schwartz's goes through the same file, schema and stages."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.conftest import make_job
from valuelocate.cli import conf_dir
from valuelocate.composition import Composer
from valuelocate.config import build
from valuelocate.dataset import load_dataset
from valuelocate.errors import MistakesError
from valuelocate.evaluate import ClassifierJudge, stance_auroc
from valuelocate.evaluate.judge_classifier import judge_examples
from valuelocate.locate.stage import control_value
from valuelocate.report.page import write_page
from valuelocate.report.settings import ReportSettings
from valuelocate.values import load_theory

PACKAGE = Path(__file__).parents[1] / "valuelocate"
FOUNDATIONS = ("care", "equality", "proportionality", "loyalty", "authority", "purity")


@pytest.fixture(scope="module")
def theory():
    return load_theory("moral_foundations")


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("moral_foundations_mini")


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer(conf_dir())


def test_the_theory_has_six_values_of_one_level_and_no_circle(theory) -> None:
    assert tuple(value.id for value in theory.targets()) == FOUNDATIONS == tuple(v.id for v in theory.values)
    assert theory.geometry == "none" and len(theory.hierarchy) == 1
    assert theory.level(*theory.hierarchy) == theory.values
    assert "Graham et al. 2011" in theory.citation and "10.1037/pspp0000470" in theory.citation
    for value in theory.values:
        assert (value.parent, value.angle, value.opposite) == (None, None, ())
        assert value.definition and value.neg_meaning and value.lexicon and value.facets
        assert value.id in value.lexicon
        assert theory.column(value.id) == "value"
        assert theory.resolve(value.name).id == value.id


def test_without_a_circle_peers_stand_in_the_theorys_order(theory) -> None:
    assert [peer.id for peer in theory.peers("loyalty")] == [
        name for name in FOUNDATIONS if name != "loyalty"
    ]


@pytest.mark.parametrize(
    "overrides",
    [
        ["dataset=moral_foundations", "value=loyalty"],
        ["dataset=moral_foundations", "theory.name=moral_foundations", "value=loyalty"],
        ["theory=moral_foundations", "dataset=moral_foundations", "value=Loyalty", "experiment=quick"],
    ],
)
def test_a_job_composes_and_binds(overrides, composer) -> None:
    job: Any = build(composer.compose(overrides))
    assert (job.theory.id, job.value, job.dataset.name) == (
        "moral_foundations",
        "loyalty",
        "moral_foundations_mini",
    )
    job.dataset.load(job.theory).require(job.value)


def test_the_dataset_chooses_its_theory_and_no_other_does(composer) -> None:
    assert composer.compose(["dataset=mini"]).theory.name == "schwartz"
    with pytest.raises(MistakesError, match="value=openness: theory 'moral_foundations' has no such value"):
        build(composer.compose(["dataset=moral_foundations"]))


def test_the_judge_learns_from_the_sets_own_answers(dataset, theory) -> None:
    for value in theory.values:
        rows = dataset.question_records(value.id, "locate")
        examples = judge_examples(dataset, value.id)
        assert {example.family for example in examples} == {row.family for row in rows}
        assert {example.text for example in examples if example.positive} == {r.stances.pos for r in rows}


def test_the_judge_tells_the_written_answers_apart(dataset, theory) -> None:
    """Eight questions a value are few, so the floor is under their mean and not under each."""
    judge = ClassifierJudge().make(dataset)
    assert [judge.obstacle(value.id) for value in theory.values] == [None] * len(theory.values)
    areas = [stance_auroc(judge, value.id, dataset).auroc.estimate for value in theory.values]
    assert np.mean(areas) >= 0.75


def test_every_value_has_a_control_of_another(dataset, theory) -> None:
    found = {value.id: control_value(dataset, value.id, None) for value in theory.values}
    assert all(control in FOUNDATIONS and control != value for value, control in found.items())


def test_the_page_speaks_of_a_circle_only_where_there_is_one(tmp_path, theory) -> None:
    folder = make_job(tmp_path / "job")
    words = write_page(folder, load_theory(), ReportSettings()).read_text(encoding="utf-8")
    assert "opposites on the theory's circle" in words
    words = write_page(folder, theory, ReportSettings()).read_text(encoding="utf-8")
    assert "theory's circle" not in words and "in the theory's order" in words


def test_no_code_names_a_value(theory) -> None:
    names = {name for one in (theory, load_theory()) for v in one.values for name in (v.id, v.short, v.name)}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant):
                assert node.value not in names, (path, node.lineno, node.value)
