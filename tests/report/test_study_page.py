from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from valuelocate.compare.study import study_frame, write_study
from valuelocate.errors import UserError
from valuelocate.report.study_page import write_study_page
from valuelocate.report.study_rows import by_gain, labels, study_rows


def page(study: Path) -> str:
    write_study(study)
    return write_study_page(study).read_text(encoding="utf-8")


def markup(html: str) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.S)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup(html)))


def test_methods_by_values_with_failures_listed(study: Path):
    html = page(study)
    text = words(html)
    assert "7 jobs: 6 done, 1 failed" in text
    for name in ("valuelocate", "mean_diff", "random_matched", "Openness to Change", "Conservation"):
        assert name in text
    assert "locate.batch_size=0: expected at least 1" in text
    assert html.count("* plotly.js v") == 1


def test_jobs_with_a_page_are_linked_and_no_others(study: Path):
    folder = sorted(path for path in study.iterdir() if path.is_dir())[0]
    (folder / "report.html").write_text("", encoding="utf-8")
    assert set(re.findall(r'<a href="([^"]*)"', markup(page(study)))) == {f"{folder.name}/report.html"}


def test_a_folder_name_cannot_break_out_of_its_link(job_maker: Callable[..., Path]):
    folder = job_maker('a"b<c #1')
    (folder / "report.html").write_text("", encoding="utf-8")
    html = markup(page(folder.parent))
    assert 'href="a%22b%3Cc%20%231/report.html"' in html
    assert "b<c" not in html


def test_one_job_is_a_study_without_a_grid(job: Path):
    text = words(page(job.parent))
    assert "1 job: 1 done" in text
    assert "Holm's correction" not in text and "Every job" in text


def test_nothing_but_failures_has_a_page_without_pictures(job: Path):
    status = {"state": "failed", "error": "<script>alert(1)</script>", "attempt": 1}
    (job / "status.json").write_text(json.dumps(status), encoding="utf-8")
    html = page(job.parent)
    assert "No job of this study has a result yet." in html
    assert "plotly.js" not in html and "<script>alert" not in html and "&lt;script&gt;alert(1)" in html


def test_too_few_draws_for_the_number_of_jobs_is_said(job_maker: Callable[..., Path]):
    for name, locator in (("a", "valuelocate"), ("b", "mean_diff")):
        folder = job_maker(name, locator=locator, draws=19)
    text = words(page(folder.parent))
    assert "compare.draws=39" in text
    assert "4 more results would count as moved if taken alone" in text
    assert "moved only if taken alone" in text


def test_forty_jobs_fit_one_page(job: Path):
    write_study(job.parent)
    one = pd.read_parquet(job.parent / "study.parquet")
    names = [f"method_{number % 10}" for number in range(40)]
    many = pd.concat([one] * 40, ignore_index=True)
    many["job"], many["locate"] = [f"job-{number}" for number in range(40)], names
    many["value"] = many["value_name"] = [f"value {number // 10}" for number in range(40)]
    many.to_parquet(job.parent / "study.parquet", index=False)
    text = words(write_study_page(job.parent).read_text(encoding="utf-8"))
    assert all(text.count(name) >= 9 for name in names)


def test_labels_tell_jobs_apart(job_maker: Callable[..., Path]):
    for number, override in enumerate(("select.share=0.01", "select.share=0.02", "study=x")):
        folder = job_maker(f"job-{number}aa")
        status = {"state": "done", "error": None, "attempt": 1, "overrides": ["locate=mean_diff", override]}
        (folder / "status.json").write_text(json.dumps(status), encoding="utf-8")
    frame = study_frame(folder.parent)
    assert labels(frame) == ["mean_diff, select.share=0.01", "mean_diff, select.share=0.02", "mean_diff"]
    frame["overrides"] = ""
    assert labels(frame) == ["mean_diff (0aa)", "mean_diff (1aa)", "mean_diff (2aa)"]


def test_differing_choices_are_part_of_the_label_but_the_value_is_not(study: Path):
    frame = study_frame(study)
    frame["seed"] = [float(number) for number in range(len(frame))]
    frame["strength_asked"] = "dev"
    assert labels(frame)[0] == "mean_diff, seed 0"


def test_methods_are_ordered_by_their_mean_gain(study: Path):
    assert by_gain(study_rows(study_frame(study))) == ["valuelocate", "mean_diff", "random_matched"]


def test_a_study_without_its_table_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="task=compare"):
        write_study_page(tmp_path)
    (tmp_path / "study.parquet").write_text("no", encoding="utf-8")
    with pytest.raises(UserError, match="not readable"):
        write_study_page(tmp_path)
