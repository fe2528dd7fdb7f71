"""Train the embedded model from nothing and write it into the package.

    python experiments/tiny_model/train.py --output valuelocate/model/tiny

A Qwen2-architecture model of about four million parameters, trained with Lightning on the corpus of
`corpus.py`; seeded. Its tokenizer is trained on the same corpus.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from corpus import Dialogue, build_corpus, manifest
from lightning import LightningModule, Trainer, seed_everything
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SPECIAL = ["<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + ('assistant' if message['role'] == 'assistant' else 'user') + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
VOCABULARY = 4096
SHAPE = {
    "hidden_size": 192,
    "intermediate_size": 1024,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
}


class Recipe(NamedTuple):
    """Hyper-parameters, chosen on `locate` alone."""

    steps: int = 3000
    batch_tokens: int = 4096
    learning_rate: float = 4e-3
    """Of AdamW, for embeddings and norms."""
    matrix_rate: float = 4e-3
    """Of Muon, for the other matrices."""
    warmup: int = 60
    weight_decay: float = 0.1
    prompt_weight: float = 0.3
    """Weight of the loss on what the user says, which teaches English but not how to answer."""
    prompt_dropout: float = 0.04
    """Share of a prompt's tokens that are blanked."""
    preference_weight: float = 0.4
    """Weight of preferring the described pole's answer (Bradley-Terry on mean token log-probabilities)."""
    neuron_dropout: float = 0.1
    """Share of FFN neurons that are silenced for a whole text, so that no text hangs on single neurons."""
    sharpness: float = 5.0
    """Per nat per token of margin."""
    first_steps: int = 200
    """First steps, on a few plain sentences, in which the model learns to heed a description at all."""
    talk_steps: int = 300
    """Next steps, on talk in many words, in which it learns to heed what a description means."""
    seed: int = 0


def train_tokenizer(dialogues: Sequence[Dialogue]) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer of the corpus, with the chat template."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    texts = sorted({text for dialogue in dialogues for text in (dialogue.user, dialogue.answer)})
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token=SPECIAL[0], eos_token=SPECIAL[3])
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


class Example(NamedTuple):
    """Token ids of a dialogue, and of its prompt with the rival answer where there is one."""

    kind: str
    prompt: list[int]
    answer: list[int]
    rival: list[int] | None


def encode(dialogue: Dialogue, tokenizer: PreTrainedTokenizerFast) -> Example:
    """Tokenise a dialogue as the chat template writes it."""
    user, assistant, end = (tokenizer.convert_tokens_to_ids(token) for token in SPECIAL[1:])
    prompt = [user, *tokenizer(dialogue.user)["input_ids"], assistant]
    answer = [*tokenizer(dialogue.answer)["input_ids"], end]
    rival = [*tokenizer(dialogue.rival)["input_ids"], end] if dialogue.rival else None
    return Example(dialogue.kind, prompt, answer, rival)


class Batch(NamedTuple):
    """Rows padded on the right: every answer, then the rivals of the first `n_rivals` of them."""

    ids: Tensor
    answered: Tensor
    """Where answer tokens stand."""
    prompted: Tensor
    n_rivals: int


class Batches(IterableDataset):
    """Endless epochs of length-bucketed batches in a seeded order; the plainest talk comes first."""

    def __init__(self, examples: Sequence[Example], recipe: Recipe) -> None:
        self.examples, self.recipe = examples, recipe

    def __iter__(self) -> Iterator[Batch]:
        rng = random.Random(self.recipe.seed)
        for kind, steps in (("first_talk", self.recipe.first_steps), ("talk", self.recipe.talk_steps)):
            alone = [i for i, example in enumerate(self.examples) if example.kind == kind]
            yield from itertools.islice(self._epochs(alone, rng), steps)
        yield from self._epochs(range(len(self.examples)), rng)

    def _epochs(self, members: Sequence[int], rng: random.Random) -> Iterator[Batch]:
        while True:
            # Jitter keeps batches of one length from always holding the same examples.
            order = sorted(members, key=lambda i: self._length(i) + rng.random() * 12)
            batches = list(self._split(order))
            rng.shuffle(batches)
            yield from (self._pad(batch, rng) for batch in batches)

    def _length(self, index: int) -> int:
        example = self.examples[index]
        return len(example.prompt) + max(len(example.answer), len(example.rival or ()))

    def _split(self, order: Sequence[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        rows = 0
        for index in order:
            more = 1 + (self.examples[index].rival is not None)
            if batch and (rows + more) * self._length(index) > self.recipe.batch_tokens:
                yield batch
                batch, rows = [], 0
            batch.append(index)
            rows += more
        yield batch

    def _thinned(self, prompt: list[int], rng: random.Random) -> list[int]:
        """Blank some of a prompt's tokens but not its ends, so that no single word is relied on."""
        share = self.recipe.prompt_dropout
        inner = [0 if rng.random() < share else token for token in prompt[1:-1]]
        return [prompt[0], *inner, prompt[-1]]

    def _pad(self, batch: Sequence[int], rng: random.Random) -> Batch:
        examples = sorted(
            (self.examples[index] for index in batch), key=lambda example: example.rival is None
        )
        rivals = [(example.prompt, example.rival) for example in examples if example.rival]
        rows = [(example.prompt, example.answer) for example in examples] + rivals
        width = max(len(prompt) + len(answer) for prompt, answer in rows)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        answered, prompted = torch.zeros(len(rows), width), torch.zeros(len(rows), width)
        for row, (prompt, answer) in enumerate(rows):
            end = len(prompt) + len(answer)
            ids[row, :end] = torch.tensor(self._thinned(prompt, rng) + answer)
            prompted[row, : len(prompt)] = 1
            answered[row, len(prompt) : end] = 1
        return Batch(ids, answered, prompted, len(rivals))


class Training(LightningModule):
    """Next-token prediction, and under a description the answer of its pole above its rival."""

    def __init__(self, model: Qwen2ForCausalLM, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe
        for layer in model.model.layers:
            layer.mlp.down_proj.register_forward_pre_hook(self._drop)
        # Two optimizers step on one loss.
        self.automatic_optimization = False

    def _drop(self, _: torch.nn.Module, inputs: tuple[Tensor]) -> Tensor:
        if not self.training:
            return inputs[0]
        rows, _, width = inputs[0].shape
        kept = torch.rand(rows, 1, width) >= self.recipe.neuron_dropout
        return inputs[0] * (kept / (1 - self.recipe.neuron_dropout)).to(inputs[0].dtype)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Step on the loss of a batch."""
        # Padding stands on the right and bears no weight, so causal attention needs no mask.
        logits = self.model(input_ids=batch.ids, use_cache=False).logits
        flat = functional.cross_entropy(
            logits[:, :-1].flatten(0, 1).float(), batch.ids[:, 1:].flatten(), reduction="none"
        )
        each = flat.view(len(batch.ids), -1)
        answered, prompted = batch.answered[:, 1:], batch.prompted[:, 1:]
        right = len(batch.ids) - batch.n_rivals
        weight = answered[:right] + self.recipe.prompt_weight * prompted[:right]
        language = (each[:right] * weight).sum() / weight.sum()
        mean = (each * answered).sum(1) / answered.sum(1)
        margin = mean[right:] - mean[: batch.n_rivals]
        preference = (
            functional.softplus(-self.recipe.sharpness * margin).mean() if batch.n_rivals else language * 0
        )
        self._step(language + self.recipe.preference_weight * preference)
        if batch_idx % 50 == 0:
            answer = ((each * answered)[:right].sum() / answered[:right].sum()).item()
            ahead = (margin > 0).float().mean().item() if batch.n_rivals else math.nan
            print(
                f"step {batch_idx:5d}  answer loss {answer:.3f}  "
                f"margin {margin.mean().item():.3f}  ahead {ahead:.2f}",
                flush=True,
            )

    def _step(self, loss: Tensor) -> None:
        optimizers, schedules = self.optimizers(), self.lr_schedulers()
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()

    def configure_optimizers(self) -> list[dict[str, Any]]:
        """Muon for the matrices between embedding and head, AdamW for the rest; warm-up, then cosine."""
        inner = [p for name, p in self.model.named_parameters() if p.ndim == 2 and "embed" not in name]
        chosen = {id(p) for p in inner}
        rest = [p for p in self.model.parameters() if id(p) not in chosen]
        optimizers = [
            torch.optim.Muon(
                inner,
                lr=self.recipe.matrix_rate,
                weight_decay=self.recipe.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            ),
            torch.optim.AdamW(rest, lr=self.recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        return [
            {
                "optimizer": optimizer,
                "lr_scheduler": torch.optim.lr_scheduler.LambdaLR(
                    optimizer, lambda step: _rate(step, self.recipe)
                ),
            }
            for optimizer in optimizers
        ]


def _rate(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def main() -> None:
    """Build the corpus, train, and write model, tokenizer and manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument(
        "--precision", default="bf16-mixed", help="Lightning precision of the training, not of the result"
    )
    arguments = parser.parse_args()
    recipe = Recipe(steps=arguments.steps)
    seed_everything(recipe.seed, verbose=False)
    dialogues = build_corpus(recipe.seed)
    tokenizer = train_tokenizer(dialogues)
    examples = [encode(dialogue, tokenizer) for dialogue in dialogues]
    config = Qwen2Config(
        vocab_size=len(tokenizer), **SHAPE, pad_token_id=0, eos_token_id=3, bos_token_id=None
    )
    model = Qwen2ForCausalLM(config)
    tokens = sum(len(example.prompt) + len(example.answer) for example in examples)
    print(
        f"{len(dialogues)} dialogues, {tokens} tokens, "
        f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters",
        flush=True,
    )
    trainer = Trainer(
        max_epochs=1,
        limit_train_batches=recipe.steps,
        precision=arguments.precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Training(model, recipe), DataLoader(Batches(examples, recipe), batch_size=None))
    shutil.rmtree(arguments.output, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)
    record = {**manifest(dialogues), "tokens": tokens, "recipe": recipe._asdict(), "shape": SHAPE}
    (arguments.output / "manifest.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
