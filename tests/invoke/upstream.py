"""A scripted service on a real socket: it keeps what it was sent, and answers as it is told."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

Script = Callable[["Seen", socket.socket], bytes | None]


@dataclass(slots=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = self.headers_named(name)
        return found[0] if found else None

    def headers_named(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def answer(
    status: int = 200,
    body: bytes = b"",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    *,
    length: bool = True,
) -> bytes:
    """An answer's bytes."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    if length:
        pairs.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in pairs)
    return f"HTTP/1.1 {status} Some Reason\r\n{head}\r\n".encode("latin-1") + body


def echo(seen: Seen, _: socket.socket) -> bytes:
    """What arrived, as JSON."""
    told = {
        "method": seen.method,
        "target": seen.target,
        "headers": seen.headers,
        "body": seen.body.decode("latin-1"),
    }
    return answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})


@dataclass(slots=True)
class Upstream:
    """Runs in threads, one a connection. ``script`` may be changed at any time."""

    script: Script = echo
    seen: list[Seen] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    hung_up: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _open: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    @property
    def netloc(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    def says(self, *answers: bytes) -> None:
        """These answers, one a request; the last for all that come after."""
        left = list(answers)
        self.script = lambda seen, _: left.pop(0) if len(left) > 1 else left[0]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as source:
                while (seen := _read(source)) is not None:
                    self.seen.append(seen)
                    self.arrived.release()
                    said = self.script(seen, connection)
                    if said is None:
                        return
                    connection.sendall(said)
        except (OSError, ValueError):
            pass
        finally:
            self.hung_up.set()


def _read(source) -> Seen | None:  # type: ignore[no-untyped-def]
    line = source.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").rstrip("\r\n").split(" ", 2)
    headers: list[tuple[str, str]] = []
    while (line := source.readline()) not in {b"\r\n", b""}:
        name, _, value = line.decode("utf-8").rstrip("\r\n").partition(": ")
        headers.append((name, value))
    named = {name.lower(): value for name, value in headers}
    if named.get("transfer-encoding") == "chunked":
        return Seen(method, target, headers, _chunked(source))
    return Seen(method, target, headers, source.read(int(named.get("content-length", "0"))))


def _chunked(source) -> bytes:  # type: ignore[no-untyped-def]
    body = b""
    while size := int(source.readline(), 16):
        body += source.read(size)
        source.readline()
    source.readline()
    return body
