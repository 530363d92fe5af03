"""Servers on loopback, in plain sockets: they do as their script says and keep what they were sent."""

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(
    status: str = "200 OK", *headers: str, body: bytes = b"", length: int | None = None, version: str = "1.1"
) -> bytes:
    """An answer with its Content-Length."""
    head = [
        f"HTTP/{version} {status}",
        *headers,
        f"Content-Length: {len(body) if length is None else length}",
        "",
        "",
    ]
    return "\r\n".join(head).encode() + body


@dataclass
class Talk:
    """One connection, from the server's side."""

    connection: socket.socket
    peer: "Peer"
    _buffer: bytes = b""

    def request(self) -> bytes:
        """The next request, head and body, as it came; empty where the client has gone."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return b""
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        self._buffer = rest
        body = (
            self._chunks() if b"chunked" in head.lower() else self._exactly(int(length[1]) if length else 0)
        )
        self.peer.requests.append(head + b"\r\n\r\n" + body)
        return self.peer.requests[-1]

    def send(self, data: bytes) -> None:
        """Errors mean that the client has gone, which is its right."""
        with contextlib.suppress(OSError):
            self.connection.sendall(data)

    def reset(self) -> None:
        """End with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def wait(self) -> None:
        """Say nothing more until the client goes or the test ends."""
        while not self.peer.ended.is_set() and self._more():
            pass

    def _more(self) -> bool:
        try:
            data = self.connection.recv(65536)
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._more():
                break
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return body

    def _chunks(self) -> bytes:
        while not self._buffer.endswith(b"0\r\n\r\n"):
            if not self._more():
                break
        body, self._buffer = self._buffer, b""
        return body


Script = Callable[[Talk], None]


def says(*answers: bytes) -> Script:
    """Answers one request after another with the same or the next bytes, then hangs up."""

    def script(talk: Talk) -> None:
        for each in answers:
            if not talk.request():
                return
            talk.send(each)

    return script


def always(each: bytes) -> Script:
    """Answers every request on a connection with the same bytes."""

    def script(talk: Talk) -> None:
        while talk.request():
            talk.send(each)

    return script


@dataclass
class Peer:
    """A server with a script; ``requests`` holds what came, ``connections`` counts who came."""

    script: Script
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._open: list[socket.socket] = []
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
        for connection in self._open:
            connection.close()

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.netloc}"

    def _listen(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            self.script(Talk(connection, self))
            if connection.fileno() != -1:
                connection.shutdown(socket.SHUT_RDWR)
                connection.close()
