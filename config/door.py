"""The first things that a request meets: is there room for it, and for what it brings?"""

from typing import Any

from api.handlers import BodyTooLarge
from invoke import answers
from people.ids import uuid7
from problems import Unavailable

RETRY_AFTER_S = 1


class ServerBusy(Unavailable):
    """As many requests as a process takes are under way."""

    message = "This server is answering as many requests as it can."
    hint = "Try again when `Retry-After` has passed; the administrator can raise WEB_WORKERS."


class Bounded:
    """Reads bodies of at most ``most`` bytes: Django writes them to disk whole before it asks who sends."""

    def __init__(self, app: Any, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI, for requests of HTTP."""
        left = self._most if _length_said(scope) <= self._most else -1

        async def counted() -> dict[str, Any]:
            nonlocal left
            message: dict[str, Any] = await receive() if left >= 0 else {}
            left -= len(message.get("body", b""))
            if left < 0:
                raise BodyTooLarge
            return message

        try:
            await self._app(scope, counted, send)
        except BodyTooLarge as error:
            await answers.send_problem(send, error, uuid7(), is_head=scope["method"] == "HEAD")


def _length_said(scope: dict[str, Any]) -> int:
    """The server has checked that it is a number."""
    return int(dict(scope["headers"]).get(b"content-length", 0))


class Door:
    """Lets ``most`` requests in at once; more of them hear a problem, before anything is read."""

    def __init__(self, app: Any, *, most: int) -> None:
        self._app = app
        self._most = most
        self._inside = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._inside >= self._most:
            busy = ServerBusy(retry_after=RETRY_AFTER_S)
            await answers.send_problem(send, busy, uuid7(), is_head=scope["method"] == "HEAD")
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1
