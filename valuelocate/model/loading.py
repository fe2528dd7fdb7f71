"""Loading a model into memory: weights and tokenizer, placed, frozen, checked against the contract."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from valuelocate.errors import UserError
from valuelocate.model.contract import check_contract
from valuelocate.model.files import EMBEDDED, files_fingerprint, model_folder
from valuelocate.model.language_model import LanguageModel
from valuelocate.model.prompts import PromptStyle, Wording
from valuelocate.model.supported import check_supported, find_feed_forward

logger = logging.getLogger(__name__)

DTYPES = ("auto", "float32", "bfloat16", "float16")
_LOAD_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
)
"""What transformers raises over files that it cannot make a model of."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """Where a model comes from and how it is to be held."""

    path: str
    """Hub id, local folder, or `package:tiny` for the embedded model."""
    name: str = ""
    """A short name for folders and tables; empty: the last part of the path."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    dtype: str = "auto"
    """Type of the weights: auto (as stored; the embedded model, whose file is halved, in float32), float32,
    bfloat16, float16."""
    device: str = "auto"
    """auto (cuda, then mps, then cpu), or a torch device."""
    device_map: str | None = None
    """transformers' device map (e.g. auto) for a model larger than one device."""
    trust_remote_code: bool = False
    """Whether code from the model's repository may run."""
    max_new_tokens: int = 256
    """Tokens of an answer; the prompts ask for under 100 words, which 160 hold."""
    prompts: PromptStyle = field(default_factory=PromptStyle)
    """How the model is asked."""

    def __post_init__(self) -> None:
        if not self.path:
            raise UserError("model.path is empty: give a hub id or a folder")
        if self.dtype not in DTYPES:
            raise UserError(f"model.dtype={self.dtype}: expected one of {', '.join(DTYPES)}")
        if self.max_new_tokens < 1:
            raise UserError(f"model.max_new_tokens={self.max_new_tokens}: must be at least 1")
        if self.device_map is not None and self.device != "auto":
            raise UserError(
                f"model.device={self.device} model.device_map={self.device_map}: give one of them, the map "
                f"places the model"
            )
        object.__setattr__(self, "name", self.name or Path(self.path.removeprefix("package:")).name)
        if self.prompts.wording == "auto":
            wording: Wording = "bare" if self.path == EMBEDDED else "full"
            object.__setattr__(self, "prompts", replace(self.prompts, wording=wording))

    def folder(self) -> Path:
        """Return the local folder of the files, downloading a hub model if it is not cached.

        Raises:
            UserError: no such folder or model, files missing, or a hub that cannot be reached.
        """
        return model_folder(self.path, revision=self.revision, with_code=self.trust_remote_code)

    def fingerprint(self) -> str:
        """Return a hash of the files, without loading them.

        Raises:
            UserError: as `folder`.
        """
        return files_fingerprint(self.folder())

    def load(self, *, check: bool = True) -> LanguageModel:
        """Load weights and tokenizer, find the neurons and check the contract.

        Args:
            check: whether a broken contract is an error; the doctor reports it instead.

        Raises:
            UserError: the files cannot be loaded, the architecture is not supported, or the contract is
            broken.
        """
        folder = self.folder()
        try:
            model, tokenizer = self._load_files(folder)
        except UserError:
            raise
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"model.path={self.path}: the model does not fit on the device; use model.dtype=bfloat16, "
                f"model.device_map=auto over several devices, or a smaller model"
            ) from error
        except _LOAD_ERRORS as error:
            raise UserError(
                f"model.path={self.path}: transformers cannot load it: {_first_line(error)}"
            ) from error
        lm = assemble(
            model,
            tokenizer,
            prompts=self.prompts,
            fingerprint=files_fingerprint(folder),
            name=self.name,
            check=check,
        )
        lm.max_new_tokens = self.max_new_tokens
        return lm

    def _load_files(self, folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        device = pick_device(self.device)
        config = AutoConfig.from_pretrained(folder, trust_remote_code=self.trust_remote_code)
        check_supported(config)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=self.trust_remote_code)
        dtype = "float32" if self.dtype == "auto" and self.path == EMBEDDED else self.dtype
        # With `output_loading_info` it returns a pair, which its annotation does not tell.
        loader: Any = AutoModelForCausalLM
        with _progress_on_terminals_only():
            model, report = loader.from_pretrained(
                folder,
                config=config,
                dtype=dtype if dtype == "auto" else getattr(torch, dtype),
                device_map=self.device_map,
                trust_remote_code=self.trust_remote_code,
                use_safetensors=True,
                output_loading_info=True,
            )
        _refuse_missing_weights(self.path, report)
        return (model.to(device) if self.device_map is None else model), tokenizer


@contextmanager
def _progress_on_terminals_only() -> Iterator[None]:
    """Keep transformers' bar out of logs."""
    hidden = transformers_logging.is_progress_bar_enabled() and not sys.stderr.isatty()
    if hidden:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if hidden:
            transformers_logging.enable_progress_bar()


def _refuse_missing_weights(path: str, report: dict[str, Any]) -> None:
    """Refuse a model that transformers completed with random weights."""
    missing = sorted(report.get("missing_keys") or ())
    if missing:
        raise UserError(
            f"model.path={path}: the files lack {len(missing)} weights of the model, e.g. {missing[0]}; "
            f"they are incomplete, or of another architecture than config.json says"
        )


def assemble(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    prompts: PromptStyle | None = None,
    fingerprint: str | None = None,
    name: str = "model",
    check: bool = True,
) -> LanguageModel:
    """Wrap a model and tokenizer that are already in memory, freeze it, and check the contract.

    Raises:
        UserError: the architecture is not supported, or (with `check`) the contract is broken.
    """
    feed_forward = find_feed_forward(model)
    model.eval().requires_grad_(False)
    lm = LanguageModel(
        model=model,
        tokenizer=tokenizer,
        ffn=feed_forward,
        prompts=prompts or PromptStyle(),
        fingerprint=fingerprint or weights_fingerprint(model),
        name=name,
    )
    if check:
        _require_contract(lm)
    return lm


def _require_contract(lm: LanguageModel) -> None:
    failed = [row for row in check_contract(lm) if not row.ok]
    told = [
        f"{row.check}: {row.note or f'{row.found:.2g} (limit {row.limit:.2g})'}"
        for row in failed
        if row.required
    ]
    if told:
        raise UserError(
            f"model.path: '{lm.name}' breaks the contract of the FFN table, so its neurons cannot be read: "
            f"{'; '.join(told)}. Run task=doctor for the whole table."
        )
    for row in failed:
        logger.warning("model '%s': %s does not hold: %s", lm.name, row.check, row.note)


def pick_device(device: str) -> torch.device:
    """Return the torch device meant by `auto` or a name.

    Raises:
        UserError: the device does not exist here.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    # An assertion where torch was built without the device's support.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(f"model.device={device}: {_first_line(error)}") from error
    return found


def weights_fingerprint(model: PreTrainedModel) -> str:
    """Return a hash of a model in memory: its config and every byte of its weights."""
    config = {key: value for key, value in model.config.to_dict().items() if key != "_name_or_path"}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
