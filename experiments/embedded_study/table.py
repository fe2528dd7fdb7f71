"""Write the table of a study's jobs, towards and away apart, as Markdown.

python experiments/embedded_study/table.py outputs/embedded > experiments/embedded_study/results.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HEAD = (
    "| value | direction | dose | gain | beyond random [95 %] | random mean (SD) | SDs above | p "
    "| prompt gain | share of prompt "
    "| specificity | fluency | verdict |\n|" + "---|" * 13
)


def rows(study: Path) -> Iterator[str]:
    """Yield a line for each finished job and direction."""
    for path in sorted(study.glob("*/result.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        for part in (result, result["away"]):
            yield line(result["value_name"], part)


def line(value: str, part: Mapping[str, Any]) -> str:
    """Return one direction of one job."""
    above = (part["gain"] - part["random_mean"]) / part["random_sd"]
    cells = [
        value,
        part["direction"],
        f"{part['strength']:g}",
        f"{part['gain']:+.4f}",
        f"{part['estimate']:+.4f} [{part['ci_low']:+.4f}, {part['ci_high']:+.4f}]",
        f"{part['random_mean']:+.4f} ({part['random_sd']:.4f})",
        f"{above:.1f}",
        f"{part['p_rank']:.3f}",
        f"{part['prompt_estimate']:+.4f}",
        f"{part['gain'] / part['prompt_estimate']:.2f}",
        f"{part['specificity']:+.4f} [{part['specificity_ci_low']:+.4f}, {part['specificity_ci_high']:+.4f}]",
        f"{part['fluency']:.2f}",
        part["verdict"],
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table of the study named on the command line."""
    print(HEAD)
    print("\n".join(rows(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
