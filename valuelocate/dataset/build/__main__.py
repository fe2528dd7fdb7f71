"""`python -m valuelocate.dataset.build SET [--output FOLDER]` rebuilds a shipped set, or `all`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from valuelocate.dataset.build.banks import BANKS, bank_of
from valuelocate.dataset.build.cuts import COUNTS
from valuelocate.dataset.build.full import compose_full
from valuelocate.dataset.build.sets import build_set, write_checked
from valuelocate.dataset.build.variants import VARIANTS
from valuelocate.errors import UserError
from valuelocate.values import load_theory

logger = logging.getLogger(__name__)

_NAMED = "the set to build, or the sets of a bank"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the named set; return the exit status, 1 where a check fails."""
    parser = argparse.ArgumentParser(prog="python -m valuelocate.dataset.build", description=__doc__)
    parser.add_argument("name", choices=[*COUNTS, *VARIANTS, *BANKS, "all"], help=_NAMED)
    parser.add_argument(
        "--output", type=Path, help="folder that gets a folder a set; the shipped ones by default"
    )
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        theory = load_theory()
        for name in VARIANTS if chosen.name == "all" else {chosen.name} & {*VARIANTS}:
            write_checked(VARIANTS[name](theory), chosen.output / name if chosen.output else None)
        names = list(COUNTS) if chosen.name == "all" else BANKS.get(chosen.name, [chosen.name])
        names = [name for name in names if name not in VARIANTS]
        full = None if all(map(bank_of, names)) else compose_full(theory)
        for name in names:
            # A set of another bank composes its own.
            whole = None if bank_of(name) else full
            build_set(name, chosen.output / name if chosen.output else None, whole)
    except UserError as error:
        logger.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
