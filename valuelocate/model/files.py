"""A model's files: embedded, in a local folder (no network call) or of the hub; and their fingerprint."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from valuelocate.errors import UserError

EMBEDDED = "package:tiny"
"""The path of the embedded model."""

_PREFIX = "package:"
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tokenizer_config.json",
)  # fmt: skip
_WANTED = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken")
# Other formats in folders of their own, and Mistral's second copy of all weights.
_UNWANTED = ("*/*", "consolidated*")
_BLOB = re.compile(r"[0-9a-f]{64}")


def model_folder(path: str, *, revision: str | None = None, with_code: bool = False) -> Path:
    """Return the local folder of a model's files, downloading a hub model if it is not cached.

    Raises:
        UserError: no such folder or model, files missing, or a hub that cannot be reached, each with the
        ways out.
    """
    folder = _local(path) or _downloaded(path, revision, with_code)
    names = sorted(file.name for file in folder.iterdir())
    found = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "nothing"
    if "config.json" not in names:
        raise UserError(
            f"model.path={path}: the folder has no config.json (found {found}); point it at a transformers "
            f"model folder"
        )
    if not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"model.path={path}: the folder has no .safetensors weights (found {found}); pickled weights "
            f"are never loaded. Save them anew with save_pretrained, or name a model.revision that has them "
            f"(on the hub often a pull request of the conversion bot, refs/pr/N)"
        )
    if not any(name in _TOKENIZER_FILES or name.endswith(".tiktoken") for name in names):
        raise UserError(
            f"model.path={path}: the folder has no tokenizer (found {found}); save it there with "
            f"tokenizer.save_pretrained"
        )
    return folder


def files_fingerprint(folder: Path) -> str:
    """Return a hash of all that decides a model's behaviour: config, weights, tokenizer, template and code.

    Every byte counts, since an edited checkpoint may differ from its origin in a few neurons.
    """
    digest = hashlib.sha256()
    for file in _telling(folder):
        digest.update(f"{file.name}\x00{_file_digest(file)}\x01".encode())
    return digest.hexdigest()[:16]


def _telling(folder: Path) -> Iterable[Path]:
    for file in sorted(folder.iterdir()):
        tokenizer = file.name.startswith("tokenizer") or file.name in (*_TOKENIZER_FILES, "merges.txt")
        if file.name == "config.json" or tokenizer or file.suffix in (".safetensors", ".jinja", ".py"):
            yield file


def _file_digest(file: Path) -> str:
    target = file.resolve()
    # The hub's cache names large files by their SHA-256.
    if target.parent.name == "blobs" and _BLOB.fullmatch(target.name):
        return target.name
    status = target.stat()
    return _hashed(target, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _hashed(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _local(path: str) -> Path | None:
    if path.startswith(_PREFIX):
        return _embedded(path)
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise UserError(f"model.path={path}: a file; give the folder that holds config.json and the weights")
    if not _HUB_ID.fullmatch(path) or path.startswith("."):
        raise UserError(f"model.path={path}: no such folder, and not a hub id of the form OWNER/NAME")
    return None


def _embedded(path: str) -> Path:
    if path != EMBEDDED:
        raise UserError(f"model.path={path}: the package holds one model, {EMBEDDED}")
    folder = Path(str(files("valuelocate.model"))) / path.removeprefix(_PREFIX)
    if not folder.is_dir():
        raise UserError(
            f"model.path={path}: the embedded model is missing from {folder}; install valuelocate again"
        )
    return folder


def _downloaded(path: str, revision: str | None, with_code: bool) -> Path:
    try:
        return _snapshot(path, revision, with_code)
    except GatedRepoError as error:
        raise UserError(
            f"model.path={path}: the model is gated; accept its terms at https://huggingface.co/{path} and "
            f"set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise UserError(
            f"model.revision={revision}: the hub's {path} has no such branch, tag or commit"
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"model.path={path}: neither a local folder nor a model on the hub (a private one needs HF_TOKEN)"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise UserError(
            f"model.path={path}: not a local folder, not in the local cache, and the hub cannot be reached. "
            f"Use model=tiny, or model.path=FOLDER with the model's files, or set HF_HOME to a cache that "
            f"holds it."
        ) from error


@lru_cache(maxsize=64)
def _snapshot(path: str, revision: str | None, with_code: bool) -> Path:
    wanted = [*_WANTED, *(["*.py"] if with_code else [])]
    return Path(
        snapshot_download(path, revision=revision, allow_patterns=wanted, ignore_patterns=list(_UNWANTED))
    )
