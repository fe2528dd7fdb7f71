"""Composing the config before Hydra runs it, and saying in our words what does not compose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from valuelocate.config import LIST_GROUPS
from valuelocate.errors import MistakesError, UserError, nearest

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException)
"""What Hydra and OmegaConf raise over a config that does not compose."""

_QUOTED_KEY = re.compile(
    r"Could not (?:override|delete from config\.|append to config\. An item is already at) '([^']+)'"
)


class Composer:
    """The config folders of a launch."""

    def __init__(self, folder: Path, name: str = "config", extra: Path | None = None) -> None:
        """Take the main config folder, the root config's name, and a folder the user adds (--config-dir)."""
        self.folder, self.name, self.extra = folder, name, extra

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Return the root config under overrides, Hydra's own node included."""
        added = [f"hydra.searchpath=['file://{self.extra}']"] if self.extra else []
        with initialize_config_dir(str(self.folder), version_base="1.3"):
            return compose(self.name, overrides=[*added, *overrides], return_hydra_config=True)

    def groups(self) -> dict[str, list[str]]:
        """Return the config groups with their members, Hydra's own left out."""
        with initialize_config_dir(str(self.folder), version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()
            names = [group for group in loader.list_groups("") if group != "hydra"]
            return {name: loader.get_group_options(name, ObjectType.CONFIG) for name in names}

    def compose_all_told(self, overrides: Sequence[str]) -> DictConfig:
        """Compose, and tell of every override that does not fit at once.

        Raises:
            MistakesError: overrides that name no key, no group or no member of a group.
        """
        fitting, failed = list(overrides), list[Exception]()
        while True:
            try:
                composed = self.compose(fitting)
                break
            except COMPOSITION_ERRORS as error:
                failed.append(error)
                culprit = _culprit(error, fitting)
                if culprit is None:
                    raise MistakesError([self.explain(error) for error in failed]) from error
                fitting.remove(culprit)
        if failed:
            known = self._known(composed)
            raise MistakesError([_explained(error, known, self.groups()) for error in failed])
        return composed

    def check_choices(self, overrides: Iterable[Override], groups: Mapping[str, Sequence[str]]) -> None:
        """Refuse a sweep over members of a group that do not exist, before anything runs.

        Raises:
            MistakesError: the members that are nowhere to be found.
        """
        mistakes = []
        for override in overrides:
            members = groups.get(override.key_or_group)
            if members is None or not override.is_choice_sweep():
                continue
            for choice in override.sweep_string_iterator():
                if choice not in members:
                    mistakes += self._refused(f"{override.get_key_element()}={choice}")
        if mistakes:
            raise MistakesError(mistakes)

    def _refused(self, override: str) -> list[str]:
        try:
            # The member may come from a folder of the user's.
            self.compose([override])
        except COMPOSITION_ERRORS as error:
            return [self.explain(error)]
        return []

    def explain(self, error: Exception) -> str:
        """Return what is wrong in our words, with the nearest names."""
        try:
            known = self._known(self.compose([]))
        except COMPOSITION_ERRORS:
            known = {}
        return _explained(error, known, self.groups())

    def _known(self, composed: DictConfig) -> dict[str, Any]:
        plain = OmegaConf.to_container(composed, resolve=False)
        assert isinstance(plain, dict)
        return {str(key): node for key, node in plain.items()}


def parse_overrides(overrides: Sequence[str]) -> list[Override]:
    """Return the overrides of a command line, read by Hydra's grammar.

    Raises:
        MistakesError: arguments that are no overrides, all at once.
    """
    parser, parsed, mistakes = OverridesParser.create(), list[Override](), list[str]()
    for text in overrides:
        try:
            parsed += parser.parse_overrides([text])
        except HydraException as error:
            mistakes.append(_unreadable(text, error))
    if mistakes:
        raise MistakesError(mistakes)
    return parsed


def refuse_lists(overrides: Iterable[Override], groups: Mapping[str, Any]) -> None:
    """Refuse a list where one member of a group is to be chosen; Hydra would keep the last without a word.

    Raises:
        MistakesError: the groups given a list.
    """
    given = [
        override
        for override in overrides
        if override.key_or_group in groups and override.key_or_group not in LIST_GROUPS
    ]
    refuse = [
        override
        for override in given
        if not override.is_sweep_override() and isinstance(override.value(), list)
    ]
    refuse += [
        o
        for o in given
        if o.is_discrete_sweep() and any(value.startswith("[") for value in o.sweep_string_iterator())
    ]
    if refuse:
        raise MistakesError(
            [
                f"{override.input_line}: {override.key_or_group} is one choice, not a list; to run several, "
                f"sweep over them: -m {override.key_or_group}=a,b"
                for override in refuse
            ]
        )


def refuse_list_choices(composed: DictConfig, groups: Mapping[str, Any]) -> None:
    """Refuse a list that an experiment set where one member is to be chosen.

    Raises:
        UserError: names the group.
    """
    choices = composed.hydra.runtime.choices
    for group in groups:
        # Hydra names the choices that are single and leaves lists out.
        if group not in LIST_GROUPS and group not in choices and group in composed:
            raise UserError(f"{group}: the experiment gives a list, but {group} is one choice")


def _culprit(error: Exception, overrides: Sequence[str]) -> str | None:
    missing = getattr(error, "missing_cfg_file", None)
    named = _QUOTED_KEY.search(str(error))
    for text in overrides:
        key, _, value = text.lstrip("+~").partition("=")
        group = key.partition("@")[0]
        if missing and missing == f"{group}/{value}":
            return text
        if (
            missing
            and missing.startswith(f"{group}/")
            and missing.removeprefix(f"{group}/") in re.split(r"[\[\], ]+", value)
        ):
            return text
        if named and named[1] == key:
            return text
        if not missing and not named and text in str(error):
            return text
    return None


def _explained(error: Exception, known: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> str:
    text = str(error).strip()
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _no_such_member(error, groups)
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override, error)
    if named := re.match(r"Could not override '([^']+)'", text):
        return _no_such_key(named[1], known, groups)
    if named := re.search(r"Ambiguous value for argument '([^']+)'|Sweep parameters '([^']+)'", text):
        return f"{named[1] or named[2]} is a sweep: add -m; a list is written key=[a,b]"
    cause = f" ({str(error.__cause__).splitlines()[0]})" if error.__cause__ and str(error.__cause__) else ""
    return f"the config does not compose: {text or type(error).__name__}{cause}"


def _no_such_member(error: MissingConfigException, groups: Mapping[str, Sequence[str]]) -> str:
    group, _, member = str(error.missing_cfg_file).rpartition("/")
    options = error.options or groups.get(group) or ()
    if not options:
        return f"{error.missing_cfg_file}: no such config file"
    close = nearest(member, options)
    choices = "" if close.startswith("known") else f" ({group} has: {', '.join(sorted(options))})"
    return f"{group}={member}: no such choice; {close}{choices}"


def _no_such_key(key: str, known: Mapping[str, Any], groups: Mapping[str, Sequence[str]]) -> str:
    reached, node = list[str](), known
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            break
        reached.append(part)
        node = node[part]
    beside = (
        [str(name) for name in node if name not in ("hydra", "_target_")] if isinstance(node, Mapping) else []
    )
    place = "".join(f"{part}." for part in reached)
    wanted = key.removeprefix(place)
    close = [place + name for name in get_close_matches(wanted, beside, n=2, cutoff=0.6)]
    if not close:
        everywhere = [*_dotted(known), *groups]
        last = wanted.rpartition(".")[2]
        close = [name for name in everywhere if name.rpartition(".")[2] == last and name != last]
    if not close and not place:
        close = get_close_matches(key, everywhere, n=3, cutoff=0.7)
    if close:
        return f"{key}: no such key; did you mean {', '.join(close)}?"
    head = f"{place[:-1]} has" if place else "known"
    return f"{key}: no such key; {head}: {', '.join(sorted(beside)) or 'none'}"


def _dotted(node: Any, prefix: str = "") -> Iterable[str]:
    for name, child in node.items() if isinstance(node, Mapping) else ():
        if prefix or name != "hydra":
            yield f"{prefix}{name}"
            yield from _dotted(child, f"{prefix}{name}.")


def _unreadable(text: str, error: Exception) -> str:
    if "=" not in text and not text.startswith(("+", "~")):
        return f"{text}: not an override; write key=value (see --help)"
    told = str(error).splitlines()[0].split(": ")[0] if str(error) else type(error).__name__
    return (
        f"{text}: cannot be read as key=value ({told}); quote a value with special characters: \"key='...'\""
    )
