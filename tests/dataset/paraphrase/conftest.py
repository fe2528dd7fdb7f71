"""A chat server on this machine, scripted call by call, and paraphrasers that say what they are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from valuelocate.dataset.build.compose import Candidate
from valuelocate.dataset.paraphrase import Constraints, Paraphraser, Request
from valuelocate.store import Store

TEXT = (
    "A neighbour offers you her allotment for the summer while she is away, with water, tools and a shed "
    "full of seeds. What do you do with it?"
)
REWRITE = (
    "Your neighbour is away for the summer, and you may have her allotment, her tools, the water and a whole "
    "shed full of seeds. How do you make use of it?"
)


@dataclass(frozen=True, kw_only=True)
class ScriptedParaphraser(Paraphraser):
    """Says what it was told to, by text."""

    says: dict[str, list[str]] = field(default_factory=dict)
    id: ClassVar[str] = "scripted"

    def rewrite(self, text: str, constraints: Constraints) -> list[str]:
        return self.says.get(text, [])


@pytest.fixture
def scripted() -> type[ScriptedParaphraser]:
    return ScriptedParaphraser


@pytest.fixture
def constraints() -> Callable[..., Constraints]:
    def make(**changes: Any) -> Constraints:
        return Constraints(**{"words": (10, 70), "keep": (), "question": True, "count": 3, **changes})

    return make


@pytest.fixture
def request_of(constraints: Callable[..., Constraints]) -> Callable[..., Request]:
    return lambda text=TEXT, **changes: Request(text, constraints(**changes))


@pytest.fixture
def candidate(question: Callable[..., Any]) -> Callable[..., Candidate]:
    return lambda **changes: Candidate(question(**changes), telling="scene", original=False)


@pytest.fixture
def store(tmp_path: Any) -> Store:
    return Store(tmp_path / "store")


def completion(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


class ChatServer:
    """Answers each call by the next entry of a script, and the last one from then on.

    An entry is (status, body, headers), or a function of the call's body that returns one.
    """

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.calls: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()

    def next(self, body: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
        with self.lock:
            self.calls.append(body)
            step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        status, content, *headers = step(body) if callable(step) else step
        return status, content, headers[0] if headers else {}


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.headers.append(dict(self.headers))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, content, headers = state.next(body)
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            # The client gave up waiting.
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_address[1]}/v1"  # type: ignore[attr-defined]
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
