"""The server's protocol on a real socket, in front of an application of a few lines."""

import json
import socket
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from config import web
from config.cycle import Allowance
from config.guests import Guests
from config.protocol import Protocol
from invoke import answers
from problems import AppError
from tests.in_thread import running


@dataclass(slots=True)
class Echo:
    """An application that answers with what it got, as JSON, and a body's failure as a problem."""

    seen: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            body = await read(receive)
        except AppError as error:
            self.failures.append(error.code)
            await answers.send_problem(send, error, "call")
            return
        got = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
            ],
            "body": body.decode("latin-1"),
        }
        self.seen.append(got)
        await answers.send_whole(send, 200, [], json.dumps(got).encode(), call_id="call")


async def read(receive: Any) -> bytes:
    """A request's body, whole; b"" of one whose caller has gone."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


@dataclass(frozen=True, slots=True)
class Listening:
    """A server under test."""

    port: int
    server: uvicorn.Server = field(repr=False)

    def connect(self, host: str = "127.0.0.1", source: str = "") -> socket.socket:
        """A connection; nothing is sent yet."""
        return socket.create_connection((host, self.port), 20, (source, 0) if source else None)

    def talk(self, data: bytes) -> bytes:
        """What comes back for these bytes, until the server ends the connection."""
        with self.connect() as link:
            link.sendall(data)
            return rest(link)


def rest(link: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    received = b""
    while piece := link.recv(65536):
        received += piece
    return received


def statuses(received: bytes) -> list[int]:
    """The statuses of the answers in what was received."""
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]


def code(received: bytes) -> str:
    """The problem's code in the last answer, whose headers every answer of ours has."""
    head, _, body = received[received.rindex(b"HTTP/1.1 ", 0, received.rindex(b"\r\n\r\n")) :].partition(
        b"\r\n\r\n"
    )
    for header in (
        b"content-type: application/problem+json",
        b"switchboard-source: switchboard",
        b"switchboard-call: ",
        b"x-content-type-options: nosniff",
        b"connection: close",
    ):
        assert header in head.lower(), head
    return str(json.loads(body)["code"])


Listen = Callable[..., Listening]


@pytest.fixture
def listen(caplog: pytest.LogCaptureFixture) -> Generator[Listen]:
    """Starts servers for applications: ``listen(app, head_s=0.2)``. Their logs hold no traceback."""
    servers = ExitStack()

    def start(app: Any, *, idle_s: float = 20, stop_s: float = 5, **allowance: Any) -> Listening:
        members = {"allowance": Allowance(**({"look_s": 0.05} | allowance)), "guests": Guests()}
        configured = web.config()
        configured.app, configured.http = app, type("Quick", (Protocol,), members)
        configured.lifespan = "off"
        configured.timeout_keep_alive = idle_s  # type: ignore[assignment]  # a fraction will do
        configured.timeout_graceful_shutdown = stop_s  # type: ignore[assignment]
        listener = socket.create_server(("127.0.0.1", 0))
        return Listening(listener.getsockname()[1], servers.enter_context(running(configured, listener)))

    with servers:
        yield start
    assert "Traceback" not in caplog.text


@pytest.fixture
def echo() -> Echo:
    return Echo()


async def silent(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application that waits until its caller has gone."""
    gone = False
    while not gone:
        gone = (await receive())["type"] == "http.disconnect"
