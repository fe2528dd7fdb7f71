"""Rewrites by a model behind any OpenAI-compatible chat server."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import httpx

from valuelocate.console import progress
from valuelocate.dataset.paraphrase.base import Answer, Constraints, Paraphraser, Request
from valuelocate.dataset.paraphrase.cache import Reply, replies
from valuelocate.dataset.paraphrase.chat_client import ChatClient, RefusedError, UnreadableError
from valuelocate.dataset.paraphrase.estimate import estimate
from valuelocate.dataset.paraphrase.prompt import Prompt, parse_answer, prompt_of
from valuelocate.dataset.records import Generator
from valuelocate.errors import UserError
from valuelocate.store import Store

logger = logging.getLogger(__name__)

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_CALLS: Final = 64
_OURS: Final = frozenset({"messages", "stream", "n"})


@dataclass(frozen=True, kw_only=True)
class ServerParaphraser(Paraphraser):
    """Asks a server, a call a row; what it answered is kept in the store and never asked again."""

    base_url: str | None = None
    """Address up to, and without, `/chat/completions`."""
    model: str | None = None
    """Name of the model as the server knows it."""
    revision: str = "not told"
    """Version of the model, as far as it is known; goes into `generator`."""
    key_variable: str | None = "OPENAI_API_KEY"
    """Environment variable that holds the key; None where the server asks for none."""
    temperature: float = 0.0
    seed: int = 0
    """Sent with every call; many servers hold to it, some ignore it."""
    max_tokens: int = 400
    """Of an answer with all its rewrites."""
    timeout: float = 60.0
    """Seconds for one try."""
    retries: int = 5
    """Tries after the first, where the server is busy, fails or is silent."""
    backoff: float = 1.0
    """Seconds before the second try; doubled with every further one, up to 60."""
    concurrency: int = 4
    """Calls under way at once."""
    price_in: float | None = None
    """Of a million prompt tokens; None: not known."""
    price_out: float | None = None
    """Of a million answer tokens; None: not known."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the call; null takes out a field that the server does not know."""

    id: ClassVar[str] = "server"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_address(self.base_url)
        if not self.model:
            raise UserError("paraphrase.model is empty: give the model's name as the server knows it")
        if self.key_variable is not None and not _VARIABLE.fullmatch(self.key_variable):
            # It may be the key itself, so it is not shown.
            raise UserError("paraphrase.key_variable: expected the name of an environment variable, or null")
        for name, least, most in (
            ("temperature", 0, 2),
            ("seed", 0, math.inf),
            ("max_tokens", 1, math.inf),
            ("retries", 0, 20),
            ("backoff", 0, 60),
            ("concurrency", 1, _MOST_CALLS),
        ):
            _check_number(name, getattr(self, name), least, most)
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise UserError(f"paraphrase.timeout={self.timeout}: expected seconds above 0")
        for name in ("price_in", "price_out"):
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name), 0, math.inf)
        if taken := _OURS & set(self.body):
            raise UserError(f"paraphrase.body.{min(taken)}: set by this program; take it out")

    def require(self) -> None:
        """Refuse a missing or malformed key.

        Raises:
            UserError: names the variable, never its content.
        """
        self._key()

    def rewrite(self, text: str, constraints: Constraints) -> list[str]:
        """Ask the server for one text."""
        [reply] = self.ask([prompt_of(Request(text, constraints))])
        return list(parse_answer(reply.text or "", constraints.count))

    def answer(self, requests: Sequence[Request], store: Store) -> list[Answer]:
        """Ask the server for every text that the store has no answer to."""
        prompts = [prompt_of(request) for request in requests]
        return [
            self._answer(request, prompt, reply)
            for request, prompt, reply in zip(requests, prompts, replies(self, prompts, store), strict=True)
        ]

    def told(self) -> Mapping[str, object]:
        """Return which model answered, and how it was asked."""
        names = ("model", "revision", "temperature", "seed")
        return {**super().told(), **{name: getattr(self, name) for name in names}}

    def identity(self) -> Mapping[str, Any]:
        """Return what an answer depends on beside the prompt."""
        call = {name: value for name, value in self._call().items() if name != "messages"}
        return {"server": str(self.base_url).rstrip("/"), "revision": self.revision, "call": call}

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        """Call the server for each prompt, several calls at once.

        Raises:
            UserError: the server cannot be used; answers that have come are given out before.
        """
        told = estimate(prompts, self.max_tokens, self.price_in, self.price_out)
        logger.info("paraphrase=server asks %s: %s", self.model, told)
        limits = httpx.Limits(max_connections=self.concurrency)
        with httpx.Client(limits=limits, follow_redirects=False) as http:
            client = ChatClient(
                base_url=str(self.base_url),
                key=self._key(),
                timeout=self.timeout,
                retries=self.retries,
                backoff=self.backoff,
                http=http,
            )
            pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="paraphrase")
            try:
                with progress("rewriting", total=len(prompts), unit="rows") as advance:
                    calls = {pool.submit(self._reply, client, i, p): i for i, p in enumerate(prompts)}
                    for reply in _in_turn(calls):
                        advance(1)
                        yield reply
            finally:
                # After an error or Ctrl-C the calls that have not begun are not made.
                pool.shutdown(wait=True, cancel_futures=True)

    def _reply(self, client: ChatClient, index: int, prompt: Prompt) -> Reply:
        messages = [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]
        try:
            return Reply(index, client.complete({**self._call(), "messages": messages}))
        except (RefusedError, UnreadableError) as error:
            return Reply(index, None, str(error))

    def _call(self) -> dict[str, Any]:
        fields = {
            "model": self.model,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            **self.body,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _answer(self, request: Request, prompt: Prompt, reply: Reply) -> Answer:
        if reply.text is None:
            return Answer((), fault=reply.fault.partition(":")[0])
        generator = Generator(
            model=str(self.model),
            revision=self.revision,
            prompt_sha256=prompt.sha256,
            temperature=float(self.temperature),
            seed=self.seed,
        )
        rewrites = parse_answer(reply.text, request.constraints.count)
        return Answer(rewrites, generator, "" if rewrites else "no numbered lines")

    def _key(self) -> str | None:
        if self.key_variable is None:
            return None
        key = os.environ.get(self.key_variable, "")
        if not key:
            raise UserError(
                f"paraphrase.key_variable={self.key_variable}: this environment variable is empty or not "
                f"set; put the server's key there, or set paraphrase.key_variable=null if it asks for none"
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise UserError(
                f"paraphrase.key_variable={self.key_variable}: its content is no key: it holds spaces, line "
                f"breaks or letters beyond ASCII"
            )
        return key


def _in_turn(calls: Mapping[Future[Reply], int]) -> Iterator[Reply]:
    """Yield replies as they come; after a failure those under way are still given out, and no more begun.

    Raises:
        UserError: a call failed for good.
    """
    failure: UserError | None = None
    warned = False
    for call in as_completed(calls):
        try:
            reply = call.result()
        except CancelledError:
            continue
        except UserError as error:
            failure = failure or error
            for other in calls:
                other.cancel()
            continue
        if reply.text is None and not warned:
            logger.warning("a row has no answer and stays as it was composed: %s", reply.fault)
            warned = True
        yield reply
    if failure is not None:
        raise failure


def _check_address(address: str | None) -> None:
    if not address:
        raise UserError(
            "paraphrase.base_url is empty: give the server's address, e.g. http://localhost:8000/v1"
        )
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.userinfo:
        # Not shown: it holds a secret.
        raise UserError(
            "paraphrase.base_url holds a user name or key; keys come from paraphrase.key_variable"
        )
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        shown = hashlib.sha256(address.encode()).hexdigest()[:8] if "?" in address else address
        raise UserError(f"paraphrase.base_url={shown}: expected http(s)://HOST[:PORT]/PATH without a query")


def _check_number(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most or math.isinf(value):
        limit = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
        raise UserError(f"paraphrase.{name}={value}: expected a number {limit}")
