"""What a result was made with: versions, commit, hardware, seeds; no host name, user name or environment."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = (
    "accelerate",
    "hydra-core",
    "lightning",
    "numpy",
    "pandas",
    "safetensors",
    "scikit-learn",
    "scipy",
    "tokenizers",
    "torch",
    "torchmetrics",
    "transformers",
    "valuelocate",
)
"""The packages whose version can change a number."""

_CHECKOUT = Path(__file__).resolve().parents[2]
_GIT_SECONDS = 20


def provenance(*, seeds: Mapping[str, int]) -> dict[str, Any]:
    """Return versions, commit, hardware and seeds as JSON-like data, for a job's manifest.

    Args:
        seeds: every seed of the job by name.
    """
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "code": code_state(_CHECKOUT),
        "platform": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
        },
        "hardware": hardware(),
        "seeds": dict(seeds),
    }


def hardware() -> dict[str, Any]:
    """Return processor, usable cores, torch's threads, memory in bytes, and accelerators."""
    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "torch_threads": torch.get_num_threads(),
        "memory_bytes": _memory_bytes(),
        "accelerators": _accelerators(),
        "cuda": torch.version.cuda,
    }


def code_state(checkout: Path) -> dict[str, Any]:
    """Return the commit of a git checkout and whether files differ from it; both None outside of one.

    Only a repository rooted at exactly this folder counts: a package installed somewhere below another
    project's repository must not report that project's commit.
    """
    unknown = {"commit": None, "dirty": None}
    root = _git(checkout, "rev-parse", "--show-toplevel")
    commit = _git(checkout, "rev-parse", "--verify", "HEAD")
    if root is None or commit is None or Path(root).resolve() != checkout.resolve():
        return unknown
    changes = _git(checkout, "status", "--porcelain")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    # GIT_DIR and its like, set where we run inside a git hook, would point git at another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory_bytes() -> int | None:
    names = getattr(os, "sysconf_names", {})
    if "SC_PAGE_SIZE" not in names or "SC_PHYS_PAGES" not in names:
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _accelerators() -> list[dict[str, Any]]:
    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return [{"name": device.name, "memory_bytes": device.total_memory} for device in found]
    if torch.backends.mps.is_available():
        return [{"name": "mps", "memory_bytes": None}]
    return []
