"""What is said, where, and by which process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from valuelocate import console


@pytest.fixture(autouse=True)
def clean_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for key in ("RANK", "LOCAL_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(key, raising=False)
    root, ours = logging.getLogger(), logging.getLogger("valuelocate")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.mark.parametrize(
    ("environment", "rank"),
    [({}, 0), ({"LOCAL_RANK": "1"}, 1), ({"RANK": "3", "LOCAL_RANK": "1"}, 3), ({"SLURM_PROCID": "2"}, 2)],
)
def test_rank_comes_from_who_started_the_process(
    environment: dict[str, str], rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert console.rank() == rank
    assert console.is_main_process() == (rank == 0)


def test_text_of_others_is_never_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("[red]no colour[/red] [/broken]")
    console.complain("[bold]x[/bold] [/broken]")
    console.show_table("[b]t[/b]", ["[c]"], [["[/cell]"]])
    out, err = capsys.readouterr()
    assert "[red]no colour[/red] [/broken]" in out
    assert "[/cell]" in out
    assert err == "error: [bold]x[/bold] [/broken]\n"


def test_long_lines_are_not_broken_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("word " * 100)
    console.complain("word " * 100)
    out, err = capsys.readouterr()
    assert out.count("\n") == err.count("\n") == 1


def test_only_the_main_process_speaks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    console.say("result")
    console.set_up_logging()
    logging.getLogger("valuelocate.x").warning("warned")
    console.complain("broken")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error (process 1): broken\n"


def test_other_libraries_speak_when_it_is_serious(capsys: pytest.CaptureFixture[str]) -> None:
    console.set_up_logging()
    console.set_up_logging()
    logging.getLogger("valuelocate.x").info("ours")
    logging.getLogger("valuelocate.x").debug("detail")
    logging.getLogger("other.library").info("theirs")
    logging.getLogger("other.library").warning("serious")
    err = capsys.readouterr().err
    assert err.count("ours") == 1
    assert "serious" in err
    assert "theirs" not in err
    assert "detail" not in err


def test_debug_tells_more(capsys: pytest.CaptureFixture[str]) -> None:
    console.set_up_logging(debug=True)
    logging.getLogger("valuelocate.x").debug("detail")
    logging.getLogger("filelock").debug("noise")
    err = capsys.readouterr().err
    assert "detail" in err
    assert "noise" not in err


def test_log_file_takes_what_the_terminal_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console.set_up_logging()
    log = tmp_path / "job" / "job.log"
    for message in ("first", "second"):
        with console.log_to(log):
            logging.getLogger("valuelocate.x").info(message)
            logging.getLogger("valuelocate.x").error("traceback", extra={"file_only": True})
    logging.getLogger("valuelocate.x").info("afterwards")
    text = log.read_text(encoding="utf-8")
    assert "first" in text
    assert "second" in text
    assert text.count("traceback") == 2
    assert "afterwards" not in text
    assert "traceback" not in capsys.readouterr().err


def test_progress_off_a_terminal_is_lines_with_rate_and_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 40.0, 40.0, 40.0, 40.0, 50.0, 50.0, 50.0, 50.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    with caplog.at_level(logging.INFO), console.progress("answering", total=100, unit="answers") as advance:
        advance(20)
        advance(80)
    assert caplog.messages == [
        "answering: 20/100 answers, 0.5 answers/s, 2 min 40 s left",
        "answering: 100/100 answers in 50 s, 2 answers/s",
    ]


def test_progress_of_nothing_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), console.progress("answering", total=0):
        pass
    assert caplog.messages == []


def test_progress_on_a_terminal_survives_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with console.progress("[/broken] title", total=3, unit="answers") as advance:
        advance(3)
    assert "[/broken] title" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (-1, "0 s")]
)
def test_clock(seconds: float, text: str) -> None:
    assert console.clock(seconds) == text
