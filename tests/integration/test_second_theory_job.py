"""A whole job over another theory than the default, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
FOUNDATIONS = {"care", "equality", "proportionality", "loyalty", "authority", "purity"}


@pytest.mark.slow
def test_a_quick_job_on_the_embedded_model_runs_to_its_report(tmp_path: Path) -> None:
    words = ["experiment=quick", "dataset=moral_foundations", "value=loyalty", "track=none"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [folder] = [path.parent for path in tmp_path.glob("outputs/quick/*/result.json")]
    assert json.loads((folder / "status.json").read_text())["state"] == "done"
    result = json.loads((folder / "result.json").read_text())
    assert (result["target"], result["value_name"], result["n"]) == ("loyalty", "Loyalty", 18)
    assert result["judge"]["auroc_dev_n"] and result["leaks"] == []
    scores = pd.read_parquet(folder / "scores.parquet")
    assert set(scores["scored_value"]) == FOUNDATIONS
    assert "other_value" in set(scores["arm"])
    assert "theory's circle" not in (folder / "report.html").read_text(encoding="utf-8")
