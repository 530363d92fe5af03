"""The gateway on a real socket, a scripted service behind it, and rows to call it with."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import uvicorn

import vault
from config.cycle import Allowance
from connections import tokens
from connections.models import Access, ApiToken, Connection, Grant
from invoke import multipart
from invoke.models import Call
from people.models import User
from services import auth_types
from services.models import OAuthClient, Service, ServiceAuth
from tests.in_thread import running
from tests.invoke.upstream import Upstream

Recorded = Callable[..., list[Call]]


@dataclass(frozen=True, slots=True)
class Got:
    """An answer as it came, whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code."""
        assert self.header("Content-Type") == "application/problem+json", (self.status, self.body)
        assert self.header("Switchboard-Source") == "switchboard"
        return str(self.json["code"])


@dataclass(slots=True)
class Gateway:
    """The ASGI server under test, in a thread."""

    port: int
    token: str = ""
    _server: uvicorn.Server | None = field(default=None, repr=False)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        *,
        token: str | None = None,
    ) -> Got:
        """A request as it is written, nothing normalised, with the script's token."""
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
        token = self.token if token is None else token
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        link.putrequest(method, path, skip_accept_encoding=True)
        if token:
            link.putheader("Authorization", f"Bearer {token}")
        for name, value in pairs:
            link.putheader(name, value)
        if body is not None and not any(
            name.lower() in {"content-length", "transfer-encoding"} for name, _ in pairs
        ):
            link.putheader("Content-Length", str(len(body)))
        link.endheaders()
        if body:
            link.send(body)
        answer = link.getresponse()
        got = Got(answer.status, answer.getheaders(), answer.read())
        link.close()
        return got

    def get(self, path: str, **options: Any) -> Got:
        return self.send("GET", path, **options)

    def task(self, **told: Any) -> Got:
        """The invokeurl task as JSON."""
        return self.send("POST", "/invoke", json.dumps(told).encode(), {"Content-Type": "application/json"})

    @contextmanager
    def opened(self, data: bytes) -> Generator[http.client.HTTPResponse]:
        """The answer to bytes after which nothing more is sent for now."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as link:
            link.sendall(data)
            answer = http.client.HTTPResponse(link)
            answer.begin()
            yield answer

    def raw(self, data: bytes) -> bytes:
        """Bytes onto a socket of their own, and all that comes back until the server ends the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as link:
            link.sendall(data)
            received = b""
            while piece := link.recv(65536):
                received += piece
            return received


def slices(data: bytes, boundary: bytes, most: int = 100) -> list[bytes]:
    """The parts of a multipart body, headers and all."""
    parts = multipart.parts_of(data, boundary, most=most)
    assert parts is not None
    return [data[part.start : part.end] for part in parts]


@pytest.fixture
def upstream() -> Generator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture
def allowance() -> Allowance:
    """What callers may bring and how long they may take: less in a module whose callers are slow."""
    return Allowance()


@pytest.fixture
def gateway(transactional_db: None, loopback_allowed: None, allowance: Allowance) -> Generator[Gateway]:
    """The server as it ships, in a thread of this process."""
    with serving(socket.create_server(("127.0.0.1", 0)), allowance) as started:
        yield started


@contextmanager
def serving(listener: socket.socket, allowance: Allowance | None = None) -> Generator[Gateway]:
    """The server behind a listener, which it closes."""
    from config import protocol, web

    configured = web.config()
    configured.http = type("Protocol", (protocol.Protocol,), {"allowance": allowance or Allowance()})
    with running(configured, listener) as server:
        yield Gateway(listener.getsockname()[1], _server=server)
    assert not server.lifespan.error_occurred  # the records were flushed, and nothing failed on the way down


@dataclass(slots=True)
class Desk:
    """Makes rows: services, connections, grants, tokens. What it makes by default, the owner may use."""

    owner: User
    upstream: Upstream

    def service(self, **fields: Any) -> Service:
        values = {
            "link_name": f"service_{Service.objects.count()}",
            "name": "Desk",
            "base_url": f"{self.upstream.url}/api/v1",
            "hosts": [self.upstream.netloc],
            "created_by": self.owner,
        }
        return Service.objects.create(**(values | fields))

    def connection(
        self,
        link_name: str = "desk",
        *,
        auth: str = "api_key",
        param: str = "header",
        block: dict[str, Any] | None = None,
        secrets: dict[str, str] | None = None,
        service: dict[str, Any] | None = None,
        client: dict[str, str] | None = None,
        grant: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Connection:
        """A connection that is connected, unless ``grant`` is ``{}``."""
        auth_type = auth_types.get(auth)
        config = auth_type.Config(**(block if block is not None else BLOCKS[auth])).model_dump()
        service_auth = ServiceAuth.objects.create(
            service=self.service(**(service or {})),
            name=auth,
            auth_type=auth,
            param_type=param,
            config=config,
        )
        made = Connection.objects.create(
            auth=service_auth,
            name=link_name.title(),
            link_name=link_name,
            **({"created_by": self.owner} | fields),
        )
        registered = self._client(service_auth, client) if client else None
        if grant != {}:
            self.grant(
                made, secrets if secrets is not None else SECRETS[auth], client=registered, **(grant or {})
            )
        return made

    def _client(self, auth: ServiceAuth, values: dict[str, str]) -> OAuthClient:
        row = OAuthClient(auth=auth, client_id=values["client_id"])
        for name in ("client_secret", "private_key"):
            if name in values:
                sealed = vault.seal(values[name], table="oauth_client", row_id=row.pk, field=name, version=1)
                setattr(row, name, sealed)
        row.save()
        return row

    def grant(
        self, connection: Connection, secrets: dict[str, str], user: User | None = None, **fields: Any
    ) -> Grant:
        row = Grant(
            connection=connection,
            user=user or self.owner,
            is_owner=not connection.is_per_user,
            state=Grant.State.ACTIVE,
            **fields,
        )
        row.secrets = vault.seal(
            json.dumps(secrets), table="grant", row_id=row.pk, field="secrets", version=row.version
        )
        row.save()
        return row

    def token(
        self,
        user: User | None = None,
        *,
        scopes: list[str] | None = None,
        expires_at: datetime | None = None,
        **rules: Any,
    ) -> str:
        _, secret = tokens.issue(
            user=user or self.owner,
            name="script",
            scopes=scopes or ["invoke"],
            rules=rules,
            expires_at=expires_at,
        )
        return secret.reveal()

    def share(self, connection: Connection, user: User | None = None) -> None:
        """With a person, or with everyone."""
        Access.objects.create(connection=connection, user=user)

    def token_row(self, text: str) -> ApiToken:
        parsed = tokens.parse(text)
        assert parsed is not None
        return ApiToken.objects.get(token_id=parsed.token_id)


KEY = "canary-key-6f1d"
BLOCKS: dict[str, dict[str, Any]] = {
    "api_key": {"params": [{"key": "X-Api-Key", "display_name": "Key"}]},
    "basic": {},
    "oauth1": {"signature_method": "HMAC-SHA1"},
    "oauth2": {
        "authorize_url": "https://login.example/authorize",
        "token_url": "https://login.example/token",
    },
}
SECRETS = {
    "api_key": {"X-Api-Key": KEY},
    "basic": {"username": "ada", "password": KEY},
    "oauth1": {"token": "token-1", "token_secret": KEY},
    "oauth2": {"access_token": KEY},
}


@pytest.fixture
def desk(gateway: Gateway, owner: User, upstream: Upstream) -> Desk:
    """Rows for the gateway, whose default token is the owner's."""
    made = Desk(owner, upstream)
    gateway.token = made.token()
    return made


@pytest.fixture
def recorded() -> Recorded:
    """The calls on record, oldest first, as soon as there are so many."""

    def wait(number: int = 1) -> list[Call]:
        until = time.monotonic() + 5
        while Call.objects.filter(duration_ms__gte=0).exclude(status=0).count() < number:
            assert time.monotonic() < until, f"only {Call.objects.count()} calls were recorded"
            threading.Event().wait(0.02)
        return list(Call.objects.order_by("id"))

    return wait
