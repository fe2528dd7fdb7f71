"""`python -m valuelocate.dataset.build mini [--output FOLDER]` rebuilds the shipped set from its bank."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from valuelocate.dataset.build.mini import build_mini
from valuelocate.errors import UserError

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the named set; return the exit status, 1 where a check fails."""
    parser = argparse.ArgumentParser(prog="python -m valuelocate.dataset.build", description=__doc__)
    parser.add_argument("name", choices=["mini"], help="the set to build")
    parser.add_argument("--output", type=Path, help="folder to write to; the shipped one by default")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        build_mini(chosen.output)
    except UserError as error:
        logger.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
