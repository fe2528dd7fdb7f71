"""Loading a model: the embedded one, a local folder (no network call), or a hub id."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from valuelocate.errors import UserError
from valuelocate.model.contract import check_contract
from valuelocate.model.ffn import find_feed_forward
from valuelocate.model.language_model import LanguageModel
from valuelocate.model.prompts import PromptStyle

logger = logging.getLogger(__name__)

DTYPES = ("auto", "float32", "bfloat16", "float16")
_EMBEDDED = "package:"
_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
_BLOCK, _BLOCKS = 1 << 16, 64


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """Where a model comes from and how it is to be held."""

    name: str
    """A short name for folders and tables."""
    path: str
    """Hub id, local folder, or `package:tiny` for the embedded model."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    dtype: str = "auto"
    """Type of the weights: auto (as stored), float32, bfloat16, float16."""
    device: str = "auto"
    """auto (cuda, then mps, then cpu), or a torch device."""
    device_map: str | None = None
    """transformers' device map (e.g. auto) for a model larger than one device."""
    trust_remote_code: bool = False
    """Whether code from the model's repository may run."""
    prompts: PromptStyle = field(default_factory=PromptStyle)

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise UserError(f"model.dtype={self.dtype}: expected one of {', '.join(DTYPES)}")

    def folder(self) -> Path:
        """Return the local folder of the files, downloading a hub model if it is not cached.

        Raises:
            UserError: a folder without weights or config, or a hub that cannot be reached, each with the ways out.
        """
        folder = self._local() or self._downloaded()
        present = {path.suffix for path in folder.iterdir()}
        if not (folder / "config.json").is_file():
            raise UserError(f"model.path={self.path}: the folder has no config.json; point it at a transformers model folder")
        if ".safetensors" not in present:
            found = ", ".join(sorted(path.name for path in folder.iterdir())[:8])
            raise UserError(f"model.path={self.path}: the folder has no .safetensors weights (pickled weights are never loaded); found {found}")
        return folder

    def _local(self) -> Path | None:
        if self.path.startswith(_EMBEDDED):
            return Path(str(files("valuelocate.model") / self.path.removeprefix(_EMBEDDED)))
        path = Path(self.path).expanduser()
        if path.is_dir():
            return path
        if path.is_absolute() or self.path.startswith((".", "~")):
            raise UserError(f"model.path={self.path}: no such folder")
        return None

    def _downloaded(self) -> Path:
        try:
            return Path(snapshot_download(self.path, revision=self.revision, allow_patterns=_WANTED))
        except GatedRepoError as error:
            raise UserError(f"model.path={self.path}: the model is gated; accept its terms on its page and set HF_TOKEN") from error
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise UserError(f"model.path={self.path} revision={self.revision}: the hub has no such model or revision (a private one needs HF_TOKEN)") from error
        except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
            raise UserError(
                f"model.path={self.path}: not a local folder, not in the local cache, and the hub cannot be reached. Use model=tiny, "
                f"or model.path=FOLDER with the model's files, or set HF_HOME to a cache that holds it."
            ) from error

    def fingerprint(self) -> str:
        """Return a hash of the files, without loading them: the config whole, weights by size and sampled blocks."""
        digest = hashlib.sha256()
        for path in sorted(self.folder().iterdir()):
            if path.name == "config.json" or path.name.startswith("tokenizer") or path.suffix in (".safetensors", ".jinja"):
                digest.update(path.name.encode())
                for block in _sampled_blocks(path):
                    digest.update(block)
        return digest.hexdigest()[:16]

    def load(self) -> LanguageModel:
        """Load weights and tokenizer, find the neurons and check the contract.

        Raises:
            UserError: the files cannot be loaded, or the architecture is not supported.
        """
        folder = self.folder()
        device = pick_device(self.device)
        try:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=self.trust_remote_code)
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=self.dtype if self.dtype == "auto" else getattr(torch, self.dtype),
                device_map=self.device_map,
                trust_remote_code=self.trust_remote_code,
                use_safetensors=True,
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=self.trust_remote_code)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise UserError(f"model.path={self.path}: transformers cannot load it: {_first_line(error)}") from error
        if self.device_map is None:
            model = model.to(device)
        return assemble(model, tokenizer, prompts=self.prompts, fingerprint=self.fingerprint(), name=self.name)


def assemble(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    prompts: PromptStyle | None = None,
    fingerprint: str | None = None,
    name: str = "model",
) -> LanguageModel:
    """Wrap a model and tokenizer that are already in memory, freeze it, and check the contract.

    Raises:
        UserError: the architecture is not supported, or the contract is broken.
    """
    model.eval().requires_grad_(False)
    # The checkpoint's sampling settings would otherwise be merged into ours.
    model.generation_config = GenerationConfig()
    lm = LanguageModel(
        model=model,
        tokenizer=tokenizer,
        ffn=find_feed_forward(model),
        prompts=prompts or PromptStyle(),
        fingerprint=fingerprint or weights_fingerprint(model),
        name=name,
    )
    broken = [row for row in check_contract(lm) if not row.ok]
    if broken:
        told = "; ".join(f"{row.check}: {row.found:.2g} (limit {row.limit:.2g})" for row in broken)
        raise UserError(f"model.path: '{name}' breaks the contract of the FFN table: {told}. Run task=doctor for the whole table.")
    return lm


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
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"model.device={device}: {_first_line(error)}") from error
    return found


def weights_fingerprint(model: PreTrainedModel) -> str:
    """Return a hash of a model in memory: its config and up to 256 evenly spaced entries of every tensor."""
    digest = hashlib.sha256(json.dumps(model.config.to_dict(), sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        sample = flat[:: max(1, len(flat) // 256)].float().cpu()
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + sample.numpy().tobytes())
    return digest.hexdigest()[:16]


def _sampled_blocks(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield str(size).encode()
    step = max(_BLOCK, size // _BLOCKS)
    with path.open("rb") as file:
        for start in range(0, size, step):
            file.seek(start)
            yield file.read(_BLOCK)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
