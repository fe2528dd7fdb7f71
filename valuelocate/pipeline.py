"""The main job, stage by stage: locate a value's neurons, edit them, hold the shift against controls."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from valuelocate.collect import Collector, TrainerSettings
from valuelocate.compare.outcome import Outcome, job_outcome
from valuelocate.compare.settings import CompareSettings
from valuelocate.console import is_main_process
from valuelocate.costs import CostMeter
from valuelocate.dataset import DatasetSource, ValueDataset
from valuelocate.dataset.paraphrase import Paraphraser
from valuelocate.errors import UserError
from valuelocate.evaluate import EvaluateSettings
from valuelocate.evaluate.arms import NeuronSets
from valuelocate.evaluate.stage import Evaluated, EvaluateStage
from valuelocate.intervene import Intervention
from valuelocate.locate import Locator, Scope, Selection
from valuelocate.locate.stage import Located, LocateStage, control_value
from valuelocate.model import LanguageModel, ModelSource
from valuelocate.model.doctor import examine, show_report
from valuelocate.report.figures import figures
from valuelocate.report.page import write_page
from valuelocate.report.settings import ReportSettings
from valuelocate.store import Store, write_atomically
from valuelocate.track.base import TrackedJob, TrackedRun, Tracker
from valuelocate.track.group import tracking
from valuelocate.track.provenance import provenance
from valuelocate.track.rows import rows_by_strength
from valuelocate.values import Theory

if TYPE_CHECKING:
    from valuelocate.config import Paths
    from valuelocate.jobs import JobFolder

logger = logging.getLogger(__name__)

RESPONSE_COLUMNS = {
    "question_id": "question_id",
    "scored_value": "value",
    "question": "question",
    "answer": "text",
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything one job is made of, built from the config."""

    theory: Theory
    value: str
    """Full id of the target."""
    dataset: DatasetSource
    model: ModelSource
    scope: Scope
    collect: Collector
    trainer: TrainerSettings
    locate: Locator
    select: Selection
    intervene: Intervention
    evaluate: EvaluateSettings
    compare: CompareSettings
    report: ReportSettings
    paraphrase: Paraphraser
    track: Sequence[Tracker]
    paths: Paths
    seed: int
    study: str


def run_study_job(job: Job, folder: JobFolder, config: Mapping[str, Any]) -> dict[str, Any]:
    """Run a job, write its artifacts into its folder, and return the content of result.json.

    The passes over the model come from the store where an earlier or interrupted job left them.

    Raises:
        UserError: a mistake of the config or the data, a model that cannot be loaded, a disk that cannot be
            written.
    """
    status = folder.status()
    tracked = TrackedJob(
        name=folder.path.name,
        hash=folder.identity.digest,
        attempt=status.attempt if status else 1,
        study=job.study,
        task="study",
        folder=folder.path,
        config=config,
        tags=(job.value, job.model.name, job.locate.id),
    )
    with tracking(job.track, tracked) as run:
        return _Study(job, folder.path, run).run()


class _Study:
    def __init__(self, job: Job, folder: Path, run: TrackedRun) -> None:
        self.job, self.folder, self.tracked = job, folder, run
        self.meter = CostMeter()
        self.store = Store(job.paths.store)

    def run(self) -> dict[str, Any]:
        job = self.job
        # Refusals that need no model come before one is loaded.
        job.evaluate.prompt_evaluators(job.intervene)
        dataset = job.dataset.load(job.theory)
        dataset.require(job.value)
        with ExitStack() as watched:
            with self.meter.stage("load"):
                lm = job.model.load()
            watched.enter_context(self.meter.watching(lm.backbone))
            located, sets = self._locate(lm, dataset)
            evaluated = self._evaluate(lm, dataset, sets)
        outcome = job_outcome(
            evaluated,
            job=self.folder.name,
            target=job.value,
            neurons=sets.target,
            edit_site=job.intervene.edit_site,
            directed=job.evaluate.directed,
            settings=job.compare,
            seed=job.seed,
        )
        return self._write(located, evaluated, outcome, sets, lm, dataset)

    def _locate(self, lm: LanguageModel, dataset: ValueDataset) -> tuple[Located, NeuronSets]:
        job = self.job
        stage = LocateStage(
            lm=lm,
            dataset=dataset,
            collector=job.collect,
            trainer=job.trainer,
            locator=job.locate,
            selection=job.select,
            scope=job.scope,
            store=self.store,
            meter=self.meter,
            seed=job.seed,
        )
        located = stage.run(job.value, how=job.intervene.selection)
        control = control_value(dataset, job.value, job.compare.other_value)
        size = len(located.neurons) // 2 * 2
        other = stage.run(control, how=job.intervene.selection, count=size).neurons if control else None
        return located, NeuronSets(target=located.neurons, shuffled=located.shuffled, other=other)

    def _evaluate(self, lm: LanguageModel, dataset: ValueDataset, sets: NeuronSets) -> Evaluated:
        job = self.job
        return EvaluateStage(
            lm=lm,
            dataset=dataset,
            value=job.value,
            intervention=job.intervene,
            settings=job.evaluate,
            draws=job.compare.draws,
            level=job.compare.level,
            resamples=job.compare.resamples,
            store=self.store,
            meter=self.meter,
            seed=job.seed,
        ).run(sets)

    def _write(
        self,
        located: Located,
        evaluated: Evaluated,
        outcome: Outcome,
        sets: NeuronSets,
        lm: LanguageModel,
        dataset: ValueDataset,
    ) -> dict[str, Any]:
        job, folder = self.job, self.folder
        result = outcome.result | {
            "value_name": job.theory.value(job.value).name,
            "locator": job.locate.id,
            "intervention": job.intervene.id,
            "model": job.model.name,
            "k_effective": sets.target.k_effective,
            "k_requested": sets.target.k_requested,
            "n_in_scope": located.scores.n_in_scope,
            "leaks": list(dataset.leaks),
        }
        manifest = provenance(seeds={"seed": job.seed}) | {
            "fingerprint": lm.fingerprint,
            "hashes": {
                "dataset": dataset.hash,
                "answers": located.collection.data_hash,
                "prompts": lm.prompts.digest(),
            },
            "collection": dict(located.collection.cost),
            "stages": self.meter.summary(),
        }
        if not is_main_process():
            return result
        write_atomically(
            folder / "ranking.parquet", lambda path: located.ranking.to_parquet(path, index=False)
        )
        write_atomically(folder / "neurons.safetensors", sets.target.save)
        write_atomically(folder / "scores.parquet", lambda path: outcome.scores.to_parquet(path, index=False))
        write_atomically(
            folder / "metrics.parquet", lambda path: outcome.metrics.to_parquet(path, index=False)
        )
        write_atomically(folder / "responses.jsonl", lambda path: _write_responses(evaluated.answers, path))
        _write_json(folder / "manifest.json", manifest)
        # The page reads files alone, so the result must lie there; status.json says when the job is done.
        _write_json(folder / "result.json", result)
        page = write_page(folder, job.theory, job.report)
        self._track(located, outcome, result, page)
        return result

    def _track(self, located: Located, outcome: Outcome, result: Mapping[str, Any], page: Path) -> None:
        run = self.tracked
        run.log_ranking(located.ranking)
        run.log_metrics(rows_by_strength(outcome.metrics))
        run.log_result(result)
        run.log_figures(figures(self.folder, self.job.theory))
        run.log_file(self.folder / "neurons.safetensors", "neurons")
        run.log_file(page, "report")


def _write_responses(answers: pd.DataFrame, path: Path) -> None:
    columns = [*RESPONSE_COLUMNS, "arm", "draw", "direction", "strength"]
    rows = answers[columns].rename(columns=RESPONSE_COLUMNS) if len(answers) else pd.DataFrame()
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows.to_dict("records")):
            file.write(json.dumps({"id": f"answer-{number}", **row}, ensure_ascii=False) + "\n")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(dict(content), indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: _write_text(temporary, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def doctor(job: Job) -> None:
    """Print how the job's model is handled: its architecture, contract, prompts and what is ignored.

    Raises:
        UserError: the model is not handled rightly; the printed table says where.
    """
    report = examine(job.model.load(check=False))
    show_report(report)
    if not report.ok:
        raise UserError(
            f"model.path: '{job.model.name}' is not handled rightly; see the rows above that are not ok"
        )
