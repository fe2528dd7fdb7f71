from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from valuelocate.neurons import NeuronSet
from valuelocate.report.figures import figures
from valuelocate.values import Theory

HOSTILE = "<b onclick=x>&amp;$x$</b>"


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for child in node.values():
            yield from texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from texts(child)


def drawn_points(figure: go.Figure, words: str) -> list[float]:
    return [x for trace in figure.data if words in str(trace.hovertemplate) for x in trace.x]


def rewrite(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / "metrics.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def test_a_complete_job_has_every_picture(job: Path, theory: Theory):
    assert list(figures(job, theory)) == ["gains", "dose", "specificity", "layers", "scores"]


def test_every_random_draw_is_a_dot_and_the_mean_a_bar(job: Path):
    metrics = pd.read_parquet(job / "metrics.parquet")
    drawn = metrics[metrics["arm"] == "random_matched"]["estimate"]
    figure = figures(job)["gains"]
    assert sorted(drawn_points(figure, "random draw ")) == sorted(drawn)
    towards = metrics[(metrics["arm"] == "random_matched") & (metrics["direction"] == "towards")]["estimate"]
    assert drawn_points(figure, "mean of 19 random draws")[:2] == [towards.mean()] * 2


def test_gains_and_bounds_are_those_of_the_table(job: Path):
    metrics = pd.read_parquet(job / "metrics.parquet")
    row = metrics[
        (metrics["arm"] == "prompt") & (metrics["direction"] == "away") & (metrics["metric"] == "t2")
    ]
    [trace] = [t for t in figures(job)["gains"].data if t.x == (row["estimate"].iloc[0],)]
    np.testing.assert_allclose(trace.x[0] + trace.error_x.array[0], row["ci_high"].iloc[0])
    np.testing.assert_allclose(trace.x[0] - trace.error_x.arrayminus[0], row["ci_low"].iloc[0])


def test_the_curve_holds_every_strength_once_and_no_other_split(job: Path):
    figure = figures(job)["dose"]
    curves = [
        trace for trace in figure.data if trace.mode == "lines+markers" and "strength" in trace.hovertemplate
    ]
    curves = [trace for trace in curves if "random" not in trace.hovertemplate]
    assert len(curves) == 6
    assert {tuple(trace.x) for trace in curves} == {(0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)}


def test_random_draws_are_never_stretched_to_strengths_without_any(job: Path):
    bands = [trace for trace in figures(job)["dose"].data if "random draws" in str(trace.hovertemplate)]
    assert [tuple(trace.x) for trace in bands] == [(2.0,), (1.5,)]


def test_several_strengths_of_draws_make_a_band(job: Path):
    def spread(metrics: pd.DataFrame) -> pd.DataFrame:
        drawn = metrics[metrics["arm"] == "random_matched"]
        return pd.concat([metrics, drawn.assign(strength=1.0)])

    rewrite(job, spread)
    bands = [trace for trace in figures(job)["dose"].data if "random draws" in str(trace.hovertemplate)]
    assert [tuple(trace.x) for trace in bands] == [(1.0, 2.0), (1.0, 1.5)]


def test_missing_fluency_is_said_not_drawn(job: Path):
    rewrite(job, lambda metrics: metrics[metrics["evaluator"] != "fluency"])
    figure = figures(job)["dose"]
    assert sum(note.text == "not measured" for note in figure.layout.annotations) == 2


def test_estimates_that_are_missing_are_not_drawn(job: Path):
    def lose(metrics: pd.DataFrame) -> pd.DataFrame:
        lost = (metrics["arm"] == "prompt") & (metrics["direction"] == "away") & (metrics["metric"] == "t2")
        return metrics.assign(estimate=metrics["estimate"].mask(lost))

    rewrite(job, lose)
    figure = figures(job)["gains"]
    assert [note.text for note in figure.layout.annotations].count("not run") == 1
    assert len([t for t in figure.data if "description in the prompt" in str(t.customdata)]) == 1


def test_one_direction_is_one_column(job_maker: Callable[..., Path]):
    drawn = figures(job_maker(away=False))
    assert all("xaxis2" not in drawn[name].layout for name in ("gains", "specificity"))
    assert next(entry.text for entry in drawn["gains"].layout.annotations) == "towards, dose 2"


def test_without_draws_no_random_row(job_maker: Callable[..., Path]):
    figure = figures(job_maker(draws=0))["gains"]
    assert "random neurons" not in figure.layout.yaxis.ticktext


def test_specificity_orders_neighbours_before_opposites_and_turns_away_round(job: Path, theory: Theory):
    figure = figures(job, theory)["specificity"]
    names = figure.layout.yaxis.ticktext
    assert names[0].startswith("<b>Openness to Change</b>") and names[-1] == "Conservation<br>opposite"
    metrics = pd.read_parquet(job / "metrics.parquet")
    rows = metrics[
        (metrics["arm"] == "edit") & (metrics["direction"] == "away") & (metrics["strength"] == 1.5)
    ]
    rows = rows[(rows["metric"] == "t2")].set_index("scored_value")
    [away] = [trace for trace in figure.data if "away" in str(trace.name)]
    change = dict(zip([row[0] for row in away.customdata], away.x, strict=True))
    np.testing.assert_allclose([change[value] for value in rows.index], -rows["estimate"])
    high = np.asarray(away.x) + np.asarray(away.error_x.array)
    np.testing.assert_allclose(high, [-rows["ci_low"][row[0]] for row in away.customdata])


def test_without_other_values_there_is_no_specificity(job: Path):
    rewrite(job, lambda metrics: metrics[metrics["scored_value"] == metrics["target"]])
    assert "specificity" not in figures(job)


def test_layers_count_the_set(job: Path):
    neurons = NeuronSet.load(job / "neurons.safetensors")
    up, down = figures(job)["layers"].data
    assert list(up.y) == neurons.of_pole(1).per_layer().tolist()
    assert list(down.y) == (-neurons.of_pole(-1).per_layer()).tolist()


def test_the_score_bars_hold_every_neuron_once_and_the_set_in_colour(job: Path):
    bars = figures(job)["scores"].data
    assert [sum(bar.y) for bar in bars] == [8 * 192, 24, 24]


def test_scores_all_alike_are_drawn(job: Path):
    ranking = pd.read_parquet(job / "ranking.parquet").assign(score=0.0)
    ranking.to_parquet(job / "ranking.parquet", index=False)
    assert sum(figures(job)["scores"].data[0].y) == 8 * 192


def test_names_and_values_cannot_become_markup_or_templates(job_maker: Callable[..., Path]):
    folder = job_maker(hostile=HOSTILE + "%{x}")

    def poison(metrics: pd.DataFrame) -> pd.DataFrame:
        value = metrics["scored_value"].replace("conservation", HOSTILE)
        return metrics.assign(scored_value=value, arm=metrics["arm"].replace("edit:add", f"edit:{HOSTILE}"))

    rewrite(folder, poison)
    for figure in figures(folder).values():
        for text in texts(json.loads(figure.to_json())):
            assert "<b onclick" not in text and "$" not in text
        # Only a template is filled in; what comes from data goes there as data.
        assert not any("onclick" in str(trace.hovertemplate) for trace in figure.data)


@pytest.mark.parametrize("name", ["ranking.parquet", "neurons.safetensors"])
def test_a_missing_file_leaves_its_picture_out(job_maker: Callable[..., Path], name: str):
    drawn = figures(job_maker(missing=[name]))
    assert ("scores" in drawn) == (name != "ranking.parquet")
    assert ("layers" in drawn) == (name != "neurons.safetensors")
