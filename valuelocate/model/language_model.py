"""A language model with its tokenizer, prompts and table row: what every later stage works on."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from valuelocate.model.batch import TokenBatch
from valuelocate.model.ffn import FeedForward
from valuelocate.model.prompts import PromptStyle


@dataclass(kw_only=True)
class LanguageModel:
    """A causal language model ready to be read, edited and asked.

    Not an `nn.Module`: a LightningModule may hold it without adopting (and casting or wrapping) its weights.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    ffn: FeedForward
    prompts: PromptStyle
    fingerprint: str
    """Identifies the weights; part of every artifact."""
    name: str
    reading: TokenBatch | None = field(default=None, init=False)
    """The batch now being teacher-forced; hooks find answer positions by it."""

    @property
    def device(self) -> torch.device:
        """Where inputs go (the first device of a sharded model)."""
        return self.model.get_input_embeddings().weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type."""
        return self.model.dtype

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return self.ffn.n_layers

    @property
    def width(self) -> int:
        """FFN neurons in a layer."""
        return self.ffn.width

    @property
    def backbone(self) -> nn.Module:
        """The model without its language-model head."""
        path = self.ffn.family.backbone
        return self.model.base_model if path is None else self.model.get_submodule(path)

    @property
    def takes_position_ids(self) -> bool:
        """Whether the model is told positions (models with ALiBi are not)."""
        return "position_ids" in inspect.signature(self.backbone.forward).parameters

    @property
    def eos_ids(self) -> list[int]:
        """Tokens that end an answer: the tokenizer's and the model config's."""
        configured = self.model.config.get_text_config().eos_token_id
        ids = configured if isinstance(configured, list) else [configured]
        return sorted({i for i in [self.tokenizer.eos_token_id, *ids] if i is not None})

    @property
    def pad_id(self) -> int:
        """Padding token; the end token where there is none (a mask always goes along)."""
        if self.tokenizer.pad_token_id is not None:
            return int(self.tokenizer.pad_token_id)
        return self.eos_ids[0] if self.eos_ids else 0

    def prompt_ids(
        self, question: str, *, description: str | None = None, options: tuple[str, str] | None = None
    ) -> list[int]:
        """Return the tokens of a prompt, with special tokens as the template or the tokenizer sets them."""
        text = self.prompts.render(self.tokenizer, question, description=description, options=options)
        # A chat template writes its own special tokens; adding the tokenizer's would double the first.
        special = not self.prompts.uses_chat(self.tokenizer)
        ids = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        if special and len(ids) > 1 and ids[-1] in self.eos_ids:
            ids = ids[:-1]
        return list(ids)

    def encode_answer(self, text: str) -> list[int]:
        """Return an answer's tokens as they follow a prompt, without special tokens."""
        # After a plain frame ("Answer:") the text is separated by a space; after a template by its newline.
        lead = "" if self.prompts.uses_chat(self.tokenizer) else " "
        return list(self.tokenizer(lead + text.strip(), add_special_tokens=False)["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of answer tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    @contextmanager
    def _reading(self, batch: TokenBatch) -> Iterator[None]:
        self.reading, before = batch, self.reading
        try:
            yield
        finally:
            self.reading = before

    def forward(self, batch: TokenBatch, *, head: bool = True) -> Float[Tensor, "batch token out"]:
        """Run a teacher-forced batch without a cache.

        Returns:
            Logits over the vocabulary, or with `head=False` the backbone's last hidden states.
        """
        batch = batch.to(self.device)
        module = self.model if head else self.backbone
        positions = {"position_ids": batch.position_ids} if self.takes_position_ids else {}
        with self._reading(batch):
            output = module(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False, **positions
            )
        return output.logits if head else output.last_hidden_state

    @torch.no_grad()
    def generate_ids(
        self, prompts: Sequence[Sequence[int]], *, max_new_tokens: int, repetition_penalty: float = 1.0
    ) -> list[list[int]]:
        """Answer one batch of prompts greedily; the checkpoint's own generation settings are not used.

        Returns:
            The answers' tokens, up to and without the end token.
        """
        width = max(len(prompt) for prompt in prompts)
        gaps = [width - len(prompt) for prompt in prompts]
        # Left padding, so that every row's next token stands in the same column.
        input_ids = torch.tensor([[self.pad_id] * gap + [*prompt] for gap, prompt in zip(gaps, prompts, strict=True)])
        mask = torch.tensor([[0] * gap + [1] * (width - gap) for gap in gaps])
        eos = self.eos_ids
        settings = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            repetition_penalty=repetition_penalty,
            pad_token_id=self.pad_id,
            eos_token_id=eos or None,
            bos_token_id=self.tokenizer.bos_token_id,
        )
        output = self.model.generate(
            input_ids=input_ids.to(self.device), attention_mask=mask.to(self.device), generation_config=settings
        )
        return [_until(row, eos) for row in output[:, width:].tolist()]

    def generate(self, question: str, *, description: str | None = None, max_new_tokens: int = 128) -> str:
        """Return the model's greedy answer to a question, under a description if one is given."""
        [answer] = self.generate_ids(
            [self.prompt_ids(question, description=description)], max_new_tokens=max_new_tokens
        )
        return self.decode(answer)


def _until(ids: list[int], ends: Sequence[int]) -> list[int]:
    stop = next((index for index, token in enumerate(ids) if token in ends), len(ids))
    return ids[:stop]
