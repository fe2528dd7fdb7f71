from __future__ import annotations

import pytest

from valuelocate.dataset.paraphrase.cache import Reply, replies
from valuelocate.dataset.paraphrase.prompt import Prompt
from valuelocate.errors import UserError

PROMPTS = [Prompt("s", text) for text in ("a", "b", "a", "c")]


class Model:
    """Says each prompt twice; fails at `fails`, and has nothing to say to `silent`."""

    def __init__(self, fails: str = "", silent: str = "", name: str = "m") -> None:
        self.fails, self.silent, self.name, self.asked = fails, silent, name, []

    def identity(self):
        return {"model": self.name}

    def ask(self, prompts):
        for place, prompt in reversed(list(enumerate(prompts))):
            if prompt.user == self.fails:
                raise UserError("gone")
            self.asked.append(prompt.user)
            yield (
                Reply(place, None, "silent") if prompt.user == self.silent else Reply(place, prompt.user * 2)
            )


def test_answers_come_in_order_and_are_asked_once(store) -> None:
    model = Model()
    assert [reply.text for reply in replies(model, PROMPTS, store)] == ["aa", "bb", "aa", "cc"]
    assert sorted(model.asked) == ["a", "b", "c"]
    again = Model()
    assert [reply.place for reply in replies(again, PROMPTS, store)] == [0, 1, 2, 3]
    assert again.asked == []


def test_another_model_is_asked_anew(store) -> None:
    replies(Model(), PROMPTS, store)
    other = Model(name="n")
    replies(other, PROMPTS, store)
    assert len(other.asked) == 3


def test_an_interrupted_run_goes_on_where_it_stopped(store) -> None:
    with pytest.raises(UserError, match="gone"):
        replies(Model(fails="a"), PROMPTS, store)
    model = Model()
    replies(model, PROMPTS, store)
    assert model.asked == ["a"]


def test_no_answer_is_not_kept(store) -> None:
    assert replies(Model(silent="b"), PROMPTS, store)[1] == (1, None, "silent")
    model = Model()
    replies(model, PROMPTS, store)
    assert model.asked == ["b"]
