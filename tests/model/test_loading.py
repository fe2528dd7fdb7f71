"""Loading from folders and the hub, what is refused, and fingerprints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
from safetensors.torch import load_file, save_file

from tests.tiny_models import tiny_model, tiny_random, tiny_tokenizer
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel, ModelSource, TokenBatch, files
from valuelocate.model.contract import check_contract
from valuelocate.model.loading import assemble, pick_device, weights_fingerprint

BATCH = TokenBatch.build([[5, 6, 7], [8]], [[9, 10], [11]], 0)
SMALL: Any = {"intermediate_size": 16, "num_hidden_layers": 1}


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    tiny_model("qwen2", **SMALL, tie_word_embeddings=True).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def load(folder: Path, **fields: Any) -> LanguageModel:
    return ModelSource(path=str(folder), device="cpu", **fields).load()


@pytest.mark.parametrize("family", ["qwen2", "gpt2", "phi3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shards", ["1GB", "20KB"])
def test_a_saved_model_comes_back(tmp_path: Path, family: str, dtype: torch.dtype, shards: str) -> None:
    model = tiny_model(family, dtype=dtype)
    model.save_pretrained(tmp_path, max_shard_size=shards)
    tiny_tokenizer(chat=True).save_pretrained(tmp_path)
    assert (len(list(tmp_path.glob("*.safetensors"))) > 1) == (shards == "20KB")
    lm = load(tmp_path, name="saved")
    assert (lm.name, lm.dtype) == ("saved", dtype)
    assert torch.equal(lm.forward(BATCH), assemble(model, lm.tokenizer).forward(BATCH))
    assert lm.prompts.uses_chat(lm.tokenizer)


def test_tied_weights_are_one_tensor(original: Path) -> None:
    lm = load(original)
    assert lm.model.get_input_embeddings().weight is lm.model.get_output_embeddings().weight


def test_the_dtype_asked_for_and_the_name_of_the_folder(original: Path) -> None:
    lm = load(original, dtype="bfloat16")
    assert (lm.dtype, lm.name) == (torch.bfloat16, original.name)
    assert load(original, dtype="float16").dtype == torch.float16


def test_settings_reach_the_model(original: Path) -> None:
    lm = load(original, max_new_tokens=7)
    assert lm.max_new_tokens == 7
    assert lm.prompts.wording == "full"
    assert len(lm.encode_answer(lm.generate("Why?"))) > 0


def test_a_device_map_places_the_model(original: Path) -> None:
    lm = ModelSource(path=str(original), device_map="cpu").load()
    assert lm.device.type == "cpu"
    assert all(row.ok for row in check_contract(lm))


def rewrite(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def without(*names: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for name in names:
            for path in folder.glob(name):
                path.unlink()

    return remove


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:500])


def incomplete(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = {name: t for name, t in load_file(path).items() if "down_proj" not in name}
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (without("config.json"), "no config.json"),
        (without("*.safetensors"), "no .safetensors weights"),
        (pickled, r"pytorch_model.bin.*pickled weights are never loaded"),
        (without("tokenizer*"), "no tokenizer"),
        (truncated, "transformers cannot load it"),
        (incomplete, "lack 1 weights of the model, e.g. model.layers.0.mlp.down_proj.weight"),
        (lambda folder: (folder / "config.json").write_text("{"), "transformers cannot load it"),
        (lambda folder: rewrite(folder, hidden_size="wide"), "transformers cannot load it"),
        (lambda folder: rewrite(folder, hidden_size=32), "transformers cannot load it"),
        (lambda folder: rewrite(folder, model_type="nonesuch"), "transformers cannot load it"),
        (lambda folder: rewrite(folder, model_type="bert"), "'bert' is not in the table"),
        (lambda folder: rewrite(folder, model_type="mixtral"), "mixture of experts"),
        (lambda folder: rewrite(folder, quantization_config={"quant_method": "awq"}), r"quantised \(awq\)"),
    ],
)
def test_folders_that_cannot_be_used(
    folder: Path, spoil: Callable[[Path], None], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(folder)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was loaded"))
    with pytest.raises(UserError, match=rf"model\.path.*{told}") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_code_in_a_folder_does_not_run(folder: Path) -> None:
    (folder / "modelling.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()")
    rewrite(
        folder,
        model_type="homemade",
        auto_map={"AutoConfig": "modelling.Config", "AutoModelForCausalLM": "modelling.Model"},
    )
    with pytest.raises(UserError, match="transformers cannot load it"):
        load(folder)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/no/such/folder", "no such folder"),
        ("./nowhere", "no such folder"),
        ("~/surely/nowhere/at/all", "no such folder"),
        ("a/b/c", "no such folder, and not a hub id"),
        ("two words", "no such folder, and not a hub id"),
        ("package:huge", "the package holds one model, package:tiny"),
        ("package:../../", "the package holds one model"),
        (__file__, "a file; give the folder"),
    ],
)
def test_paths_that_lead_nowhere(path: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        ModelSource(path=path).fingerprint()


def test_an_embedded_model_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "files", lambda _package: tmp_path)
    with pytest.raises(UserError, match=r"the embedded model is missing.*install valuelocate again"):
        ModelSource(path="package:tiny").folder()


def test_a_hub_that_is_switched_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"the hub cannot be reached. Use model=tiny") as caught:
        ModelSource(path="nobody-at-all/made-up-model").load()
    assert "\n" not in str(caught.value)


def answer(error: type[Exception]) -> Callable[..., str]:
    response = httpx.Response(403, request=httpx.Request("GET", "https://huggingface.co"))

    def download(*_: Any, **__: Any) -> str:
        raise error("made up", response=response)  # type: ignore[call-arg]

    return download


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (GatedRepoError, "is gated; accept its terms at https://huggingface.co/owner/name and set HF_TOKEN"),
        (RepositoryNotFoundError, "neither a local folder nor a model on the hub"),
        (RevisionNotFoundError, "model.revision=v9: the hub's owner/name has no such branch"),
    ],
)
def test_what_the_hub_refuses(error: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "snapshot_download", answer(error))
    with pytest.raises(UserError, match=told):
        ModelSource(path="owner/name", revision="v9").load()


def test_a_hub_model_is_taken_from_its_snapshot(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    def download(_path: str, **settings: Any) -> str:
        calls.append(settings)
        return str(original)

    monkeypatch.setattr(files, "snapshot_download", download)
    source = ModelSource(path="owner/snapshot", revision="main", device="cpu")
    assert source.load().name == "snapshot"
    assert source.fingerprint() == ModelSource(path=str(original)).fingerprint()
    # Asked once a process; no code, no pickles, no second copy of the weights.
    [settings] = calls
    assert settings["revision"] == "main"
    assert not {"*.py", "*.bin"} & set(settings["allow_patterns"])
    assert "consolidated*" in settings["ignore_patterns"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"path": ""}, "model.path is empty"),
        ({"path": "x", "dtype": "int8"}, "model.dtype=int8: expected one of auto, float32, bfloat16"),
        ({"path": "x", "max_new_tokens": 0}, "model.max_new_tokens=0: must be at least 1"),
        ({"path": "x", "device": "cpu", "device_map": "auto"}, "give one of them"),
    ],
)
def test_mistakes_name_their_key(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        ModelSource(**fields)


@pytest.mark.parametrize("device", ["nonsense", "cuda:77"])
def test_a_device_that_is_not_there(device: str, original: Path) -> None:
    with pytest.raises(UserError, match=f"model.device={device}"):
        pick_device(device)
    with pytest.raises(UserError, match=f"model.device={device}"):
        ModelSource(path=str(original), device=device).load()


def test_names_come_from_the_path() -> None:
    assert ModelSource(path="owner/Model-1B").name == "Model-1B"
    assert ModelSource(path="/some/where/mine/").name == "mine"
    assert ModelSource(path="package:tiny").name == "tiny"
    assert ModelSource(path="x", name="other").name == "other"


def test_the_embedded_model_is_asked_in_bare_words_and_any_other_in_full() -> None:
    embedded = ModelSource(path="package:tiny")
    assert embedded.prompts.template("answer") == "{question}"
    other = replace(ModelSource(path="./mine", name="mine"), max_new_tokens=5)
    assert "under 100 words" in other.prompts.template("answer")


def test_the_embedded_model_loads_in_single_precision(capfd: pytest.CaptureFixture[str]) -> None:
    lm = ModelSource(path="package:tiny", device="cpu").load()
    assert (lm.name, lm.dtype) == ("tiny", torch.float32)
    assert load(Path(files.__file__).parent / "tiny").dtype == torch.bfloat16
    assert "Loading weights" not in "".join(capfd.readouterr())


def test_fingerprints_are_of_the_files(original: Path, folder: Path) -> None:
    first = ModelSource(path=str(original)).fingerprint()
    assert first == ModelSource(path=str(folder), dtype="bfloat16", name="x").fingerprint()
    assert load(original).fingerprint == first
    (folder / "README.md").write_text("unimportant")
    assert ModelSource(path=str(folder)).fingerprint() == first


def one_weight(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.0.mlp.down_proj.weight"][3, 5] += 1e-3
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    "change",
    [
        one_weight,
        lambda folder: rewrite(folder, rms_norm_eps=1e-3),
        lambda folder: (folder / "chat_template.jinja").write_text(" "),
        lambda folder: (folder / "tokenizer.json").write_text(
            (folder / "tokenizer.json").read_text().replace("</s>", "</S>")
        ),
    ],
    ids=["weight", "config", "template", "tokenizer"],
)
def test_fingerprints_tell_small_changes(folder: Path, change: Callable[[Path], None]) -> None:
    before = ModelSource(path=str(folder)).fingerprint()
    change(folder)
    assert ModelSource(path=str(folder)).fingerprint() != before


def test_large_files_of_the_hubs_cache_are_not_read_again(tmp_path: Path, original: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "commit"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for path in original.iterdir():
        digest = files._hashed(path, 0, 0)
        blob = blobs / (digest if path.suffix == ".safetensors" else digest[:40])
        blob.write_bytes(b"" if path.suffix == ".safetensors" else path.read_bytes())
        (snapshot / path.name).symlink_to(blob)
    # The weights are empty here: their name is taken for their content.
    assert files.files_fingerprint(snapshot) == files.files_fingerprint(original)


def test_fingerprints_of_models_in_memory() -> None:
    def found(**changes: Any) -> str:
        return tiny_random("qwen2", check=False, **changes).fingerprint

    assert found() == found()
    assert len({found(), found(seed=1), found(rms_norm_eps=1e-3), found(dtype=torch.bfloat16)}) == 4
    model = tiny_model("qwen2")
    before = weights_fingerprint(model)
    model.model.layers[1].mlp.down_proj.weight.data[3, 5] += 1e-3
    assert weights_fingerprint(model) != before


def test_trained_weights_hold_the_contract(stories: LanguageModel) -> None:
    assert (stories.n_layers, stories.width, stories.max_positions) == (5, 172, 512)
    assert all(row.ok for row in check_contract(stories))
    [ids] = stories.generate_ids([stories.tokenizer("Once upon a time")["input_ids"]], max_new_tokens=12)
    assert "there was a little" in stories.decode(ids)
