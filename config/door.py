"""The first thing that a request meets: is there room for it?"""

from typing import Any

from invoke import answers
from people.ids import uuid7
from problems import Unavailable

RETRY_AFTER_S = 1


class ServerBusy(Unavailable):
    """As many requests as a process takes are under way."""

    message = "This server is answering as many requests as it can."
    hint = "Try again when `Retry-After` has passed; the administrator can raise WEB_WORKERS."


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
