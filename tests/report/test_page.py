from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from valuelocate.errors import UserError
from valuelocate.report.page import write_page
from valuelocate.report.settings import ReportSettings
from valuelocate.values import Theory

SETTINGS = ReportSettings(questions=4)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}\u2028"


class Parsed(HTMLParser):
    """Tags with their attributes, and the page's text outside of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        # The library is five megabytes of nothing to see.
        self.feed(html.replace(get_plotlyjs(), ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.text += data

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", self.text)


def page(folder: Path, theory: Theory) -> Parsed:
    return Parsed(write_page(folder, theory, SETTINGS).read_text(encoding="utf-8"))


def test_a_complete_job_is_told_in_order(job: Path, theory: Theory):
    parsed = page(job, theory)
    headings = (
        "What was found",
        "The edit beside its controls",
        "Dose and response",
        "The same edit on other",
    )
    headings += ("The neurons", "Answers side by side", "The judge", "Where this comes from")
    places = [parsed.words.index(heading) for heading in headings]
    assert places == sorted(places)
    assert parsed.words.count("nats per token.") >= 1
    assert "Editing 48 neurons moved tiny's preference towards Openness to Change" in parsed.words
    for number in range(1, 6):
        assert f"Figure {number}." in parsed.words
    assert "5.23.0" in parsed.words and "0123456789abcdef" in parsed.words


def test_the_page_loads_nothing(job: Path, theory: Theory):
    parsed = page(job, theory)
    for tag, attributes in parsed.tags:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            target = attributes.get(name) or ""
            assert target == "" or target.startswith(("#", "data:")), (tag, target)
    style = re.search(r"<style>(.*?)</style>", (job / "report.html").read_text(encoding="utf-8"), re.S)
    assert style and "url(" not in style.group(1) and "@import" not in style.group(1)
    [policy] = [
        a["content"] or "" for tag, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_plotly_is_there_once(job: Path, theory: Theory):
    html = write_page(job, theory, SETTINGS).read_text(encoding="utf-8")
    assert html.count("* plotly.js v") == 1
    assert len(html) < 6_000_000


def test_text_of_models_and_data_stays_text(job_maker: Callable[..., Path], theory: Theory):
    folder = job_maker(hostile=HOSTILE)
    parsed = page(folder, theory)
    tags = [tag for tag, _ in parsed.tags]
    # The library, our script, and a block of data a picture.
    assert tags.count("script") == 2 + 5
    assert "img" not in tags
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    # Value, model, question, answer and config show what was written.
    assert parsed.text.count("<script>alert(1)</script>") > 20
    assert "{{ 7 * 7 }}" in parsed.text


def test_data_blocks_are_json(job_maker: Callable[..., Path], theory: Theory):
    html = write_page(job_maker(hostile=HOSTILE), theory, SETTINGS).read_text(encoding="utf-8")
    blocks = re.findall(r'<script type="application/json" id="data-(\w+)">(.*?)</script>', html, re.S)
    assert [name for name, _ in blocks] == ["gains", "dose", "specificity", "layers", "scores"]
    for _, block in blocks:
        assert set(json.loads(block)) >= {"data", "layout"}


def test_what_is_missing_is_said(job_maker: Callable[..., Path], theory: Theory):
    names = ("responses.jsonl", "ranking.parquet", "neurons.safetensors", "manifest.json", "config.yaml")
    parsed = page(job_maker(draws=0, away=False, judge=False, missing=names), theory)
    for words in (
        "The edit away from Openness to Change was not run.",
        "no random draws were made",
        "Not run: random neurons.",
        "No judge was run.",
        "No answers are kept with this job.",
        "The file of the selected neurons is missing.",
        "The ranking of all neurons is missing",
        "No manifest is kept with this job",
        "The job's config is missing.",
    ):
        assert words in parsed.words


def test_a_judge_that_is_not_valid_carries_no_weight(job: Path, theory: Theory):
    result = json.loads((job / "result.json").read_text(encoding="utf-8"))
    result["judge"] |= {"valid": False, "auroc_primed": 0.55}
    (job / "result.json").write_text(json.dumps(result), encoding="utf-8")
    words = page(job, theory).words
    assert (
        "not valid on this value" in words
        and "carry no weight" in words
        and "0.550" in words
        and "0.700 to 0.870" in words
    )


def test_leaks_are_a_warning_before_everything(job: Path, theory: Theory):
    result = json.loads((job / "result.json").read_text(encoding="utf-8"))
    (job / "result.json").write_text(json.dumps(result | {"leaks": ["dataset.allow_leak"]}), encoding="utf-8")
    words = page(job, theory).words
    assert words.index("Evaluation data reached locating") < words.index("Editing 48 neurons")
    assert "dataset.allow_leak" in words


def test_a_lone_surrogate_does_not_stop_the_page(job: Path, theory: Theory):
    text = (job / "responses.jsonl").read_text(encoding="utf-8").replace("The job is", "\\ud800 is")
    (job / "responses.jsonl").write_text(text, encoding="utf-8")
    assert "? is steady" in page(job, theory).words


def test_the_same_job_gives_the_same_page(job: Path, theory: Theory):
    first = write_page(job, theory, SETTINGS).read_bytes()
    assert write_page(job, theory, SETTINGS).read_bytes() == first
    assert not list(job.glob(".*"))


def test_an_unfinished_job_has_no_page(job_maker: Callable[..., Path], theory: Theory):
    with pytest.raises(UserError, match=r"result\.json"):
        write_page(job_maker(missing=["result.json"]), theory, SETTINGS)
