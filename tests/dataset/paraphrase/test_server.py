from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from tests.dataset.paraphrase.conftest import REWRITE, TEXT, completion
from valuelocate.dataset.paraphrase import ServerParaphraser, chat_client
from valuelocate.dataset.paraphrase.prompt import prompt_of
from valuelocate.errors import UserError

KEY = "sk-very-secret-0123456789"
GOOD = (200, completion(f"1. {REWRITE}\n2. Another?"))


@pytest.fixture
def server(chat, monkeypatch):
    monkeypatch.setenv("CHAT_KEY", KEY)

    def make(**settings: Any) -> ServerParaphraser:
        plain = {"model": "m", "key_variable": "CHAT_KEY", "backoff": 0.01, "retries": 2, "timeout": 5.0}
        return ServerParaphraser(base_url=chat.address, **{**plain, **settings})

    return make


def test_a_text_is_asked_and_read(chat, server, constraints) -> None:
    chat.script = [GOOD]
    assert server().rewrite(TEXT, constraints()) == [REWRITE, "Another?"]
    (call,) = chat.calls
    assert (call["model"], call["temperature"], call["seed"], call["max_tokens"]) == ("m", 0, 0, 400)
    assert TEXT in call["messages"][1]["content"]
    assert chat.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_fields_are_added_and_taken_out(chat, server, constraints) -> None:
    chat.script = [GOOD]
    server(key_variable=None, body={"max_tokens": None, "top_p": 1}).rewrite(TEXT, constraints())
    assert "max_tokens" not in chat.calls[0] and chat.calls[0]["top_p"] == 1
    assert "Authorization" not in chat.headers[0]


def test_the_generator_says_who_wrote_it_and_the_store_answers_next_time(
    chat, server, request_of, store
) -> None:
    chat.script = [GOOD]
    asked = server(revision="v1", seed=7)
    (answer,) = asked.answer([request_of()], store)
    generator = answer.generator
    assert (generator.model, generator.revision, generator.seed, generator.temperature) == ("m", "v1", 7, 0.0)
    assert generator.prompt_sha256 == prompt_of(request_of()).sha256
    assert asked.answer([request_of()], store) == [answer]
    assert len(chat.calls) == 1
    server(revision="v1", seed=8).answer([request_of()], store)
    assert len(chat.calls) == 2


@pytest.mark.parametrize("status", [429, 500, 503, 408])
def test_a_busy_server_is_asked_again(status, chat, server, constraints) -> None:
    chat.script = [(status, b"slow down", {"Retry-After": "0"}), GOOD]
    assert server().rewrite(TEXT, constraints())
    assert len(chat.calls) == 2


def test_the_server_may_ask_for_a_longer_wait(chat, server, constraints, monkeypatch) -> None:
    monkeypatch.setattr(chat_client, "MOST_WAIT", 0.2)
    chat.script = [(429, b"", {"Retry-After": "3600"}), GOOD]
    start = time.monotonic()
    assert server().rewrite(TEXT, constraints())
    assert 0.2 <= time.monotonic() - start < 3


def test_a_silent_server_times_out_and_is_asked_again(chat, server, constraints) -> None:
    def slow(body):
        time.sleep(0.6)
        return GOOD

    chat.script = [slow, GOOD]
    assert server(timeout=0.2).rewrite(TEXT, constraints())
    assert len(chat.calls) == 2


def test_after_the_retries_one_error_says_how_to_go_on(chat, server, request_of, store) -> None:
    others = [request_of(f"{TEXT} And number {number}?") for number in range(3)]
    chat.script = [GOOD, (503, b"down")]
    asked = server(concurrency=1)
    with pytest.raises(UserError, match=r"gave up after 3 tries: status 503: down; .*store"):
        asked.answer(others, store)
    chat.script = [GOOD]
    before = len(chat.calls)
    assert all(answer.rewrites for answer in asked.answer(others, store))
    assert len(chat.calls) - before == 2


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "key_variable"), (403, "key_variable"), (404, "base_url"), (302, "base_url"), (402, "settings")],
)
def test_a_server_that_refuses_every_call_ends_the_run(status, told, chat, server, constraints) -> None:
    chat.script = [(status, f"no {KEY}\x1b[31m".encode(), {"Location": "http://localhost:1/"})]
    with pytest.raises(UserError) as raised:
        server().rewrite(TEXT, constraints())
    assert told in str(raised.value) and KEY not in str(raised.value) and "\x1b" not in str(raised.value)
    assert len(chat.calls) == 1


def test_an_address_where_nobody_is_ends_the_run(chat, server, constraints) -> None:
    with pytest.raises(UserError, match="gave up after 1 tries: ConnectError"):
        ServerParaphraser(base_url="http://127.0.0.1:9/v1", model="m", key_variable=None, retries=0).rewrite(
            TEXT, constraints()
        )


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello",
        b"",
        b"\xff\xfe",
        b"[1, 2]",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
        b'{"choices": [{"message": {"content": ["a"]}}]}',
        b"[" * 50_000,
        b"x" * (chat_client.MOST_BYTES + 1),
        completion(f"1. {KEY}"),
    ],
)
def test_garbage_leaves_the_row_as_it_was_and_is_not_kept(body, chat, server, request_of, store) -> None:
    chat.script = [(200, body), GOOD]
    (answer,) = server().answer([request_of()], store)
    assert answer == ((), None, "unreadable answer")
    (again,) = server().answer([request_of()], store)
    assert again.rewrites


def test_damaged_packing_is_garbage_too(chat, server, request_of, store) -> None:
    chat.script = [(200, b"no gzip", {"Content-Encoding": "gzip"})]
    assert server().answer([request_of()], store)[0].fault == "unreadable answer"


def test_one_refused_text_does_not_end_the_run(chat, server, request_of, store, caplog) -> None:
    chat.script = [(400, b"filtered"), GOOD]
    with caplog.at_level(logging.WARNING):
        first, second = server(concurrency=1).answer([request_of(), request_of(f"{TEXT} Why?")], store)
    assert first.fault == "refused by the server (400)" and second.rewrites
    assert "filtered" in caplog.text


def test_an_answer_without_numbered_lines_has_no_rewrites_and_is_kept(
    chat, server, request_of, store
) -> None:
    chat.script = [(200, completion("I would rather not."))]
    for _ in range(2):
        assert server().answer([request_of()], store)[0].fault == "no numbered lines"
    assert len(chat.calls) == 1


def test_no_more_calls_at_once_than_allowed(chat, server, request_of, store) -> None:
    under_way, most = 0, 0

    def count(body):
        nonlocal under_way, most
        with chat.lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.05)
        with chat.lock:
            under_way -= 1
        return GOOD

    chat.script = [count]
    server(concurrency=2).answer([request_of(f"{TEXT} {number}?") for number in range(8)], store)
    assert most == 2 and len(chat.calls) == 8


def test_the_cost_is_told_before_the_first_call(chat, server, request_of, store, caplog) -> None:
    def logged(body):
        assert "1 rows, about" in caplog.text and "price not known" in caplog.text
        return GOOD

    chat.script = [logged]
    with caplog.at_level(logging.INFO):
        assert server().answer([request_of()], store)[0].rewrites


def test_the_key_reaches_neither_disk_nor_log(chat, server, request_of, store, tmp_path, caplog) -> None:
    chat.script = [
        (500, f"bad key {KEY}".encode(), {"X-Echo": "yes"}),
        (200, completion(f"1. {KEY}")),
        (400, KEY.encode()),
        GOOD,
    ]
    asked = server(concurrency=1)
    with caplog.at_level(logging.DEBUG):
        asked.answer([request_of(f"{TEXT} {number}?") for number in range(3)], store)
    assert len(chat.calls) == 4
    assert KEY not in caplog.text and KEY not in repr(asked) and KEY not in str(asked.told())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files and not any(KEY.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize("content", ["", "two words", "line\nbreak", "ключ"])
def test_a_missing_or_broken_key_is_told_first(content, server, monkeypatch) -> None:
    monkeypatch.setenv("CHAT_KEY", content)
    with pytest.raises(UserError, match=r"paraphrase\.key_variable=CHAT_KEY") as raised:
        server().require()
    assert not content or content not in str(raised.value)
