"""The look of every picture: colours that stay apart for colour-blind readers, fonts, margins."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go

INK = "#1f2328"
SOFT = "#59636e"
RULE = "#d7dce1"
TOWARDS = "#0072b2"
AWAY = "#d55e00"
PROMPT = "#009e73"
CONTROL = "#a8518a"
RANDOM = "#8c959f"
RANDOM_BAND = "rgba(140, 149, 159, 0.22)"
DIRECTION_COLOURS = {"towards": TOWARDS, "away": AWAY}
"""Blue, vermilion, green and purple after Okabe and Ito 2008."""

ZERO = {"zeroline": True, "zerolinecolor": INK, "zerolinewidth": 1, "rangemode": "tozero"}
"""An axis of gains: zero is always on it, as a line."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


def safe(text: Any) -> str:
    """Return text for use inside a picture, where plotly reads a subset of HTML and $...$ as TeX."""
    return html.escape(str(text), quote=False).replace("$", "&#36;")


def faded(colour: str, share: float) -> str:
    """Return a "#rrggbb" colour at an opacity."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {share})"


def dress(figure: go.Figure, *, height: int, **layout: Any) -> go.Figure:
    """Give a figure the common look; its width follows the page."""
    figure.update_layout(template="none", autosize=True, height=height)
    figure.update_layout(
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor="#ffffff",
        plot_bgcolor="#ffffff",
        margin={"l": 70, "r": 20, "t": 58, "b": 52},
        hoverlabel={
            "bgcolor": "#ffffff",
            "bordercolor": RULE,
            "font": {"family": FONT, "size": 12.5, "color": INK},
        },
        hovermode="closest",
        showlegend=False,
    )
    axis = {
        "gridcolor": "#eceff2",
        "linecolor": RULE,
        "tickcolor": RULE,
        "zeroline": False,
        "automargin": True,
        "title": {"font": {"size": 13, "color": SOFT}, "standoff": 10},
        "tickfont": {"size": 12.5},
    }
    figure.update_xaxes(showline=True, ticks="outside", ticklen=4, **axis)
    figure.update_yaxes(showline=False, **axis)
    figure.update_annotations(selector={"yref": "paper"}, font={"size": 14, "color": INK})
    figure.update_layout(**layout)
    return figure


def say_missing(figure: go.Figure, text: str, *, row: int = 1, col: int = 1) -> None:
    """Write into an empty panel why it is empty."""
    figure.add_trace(go.Scatter(x=[None], y=[None], hoverinfo="skip"), row=row, col=col)
    figure.add_annotation(
        text=safe(text), showarrow=False, x=0.5, y=0.5, xref="x domain", yref="y domain", row=row, col=col
    )
    figure.update_yaxes(showticklabels=False, showgrid=False, ticks="", row=row, col=col)
