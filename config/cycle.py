"""One request of a connection and its answer, as the application sees them."""

import asyncio
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from invoke import answers
from people.ids import uuid7
from problems import AppError, Unavailable

RETRY_AFTER_S = 2  # another process listens still, or the next does soon


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a connection may bring, in bytes, and how long it may take over it, in seconds."""

    head_bytes: int = 64 * 1024  # the request line and the headers; and once more what frames a body
    head_s: float = 10
    pace_bytes: int = 1024  # what comes of a body in each ``pace_s`` that we wait for it
    pace_s: float = 20
    answer_s: float = 20  # something of the answer is taken in that time
    linger_s: float = 2  # what still comes is read so long after an answer that ends the connection
    look_s: float = 1  # how often a connection is looked at while a request is under way

    @property
    def shortest_s(self) -> float:
        """What passes before anything that has yet to begin can be over."""
        return min(self.head_s, self.pace_s, self.answer_s)


class Pace:
    """How fast a body comes. The clock stands while nobody waits for it: then it is we who do not read."""

    __slots__ = ("_asked_at", "_bytes", "_least", "_waited_s", "_within_s")

    def __init__(self, allowance: Allowance) -> None:
        self._least = allowance.pace_bytes
        self._within_s = allowance.pace_s
        self._bytes = 0
        self._waited_s = 0.0
        self._asked_at: float | None = None

    def start(self, now: float) -> None:
        """Somebody waits for more."""
        self._asked_at = now

    def stop(self, now: float) -> None:
        """They have something, or wait no longer."""
        if self._asked_at is not None:
            self._waited_s += now - self._asked_at
            self._asked_at = None

    def came(self, size: int, now: float) -> None:
        """So much came."""
        self._bytes += size
        if self._bytes >= self._least:
            self._bytes, self._waited_s = 0, 0.0
            self._asked_at = now if self._asked_at is not None else None

    @property
    def ends_at(self) -> float:
        """When patience is over."""
        return math.inf if self._asked_at is None else self._asked_at + self._within_s - self._waited_s


class Outlet(asyncio.Transport):
    """A connection as its answers see it: what they write is counted, and they end it gently."""

    def __init__(self, transport: asyncio.Transport, end: Callable[[], None]) -> None:
        super().__init__()
        self.written = 0
        self.is_ended = False
        self._transport = transport
        self._end = end

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As a transport does."""
        self.written += len(data)
        self._transport.write(data)

    def close(self) -> None:
        """The last answer is written, or failed on its way."""
        if not self.is_closing():
            self.is_ended = True
            self._end()

    def is_closing(self) -> bool:
        """Is nothing more to be written?"""
        return self.is_ended or self._transport.is_closing()


class Cycle(RequestResponseCycle):
    """uvicorn's, with an end to its patience, and with answers that a caller of HTTP/1.0 understands.

    An error of a request's body is raised where the body is read, so that the application answers it as
    it answers its own.
    """

    allowance: Allowance
    now: Callable[[], float]
    is_unframed = False  # the answer ends where the connection does
    _failure: AppError | None = None
    _pace: Pace | None = None  # of a body that somebody has waited for

    def fail(self, error: AppError) -> None:
        """Nothing more comes, and this is why."""
        self._failure = self._failure or error
        self.message_event.set()

    def hang_up(self) -> None:
        """The caller has gone."""
        self.disconnected = not self.response_complete
        self.message_event.set()

    def came(self, size: int) -> None:
        """So much of the body."""
        if self._pace is not None:
            self._pace.came(size, self.now())

    @property
    def patience_ends_at(self) -> float:
        """When the body has kept the application waiting for too long."""
        return math.inf if self._pace is None else self._pace.ends_at

    async def receive(self) -> Any:
        """ASGI. Raises what the body failed with."""
        if self._failure is not None:
            raise self._failure
        if not self.more_body or self.body:
            message = await super().receive()
        else:
            message = await self._wait()
        if self._failure is not None:
            raise self._failure
        return message

    async def _wait(self) -> Any:
        if self._pace is None:
            self._pace = Pace(self.allowance)
        self._pace.start(self.now())
        try:
            return await super().receive()
        finally:
            self._pace.stop(self.now())

    def send(self, message: Any) -> Any:
        """ASGI. An answer is the connection's last where the request is not whole yet, or out of bounds."""
        if message["type"] == "http.response.start":
            if self.more_body or message["status"] in {408, 413}:
                self.keep_alive = False
            if self.scope["http_version"] == "1.0" and self._has_no_frame(message):
                self.is_unframed = True
                self.chunked_encoding = False
        elif self.is_unframed:
            self.expected_content_length = len(message.get("body", b""))
        return super().send(message)

    async def send_500_response(self) -> None:
        """uvicorn's last word, where the application has none: the server stops, or a fault of ours."""
        is_stopping = isinstance(sys.exception(), asyncio.CancelledError)
        error = Unavailable(retry_after=RETRY_AFTER_S) if is_stopping else AppError()
        await answers.send_problem(self.send, error, uuid7(), is_head=self.scope["method"] == "HEAD")

    def _has_no_frame(self, message: Any) -> bool:
        names = {name.lower() for name, _ in message.get("headers", [])}
        is_bodiless = self.scope["method"] == "HEAD" or message["status"] in {204, 304}
        return not is_bodiless and b"content-length" not in names
