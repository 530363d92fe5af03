"""A small authorization server on loopback: it rotates refresh tokens and counts what reaches it."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

GOOD_CODE = "good-code"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer laid out in advance."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Provider:
    """``say()`` lays out the next answers of the token endpoint; without one it behaves."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    expires_in: int | None = 3600
    rotates: bool = True
    revoke_status: int = 200
    person: Any = field(default_factory=lambda: {"user": {"id": 7, "email": "ada@example.net"}})
    before_answering: Callable[[], None] = lambda: None  # when all is decided, and nothing has left
    misbehaves: Callable[[dict[str, str]], Said] | None = None  # what the token endpoint does with a form
    reads_json: bool = False  # the token endpoint understands nothing else
    issued: int = 0
    current: str = ""
    _laid_out: list[Said] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, *answers: Said) -> None:
        self._laid_out.extend(answers)

    def asked(self, path: str = "/token") -> list[Seen]:
        """The requests that reached an endpoint."""
        return [request for request in self.seen if request.path == path]

    def refreshes(self) -> int:
        return sum(request.form.get("grant_type") == "refresh_token" for request in self.asked())

    def answer(self, request: Seen) -> Said:
        with self._lock:
            self.seen.append(request)
            if request.path == "/me":
                return Said(200, self.person)
            if request.path == "/revoke":
                return Said(self.revoke_status, {})
            answer = self.misbehaves or self._token
            said = self._laid_out.pop(0) if self._laid_out else answer(request.form)
        self.before_answering()
        return said

    def _token(self, form: dict[str, str]) -> Said:
        match form.get("grant_type"):
            case "authorization_code" if form.get("code") == GOOD_CODE:
                return self._issue()
            case "client_credentials":
                return self._issue(with_refresh=False)
            case "refresh_token" if form.get("refresh_token") == self.current:
                return self._issue()
        return Said(400, {"error": "invalid_grant", "error_description": "Not one of ours."})

    def _issue(self, *, with_refresh: bool = True) -> Said:
        self.issued += 1
        body: dict[str, Any] = {"access_token": f"access-{self.issued}", "token_type": "Bearer"}
        if with_refresh and (self.rotates or not self.current):
            self.current = body["refresh_token"] = f"refresh-{self.issued}"
        if self.expires_in is not None:
            body["expires_in"] = self.expires_in
        return Said(200, body | self.extra)


@contextmanager
def running() -> Generator[Provider]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            form = json.loads(body or "{}") if provider.reads_json else dict(parse_qsl(body))
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = provider.answer(Seen(self.command, urlsplit(self.path).path, headers, form))
            told = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            for name, value in {"Content-Type": "application/json", **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *args: Any) -> None:
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(url=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    server.server_close()
    thread.join()
