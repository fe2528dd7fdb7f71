"""How a question is put to a model: chat template or plain frame, with or without a value description."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from valuelocate.errors import UserError

Frame = Literal["auto", "chat", "plain"]
Role = Literal["user", "system"]

Wording = Literal["auto", "full", "bare"]

_WORDINGS: Mapping[str, Mapping[str, str]] = {
    "full": {
        "answer": "{question}\n\nAnswer in your own words, briefly and directly, in under 100 words.",
        "described_answer": (
            "Here is how a person describes themselves:\n{description}\n\nAnswer the following question as "
            "this person would, in the first person, briefly and directly, in under 100 words.\n\n{question}"
        ),
        "system": "Answer as the person who says of themselves: {description}",
        "options": "{question}\n\nA. {option_a}\nB. {option_b}\n\nAnswer with the letter A or B alone.",
        "plain_frame": "Question: {prompt}\n\nAnswer:",
    },
    "bare": {
        "answer": "{question}",
        "described_answer": "{description}\n{question}",
        "system": "{description}",
        "options": "{question}\nA. {option_a}\nB. {option_b}\nA or B?",
        "plain_frame": "{prompt}\n",
    },
}
"""Every template by wording."""

_SLOTS: Mapping[str, tuple[str, ...]] = {
    "answer": ("question",),
    "described_answer": ("question", "description"),
    "system": ("description",),
    "options": ("question", "option_a", "option_b"),
    "plain_frame": ("prompt",),
}
_FIXED_DAY = datetime(2026, 1, 1)
_CLOCK = "strftime_now"


@dataclass(frozen=True, kw_only=True)
class PromptStyle:
    """Templates of the prompts; `{question}`, `{description}`, `{option_a}`, `{option_b}` are filled in.

    The intents follow Su et al. 2025 and NPTI (Deng et al. 2024): a described person's view for locating, the
    same question with no description for testing. The wording is ours.
    """

    frame: Frame = "auto"
    """`chat`: the tokenizer's template; `plain`: `plain_frame`; `auto`: chat where there is a template."""
    description_role: Role = "user"
    """Where a description goes; many templates have no system role."""
    wording: Wording = "auto"
    """Where the templates below that are None come from. `full`: with an instruction to answer briefly;
    `bare`: the texts alone, as the embedded model was trained; `auto`: bare for the embedded model, else
    full."""
    answer: str | None = None
    """The question alone."""
    described_answer: str | None = None
    """The question under a description, in the user's turn."""
    system: str | None = None
    """The system turn where `description_role` is system; the user's turn is then `answer`."""
    options: str | None = None
    """What takes the place of the question where one of two answers is to be chosen by letter."""
    plain_frame: str | None = None
    """Wraps the user's text (`{prompt}`) for models without a chat template."""
    letters: tuple[str, str] = ("A", "B")
    """The letters of the two options, as `options` names them."""
    template_args: Mapping[str, object] = field(
        default_factory=lambda: {"enable_thinking": False, "date_string": "01 Jan 2026"}
    )
    """Fixed arguments of the chat template, so that a prompt does not depend on the day it is rendered; a
    template that asks for the time gets 1 January 2026."""

    def __post_init__(self) -> None:
        choices = (("frame", Frame), ("description_role", Role), ("wording", Wording))
        for name, allowed in ((name, get_args(kind)) for name, kind in choices):
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"model.prompts.{name}={getattr(self, name)}: expected one of {', '.join(allowed)}"
                )
        for name, needed in _SLOTS.items():
            missing = [slot for slot in needed if "{" + slot + "}" not in self.template(name)]
            if missing:
                raise UserError(f"model.prompts.{name}: the template lacks {{{missing[0]}}}")
        if len(self.letters) != 2 or len({*self.letters, ""}) != 3:
            raise UserError(f"model.prompts.letters={list(self.letters)}: expected two different letters")
        object.__setattr__(self, "letters", tuple(self.letters))

    def template(self, name: str) -> str:
        """Return a template by its field's name: the one given, else the wording's."""
        given: str | None = getattr(self, name)
        return _WORDINGS["bare" if self.wording == "bare" else "full"][name] if given is None else given

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
        """Return the prompt's text, up to where the answer begins.

        Raises:
            UserError: a text holds a control token of the tokenizer, or the chat template fails or leaves
                one of the turns out.
        """
        for text in (question, description or "", *(options or ())):
            _refuse_control_tokens(tokenizer, text)
        if options is not None:
            first, second = options
            question = _fill(self.template("options"), question=question, option_a=first, option_b=second)
        # With options the instruction to choose a letter stands in for the one to answer briefly.
        bare = "{question}" if options is not None else self.template("answer")
        if description is None or self.description_role == "system":
            user = _fill(bare, question=question)
        else:
            user = _fill(self.template("described_answer"), question=question, description=description)
        system = None
        if description is not None and self.description_role == "system":
            system = _fill(self.template("system"), description=description)
        if self.uses_chat(tokenizer):
            return self._chat(tokenizer, system, user)
        return _fill(self.template("plain_frame"), prompt=f"{system}\n\n{user}" if system else user)

    def answer_lead(self, tokenizer: PreTrainedTokenizerBase) -> str:
        """Return the white space that a model writes between a prompt and its answer.

        A chat template tells by how it writes an answer down ("[/INST] Yes"); a plain frame by how it ends.
        """
        if not self.uses_chat(tokenizer):
            return "" if self.template("plain_frame")[-1].isspace() else " "
        user, answer = "Hello", "Yes"
        prompt = self._chat(tokenizer, None, user)
        turns = [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
        written = self._apply(tokenizer, turns, add_generation_prompt=False)
        after = written.removeprefix(prompt)
        # Templates that open an answer with more than they keep of it (an empty thought) tell nothing.
        lead, found, _ = after.partition(answer)
        return lead if found and len(after) < len(written) and not lead.strip() else ""

    def _chat(self, tokenizer: PreTrainedTokenizerBase, system: str | None, user: str) -> str:
        turns = [{"role": "system", "content": system}] if system else []
        try:
            text = self._apply(
                tokenizer, [*turns, {"role": "user", "content": user}], add_generation_prompt=True
            )
        except (TemplateError, TypeError) as error:
            remedy = "model.prompts.description_role=user" if system else "model.prompts.frame=plain"
            raise UserError(f"the model's chat template fails: {error}; use {remedy}") from error
        for role, content in (("system", system or ""), ("user", user)):
            if content.strip() not in text:
                raise UserError(
                    f"the model's chat template leaves out or rewrites the {role} turn; use "
                    f"model.prompts.{'description_role=user' if role == 'system' else 'frame=plain'}"
                )
        return text

    def _apply(
        self, tokenizer: PreTrainedTokenizerBase, turns: list[dict[str, str]], *, add_generation_prompt: bool
    ) -> str:
        template = tokenizer.get_chat_template()
        arguments: dict[str, Any] = dict(self.template_args)
        return str(
            tokenizer.apply_chat_template(
                turns,
                # Some templates ask for today's date by a function, which no argument can stand in for.
                chat_template=_stopped_clock() + template if _CLOCK in template else template,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                **arguments,
            )
        )

    def digest(self) -> str:
        """Return a hash of every template and argument, a part of cache keys."""
        whole = asdict(self) | {name: self.template(name) for name in _SLOTS} | {"wording": None}
        return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


def _fill(template: str, **slots: str) -> str:
    # One pass, so that braces or slot names inside a filled-in text stay as they are.
    return re.sub(r"\{(\w+)\}", lambda match: slots.get(match[1], match[0]), template)


def _stopped_clock() -> str:
    """Return a macro that shadows the templates' clock by one that stands still."""
    codes = {f"%{letter}": _FIXED_DAY.strftime(f"%{letter}") for letter in "aAbBdmyYHIMSpj"}
    codes |= {f"%-{letter}": codes[f"%{letter}"].lstrip("0") for letter in "dm"}
    replaced = "".join(f".replace({code!r}, {text!r})" for code, text in codes.items())
    return f"{{% macro {_CLOCK}(format) -%}}{{{{ format{replaced} }}}}{{%- endmacro -%}}"


def control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """Return the tokens that steer a model instead of being text, by id."""
    added = {i: token.content for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return added | dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))


def _refuse_control_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    # The tokenizer would read such a text as the end of the turn or of the prompt.
    tokens = control_tokens(tokenizer).values()
    found = [token for token in tokens if not token.isalnum() and token in text]
    if found:
        raise UserError(
            f"the text {text[:60]!r} holds {found[0]!r}, a control token of the model; remove it from the "
            f"dataset"
        )
