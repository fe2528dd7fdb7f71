"""Picture: what the same edit does to the questions of the other values."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from valuelocate.errors import UserError
from valuelocate.report import look, numbers
from valuelocate.report.artifacts import Job
from valuelocate.report.labels import measure
from valuelocate.values import Theory


def other_values(job: Job) -> tuple[str, ...]:
    """Return ids of the other values whose questions were scored under the edit at the chosen dose."""
    found = {value for direction in job.directions for value in _rows(job, direction)["scored_value"]}
    return tuple(sorted(found - {job.target}))


def draw_specificity(job: Job, theory: Theory | None = None) -> go.Figure:
    """Draw the change of preference on each value's questions: target first, neighbours, opposites last.

    Without a circle the others stand in the theory's order.
    A change is the edited score minus the unedited one, in both directions: an edit away from the target
    should lower it. So the sign of the gains of an edit away is turned round here.
    """
    values = _order(job, theory)
    figure = go.Figure()
    for direction in job.directions:
        _add_direction(figure, _rows(job, direction), direction, values)
    names = [_name(job, value, theory) for value in values]
    unit = measure(job.metric).unit
    look.dress(figure, height=120 + 54 * max(1, len(values)))
    figure.update_layout(
        showlegend=len(job.directions) > 0,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 13}},
    )
    figure.update_xaxes(
        **look.ZERO, title_text=f"change of preference on the value's questions ({look.safe(unit)})"
    )
    figure.update_yaxes(
        tickvals=list(range(len(values))), ticktext=names, range=[len(values) - 0.45, -0.55], showgrid=False
    )
    return figure


def _rows(job: Job, direction: str) -> pd.DataFrame:
    return job.at_dose(direction, arm="edit").drop_duplicates("scored_value")


def _order(job: Job, theory: Theory | None) -> list[str]:
    others = other_values(job)
    if theory is None:
        return [job.target, *others]
    try:
        around = [value.id for value in theory.peers(job.target)]
    except UserError:
        # The job was run with another theory than the page is written with; its ids still say what they are.
        around = []
    known = [value for value in around if value in others]
    return [job.target, *known, *(value for value in others if value not in known)]


def _name(job: Job, value_id: str, theory: Theory | None) -> str:
    if value_id == job.target:
        return f"<b>{look.safe(job.value_name)}</b><br>target"
    known = {value.id: value for value in theory.values} if theory else {}
    if value_id not in known:
        return look.safe(value_id.replace("_", " "))
    note = "<br>opposite" if job.target in known[value_id].opposite else ""
    return f"{look.safe(known[value_id].name)}{note}"


def _add_direction(figure: go.Figure, rows: pd.DataFrame, direction: str, values: list[str]) -> None:
    sign = 1.0 if direction == "towards" else -1.0
    colour = look.DIRECTION_COLOURS[direction]
    rows = rows[rows["scored_value"].isin(values)]
    change = sign * rows["estimate"]
    bounds = pd.DataFrame({"one": sign * rows["ci_low"], "two": sign * rows["ci_high"]})
    low, high = bounds.min(axis=1), bounds.max(axis=1)
    figure.add_trace(
        go.Scatter(
            name="edit towards the target" if direction == "towards" else "edit away from the target",
            x=change.tolist(),
            y=[values.index(value) - 0.14 * sign for value in rows["scored_value"]],
            mode="markers",
            marker={"color": colour, "size": 10, "symbol": "circle" if sign > 0 else "diamond"},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (high - change).tolist(),
                "arrayminus": (change - low).tolist(),
                "color": colour,
                "thickness": 1.8,
                "width": 4,
            },
            customdata=[
                [look.safe(value), numbers.signed(size), numbers.interval(one, two), numbers.count(n)]
                for value, size, one, two, n in zip(
                    rows["scored_value"], change, low, high, rows["n"], strict=True
                )
            ],
            hovertemplate="%{customdata[0]}<br>change %{customdata[1]} (%{customdata[2]})"
            "<br>%{customdata[3]} questions<extra></extra>",
        )
    )
