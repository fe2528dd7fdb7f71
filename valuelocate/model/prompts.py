"""How a question is put to a model: chat template or plain frame, with or without a value description."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from transformers import PreTrainedTokenizerBase

from valuelocate.errors import UserError

Frame = Literal["auto", "chat", "plain"]
Role = Literal["user", "system"]


@dataclass(frozen=True, kw_only=True)
class PromptStyle:
    """Templates of the prompts; `{question}`, `{description}`, `{option_a}`, `{option_b}` are filled in.

    The intents follow Su et al. 2025 and NPTI (Deng et al. 2024): a described person's view for locating, the
    same question with no description for testing. The wording is ours.
    """

    frame: Frame = "auto"
    """`chat`: the tokenizer's chat template; `plain`: `plain_frame`; `auto`: chat where there is a template."""
    description_role: Role = "user"
    """Where a description goes; many templates have no system role."""
    answer: str = "{question}\n\nAnswer in your own words, briefly and directly, in under 100 words."
    """The question alone."""
    described_answer: str = (
        "Here is how a person describes themselves:\n{description}\n\nAnswer the following question as this person would, in "
        "the first person, briefly and directly, in under 100 words.\n\n{question}"
    )
    """The question under a description, in the user's turn."""
    system: str = "Answer as the person who says of themselves: {description}"
    """The system turn where `description_role` is system; the user's turn is then `answer`."""
    options: str = "{question}\n\nA. {option_a}\nB. {option_b}\n\nAnswer with the letter A or B alone."
    """What takes the place of the question where one of two answers is to be chosen by letter."""
    plain_frame: str = "Question: {prompt}\n\nAnswer:"
    """Wraps the user's text for models without a chat template."""
    letters: tuple[str, str] = ("A", "B")
    template_args: Mapping[str, object] = field(default_factory=lambda: {"enable_thinking": False, "date_string": "01 Jan 2026"})
    """Fixed arguments of the chat template, so that a prompt does not depend on the day it is rendered."""

    def __post_init__(self) -> None:
        if self.frame not in get_args(Frame):
            raise UserError(f"model.prompts.frame={self.frame}: expected one of {', '.join(get_args(Frame))}")
        if self.description_role not in get_args(Role):
            raise UserError(f"model.prompts.description_role={self.description_role}: expected one of {', '.join(get_args(Role))}")
        slots = {
            "answer": ["question"],
            "described_answer": ["question", "description"],
            "system": ["description"],
            "options": ["question", "option_a", "option_b"],
            "plain_frame": ["prompt"],
        }
        for name, needed in slots.items():
            missing = [slot for slot in needed if "{" + slot + "}" not in getattr(self, name)]
            if missing:
                raise UserError(f"model.prompts.{name}: the template lacks {{{missing[0]}}}")

    def uses_chat(self, tokenizer: PreTrainedTokenizerBase) -> bool:
        """Whether prompts go through the tokenizer's chat template.

        Raises:
            UserError: `frame` is chat and the tokenizer has no template.
        """
        if self.frame == "chat" and not tokenizer.chat_template:
            raise UserError("model.prompts.frame=chat: this tokenizer has no chat template; use frame=plain")
        return self.frame != "plain" and bool(tokenizer.chat_template)

    def render(
        self,
        tokenizer: PreTrainedTokenizerBase,
        question: str,
        *,
        description: str | None = None,
        options: tuple[str, str] | None = None,
    ) -> str:
        """Return the prompt's text, up to where the answer begins."""
        if options is not None:
            question = _fill(self.options, question=question, option_a=options[0], option_b=options[1])
        # With options the instruction to choose a letter stands in for the one to answer briefly.
        bare = "{question}" if options is not None else self.answer
        if description is None or self.description_role == "system":
            user = _fill(bare, question=question)
        else:
            user = _fill(self.described_answer, question=question, description=description)
        system = _fill(self.system, description=description) if description and self.description_role == "system" else None
        if self.uses_chat(tokenizer):
            turns = [{"role": "system", "content": system}] if system else []
            text = tokenizer.apply_chat_template(
                [*turns, {"role": "user", "content": user}], tokenize=False, add_generation_prompt=True, **self.template_args
            )
            return str(text)
        return _fill(self.plain_frame, prompt=f"{system}\n\n{user}" if system else user)

    def digest(self) -> str:
        """Return a hash of every template and argument, a part of cache keys."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()


def _fill(template: str, **slots: str) -> str:
    # One pass, so that braces or slot names inside a filled-in text stay as they are.
    return re.sub(r"\{(\w+)\}", lambda match: slots.get(match[1], match[0]), template)
