"""The command line: one Hydra entry for `run.py` and the console script `valuelocate`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from valuelocate import console
from valuelocate.composition import (
    COMPOSITION_ERRORS,
    Composer,
    parse_overrides,
    refuse_list_choices,
    refuse_lists,
)
from valuelocate.config import check_study_name, conf_dir, register_resolvers
from valuelocate.errors import MistakesError, UserError, nearest
from valuelocate.jobs import Ended
from valuelocate.sweep import (
    close_sweep,
    default_sweep,
    record,
    refuse_script_ddp,
    refuse_swept,
    sweep_folder,
)
from valuelocate.tasks import TASKS, Invocation, JobFailedError

logger = logging.getLogger(__name__)

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
"""Exit codes: a job failed; the command line was refused before any job; Ctrl-C."""


def main() -> None:
    """Run the command line and exit: 0 all went well, 1 a job failed, 2 the command line was refused."""
    register_resolvers({name: (task.__doc__ or "").splitlines()[0] for name, task in TASKS.items()})
    console.set_up_logging()
    try:
        sys.exit(_run(sys.argv[1:]))
    except UserError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1" or "debug=true" in sys.argv:
            console.show_traceback()
        console.complain(str(error))
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        console.complain("interrupted")
        sys.exit(INTERRUPTED)


def _run(arguments: Sequence[str]) -> int:
    parsed = get_args_parser().parse_intermixed_args(list(arguments))
    composer = _composer(parsed)
    if parsed.experimental_rerun:
        raise UserError(
            "--experimental-rerun reads pickled files, which are never loaded; repeat the command instead"
        )
    if parsed.help or parsed.hydra_help or parsed.cfg or parsed.info or parsed.shell_completion:
        return _launch(composer, list(arguments), sweep=None)
    extra, sweep = _prepare(composer, parsed.overrides, multirun=parsed.multirun)
    # Hydra takes overrides in one row only, so `a=1 -m` with one added must become `-m a=1 b=2`.
    options = list(arguments)
    for override in parsed.overrides:
        options.remove(override)
    return _launch(composer, [*options, *parsed.overrides, *extra], sweep)


def _composer(parsed: argparse.Namespace) -> Composer:
    if parsed.config_path and not Path(parsed.config_path).is_absolute():
        raise UserError(
            f"--config-path {parsed.config_path}: give an absolute path, "
            "or add a folder of your own with --config-dir"
        )
    extra = Path(parsed.config_dir).absolute() if parsed.config_dir else None
    if extra and not extra.is_dir():
        raise UserError(f"--config-dir {parsed.config_dir}: no such folder")
    return Composer(Path(parsed.config_path or conf_dir()), parsed.config_name or "config", extra)


def _prepare(
    composer: Composer, arguments: Sequence[str], *, multirun: bool
) -> tuple[list[str], Path | None]:
    """Check a command line; return overrides to add to it and, for a sweep, the folder of its records."""
    overrides = parse_overrides(arguments)
    groups = composer.groups()
    refuse_lists(overrides, groups)
    composed = composer.compose_all_told(
        [_stand_in(override) for override in overrides if _has_stand_in(override)]
    )
    refuse_list_choices(composed, groups)
    if composed.task not in TASKS:
        raise UserError(
            f"task={composed.task}: no such task; {nearest(str(composed.task), TASKS)} (see --help)"
        )
    check_study_name(composed.study)
    extra = ["debug=true"] if os.environ.get("HYDRA_FULL_ERROR") == "1" else []
    if not multirun and composed.hydra.mode != RunMode.MULTIRUN:
        swept = [
            f"{override.input_line} is a sweep: add -m; a list is written key=[a,b]"
            for override in overrides
            if override.is_sweep_override()
        ]
        if swept:
            raise MistakesError(swept)
        return extra, None
    refuse_swept(overrides, composed)
    trainer = OmegaConf.select(composed, "trainer") or {}
    refuse_script_ddp(str(trainer.get("strategy")), trainer.get("devices", 1))
    folder = composed.hydra.sweep.dir if _sets(overrides, "hydra.sweep.dir") else sweep_folder(composed)
    added = default_sweep(overrides, composed)
    composer.check_choices([*overrides, *parse_overrides(added)], groups)
    return [*extra, f"hydra.sweep.dir='{folder}'", *added], Path(folder)


def _has_stand_in(override: Override) -> bool:
    return not override.is_sweep_override() or override.is_choice_sweep() or override.is_range_sweep()


def _stand_in(override: Override) -> str:
    """The override itself, or the first value of its sweep."""
    if not override.is_sweep_override():
        return str(override.input_line)
    return f"{override.get_key_element()}={next(iter(override.sweep_string_iterator()))}"


def _sets(overrides: Sequence[Override], key: str) -> bool:
    return any(override.key_or_group == key for override in overrides)


def _launch(composer: Composer, arguments: Sequence[str], sweep: Path | None) -> int:
    ends: list[Ended] = []

    def job(cfg: DictConfig) -> float:
        ends.append(run_job(cfg))
        return ends[-1].objective

    with _command_line(arguments):
        try:
            hydra.main(config_path=str(composer.folder), config_name=composer.name, version_base="1.3")(job)()
        except COMPOSITION_ERRORS as error:
            raise UserError(composer.explain(error)) from error
        finally:
            well = all(end.state != "failed" for end in ends)
            # The jobs of a sweep may have run elsewhere; what they left on disk tells how they went.
            if sweep and not close_sweep(sweep) and console.is_main_process():
                well = False
    return 0 if well else FAILED


@contextmanager
def _command_line(arguments: Sequence[str]) -> Iterator[None]:
    """Hand Hydra a command line, and have it raise its errors instead of printing them."""
    before, full_error = list(sys.argv), os.environ.get("HYDRA_FULL_ERROR")
    sys.argv[1:] = arguments
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv[:] = before
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error


def run_job(cfg: DictConfig) -> Ended:
    """Run the task of one composed config; whatever goes wrong is told and recorded, for a sweep goes on.

    Launchers may call this in a process, or on a machine, of its own.
    """
    console.set_up_logging(debug=bool(cfg.debug))
    invocation = _invocation()
    if invocation.sweep:
        logger.info("job %d: %s", invocation.number, " ".join(invocation.overrides))
    try:
        ended = TASKS[cfg.task](cfg, invocation)
    # The outermost place of a job: nothing is lost here, everything is told.
    except Exception as error:
        _tell(error, traceback=bool(cfg.debug))
        told = " ".join((str(error) or type(error).__name__).split())
        ended = Ended(name=" ".join(invocation.overrides), state="failed", error=told)
    if invocation.sweep:
        record(invocation.sweep, invocation.number, ended)
    return ended


def _invocation() -> Invocation:
    running = HydraConfig.get()
    multirun = running.mode == RunMode.MULTIRUN
    return Invocation(
        overrides=tuple(running.overrides.task),
        choices={str(group): str(choice) for group, choice in running.runtime.choices.items()},
        sweep=Path(running.sweep.dir).absolute() if multirun else None,
        number=int(running.job.num) if multirun else 0,
    )


def _tell(error: Exception, *, traceback: bool) -> None:
    ours = isinstance(error, UserError | JobFailedError)
    if traceback or not ours:
        console.show_traceback()
    console.complain(str(error) if ours else f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
