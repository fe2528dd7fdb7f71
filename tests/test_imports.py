"""Imports look back along the line of stages only, read from the source of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "valuelocate"
STAGES = ("dataset", "model", "collect", "locate", "intervene", "evaluate", "compare", "report")
BESIDE = {"track": STAGES[:-1], "export": STAGES[:-1]}
ON_TOP = ("__init__", "api", "cli", "composition", "pipeline", "sweep", "tasks")

# `build` hands out the pipeline's job; it imports it when called, for the stages import `config`.
ALLOWED = {("config", "pipeline")}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts), path


def imported(path: Path) -> set[str]:
    """First names below the package of everything a module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("valuelocate.")}
    return found


def may_import(part: str) -> set[str] | None:
    """Stages and modules on top that a part may import; None where everything is allowed."""
    if part in ON_TOP:
        return None
    if part in BESIDE:
        return {part, *BESIDE[part]}
    return set(STAGES[: STAGES.index(part) + 1]) if part in STAGES else set()


@pytest.mark.parametrize(("name", "path"), [pytest.param(name, path, id=name) for name, path in modules()])
def test_imports_look_back(name: str, path: Path) -> None:
    part = name.split(".")[0]
    allowed = may_import(part)
    if allowed is None:
        return
    ordered = {*STAGES, *BESIDE, *ON_TOP} - {"__init__"}
    forward = {other for other in imported(path) & ordered - allowed if (part, other) not in ALLOWED}
    assert not forward, f"{name} imports {sorted(forward)}, which come after it"


def test_every_stage_is_there() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} >= {*STAGES, "track"}


def test_only_the_console_prints() -> None:
    printing = [
        name
        for name, path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []
