"""A third-party service on loopback whose every secret is known, and which misbehaves by path."""

import contextlib
import json
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit


@dataclass(slots=True)
class CanaryService:
    """``secrets`` are what it hands out; ``seen`` what it was sent, PKCE's verifier among it."""

    secrets: dict[str, str]
    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    refreshes: int = 0
    refusing: str = ""  # "": tokens are refreshed · "down": 503 · "dead": invalid_grant
    over: threading.Event = field(default_factory=threading.Event)

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint's answer. Its errors carry a canary that must not be kept either."""
        if form.get("grant_type") == "refresh_token" and self.refusing:
            status = 503 if self.refusing == "down" else 400
            said = f"{form['refresh_token']} of {form['client_secret']} is over."
            error = {"error": "invalid_grant", "error_description": said}
            return status, {**(error if status == 400 else {}), "debug": self.secrets["endpoint_body"]}
        if form.get("grant_type") == "refresh_token":
            self.refreshes += 1
        number = 2 if form.get("grant_type") == "refresh_token" else 1
        return 200, {
            "access_token": self.secrets[f"access_token_{number}"],
            "refresh_token": self.secrets[f"refresh_token_{number}"],
            "token_type": "Bearer",
            "expires_in": 3600,
        }

    def oauth1(self, path: str) -> str:
        kind = "temporary" if path.endswith("request") else "token"
        pairs = {
            "oauth_token": self.secrets[f"oauth1_{kind}"],
            "oauth_token_secret": self.secrets[f"oauth1_{kind}_secret"],
            "oauth_callback_confirmed": "true",
        }
        return urlencode(pairs)


class _Handler(BaseHTTPRequestHandler):
    service: CanaryService
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        path = urlsplit(self.path).path
        form = dict(parse_qsl(body))
        self.service.seen.append(
            {"path": self.path, "form": form, "body": body, "headers": dict(self.headers)}
        )
        if path == "/token":
            status, said = self.service.token(form)
            self._send(status, json.dumps(said), "application/json")
        elif path.startswith("/oauth1/"):
            self._send(200, self.service.oauth1(path), "application/x-www-form-urlencoded")
        elif path.endswith("/slow"):
            self.service.over.wait(20)
            self.close_connection = True
        elif path.endswith("/drop"):
            self.close_connection = True
        else:
            self._send(_status_of(path), '{"id": 7, "label": "somebody"}', "application/json")

    do_POST = do_GET  # noqa: N815

    def _send(self, status: int, text: str, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: what matters is in ``seen``."""


def _status_of(path: str) -> int:
    last = path.rpartition("/")[2]
    return int(last) if last.isdigit() and 200 <= int(last) <= 599 else 200


@contextlib.contextmanager
def running(secrets: dict[str, str]) -> Generator[CanaryService]:
    """Serve it on a loopback port."""
    service = CanaryService(secrets)
    handler = type("Handler", (_Handler,), {"service": service})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield service
        service.over.set()
        server.shutdown()
        thread.join(timeout=5)
