"""HTTP by hand: only so can what no client would send be sent. An attacker comes from many addresses."""

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

END = b"\r\n\r\n"
ADDRESSES = 32  # that attackers come from: 127.0.0.2 and on; everybody else comes from 127.0.0.1
MOST_TAKEN = 64 * 1024
GONE = 0  # in place of a status: no answer, the connection ended
_numbers = itertools.count()
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is GONE where there was none."""

    status: int
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        return json.loads(self.body)


def head(method: str, path: str, *headers: str, token: str = "", is_last: bool = True) -> bytes:
    """A request's head. ``is_last``: the connection closes behind the answer."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Connection: close"] if is_last else []
    return "\r\n".join(lines).encode() + END


def with_body(method: str, path: str, body: bytes, content_type: str, token: str = "") -> bytes:
    """A request with its body, whole."""
    typed = (f"Content-Type: {content_type}", f"Content-Length: {len(body)}")
    return head(method, path, *typed, token=token) + body


def with_json(method: str, path: str, told: Any, token: str = "") -> bytes:
    return with_body(method, path, json.dumps(told).encode(), "application/json", token)


@contextlib.asynccontextmanager
async def connected(
    port: int, *, is_attacker: bool = True, most_taken: int = MOST_TAKEN
) -> AsyncIterator[Streams]:
    """A connection. ``most_taken``: as many bytes, about, are taken from the server before they are read."""
    ours = socket.socket()
    ours.setblocking(False)
    if most_taken < MOST_TAKEN:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most_taken)
    try:
        if is_attacker:
            ours.bind((f"127.0.0.{2 + next(_numbers) % ADDRESSES}", 0))
        await asyncio.get_running_loop().sock_connect(ours, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=ours, limit=most_taken)
    except BaseException:
        ours.close()
        raise
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(port: int, request: bytes, *, timeout_s: float, is_attacker: bool = True) -> Answer:
    """Send a request that ends its connection, on one of its own. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        try:
            async with connected(port, is_attacker=is_attacker) as (reader, writer):
                writer.write(request)
                return await read_last(reader)
        except (OSError, EOFError):
            return Answer(GONE)


async def status(port: int, request: bytes, *, timeout_s: float, is_attacker: bool = True) -> int | None:
    """The same, told briefly; ``None``: no answer in time."""
    try:
        return (await ask(port, request, timeout_s=timeout_s, is_attacker=is_attacker)).status
    except TimeoutError:
        return None


async def read_status(reader: asyncio.StreamReader) -> int:
    """How an answer begins. Raises EOFError where none comes."""
    return int((await reader.readuntil(b"\r\n")).split()[1])


async def read_last(reader: asyncio.StreamReader) -> Answer:
    """An answer that lasts to the end of its connection."""
    status_read = await read_status(reader)
    return Answer(status_read, (b"\r\n" + await reader.read(-1)).partition(END)[2])


async def read_one(reader: asyncio.StreamReader) -> Answer:
    """An answer that says its length, on a connection that goes on."""
    answer_head = await reader.readuntil(END)
    length = int(answer_head.lower().partition(b"content-length:")[2].split()[0])
    return Answer(int(answer_head.split()[1]), await reader.readexactly(length))
