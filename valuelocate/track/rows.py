"""From the table of metrics to rows along the strength of the edit, as trackers plot them."""

from __future__ import annotations

import pandas as pd

STRENGTH = "strength"


def rows_by_strength(metrics: pd.DataFrame) -> list[dict[str, float]]:
    """Return one row a strength, in rising order; names are `split/direction/evaluator/metric/quantity/arm`.

    Another value's questions have that value as a last part of the name. An arm gives its estimate and its
    interval (`.../low`, `.../high`); an arm of several random draws the mean and the standard deviation over
    draws (`.../sd`). Rows without a strength, such as those of the prompt arm, have no place on this axis.

    Args:
        metrics: the columns of metrics.parquet.
    """
    rows: list[dict[str, float]] = []
    for strength, at_strength in metrics.dropna(subset=[STRENGTH, "estimate"]).groupby(STRENGTH, sort=True):
        row = {STRENGTH: float(strength)}
        keys = at_strength.apply(_key, axis=1)
        for key, group in at_strength.groupby(keys):
            row |= _numbers(str(key), group)
        rows.append(row)
    return rows


def _key(row: pd.Series) -> str:
    parts = [row[name] for name in ("split", "direction", "evaluator", "metric", "quantity", "arm")]
    if row["scored_value"] != row["target"]:
        parts.append(row["scored_value"])
    return "/".join(str(part) for part in parts)


def _numbers(key: str, group: pd.DataFrame) -> dict[str, float]:
    if len(group) > 1:
        return {key: float(group["estimate"].mean()), f"{key}/sd": float(group["estimate"].std())}
    numbers = {key: group["estimate"], f"{key}/low": group["ci_low"], f"{key}/high": group["ci_high"]}
    return {name: float(column.iloc[0]) for name, column in numbers.items() if column.notna().all()}
