"""A language model with its tokenizer, prompts and table row: what every later stage works on."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from valuelocate.errors import UserError
from valuelocate.model.batch import TokenBatch
from valuelocate.model.ffn import FeedForward
from valuelocate.model.generation import Generation, Steps, pad_left, until_end
from valuelocate.model.prompts import PromptStyle, control_tokens


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
    max_new_tokens: int = 256
    """Tokens of an answer where nothing else is asked for."""
    reading: TokenBatch | None = field(default=None, init=False)
    """The batch now being teacher-forced; hooks find answer positions by it."""
    generation: Generation | None = field(default=None, init=False)
    """The generation now under way; hooks tell prompt from answer by it."""
    edits_in_force: int = field(default=0, init=False)
    """How many `write_neurons` are open; measures that need the unedited model ask for 0."""

    @property
    def device(self) -> torch.device:
        """Where inputs go (the first device of a sharded model)."""
        return self._embedding.device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the FFN weights."""
        return self.ffn.write_vectors(0).dtype

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

    @cached_property
    def takes_position_ids(self) -> bool:
        """Whether the model is told positions (some with ALiBi are not)."""
        return "position_ids" in inspect.signature(self.backbone.forward).parameters

    @cached_property
    def vocabulary(self) -> int:
        """Rows of the input embedding."""
        return int(self._embedding.shape[0])

    @property
    def _embedding(self) -> Tensor:
        return self.model.get_input_embeddings().get_parameter("weight")

    @cached_property
    def max_positions(self) -> int | None:
        """The longest sequence the model takes, in tokens; None where nothing limits it (ALiBi)."""
        config: Any = self.model.config.get_text_config(decoder=True)
        limit = getattr(config, "max_position_embeddings", None)
        return None if getattr(config, "alibi", False) or not isinstance(limit, int) else limit

    @property
    def eos_ids(self) -> list[int]:
        """Tokens that end an answer: the tokenizer's, the config's and the generation config's.

        The last is all that is used of a checkpoint's generation settings: for many chat models only it names
        the end of a turn.
        """
        config = self.model.config.get_text_config(decoder=True)
        generation = getattr(self.model, "generation_config", None)
        named = (
            self.tokenizer.eos_token_id,
            getattr(config, "eos_token_id", None),
            getattr(generation, "eos_token_id", None),
        )
        ids = {i for found in named for i in (found if isinstance(found, list) else [found])}
        return sorted(i for i in ids if i is not None)

    @property
    def pad_id(self) -> int:
        """Padding token; an end token where there is none in the vocabulary (a mask always goes along)."""
        candidates = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, *self.eos_ids, 0)
        return next(int(i) for i in candidates if i is not None and 0 <= i < self.vocabulary)

    def prompt_ids(
        self, question: str, *, description: str | None = None, options: tuple[str, str] | None = None
    ) -> list[int]:
        """Return the tokens of a prompt, with special tokens as the template or the tokenizer sets them.

        Raises:
            UserError: the prompt cannot be rendered, or has no tokens, or tokens the model does not have.
        """
        text = self.prompts.render(self.tokenizer, question, description=description, options=options)
        ids = self._text_ids(text)
        if not ids or max(ids) >= self.vocabulary:
            found = f"token {max(ids)}" if ids else "no tokens"
            raise UserError(
                f"model.path: the tokenizer makes {found} of a prompt, and the model knows tokens 0 to "
                f"{self.vocabulary - 1}; does the tokenizer belong to '{self.name}'?"
            )
        return ids

    def _text_ids(self, text: str) -> list[int]:
        # A chat template writes its own special tokens; adding the tokenizer's would double the first.
        special = not self.prompts.uses_chat(self.tokenizer)
        ids = list(self.tokenizer(text, add_special_tokens=special)["input_ids"])
        while special and len(ids) > 1 and ids[-1] in self.eos_ids:
            ids.pop()
        return ids

    @cached_property
    def _before_answer(self) -> tuple[str, list[int]]:
        """A prompt up to where its answer's first word begins, and the tokens of that prompt."""
        text = self.prompts.render(self.tokenizer, "Why?")
        return text + self.prompts.answer_lead(self.tokenizer), self._text_ids(text)

    def encode_answer(self, text: str) -> list[int]:
        """Return an answer's tokens as they follow a prompt, without special tokens."""
        # Tokenised behind a prompt, since many tokenizers treat the start of a text unlike its middle.
        before, prompt = self._before_answer
        ids = self._text_ids(before + text.strip())
        if ids[: len(prompt)] == prompt:
            ids = ids[len(prompt) :]
        else:
            ids = list(self.tokenizer(text.strip(), add_special_tokens=False)["input_ids"])
        control = control_tokens(self.tokenizer)
        return [i for i in ids if i not in control]

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

        Raises:
            UserError: a row is longer than the model's positions.
        """
        if self.max_positions is not None and batch.input_ids.shape[1] > self.max_positions:
            raise UserError(
                f"model '{self.name}': a prompt and its answer have {batch.input_ids.shape[1]} tokens, and "
                f"the model has {self.max_positions} positions; lower collect.generation.max_new_tokens or "
                f"take shorter texts"
            )
        batch = batch.to(self.device)
        module = self.model if head else self.backbone
        positions = {"position_ids": batch.position_ids} if self.takes_position_ids else {}
        with self._reading(batch):
            output = module(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False, **positions
            )
        return output.logits if head else output.last_hidden_state

    def generate_ids(
        self, prompts: Sequence[Sequence[int]], *, max_new_tokens: int, repetition_penalty: float = 1.0
    ) -> list[list[int]]:
        """Answer one batch of prompts greedily; the checkpoint's own generation settings are not used.

        Returns:
            The answers' tokens, up to and without the end token.

        Raises:
            UserError: a prompt and its answer would not fit the model's positions.
        """
        if not prompts:
            return []
        eos = self.eos_ids
        output = self._generate(
            prompts, max_new_tokens, repetition_penalty=repetition_penalty, eos_token_id=eos or None
        )
        return [until_end(row, eos) for row in output.tolist()]

    def generate_steps(self, prompts: Sequence[Sequence[int]], *, steps: int) -> Steps:
        """Generate exactly `steps` tokens past any end token; return them with the logits they had."""
        output = self._generate(prompts, steps, output_logits=True, return_dict_in_generate=True)
        width = output.sequences.shape[1] - steps
        return Steps(output.sequences[:, width:].tolist(), torch.stack(output.logits, dim=1))

    def generate(
        self, question: str, *, description: str | None = None, max_new_tokens: int | None = None
    ) -> str:
        """Return the model's greedy answer to a question, under a description if one is given."""
        prompt = self.prompt_ids(question, description=description)
        [answer] = self.generate_ids([prompt], max_new_tokens=max_new_tokens or self.max_new_tokens)
        return self.decode(answer)

    @torch.no_grad()
    def _generate(self, prompts: Sequence[Sequence[int]], max_new_tokens: int, **settings: Any) -> Any:
        batch = pad_left(prompts, self.pad_id)
        width = batch.input_ids.shape[1]
        self._check_fits(width, max_new_tokens)
        wanted = GenerationConfig(
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            pad_token_id=self.pad_id,
            bos_token_id=self.tokenizer.bos_token_id,
            **settings,
        )
        # Its class mixes `generate` in under a type that is no function.
        model: Any = self.model
        with self._generating(width):
            output = model.generate(
                input_ids=batch.input_ids.to(self.device),
                attention_mask=batch.attention_mask.to(self.device),
                generation_config=wanted,
            )
        return output if wanted.return_dict_in_generate else output[:, width:]

    def _check_fits(self, prompt: int, answer: int) -> None:
        limit = self.max_positions
        if limit is not None and prompt + answer > limit:
            remedy = (
                f"lower max_new_tokens (model, collect.generation or evaluate) to at most {limit - prompt}"
                if prompt < limit
                else "take shorter texts"
            )
            raise UserError(
                f"model '{self.name}': a prompt of {prompt} tokens and an answer of up to {answer} do not "
                f"fit the model's {limit} positions; {remedy}, or another model"
            )

    @contextmanager
    def _generating(self, prompt_columns: int) -> Iterator[None]:
        """Follow how far generation has read, and keep the checkpoint's settings out of ours."""
        generation = Generation(prompt_columns)

        def count(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
            tokens = kwargs.get("input_ids", args[0] if args else None)
            generation.columns_read += (tokens if tokens is not None else kwargs["inputs_embeds"]).shape[1]

        own, before = self.model.generation_config, self.generation
        self.model.generation_config, self.generation = GenerationConfig(), generation
        handle = self.backbone.register_forward_hook(count, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()
            self.model.generation_config, self.generation = own, before
