"""What a request for Django meets first: is it small enough, is it all here, is there room for it?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from api.handlers import BodyTooLarge
from config.lanes import Lanes
from invoke import answers
from invoke.errors import ClientGone, ServerBusy
from people.ids import uuid7
from problems import AppError

log = structlog.get_logger("switchboard.access")


Receive = Callable[[], Awaitable[Any]]
Grow = Callable[[int], None]


class Bodies:
    """What bodies on their way in may take together; where it is too much, the one that began first goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._sizes: dict[asyncio.Timeout, int] = {}

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Grow]:
        """Hold a body; yields what is told how it grows. Raises ServerBusy inside where it has to go."""
        try:
            async with asyncio.timeout(None) as stay:
                self._sizes[stay] = 0
                try:
                    yield lambda size: self._grow(stay, size)
                finally:
                    self._size -= self._sizes.pop(stay, 0)
        except TimeoutError:
            raise ServerBusy from None

    def _grow(self, stay: asyncio.Timeout, size: int) -> None:
        if stay in self._sizes:
            self._sizes[stay] += size
            self._size += size
        while self._size > self._most:
            oldest = next(iter(self._sizes))
            self._size -= self._sizes.pop(oldest)
            oldest.reschedule(0)  # a time that has passed


class Door:
    """Lets a request in once its body of at most ``most_bytes`` is here and a thread is free for it."""

    def __init__(self, app: Any, *, lanes: Lanes, bodies: Bodies, most_bytes: int) -> None:
        self._app = app
        self._lanes = lanes
        self._bodies = bodies
        self._most_bytes = most_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: answers.Send) -> None:
        """ASGI, for requests of HTTP.

        The thread is free again once the answer is made: a caller who takes nothing of it holds up nobody.
        """
        answer: list[Mapping[str, Any]] = []
        async with AsyncExitStack() as inside:
            try:
                async with self._bodies.held() as grow:
                    body = await self._read(scope, receive, grow)
                    await inside.enter_async_context(self._lanes.one())
            except ClientGone:
                return
            except AppError as error:
                log.info("refused", path=scope["path"], status=error.status, code=error.code)
                await answers.send_problem(send, error, uuid7(), is_head=scope["method"] == "HEAD")
                return
            await self._app(scope, _again(body, receive), _into(answer))
        for message in answer:
            await send(message)

    async def _read(self, scope: MutableMapping[str, Any], receive: Receive, grow: Grow) -> bytes:
        """The body, whole. Raises BodyTooLarge, ClientGone, and what it failed with on its way."""
        if _length_told(scope) > self._most_bytes:
            raise BodyTooLarge
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece, more = message.get("body", b""), message.get("more_body", False)
            body += piece
            if len(body) > self._most_bytes:
                raise BodyTooLarge
            grow(len(piece))
        return bytes(body)


def _into(answer: list[Mapping[str, Any]]) -> answers.Send:
    async def keep(message: Mapping[str, Any]) -> None:
        answer.append(message)

    return keep


def _length_told(scope: MutableMapping[str, Any]) -> int:
    """The server has checked that it is a number."""
    return int(dict(scope["headers"]).get(b"content-length", 0))


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, and after it that the caller has gone, for whatever reason."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Any:
        if left:
            return left.pop()
        try:
            return await receive()
        except AppError:
            return {"type": "http.disconnect"}

    return receive_again
