"""One call of an OpenAI-compatible chat server: bounded in time and size, retried, its secret kept."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from valuelocate.errors import UserError

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 1_000_000
"""An answer longer than this is no rewrite of a question."""
MOST_WAIT: Final = 60.0
"""Seconds between two tries, at most, whatever the server asks for."""
_SHOWN: Final = 200
_BUSY: Final = frozenset({408, 409, 425, 429, *range(500, 600)})
_THIS_ROW: Final = frozenset({400, 413, 422})
"""Statuses that may be about one text: too long, or filtered."""


class BusyError(Exception):
    """The call may succeed later: the server is busy or failing, or did not answer in time."""

    def __init__(self, told: str, wait: float | None = None) -> None:
        super().__init__(told)
        self.wait = wait
        """Seconds that the server asks to wait."""


class RefusedError(Exception):
    """The server will not answer this text."""


class UnreadableError(Exception):
    """The server answered something else than a chat completion."""


@dataclass(frozen=True, kw_only=True)
class ChatClient:
    """Calls a server's `chat/completions`."""

    base_url: str
    key: str | None = field(repr=False)
    """Sent as a bearer token, and cut out of everything that comes back."""
    timeout: float
    """Seconds for one try, from the call to the last byte."""
    retries: int
    """Tries after the first."""
    backoff: float
    """Seconds before the second try; doubled with every further one."""
    http: httpx.Client

    def complete(self, body: Mapping[str, Any]) -> str:
        """Return the text of the server's answer.

        Raises:
            UserError: the server refuses every call (key, address, model), or is busy after all retries.
            RefusedError: it refuses this one.
            UnreadableError: its answer is no chat completion.
        """
        tries = Retrying(
            retry=retry_if_exception_type(BusyError),
            stop=stop_after_attempt(self.retries + 1),
            wait=self._wait,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            status, content = tries(self._call, body)
        except BusyError as error:
            raise UserError(
                f"paraphrase.base_url={self.base_url}: gave up after {self.retries + 1} tries: {error}; what "
                f"is answered is kept in the store, so the same command goes on from there"
            ) from None
        if status in _THIS_ROW:
            raise RefusedError(f"refused by the server ({status}): {self._shown(content)}")
        if status != 200:
            raise UserError(
                f"paraphrase.base_url={self.base_url}: the server answers {status}: {self._shown(content)}; "
                f"{_remedy(status)}"
            )
        return self._text(content)

    def _call(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        headers = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        url = f"{self.base_url.rstrip('/')}/chat/completions"
        deadline = time.monotonic() + self.timeout
        try:
            with self.http.stream(
                "POST", url, json=dict(body), headers=headers, timeout=self.timeout
            ) as response:
                content = _read(response, deadline)
        except httpx.TimeoutException as error:
            raise BusyError(f"no answer within {self.timeout:g} s") from error
        except httpx.DecodingError as error:
            raise UnreadableError("unreadable answer: damaged packing") from error
        except httpx.RequestError as error:
            raise BusyError(self._redacted(f"{type(error).__name__}: {error}")) from error
        if response.status_code in _BUSY:
            told = f"status {response.status_code}: {self._shown(content)}"
            raise BusyError(told, _asked_wait(response.headers.get("retry-after")))
        return response.status_code, content

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        # A random part, so that calls that failed together do not come back together.
        waits = wait_exponential(multiplier=self.backoff, max=MOST_WAIT) + wait_random(0, self.backoff / 2)
        backoff = waits(state)
        asked = error.wait if isinstance(error, BusyError) else None
        return min(MOST_WAIT, backoff if asked is None else max(asked, backoff))

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        logger.info("try %d of %d: %s", state.attempt_number, self.retries + 1, error)

    def _text(self, content: bytes) -> str:
        try:
            text = json.loads(content)["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise UnreadableError("unreadable answer: no chat completion") from error
        if not isinstance(text, str):
            raise UnreadableError("unreadable answer: no text")
        if self.key is not None and self.key in text:
            raise UnreadableError("unreadable answer: it repeats the key")
        return text

    def _shown(self, content: bytes) -> str:
        """Return the beginning of an error's body, printable and without the key."""
        # The key is cut out first: half of it at the end would not be found.
        text = self._redacted(content.decode(errors="replace"))
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_SHOWN] or "no text"

    def _redacted(self, text: str) -> str:
        return text if self.key is None else text.replace(self.key, "[key]")


def _read(response: httpx.Response, deadline: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise UnreadableError("unreadable answer: too long")
        # httpx limits the time between two pieces, not that of the whole.
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer did not end in time")
    return bytes(content)


def _asked_wait(header: str | None) -> float | None:
    """Read Retry-After where it is in seconds; as a date it is left to the backoff."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "check the key in the environment variable named by paraphrase.key_variable"
    if status in (404, 405):
        return "check paraphrase.base_url (it often ends in /v1) and paraphrase.model"
    if 300 <= status < 400:
        return (
            "it sends calls elsewhere, and the key goes to no other address; set paraphrase.base_url to that"
        )
    return "check the settings of paraphrase"
