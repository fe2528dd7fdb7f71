"""The pages in a real browser without a network: no errors, every picture drawn, tables that sort."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from valuelocate.compare.study import write_study
from valuelocate.report.page import write_page
from valuelocate.report.settings import ReportSettings
from valuelocate.report.study_page import write_study_page
from valuelocate.values import Theory

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt install chromium)"),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
    # Nothing resolves and nothing is reached: a page that needs a network would show it.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
)


def browse(page: Path, profile: Path) -> tuple[str, list[str]]:
    """Return the page's final content and what it wrote to the console."""
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def drawn(content: str) -> dict[str, bool]:
    """Return for each picture whether the browser made its axes and marks."""
    holders = re.split(r'<div data-figure="data-', content)[1:]
    return {holder.split('"')[0]: "main-svg" in holder and "cartesianlayer" in holder for holder in holders}


def test_the_page_of_a_job_draws_everything(job: Path, theory: Theory, tmp_path: Path):
    content, console = browse(write_page(job, theory, ReportSettings()), tmp_path / "profile")
    assert console == []
    assert drawn(content) == dict.fromkeys(("gains", "dose", "specificity", "layers", "scores"), True)


def test_hostile_text_does_nothing(job_maker: Callable[..., Path], theory: Theory, tmp_path: Path):
    hostile = (
        "</script><script>console.error('ran')</script><img src=x onerror=\"console.error('ran')\">$x$%{y}"
    )
    folder = job_maker(hostile=hostile)
    content, console = browse(write_page(folder, theory, ReportSettings()), tmp_path / "profile")
    assert console == []
    assert "<img" not in content
    assert all(drawn(content).values())


def test_a_poor_job_draws_what_it_has(job_maker: Callable[..., Path], theory: Theory, tmp_path: Path):
    missing = ("responses.jsonl", "ranking.parquet", "neurons.safetensors", "manifest.json", "config.yaml")
    folder = job_maker(draws=0, away=False, judge=False, missing=missing)
    content, console = browse(write_page(folder, theory, ReportSettings()), tmp_path / "profile")
    assert console == []
    assert drawn(content) == dict.fromkeys(("gains", "dose", "specificity"), True)


def test_the_page_of_a_study_draws_its_picture(study: Path, tmp_path: Path):
    write_study(study)
    content, console = browse(write_study_page(study), tmp_path / "profile")
    assert console == []
    assert drawn(content) == {"study": True}


def test_a_table_sorts_by_number_with_the_missing_last(tmp_path: Path):
    script = (files("valuelocate.report") / "templates" / "page.js").read_text(encoding="utf-8")
    cells = "".join(f'<tr><td data-key="{key}">{key or "-"}</td></tr>' for key in ("2", "", "10", "-1"))
    read = "document.title += [...document.querySelectorAll('td')].map(c => c.textContent).join(' ') + ';'"
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><title></title><table class=sortable><thead><tr><th><button>a</button></th></tr>"
        "</thead>"
        f"<tbody>{cells}</tbody></table><script>{script}</script><script>"
        f"const b = document.querySelector('button'); b.click(); {read}; b.click(); {read};</script>",
        encoding="utf-8",
    )
    content, console = browse(page, tmp_path / "profile")
    assert console == []
    assert "<title>-1 2 10 -;10 2 -1 -;</title>" in content
