"""The project's own files agree with each other, and an installed wheel runs by itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGE_DATA = (
    "theories/schwartz.yaml",
    "dataset/data/mini/",
    "dataset/data/small/",
    "dataset/data/full/",
    "dataset/data/seeds/",
    "dataset/data/lexicons/",
    "model/tiny/",
    "report/templates/",
    "_conf/config.yaml",
)


def pins() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_lock_pins_versions_and_nothing_else() -> None:
    assert [line for line in pins() if not re.fullmatch(r"[a-z0-9-]+==[A-Za-z0-9.]+", line)] == []
    # A local version or a range would make pip take the builds with CUDA where the processor's would do.
    assert "torch==2.13.0" in pins()


def test_lock_holds_what_the_project_asks_for() -> None:
    pinned = dict(line.split("==") for line in pins())
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, [*asked, *PROJECT["build-system"]["requires"]]):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_one_version_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_make_help_lists_every_command() -> None:
    commands = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    # Run by `make test`, this make would say that it enters a directory.
    command = ["make", "--no-print-directory", "help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in told.splitlines()} == commands
    assert commands == {"help", "setup", "demo", "test", "test-all", "check", "format", "bench"}


def test_console_script_is_the_entry() -> None:
    (script,) = PROJECT["project"]["scripts"].items()
    assert script == ("valuelocate", "valuelocate.cli:main")
    installed = [entry for entry in entry_points(group="console_scripts") if entry.name == "valuelocate"]
    if not installed:
        pytest.skip("the package runs from a checkout that is not installed (make setup installs it)")
    assert callable(installed[0].load())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    run([*build, "--outdir", str(folder), str(ROOT)], folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel in it, to be put before this environment's packages."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    run([*pip, "--no-deps", "--target", str(folder), str(wheel)], folder)
    return folder


def run(command: list[str], folder: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "PYTHON"))}
    # Progress and warnings go to standard error and are told when the command fails.
    done = subprocess.run(
        command, cwd=folder, env=kept | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@pytest.mark.slow
def test_wheel_holds_the_package_its_data_and_its_config(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for data in PACKAGE_DATA:
        assert [name for name in names if name.startswith(f"valuelocate/{data}")], data
    shipped = {path.relative_to(ROOT / "conf").as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
    assert {name.removeprefix("valuelocate/_conf/") for name in names if "/_conf/" in name} == shipped
    folders = {name.split("/")[0] for name in names}
    assert folders == {"valuelocate", f"valuelocate-{PROJECT['project']['version']}.dist-info"}
    assert [name for name in names if name.endswith(("licenses/LICENSE", "licenses/LICENSE-DATA"))]


@pytest.mark.slow
def test_installed_wheel_reads_its_own_config(installed: Path, tmp_path: Path) -> None:
    script = "import valuelocate.config as c; print(c.__file__); print(c.conf_dir())"
    told = run([sys.executable, "-c", script], tmp_path, PYTHONPATH=str(installed)).split()
    assert [Path(line) for line in told] == [
        installed / "valuelocate" / "config.py",
        installed / "valuelocate" / "_conf",
    ]


@pytest.mark.slow
def test_checkout_reads_the_config_beside_the_package(tmp_path: Path) -> None:
    script = "from valuelocate.config import conf_dir; print(conf_dir())"
    assert Path(run([sys.executable, "-c", script], tmp_path, PYTHONPATH=str(ROOT)).strip()) == ROOT / "conf"


@pytest.mark.slow
def test_installed_wheel_runs_the_main_job_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(installed), "HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    work = tmp_path / "work"
    work.mkdir()
    run([str(installed / "bin" / "valuelocate"), "experiment=quick"], work, **environment)
    assert {path.name for path in work.iterdir()} == {"outputs"}
    (status,) = (work / "outputs" / "quick").glob("*/status.json")
    assert json.loads(status.read_text(encoding="utf-8"))["state"] == "done"
    job = {path.name for path in status.parent.iterdir()}
    assert {"config.yaml", "manifest.json", "neurons.safetensors", "result.json", "report.html"} <= job
