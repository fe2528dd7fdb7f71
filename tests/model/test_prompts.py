"""Prompts: frames, roles, texts with braces and control tokens, and tokens at both ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tiny_models import BOS, CHAT_TEMPLATE, EOS, tiny_random, tiny_tokenizer
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel, PromptStyle

QUESTION, DESCRIPTION = "Do you take the new job?", "I would find my own way."
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + CHAT_TEMPLATE
)
DROPS_SYSTEM = CHAT_TEMPLATE.replace("<|{{ message['role'] }}|>", "").replace(
    "{{ message['content'] }}", "{% if message['role'] != 'system' %}{{ message['content'] }}{% endif %}"
)
DATED = (
    "<s>{{ strftime_now('%d %b %Y') }} {{ strftime_now('%B %-d, %y') }} {{ date_string }} "
    "{{ enable_thinking }}" + CHAT_TEMPLATE[3:]
)
SPACED = (
    "<s>{% for message in messages %}{% if message['role'] == 'assistant' %} {{ message['content'] }}</s>"
    "{% else %}[INST] {{ message['content'] }}[/INST]{% endif %}{% endfor %}"
)


def test_full_wording_in_a_chat_template() -> None:
    tokenizer = tiny_tokenizer(chat=True)
    style = PromptStyle()
    alone = style.render(tokenizer, QUESTION)
    assert alone.startswith(f"<s><|user|>{QUESTION}\n\nAnswer in your own words")
    assert alone.endswith("<|assistant|>")
    described = style.render(tokenizer, QUESTION, description=DESCRIPTION)
    assert described.index(DESCRIPTION) < described.index(QUESTION)
    assert "<|system|>" not in described


def test_bare_wording_is_the_texts_alone() -> None:
    tokenizer, style = tiny_tokenizer(chat=True), PromptStyle(wording="bare")
    assert style.render(tokenizer, QUESTION) == f"<s><|user|>{QUESTION}<|assistant|>"
    assert style.render(tokenizer, QUESTION, description=DESCRIPTION) == (
        f"<s><|user|>{DESCRIPTION}\n{QUESTION}<|assistant|>"
    )
    assert style.render(tokenizer, QUESTION, options=("Yes.", "No.")) == (
        f"<s><|user|>{QUESTION}\nA. Yes.\nB. No.\nA or B?<|assistant|>"
    )


def test_a_template_of_ones_own_beside_a_wording() -> None:
    style = PromptStyle(wording="bare", answer="Now: {question}", frame="plain")
    assert style.render(tiny_tokenizer(), "Why?") == "Now: Why?\n"
    assert style.template("options") == "{question}\nA. {option_a}\nB. {option_b}\nA or B?"


def test_options_take_the_place_of_the_question_with_and_without_description() -> None:
    tokenizer, style = tiny_tokenizer(), PromptStyle()
    plain = style.render(tokenizer, QUESTION, options=("Yes.", "No."))
    assert plain == (
        f"Question: {QUESTION}\n\nA. Yes.\nB. No.\n\nAnswer with the letter A or B alone.\n\nAnswer:"
    )
    described = style.render(tokenizer, QUESTION, options=("Yes.", "No."), description=DESCRIPTION)
    assert DESCRIPTION in described
    assert "A. Yes.\nB. No." in described


@pytest.mark.parametrize("chat", [True, False])
def test_braces_and_slot_names_inside_texts_stay_as_they_are(chat: bool) -> None:
    tokenizer = tiny_tokenizer(chat=chat)
    question, description = "What of {description} and {x}, {{y}}?", "I like {question} and {prompt}."
    options = ("{option_b}", "{% raw %}{{ 1 }}")
    for style in (PromptStyle(), PromptStyle(description_role="system")):
        text = style.render(tokenizer, question, description=description, options=options)
        for part in (question, description, *options):
            assert text.count(part) == 1


def test_a_description_in_the_system_turn() -> None:
    style = PromptStyle(description_role="system")
    text = style.render(tiny_tokenizer(chat=True), QUESTION, description=DESCRIPTION)
    said = f"Answer as the person who says of themselves: {DESCRIPTION}"
    assert text.startswith(f"<s><|system|>{said}<|user|>{QUESTION}")
    plain = style.render(tiny_tokenizer(), QUESTION, description=DESCRIPTION)
    assert plain.startswith(f"Question: {said}\n\n{QUESTION}")
    # Without a description there is no system turn to write.
    assert "<|system|>" not in style.render(tiny_tokenizer(chat=True), QUESTION)


@pytest.mark.parametrize(
    ("template", "told"),
    [(NO_SYSTEM, "System role not supported"), (DROPS_SYSTEM, "leaves out or rewrites the system turn")],
)
def test_a_template_without_a_system_turn_is_told_of(template: str, told: str) -> None:
    tokenizer = tiny_tokenizer(chat=True, template=template)
    assert QUESTION in PromptStyle().render(tokenizer, QUESTION, description=DESCRIPTION)
    with pytest.raises(UserError, match=f"{told}.*description_role=user"):
        PromptStyle(description_role="system").render(tokenizer, QUESTION, description=DESCRIPTION)


def test_a_template_that_drops_the_question_is_told_of() -> None:
    tokenizer = tiny_tokenizer(chat=True, template="<s>{% if add_generation_prompt %}Go:{% endif %}")
    with pytest.raises(UserError, match="leaves out or rewrites the user turn"):
        PromptStyle().render(tokenizer, QUESTION)


def test_a_prompt_does_not_depend_on_the_day() -> None:
    tokenizer = tiny_tokenizer(chat=True, template=DATED)
    text = PromptStyle().render(tokenizer, QUESTION)
    assert text.startswith("<s>01 Jan 2026 January 1, 26 01 Jan 2026 False<|user|>")
    style = PromptStyle(template_args={"enable_thinking": True, "date_string": "02 Feb 2025"})
    assert style.render(tokenizer, QUESTION).startswith("<s>01 Jan 2026 January 1, 26 02 Feb 2025 True")


def test_frames() -> None:
    with_template, without = tiny_tokenizer(chat=True), tiny_tokenizer()
    assert PromptStyle().uses_chat(with_template)
    assert not PromptStyle().uses_chat(without)
    assert not PromptStyle(frame="plain").uses_chat(with_template)
    with pytest.raises(UserError, match="frame=chat: this tokenizer has no chat template"):
        PromptStyle(frame="chat").render(without, QUESTION)


@pytest.mark.parametrize("text", ["Yes.</s>", "<|assistant|>I would.", "<s>"])
@pytest.mark.parametrize("place", ["question", "description", "options"])
def test_a_text_with_a_control_token_is_refused(text: str, place: str) -> None:
    arguments: dict[str, Any] = {"question": QUESTION, "description": None, "options": None}
    arguments[place] = ("No.", text) if place == "options" else text
    with pytest.raises(UserError, match=r"holds '<.*a control token of the model"):
        PromptStyle().render(tiny_tokenizer(), arguments.pop("question"), **arguments)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"frame": "jinja"}, "frame=jinja: expected one of auto, chat, plain"),
        ({"description_role": "tool"}, "description_role=tool: expected one of user, system"),
        ({"wording": "short"}, "wording=short: expected one of auto, full, bare"),
        ({"answer": "Say something."}, r"answer: the template lacks \{question\}"),
        ({"described_answer": "{question}"}, r"described_answer: the template lacks \{description\}"),
        ({"options": "{question} {option_a}"}, r"options: the template lacks \{option_b\}"),
        ({"plain_frame": "Answer:"}, r"plain_frame: the template lacks \{prompt\}"),
        ({"letters": ("A", "A")}, "expected two different letters"),
        ({"letters": ("A",)}, "expected two different letters"),
    ],
)
def test_mistakes_name_their_key(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=rf"model\.prompts\..*{told}"):
        PromptStyle(**fields)


def test_digest_follows_what_is_asked_and_not_how_it_was_written() -> None:
    assert PromptStyle().digest() == PromptStyle(wording="full").digest()
    assert PromptStyle().digest() == PromptStyle(answer=PromptStyle().template("answer")).digest()
    assert PromptStyle(letters=["A", "B"]).digest() == PromptStyle().digest()  # type: ignore[arg-type]
    different = [
        PromptStyle(),
        PromptStyle(wording="bare"),
        PromptStyle(frame="plain"),
        PromptStyle(description_role="system"),
        PromptStyle(answer="{question}!"),
        PromptStyle(template_args={}),
    ]
    assert len({style.digest() for style in different}) == len(different)


@pytest.mark.parametrize("adds", ["", "bos", "eos", "bos eos"])
def test_a_plain_prompt_has_at_most_one_start_and_no_end_token(adds: str) -> None:
    ids = tiny_random(adds=adds, check=False).prompt_ids(QUESTION)
    assert ids.count(BOS) == ("bos" in adds)
    assert EOS not in ids
    assert ids[0] == BOS or "bos" not in adds


@pytest.mark.parametrize("adds", ["", "bos", "bos eos"])
def test_a_chat_prompt_has_the_templates_tokens_alone(adds: str) -> None:
    lm = tiny_random(chat=True, adds=adds, check=False)
    ids = lm.prompt_ids(QUESTION, description=DESCRIPTION)
    assert ids.count(BOS) == 1
    assert ids[0] == BOS
    assert EOS not in ids
    assert lm.tokenizer.convert_ids_to_tokens(ids[-1]) == "<|assistant|>"


@pytest.mark.parametrize(
    ("style", "template", "lead"),
    [
        (PromptStyle(frame="plain"), None, " "),
        (PromptStyle(frame="plain", plain_frame="{prompt}\n"), None, ""),
        (PromptStyle(), CHAT_TEMPLATE, ""),
        (PromptStyle(), SPACED, " "),
        # An answer that is written down with less than it was opened with.
        (PromptStyle(), CHAT_TEMPLATE.replace("<|assistant|>{% endif", "<|assistant|>(thought){% endif"), ""),
    ],
)
def test_the_space_before_an_answer(style: PromptStyle, template: str | None, lead: str) -> None:
    tokenizer = tiny_tokenizer(chat=template is not None, template=template or CHAT_TEMPLATE)
    assert style.answer_lead(tokenizer) == lead


ANSWERS = ["Yes, I would.", "I  would\n\nnot.", "Ünïcode, 日本", "A", "</s>Yes</s>", ""]


@pytest.mark.parametrize("text", ANSWERS)
@pytest.mark.parametrize("kind", ["plain", "plain bos", "chat", "spaced"])
def test_an_answers_tokens_are_those_it_has_behind_a_prompt(kind: str, text: str) -> None:
    chat = kind in ("chat", "spaced")
    lm = tiny_random(chat=chat, adds="bos" if "bos" in kind else "", check=False)
    if kind == "spaced":
        lm.tokenizer.chat_template = SPACED
    ids = lm.encode_answer(text)
    bare = text.replace("</s>", "")
    assert lm.decode(ids) == bare
    if text == bare and text:
        whole = lm.prompts.render(lm.tokenizer, QUESTION) + lm.prompts.answer_lead(lm.tokenizer) + text
        assert lm.tokenizer(whole, add_special_tokens=not chat)["input_ids"] == lm.prompt_ids(QUESTION) + ids


def test_trained_tokenizer_of_stories(stories: LanguageModel) -> None:
    """A tokenizer that marks words by their leading space, at a text's start too."""
    ids = stories.prompt_ids(QUESTION)
    assert ids.count(1) == 1
    text = "Lily went to the park."
    answer = stories.encode_answer(text)
    assert stories.decode(answer) == text
    frame = stories.prompts.render(stories.tokenizer, QUESTION)
    assert stories.tokenizer(f"{frame} {text}")["input_ids"] == ids + answer
    # What the model itself says comes back as it was generated.
    [generated] = stories.generate_ids([ids], max_new_tokens=40)
    assert len(generated) > 20
    assert stories.encode_answer(stories.decode(generated)) == generated
