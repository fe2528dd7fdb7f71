"""Picture: gain over strength in both directions, the random draws, and the fluency that sets the dose."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from valuelocate.evaluate.fluency import DEGENERATE, USABLE
from valuelocate.report import look, numbers
from valuelocate.report.artifacts import Job
from valuelocate.report.labels import measure

_FLUENCY = "fluency/score"


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """What is drawn in one row of panels."""

    metric: str
    quantity: str
    split: str
    title: str


def draw_dose(job: Job) -> go.Figure:
    """Draw one column a direction; rows: the headline metric, the other preference metric, dev fluency."""
    panels = _panels(job)
    figure = make_subplots(
        rows=len(panels),
        cols=max(1, len(job.directions)),
        shared_xaxes=True,
        shared_yaxes="rows",
        vertical_spacing=0.06,
        horizontal_spacing=0.04,
        subplot_titles=[_title(job, direction) for direction in job.directions] or None,
    )
    for row, panel in enumerate(panels, start=1):
        for column, direction in enumerate(job.directions, start=1):
            _fill(figure, job, panel, direction, row, column)
    look.dress(figure, height=128 + 190 * len(panels))
    for row, panel in enumerate(panels, start=1):
        if panel.metric != _FLUENCY:
            figure.update_yaxes(**look.ZERO, row=row)
        figure.update_yaxes(title_text=look.safe(panel.title).replace("\n", "<br>"), row=row, col=1)
    strengths = sorted(set(_edit(job, panels[0], None)["strength"].astype(float)))
    figure.update_xaxes(
        tickvals=strengths, ticktext=[numbers.dose(s) for s in strengths], showgrid=False, tickangle=0
    )
    figure.update_xaxes(title_text="strength of the edit", row=len(panels))
    return figure


def _title(job: Job, direction: str) -> str:
    return f"{direction}, chosen dose {numbers.dose(job.dose(direction))}"


def _panels(job: Job) -> list[_Panel]:
    panels: list[_Panel] = []
    for metric in (job.metric, "preference/t2", "preference/t1"):
        known = measure(metric)
        panel = _Panel(
            metric=metric, quantity="gain", split="eval", title=f"gain, {known.name}\n({known.unit})"
        )
        measured = metric == job.metric or not _edit(job, panel, None).empty
        if measured and all(other.metric != metric for other in panels):
            panels.append(panel)
    fluency = _Panel(metric=_FLUENCY, quantity="score", split="dev", title="fluency\n(dev questions)")
    return [*panels, fluency]


def _edit(job: Job, panel: _Panel, direction: str | None, arm: str = "edit") -> pd.DataFrame:
    equal = {"arm": arm} | ({"direction": direction} if direction else {})
    rows = job.rows(metric=panel.metric, quantity=panel.quantity, split=panel.split, **equal)
    of_target = rows[rows["scored_value"] == job.target]
    # Fluency is a property of the text: any questions' answers show it where the target's were not scored.
    rows = of_target if len(of_target) or panel.metric != _FLUENCY else rows
    return rows.sort_values("strength").drop_duplicates(["direction", "strength", "draw"])


def _fill(figure: go.Figure, job: Job, panel: _Panel, direction: str, row: int, column: int) -> None:
    rows = _edit(job, panel, direction)
    place = {"row": row, "col": column}
    if rows.empty:
        look.say_missing(figure, "not measured", **place)
        return
    colour, dose = look.DIRECTION_COLOURS[direction], job.dose(direction)
    if dose is not None:
        line = {"color": colour, "width": 1.4, "dash": "dash"}
        figure.add_vline(x=dose, line=line, layer="below", exclude_empty_subplots=False, **place)
    if panel.metric == _FLUENCY:
        _add_limits(figure, place)
    else:
        _add_random(figure, _edit(job, panel, direction, "random_matched"), place)
    _add_curve(figure, rows, colour, place)


def _add_limits(figure: go.Figure, place: dict[str, int]) -> None:
    for limit, word, anchor in ((USABLE, "usable", "bottom"), (DEGENERATE, "broken", "top")):
        line = {"color": look.SOFT, "width": 1, "dash": "dot"}
        figure.add_hline(y=limit, line=line, exclude_empty_subplots=False, **place)
        figure.add_annotation(
            text=word,
            font={"size": 11.5, "color": look.SOFT},
            x=0,
            xref="x domain",
            xanchor="left",
            y=limit,
            yanchor=anchor,
            showarrow=False,
            **place,
        )


def _add_curve(figure: go.Figure, rows: pd.DataFrame, colour: str, place: dict[str, int]) -> None:
    strengths = rows["strength"].astype(float).tolist()
    known = rows[rows["ci_low"].notna() & rows["ci_high"].notna()]
    if len(known) > 1:
        around = known["strength"].tolist()
        figure.add_trace(
            go.Scatter(
                x=around + around[::-1],
                y=known["ci_high"].tolist() + known["ci_low"].tolist()[::-1],
                fill="toself",
                fillcolor=look.faded(colour, 0.16),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
            ),
            **place,
        )
    figure.add_trace(
        go.Scatter(
            x=strengths,
            y=rows["estimate"].tolist(),
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"color": colour, "size": 7},
            customdata=[
                [numbers.plain(row.estimate), numbers.span(row.ci_low, row.ci_high), numbers.count(row.n)]
                for row in rows.itertuples()
            ],
            hovertemplate="strength %{x}<br>%{customdata[0]} (%{customdata[1]})<br>"
            "n = %{customdata[2]}<extra></extra>",
        ),
        **place,
    )


def _add_random(figure: go.Figure, rows: pd.DataFrame, place: dict[str, int]) -> None:
    spread = (
        rows[rows["draw"] >= 0]
        .groupby("strength")["estimate"]
        .agg(["min", "max", "mean", "size"])
        .reset_index()
    )
    if spread.empty:
        return
    if len(spread) > 1:
        strengths = spread["strength"].tolist()
        figure.add_trace(
            go.Scatter(
                x=strengths + strengths[::-1],
                y=spread["max"].tolist() + spread["min"].tolist()[::-1],
                fill="toself",
                fillcolor=look.RANDOM_BAND,
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
            ),
            **place,
        )
    figure.add_trace(
        go.Scatter(
            x=spread["strength"].tolist(),
            y=spread["mean"].tolist(),
            mode="lines+markers",
            line={"color": look.RANDOM, "width": 1.4},
            marker={"color": look.RANDOM, "size": 5},
            # The range of the draws, drawn at every strength that has some: never stretched to others.
            error_y={
                "type": "data",
                "symmetric": False,
                "array": (spread["max"] - spread["mean"]).tolist(),
                "arrayminus": (spread["mean"] - spread["min"]).tolist(),
                "color": look.RANDOM,
                "thickness": 6 if len(spread) == 1 else 1,
                "width": 0,
            },
            customdata=[
                [int(row["size"]), numbers.signed(row["min"]), numbers.signed(row["max"])]
                for row in spread.to_dict("records")
            ],
            hovertemplate="%{customdata[0]} random draws at strength %{x}"
            "<br>%{customdata[1]} to %{customdata[2]}<extra></extra>",
        ),
        **place,
    )
