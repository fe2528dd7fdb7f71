"""Is this model handled rightly? Everything the project does to a model, as a report (`task=doctor`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from valuelocate.console import say, show_table
from valuelocate.errors import UserError
from valuelocate.model.contract import ContractRow, check_contract
from valuelocate.model.ffn import activation_signs_agree
from valuelocate.model.language_model import LanguageModel

_QUESTION = "What would you do with a free afternoon, and why?"
_DESCRIPTION = "I like to find my own way and to try what I have not tried before."
_OPTIONS = ("I would explore a part of town I do not know.", "I would tidy up and rest at home.")
_NOT_SETTINGS = (
    "transformers_version", "bos_token_id", "eos_token_id", "pad_token_id", "use_cache", "output_attentions",
    "output_hidden_states",
)  # fmt: skip
"""What stands in a generation config without bearing on what is answered, or is used after all."""


class Fact(NamedTuple):
    """Something that is as it is."""

    name: str
    found: str


@dataclass(frozen=True, kw_only=True)
class PromptExample:
    """A prompt as the model gets it."""

    kind: str
    """answer, described_answer or options."""
    text: str
    """With the special tokens visible; where it cannot be rendered, empty."""
    tokens: int
    hash: str
    """SHA-256 of the text, first 16 hex digits."""
    error: str = ""
    """Why it cannot be rendered."""


@dataclass(frozen=True, kw_only=True)
class DoctorReport:
    """How a model is handled."""

    name: str
    facts: tuple[Fact, ...]
    contract: tuple[ContractRow, ...]
    prompts: tuple[PromptExample, ...]
    ignored_settings: tuple[Fact, ...]
    """Generation settings of the checkpoint; only the project's own config sets generation."""

    @property
    def ok(self) -> bool:
        """Whether everything that is required holds."""
        return all(row.ok or not row.required for row in self.contract) and not any(
            prompt.error for prompt in self.prompts
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain Python, for a JSON file."""
        return {
            "name": self.name,
            "ok": self.ok,
            "facts": {fact.name: fact.found for fact in self.facts},
            "contract": [row._asdict() for row in self.contract],
            "prompts": [asdict(prompt) for prompt in self.prompts],
            "ignored_settings": {fact.name: fact.found for fact in self.ignored_settings},
        }


def examine(lm: LanguageModel) -> DoctorReport:
    """Return how a model is handled; one that breaks the contract is reported, not refused."""
    return DoctorReport(
        name=lm.name,
        facts=(*_architecture(lm), *_tokens(lm)),
        contract=tuple(check_contract(lm)),
        prompts=tuple(_examples(lm)),
        ignored_settings=tuple(_ignored(lm)),
    )


def _architecture(lm: LanguageModel) -> Iterator[Fact]:
    family, ffn = lm.ffn.family, lm.ffn
    yield Fact("model", f"{type(lm.model).__name__}, type {lm.model.config.model_type}")
    yield Fact("fingerprint", lm.fingerprint)
    yield Fact("layers x neurons", f"{ffn.n_layers} x {ffn.width} = {ffn.n_layers * ffn.width:,}")
    yield Fact("kind of FFN", "plain" if ffn.plain else "gated, fused" if family.fused else "gated")
    reading = [f"{role} {getattr(family, role)}" for role in family.reading]
    yield Fact("modules", ", ".join([*reading, f"activation {family.activation}", f"down {family.down}"]))
    same = " (one tensor)" if ffn.plain else ""
    yield Fact("sites gate_act, mid", f"[batch, token, {ffn.width}] each{same}")
    vectors = ffn.write_vectors(0)
    bias = "with bias" if ffn.write_bias(0) is not None else "no bias"
    yield Fact("write vectors", f"[{', '.join(map(str, vectors.shape))}] a layer, {bias}")
    activation = ffn.module(0, "activation")
    agrees = activation_signs_agree(activation)
    signs = "positive where its input is" if agrees else "SIGN DIFFERS from its input's"
    yield Fact("activation", f"{type(activation).__name__}, {signs}")
    yield Fact("dtype, device", f"{str(lm.dtype).removeprefix('torch.')}, {_devices(lm)}")
    limit = lm.max_positions
    yield Fact("positions", "unlimited" if limit is None else f"{limit:,}")


def _devices(lm: LanguageModel) -> str:
    devices = {str(lm.ffn.write_vectors(layer).device) for layer in range(lm.n_layers)}
    return ", ".join(sorted(devices | {str(lm.device)}))


def _tokens(lm: LanguageModel) -> Iterator[Fact]:
    yield Fact("end tokens", _shown(lm, lm.eos_ids) or "none: an answer only ends at max_new_tokens")
    own = lm.tokenizer.pad_token_id == lm.pad_id
    remark = "" if own else ", for want of one of its own; masked"
    yield Fact("padding token", _shown(lm, [lm.pad_id]) + remark)
    yield Fact("chat template", "yes" if lm.tokenizer.chat_template else "no")
    try:
        frame = "chat" if lm.prompts.uses_chat(lm.tokenizer) else "plain"
    except UserError:
        frame = f"{lm.prompts.frame}, which this tokenizer does not have"
    yield Fact("frame, description in", f"{frame}, {lm.prompts.description_role} turn")


def _shown(lm: LanguageModel, ids: Sequence[int]) -> str:
    return ", ".join(f"{i} {lm.tokenizer.convert_ids_to_tokens(i)!r}" for i in ids)


def _examples(lm: LanguageModel) -> Iterator[PromptExample]:
    asked: dict[str, dict[str, Any]] = {
        "answer": {},
        "described_answer": {"description": _DESCRIPTION},
        "options": {"options": _OPTIONS},
    }
    for kind, extra in asked.items():
        try:
            ids = lm.prompt_ids(_QUESTION, **extra)
        except UserError as error:
            yield PromptExample(kind=kind, text="", tokens=0, hash="", error=str(error))
            continue
        text = str(lm.tokenizer.decode(ids, skip_special_tokens=False))
        rendered = lm.prompts.render(lm.tokenizer, _QUESTION, **extra)
        digest = hashlib.sha256(rendered.encode()).hexdigest()[:16]
        yield PromptExample(kind=kind, text=text, tokens=len(ids), hash=digest)


def _ignored(lm: LanguageModel) -> Iterator[Fact]:
    settings = getattr(lm.model, "generation_config", None)
    for name, value in sorted(settings.to_diff_dict().items()) if settings is not None else ():
        if name not in _NOT_SETTINGS and not name.startswith("_"):
            yield Fact(name, repr(value))


def show_report(report: DoctorReport) -> None:
    """Print a report."""
    show_table(f"Model {report.name}", ["what", "found"], report.facts)
    rows = [_contract_cells(row) for row in report.contract]
    show_table("Contract", ["check", "limit", "found", "", "note"], rows)
    show_table(
        "Generation settings of the checkpoint, which are ignored",
        ["setting", "value"],
        report.ignored_settings or [("none", "")],
    )
    for prompt in report.prompts:
        say(f"\nPrompt '{prompt.kind}' ({prompt.tokens} tokens, hash {prompt.hash or 'none'}):")
        say(prompt.error or prompt.text)
    verdict = "handled rightly" if report.ok else "NOT handled rightly; see the failed rows above"
    say(f"\n{report.name}: {verdict}")


def _contract_cells(row: ContractRow) -> tuple[str, ...]:
    verdict = "ok" if row.ok else "FAILED" if row.required else "warning"
    return (row.check, f"{row.limit:g}", f"{row.found:.2g}", verdict, row.note)
