"""Picture: the gain beyond random neurons of every job of a study, by value and method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from valuelocate.report import look, numbers
from valuelocate.report.study_rows import StudyRow, by_gain

_MARKS = {"towards": "circle", "away": "diamond"}
_ROW = 42
"""Pixels a method takes."""


def draw_study(rows: Sequence[StudyRow], unit: str) -> go.Figure:
    """Draw one panel a value and one line a method, with its intervals and the spread of its random draws.

    Args:
        rows: directions of finished jobs.
        unit: of the gains.
    """
    values = list(dict.fromkeys(row.value for row in rows))
    methods = by_gain(rows)
    panels = [
        [name for name in methods if any(r.label == name and r.value == v for r in rows)] for v in values
    ]
    total = 70 + sum(_ROW * len(panel) + 66 for panel in panels)
    figure = make_subplots(
        rows=max(1, len(values)),
        shared_xaxes=True,
        row_heights=[len(panel) + 0.2 for panel in panels] or None,
        vertical_spacing=66 / total if len(values) > 1 else None,
        subplot_titles=[look.safe(value) for value in values] or None,
    )
    shown: set[str] = set()
    for place, (value, panel) in enumerate(zip(values, panels, strict=True), start=1):
        for row in rows:
            if row.value == value:
                _add(figure, row, panel.index(row.label), place, shown)
    look.dress(figure, height=total + 80)
    figure.update_layout(
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
        },
    )
    for place, panel in enumerate(panels, start=1):
        figure.update_yaxes(
            tickvals=list(range(len(panel))),
            ticktext=[look.safe(name) for name in panel],
            range=[len(panel) - 0.4, -0.6],
            showgrid=False,
            row=place,
        )
    figure.update_xaxes(**look.ZERO, range=_range(rows), showticklabels=True)
    figure.update_xaxes(title_text=f"gain beyond random neurons ({look.safe(unit)})", row=max(1, len(values)))
    return figure


def _range(rows: Sequence[StudyRow]) -> tuple[float, float]:
    ends = [row.number(name) for row in rows for name in ("estimate", "ci_low", "ci_high")]
    spreads = [row.number("random_sd") or 0.0 for row in rows]
    known = (
        [end for end in ends if end is not None] + [2 * sd for sd in spreads] + [-2 * sd for sd in spreads]
    )
    low, high = min([0.0, *known]), max([0.0, *known])
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _add(figure: go.Figure, row: StudyRow, line: int, place: int, shown: set[str]) -> None:
    height = line + (-0.16 if row.direction == "towards" else 0.16)
    for trace in (_band(row, height), _gain(row, height)):
        if trace is not None:
            trace.update(legendgroup=trace.name, showlegend=trace.name not in shown)
            shown.add(trace.name)
            figure.add_trace(trace, row=place, col=1)


def _band(row: StudyRow, height: float) -> go.Scatter | None:
    spread = row.number("random_sd")
    if spread is None:
        return None
    draws = numbers.count(row.number("n_draws"))
    return go.Scatter(
        name=f"random draws, mean {numbers.PLUS_MINUS} 2 SD",
        x=[-2 * spread, 2 * spread],
        y=[height, height],
        mode="lines",
        line={"color": look.faded(look.RANDOM, 0.38), "width": 9},
        hovertemplate=f"{draws} random draws, mean put at 0<br>SD {numbers.plain(spread)}<extra></extra>",
    )


def _gain(row: StudyRow, height: float) -> go.Scatter | None:
    estimate, low, high = row.number("estimate"), row.number("ci_low"), row.number("ci_high")
    if estimate is None:
        return None
    colour = look.DIRECTION_COLOURS[row.direction]
    fills = {"moved": colour, "not_moved": look.faded(colour, 0.3) if row.alone else "#ffffff"}
    error: dict[str, Any] = {
        "type": "data",
        "symmetric": False,
        "color": colour,
        "thickness": 1.8,
        "width": 4,
    }
    if low is not None and high is not None:
        error |= {"array": [high - estimate], "arrayminus": [estimate - low]}
    words = [
        look.safe(row.label),
        numbers.signed(estimate),
        numbers.interval(low, high),
        numbers.probability(row.number("p_rank")),
        numbers.probability(row.number("p_holm")),
        look.safe(row.badge),
    ]
    return go.Scatter(
        name="towards the value" if row.direction == "towards" else "away from it",
        x=[estimate],
        y=[height],
        mode="markers",
        marker={
            "symbol": _MARKS[row.direction],
            "size": 9,
            "color": fills.get(row.verdict, "#ffffff"),
            "line": {"width": 1.8, "color": colour},
        },
        error_x=error,
        customdata=[words],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]} (%{customdata[2]})<br>"
        "p %{customdata[3]}, Holm %{customdata[4]}<br>%{customdata[5]}<extra></extra>",
    )
