"""Small components, a config folder of them beside the real root config, and a pipeline without a model."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Literal

import pandas as pd
import pytest
import yaml

from valuelocate import cli
from valuelocate.config import conf_dir
from valuelocate.errors import UserError
from valuelocate.jobs import JobFolder, read_status

HERE = "tests.fake_study"


@dataclass(frozen=True, kw_only=True)
class FakeDataset:
    name: str = "mini"
    neg_kinds: tuple[str, ...] = ("absence",)

    def load(self, theory: Any) -> Any:
        return SimpleNamespace(hash=f"rows of {self.name}")


@dataclass(frozen=True, kw_only=True)
class FakeModel:
    name: str
    path: str = "here"
    max_new_tokens: int = 8

    def fingerprint(self) -> str:
        if self.path == "missing":
            raise UserError("model.path=missing: no such folder")
        return f"files in {self.path}"


@dataclass(frozen=True, kw_only=True)
class FakePart:
    size: int = 1
    inner: FakePart | None = None


@dataclass(frozen=True, kw_only=True)
class FakeTrainer:
    devices: int = 1
    strategy: str = "auto"


@dataclass(frozen=True, kw_only=True)
class FakeLocator:
    outcome: Literal["fine", "user_error", "crash", "interrupt"] = "fine"


@dataclass(frozen=True, kw_only=True)
class FakeIntervention:
    strength: float | Literal["dev"] = 1.0

    def __post_init__(self) -> None:
        if self.strength != "dev" and self.strength <= 0:
            raise UserError(f"intervene.strength={self.strength}: must be above 0")


@dataclass(frozen=True, kw_only=True)
class FakeEvaluator:
    name: str


@dataclass(frozen=True, kw_only=True)
class FakeEvaluate:
    strengths: tuple[float, ...]
    max_new_tokens: int
    calibration_questions: int
    batch_size: int
    evaluators: dict[str, FakeEvaluator]


@dataclass(frozen=True, kw_only=True)
class FakeCompare:
    draws: int = 19
    resamples: int = 100
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FakeTracker:
    mode: str = "offline"


@dataclass(frozen=True, kw_only=True)
class FakeJob:
    theory: Any
    value: str
    dataset: FakeDataset
    model: FakeModel
    scope: FakePart
    collect: FakePart
    trainer: FakeTrainer
    locate: FakeLocator
    select: FakePart
    intervene: FakeIntervention
    evaluate: FakeEvaluate
    compare: FakeCompare
    track: list[FakeTracker]
    report: FakePart
    paraphrase: Any
    seed: int
    study: str
    paths: Any


GROUPS: dict[str, dict[str, dict[str, Any]]] = {
    "theory": {"schwartz": {"_target_": "valuelocate.values.load_theory", "name": "schwartz"}},
    "dataset": {"mini": {"_target_": f"{HERE}.FakeDataset", "name": "mini", "neg_kinds": ["absence"]}},
    "model": {
        "tiny": {"_target_": f"{HERE}.FakeModel", "name": "tiny", "path": "here"},
        "qwen": {"_target_": f"{HERE}.FakeModel", "name": "qwen", "path": "there"},
        "lost": {"_target_": f"{HERE}.FakeModel", "name": "lost", "path": "missing"},
    },
    "scope": {"all": {"_target_": f"{HERE}.FakePart", "size": 1}},
    "collect": {"default": {"_target_": f"{HERE}.FakePart", "size": 1, "inner": None}},
    "trainer": {
        "default": {"_target_": f"{HERE}.FakeTrainer", "devices": 1, "strategy": "auto"},
        "script": {"_target_": f"{HERE}.FakeTrainer", "devices": 2, "strategy": "ddp"},
    },
    "locate": {
        "valuelocate": {"_target_": f"{HERE}.FakeLocator", "outcome": "fine"},
        "mean_diff": {"_target_": f"{HERE}.FakeLocator", "outcome": "fine"},
        "wrong": {"_target_": f"{HERE}.FakeLocator", "outcome": "user_error"},
        "broken": {"_target_": f"{HERE}.FakeLocator", "outcome": "crash"},
    },
    "select": {"share": {"_target_": f"{HERE}.FakePart", "size": 1}},
    "intervene": {"valuelocate": {"_target_": f"{HERE}.FakeIntervention", "strength": 1.0}},
    "evaluate": {
        name: {"_target_": f"{HERE}.FakeEvaluator", "name": name}
        for name in ("preference", "judge", "fluency")
    },
    "compare": {
        "default": {
            "_target_": f"{HERE}.FakeCompare",
            "draws": 19,
            "resamples": 9,
            "methods": ["valuelocate", "mean_diff"],
        }
    },
    "track": {
        "wandb": {"_target_": f"{HERE}.FakeTracker", "mode": "offline"},
        "none": {"_target_": f"{HERE}.FakeTracker"},
    },
    "report": {"default": {"_target_": f"{HERE}.FakePart", "size": 1}},
    "paraphrase": {"none": {"_target_": "valuelocate.dataset.paraphrase.NoParaphraser"}},
}

PACKAGES = {"evaluate": "evaluate.evaluators", "track": "track"}


def write_conf(folder: Path) -> Path:
    """Write the real root config and experiments beside groups of fake components."""
    real = conf_dir()
    root = (real / "config.yaml").read_text(encoding="utf-8")
    folder.mkdir()
    root = root.replace("valuelocate.evaluate.settings.EvaluateSettings", f"{HERE}.FakeEvaluate")
    (folder / "config.yaml").write_text(root, encoding="utf-8")
    (folder / "experiment").mkdir()
    for path in (real / "experiment").glob("*.yaml"):
        (folder / "experiment" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    for group, members in GROUPS.items():
        (folder / group).mkdir()
        for name, node in members.items():
            head = f"# @package {PACKAGES[group]}.{name}\n" if group in PACKAGES else ""
            (folder / group / f"{name}.yaml").write_text(head + yaml.safe_dump(node), encoding="utf-8")
    return folder


class FakePipeline(ModuleType):
    """Stands for valuelocate.pipeline and remembers the jobs it ran."""

    Job = FakeJob

    def __init__(self) -> None:
        super().__init__("valuelocate.pipeline")
        self.ran: list[FakeJob] = []
        self.checked: list[FakeJob] = []

    def run_study_job(self, job: FakeJob, folder: JobFolder, config: dict[str, Any]) -> dict[str, Any]:
        self.ran.append(job)
        status = folder.status()
        assert status is not None
        assert status.state == "running"
        assert config["value"] == job.value
        if job.locate.outcome == "user_error":
            raise UserError("select.size=1: too few neurons")
        if job.locate.outcome == "crash":
            raise RuntimeError("tensors do not fit")
        if job.locate.outcome == "interrupt":
            raise KeyboardInterrupt
        result = {"target": job.value, "estimate": float(job.intervene.strength)}
        (folder.path / "result.json").write_text(json.dumps(result), encoding="utf-8")
        return result

    def doctor(self, job: FakeJob) -> None:
        self.checked.append(job)


def write_study(study: Path) -> Path:
    """Write the status of every job, as study.parquet does among other things."""
    folders = [folder for folder in sorted(study.iterdir()) if (folder / "status.json").is_file()]
    rows = [
        {"job": folder.name, "state": status.state} for folder in folders if (status := read_status(folder))
    ]
    pd.DataFrame(rows, columns=["job", "state"]).to_parquet(study / "study.parquet")
    return study / "study.parquet"


def write_study_page(study: Path) -> Path:
    (study / "compare.html").write_text("<html></html>", encoding="utf-8")
    return study / "compare.html"


class Launched:
    """What a command line did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


class Entry:
    """Calls the command line in this process, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        pipeline: FakePipeline,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ):
        self.folder, self.pipeline, self._capsys, self._monkeypatch = folder, pipeline, capsys, monkeypatch

    def __call__(self, *arguments: str) -> Launched:
        self._monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        out, err = self._capsys.readouterr()
        assert isinstance(exit_info.value.code, int)
        return Launched(exit_info.value.code, out, err)

    def jobs(self, study: str = "default") -> dict[str, str]:
        """State by name of the job folders of a study."""
        found = (self.folder / "outputs" / study).glob("*/status.json")
        return {
            path.parent.name: status.state for path in sorted(found) if (status := read_status(path.parent))
        }


def make_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Entry:
    """Set a command line up on fake components."""
    conf = write_conf(tmp_path / "conf")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(cli, "conf_dir", lambda: conf)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    pipeline = FakePipeline()
    study, page, terminal = (ModuleType(name) for name in ("study", "study_page", "terminal"))
    study.write_study = write_study  # type: ignore[attr-defined]
    page.write_study_page = write_study_page  # type: ignore[attr-defined]
    terminal.headline_table = lambda result: f"estimate {result['estimate']}"  # type: ignore[attr-defined]
    terminal.study_table = lambda frame: frame.to_string()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "valuelocate.pipeline", pipeline)
    monkeypatch.setitem(sys.modules, "valuelocate.compare.study", study)
    monkeypatch.setitem(sys.modules, "valuelocate.report.study_page", page)
    monkeypatch.setitem(sys.modules, "valuelocate.report.terminal", terminal)
    return Entry(work, pipeline, capsys, monkeypatch)
