"""From the composed config to a job of built components; the config itself goes no further than this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from valuelocate.components import TARGET, Assembly
from valuelocate.errors import UserError
from valuelocate.values import Theory

if TYPE_CHECKING:
    from valuelocate.pipeline import Job

LIST_GROUPS = ("evaluate", "track")
"""Groups of which several members hold at once, each file under its own key; any other is one choice."""

COMPONENTS = (
    "theory",
    "dataset",
    "model",
    "scope",
    "collect",
    "trainer",
    "locate",
    "select",
    "intervene",
    "evaluate",
    "compare",
    "report",
    "paraphrase",
)
"""Root keys that each hold one component."""

_STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@runtime_checkable
class AdmitsValues(Protocol):
    """A dataset that may hold values of one level only."""

    def admit(self, value_id: str, theory: Theory) -> None:
        """Refuse a value that the dataset is not about."""


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where results and the store live; a relative path starts at the folder of the launch."""

    outputs: Path
    """Holds a folder a study."""
    store: Path
    """Holds the content-addressed store; studies may share it."""

    def __post_init__(self) -> None:
        for name in ("outputs", "store"):
            object.__setattr__(self, name, Path(getattr(self, name)).expanduser().absolute())


def conf_dir() -> Path:
    """Return the folder of the shipped config: the checkout's `conf`, else the one inside the package.

    Raises:
        UserError: neither is there, so the installation is broken.
    """
    package = Path(__file__).resolve().parent
    checkout = package.parent
    # run.py tells the checkout from a stranger's `conf` beside an installed package.
    if (checkout / "conf" / "config.yaml").is_file() and (checkout / "run.py").is_file():
        return checkout / "conf"
    if (package / "_conf" / "config.yaml").is_file():
        return package / "_conf"
    raise UserError(
        f"no config found: neither {checkout / 'conf'} nor {package / '_conf'} holds config.yaml; "
        "install valuelocate again"
    )


def register_resolvers(tasks: Mapping[str, str]) -> None:
    """Register what the shipped config interpolates with: `valuelocate.tasks`, the task lines of --help.

    Args:
        tasks: what each task does, by its name.
    """
    lines = "\n".join(f"  {name:<10}{does}" for name, does in tasks.items())
    OmegaConf.register_new_resolver("valuelocate.tasks", lambda: lines, replace=True)


def check_study_name(study: Any) -> None:
    """Refuse a study that is no plain folder name.

    Raises:
        UserError: names the rule.
    """
    if not isinstance(study, str) or not _STUDY_NAME.fullmatch(study):
        raise UserError(f"study={study}: expected a folder name of letters, digits, '.', '_' and '-'")


def resolve(cfg: DictConfig) -> dict[str, Any]:
    """Return the config as plain Python with every interpolation resolved, without Hydra's own node.

    Raises:
        UserError: an interpolation leads nowhere, or a key that must be given is not.
    """
    try:
        ours = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
        plain = OmegaConf.to_container(ours, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        told = (str(error.msg) or type(error).__name__).split("\n")[0]
        raise UserError(f"{error.full_key or 'config'}: {told}") from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def validate(config: Mapping[str, Any]) -> None:
    """Bind and build every component of a resolved config, and drop them again; no model is loaded.

    Raises:
        MistakesError: what is wrong, all at once, each with its config key.
    """
    _assemble(config)


def build(cfg: DictConfig | Mapping[str, Any]) -> Job:
    """Return the job a config describes; no model and no dataset is loaded.

    Raises:
        MistakesError: what is wrong with the config, all at once, each with its config key.
    """
    parts = _assemble(resolve(cfg) if isinstance(cfg, DictConfig) else cfg)
    # The pipeline imports the stages, and the stages import this module.
    from valuelocate.pipeline import Job

    return Job(**parts)


def _assemble(config: Mapping[str, Any]) -> dict[str, Any]:
    assembly = Assembly()
    config = _without_orphans(config, assembly)
    parts = {name: assembly.component(config.get(name), name) for name in COMPONENTS}
    parts["track"] = [
        assembly.component(node, f"track.{name}") for name, node in (config.get("track") or {}).items()
    ]
    parts["paths"] = assembly.build({TARGET: f"{__name__}.Paths", **(config.get("paths") or {})}, "paths")
    parts |= _root_values(config, parts["theory"], parts.get("dataset"), assembly)
    assembly.check("the config has mistakes:")
    return parts


def _without_orphans(config: Mapping[str, Any], assembly: Assembly) -> dict[str, Any]:
    """Tell of settings whose evaluator is not selected, and leave them out so as to tell of them once."""
    settings = config.get("evaluate")
    if not isinstance(settings, Mapping) or not isinstance(settings.get("evaluators"), Mapping):
        return dict(config)
    kept = {
        name: node
        for name, node in settings["evaluators"].items()
        if assembly.selected(node, f"evaluate.evaluators.{name}")
    }
    return {**config, "evaluate": {**settings, "evaluators": kept}}


def _root_values(config: Mapping[str, Any], theory: Any, dataset: Any, assembly: Assembly) -> dict[str, Any]:
    value, study, seed = (config.get(key) for key in ("value", "study", "seed"))
    if not isinstance(value, str) or not value:
        assembly.mistakes.append(
            f"value={value}: expected the name of one value; a sweep is -m value=openness,conservation"
        )
    elif isinstance(theory, Theory):
        try:
            value = theory.resolve(value).id
            if isinstance(dataset, AdmitsValues):
                dataset.admit(value, theory)
        except UserError as error:
            assembly.mistakes.append(str(error))
    try:
        check_study_name(study)
    except UserError as error:
        assembly.mistakes.append(str(error))
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        assembly.mistakes.append(f"seed={seed}: expected a whole number of at least 0")
    return {"value": value, "study": study, "seed": seed}
