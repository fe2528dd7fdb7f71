"""Picture: the gain of every arm with its interval, and every random draw as a dot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from valuelocate.report import look, numbers
from valuelocate.report.artifacts import Job
from valuelocate.report.labels import arm_name, arm_order, measure

_GOLDEN = 0.6180339887
_MARKS = {"prompt": (look.PROMPT, "square"), "shuffled_label": (look.CONTROL, "triangle-up")}
_OTHER_CONTROL = (look.CONTROL, "triangle-down")


def arms_measured(job: Job) -> tuple[str, ...]:
    """Return the arms that have a gain at the chosen dose in some direction, the edit first."""
    found = {arm for direction in job.directions for arm in _rows(job, direction)["arm"]}
    return tuple(sorted(found, key=arm_order))


def draw_gains(job: Job) -> go.Figure:
    """Draw one panel a direction and one row an arm, at the chosen dose."""
    arms = arms_measured(job)
    titles = [_title(job, direction) for direction in job.directions]
    figure = make_subplots(
        cols=max(1, len(titles)), shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=titles or None
    )
    heights = {arm: len(arms) - 1 - place for place, arm in enumerate(arms)}
    for column, direction in enumerate(job.directions, start=1):
        rows = _rows(job, direction)
        for arm in arms:
            of_arm = rows[rows["arm"] == arm]
            if arm == "random_matched":
                _add_draws(figure, of_arm, heights[arm], column)
            elif len(of_arm):
                _add_arm(figure, of_arm.iloc[0], heights[arm], column, direction)
            else:
                _add_not_run(figure, heights[arm], column)
    look.dress(figure, height=148 + 52 * max(1, len(arms)))
    unit = measure(job.metric).unit
    figure.update_xaxes(**look.ZERO, range=_range(job))
    figure.update_xaxes(title_text=f"gain in the intended direction ({look.safe(unit)})")
    figure.update_yaxes(
        tickvals=list(heights.values()),
        ticktext=[look.safe(arm_name(arm)) for arm in arms],
        range=[-0.6, len(arms) - 0.4],
        showgrid=False,
    )
    if not arms:
        look.say_missing(figure, "no gain was measured at the chosen dose")
    return figure


def _rows(job: Job, direction: str) -> pd.DataFrame:
    return job.at_dose(direction, scored_value=job.target)


def _range(job: Job) -> tuple[float, float] | None:
    """Return one range for both directions, with room for the numbers beside the intervals."""
    rows = pd.concat([_rows(job, direction) for direction in job.directions] or [job.metrics.head(0)])
    ends = np.concatenate(
        [rows["estimate"], *(rows.loc[rows["draw"] < 0, end] for end in ("ci_low", "ci_high"))]
    )
    ends = ends[np.isfinite(ends.astype(float))]
    if not len(ends):
        return None
    low, high = min(0.0, ends.min()), max(0.0, ends.max())
    room = 0.2 * (high - low) or 1.0
    return low - room, high + room


def _title(job: Job, direction: str) -> str:
    return f"{direction}, dose {numbers.dose(job.dose(direction))}"


def _add_arm(figure: go.Figure, row: pd.Series, height: int, column: int, direction: str) -> None:
    arm = str(row["arm"])
    colour, symbol = _MARKS.get(arm, _OTHER_CONTROL)
    if arm.partition(":")[0] == "edit":
        colour, symbol = look.DIRECTION_COLOURS[direction], "circle" if arm == "edit" else "circle-open"
    gain, bounds = numbers.signed(row["estimate"]), numbers.interval(row["ci_low"], row["ci_high"])
    figure.add_trace(
        go.Scatter(
            x=[row["estimate"]],
            y=[height],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 1.6, "color": colour}},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row["ci_high"] - row["estimate"]],
                "arrayminus": [row["estimate"] - row["ci_low"]],
                "color": colour,
                "thickness": 1.8,
                "width": 4,
            },
            customdata=[[look.safe(arm_name(arm)), gain, bounds, numbers.count(row["n"])]],
            hovertemplate="%{customdata[0]}<br>gain %{customdata[1]} (%{customdata[2]})"
            "<br>%{customdata[3]} questions<extra></extra>",
        ),
        row=1,
        col=column,
    )
    # On the side away from zero, where no line crosses it.
    right = row["estimate"] >= 0
    end = row[["estimate", "ci_high" if right else "ci_low"]].dropna().iloc[-1]
    figure.add_annotation(
        text=gain,
        font={"size": 12.5, "color": colour},
        x=end,
        y=height,
        xanchor="left" if right else "right",
        xshift=6 if right else -6,
        showarrow=False,
        row=1,
        col=column,
    )


def _add_draws(figure: go.Figure, rows: pd.DataFrame, height: int, column: int) -> None:
    draws = rows[rows["draw"] >= 0]
    if draws.empty:
        _add_not_run(figure, height, column)
        return
    # A low-discrepancy offset keeps dots apart and the picture the same every time.
    offsets = ((draws["draw"].to_numpy() * _GOLDEN) % 1 - 0.5) * 0.44
    figure.add_trace(
        go.Scatter(
            x=draws["estimate"].tolist(),
            y=(height + offsets).tolist(),
            mode="markers",
            marker={"color": look.faded(look.RANDOM, 0.75), "size": 6.5},
            customdata=[
                [int(draw), numbers.signed(gain)]
                for draw, gain in zip(draws["draw"], draws["estimate"], strict=True)
            ],
            hovertemplate="random draw %{customdata[0]}<br>gain %{customdata[1]}<extra></extra>",
            cliponaxis=False,
        ),
        row=1,
        col=column,
    )
    mean = float(np.mean(draws["estimate"]))
    figure.add_trace(
        go.Scatter(
            x=[mean, mean],
            y=[height - 0.32, height + 0.32],
            mode="lines",
            line={"color": look.INK, "width": 2},
            hovertemplate=f"mean of {len(draws)} random draws<br>gain {numbers.signed(mean)}<extra></extra>",
        ),
        row=1,
        col=column,
    )


def _add_not_run(figure: go.Figure, height: int, column: int) -> None:
    figure.add_annotation(
        text="not run",
        x=0,
        y=height,
        xshift=30,
        showarrow=False,
        font={"color": look.SOFT, "size": 12},
        row=1,
        col=column,
    )
