"""The terminal: results, messages, logging, progress. Nothing else in the package prints."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

logger = logging.getLogger(__name__)

_RANK_KEYS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
_LINE_SECONDS = 30.0
_PLAIN_WIDTH = 160
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_HANDLER_NAME = "valuelocate"

_CHATTY = ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.rank_zero")
"""Lightning gives its own logger a handler when it is imported; these are the ones that speak through it."""

Advance = Callable[[int], None]
"""Tells a progress display how many more units are done."""


def rank() -> int:
    """Return this process's number among those that share a job: torch's, torchrun's or Slurm's; else 0."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    for key in _RANK_KEYS:
        if os.environ.get(key, "").isdigit():
            return int(os.environ[key])
    return 0


def is_main_process() -> bool:
    """Return whether this process is the one that speaks and writes the job's files."""
    return rank() == 0


def output() -> Console:
    """Return the console of results (standard output); silent in every process but the main one."""
    return _console(stderr=False)


def messages() -> Console:
    """Return the console of messages and progress (standard error); silent as `output` is."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, quiet=not is_main_process(), highlight=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, quiet=console.quiet, highlight=False, width=_PLAIN_WIDTH)
    )


def say(text: str) -> None:
    """Print a line of results as it is, without reading markup in it."""
    output().print(text, markup=False, soft_wrap=True)


def complain(text: str) -> None:
    """Print an error message; a process that is not the main one names its rank."""
    console = Console(stderr=True, highlight=False)
    head = "error" if is_main_process() else f"error (process {rank()})"
    console.print(f"[bold red]{head}:[/] {escape(text)}", soft_wrap=True)


def show_traceback() -> None:
    """Print the traceback of the exception being handled."""
    Console(stderr=True).print_exception(width=120)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table of results; cells are shown as they are."""
    table = Table(title=escape(title), title_justify="left")
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    output().print(table)


def show(renderable: RenderableType) -> None:
    """Print a rich table or text among the results."""
    output().print(renderable)


def set_up_logging(*, debug: bool = False) -> None:
    """Send log records to standard error: rich on a terminal, plain lines elsewhere; safe to call again.

    Records of other libraries below warning are left out; all processes but the main one tell errors only.
    A record with `extra={"file_only": True}` goes to a job's log and not to the terminal.
    """
    console = messages()
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=debug, rich_tracebacks=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_FORMAT))
    handler.set_name(_HANDLER_NAME)
    handler.addFilter(_ours_or_serious)
    handler.addFilter(_not_for_file_only)
    if not is_main_process():
        handler.setLevel(logging.ERROR)
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER_NAME]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("valuelocate").setLevel(logging.DEBUG if debug else logging.INFO)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.INFO if debug else logging.WARNING)


def _ours_or_serious(record: logging.LogRecord) -> bool:
    return record.name.startswith("valuelocate") or record.levelno >= logging.WARNING


def _not_for_file_only(record: logging.LogRecord) -> bool:
    return not getattr(record, "file_only", False)


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Copy log records into a file, appending to it; the main process only."""
    if not is_main_process():
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.addFilter(_ours_or_serious)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


@contextmanager
def progress(title: str, *, total: int | None = None, unit: str = "items") -> Iterator[Advance]:
    """Show how far a loop is, with rate and time left: a bar on a terminal, log lines elsewhere.

    Yields a function that takes how many more units are done. The last line, with the rate, is logged.
    """
    lines = _Lines(title, total, unit)
    console = messages()
    if not console.is_terminal or console.quiet:
        try:
            yield lines.advance
        finally:
            lines.end()
        return
    rate = TextColumn("{task.fields[rate]}")
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        rate,
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=total, rate="")

        def advance(count: int) -> None:
            lines.count(count)
            bar.update(task, advance=count, rate=lines.rate())

        try:
            yield advance
        finally:
            lines.end()


class _Lines:
    """Progress as log lines."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self.title, self.total, self.unit, self.done = title, total, unit, 0
        self.started = self.told = time.monotonic()

    def count(self, count: int) -> None:
        self.done += count

    def advance(self, count: int) -> None:
        self.count(count)
        if time.monotonic() - self.told >= _LINE_SECONDS:
            self.told = time.monotonic()
            logger.info("%s: %s, %s%s", self.title, self._share(), self.rate(), self._left())

    def end(self) -> None:
        if self.done:
            logger.info(
                "%s: %s in %s, %s",
                self.title,
                self._share(),
                clock(time.monotonic() - self.started),
                self.rate(),
            )

    def rate(self) -> str:
        return f"{self._speed():.3g} {self.unit}/s"

    def _speed(self) -> float:
        return self.done / max(time.monotonic() - self.started, 1e-9)

    def _share(self) -> str:
        return f"{self.done} {self.unit}" if self.total is None else f"{self.done}/{self.total} {self.unit}"

    def _left(self) -> str:
        if self.total is None or not self.done:
            return ""
        return f", {clock((self.total - self.done) / self._speed())} left"


def clock(seconds: float) -> str:
    """Return a duration as people read it: 8 s, 3 min 20 s, 2 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
