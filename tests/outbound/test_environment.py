"""What a server finds in its environment changes nothing about where it sends what."""

import json
import ssl
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.outbound.peers import OK, Peer, Talk, always, answer
from tests.server import Installation, Server

Serve = Callable[..., Peer]

OWNER = "ada@example.com"
TOKEN = json.dumps({"access_token": "from-the-endpoint", "token_type": "Bearer", "expires_in": 3600}).encode()


@pytest.fixture
def sink(serve: Serve) -> Peer:
    """Where the environment would send everything."""
    return serve(always(OK))


@pytest.fixture
def peer(serve: Serve, server_tls: ssl.SSLContext) -> Peer:
    """A service and its token endpoint."""

    def script(talk: Talk) -> None:
        while request := talk.request():
            is_endpoint = request.startswith(b"POST /token ")
            talk.send(answer("200 OK", "Content-Type: application/json", body=TOKEN) if is_endpoint else OK)

    return serve(script, tls=server_tls)


@pytest.fixture
def astray(
    installation: Installation, sink: Peer, peer: Peer, certificate: Path, tmp_path: Path
) -> Generator[Server]:
    """A server with a misleading environment; its operator trusts the peer's certificate."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\ndefault login canary password canary\n")
    netrc.chmod(0o600)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".netrc").write_text(netrc.read_text())
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    authorities = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    environment = {
        "HOME": str(tmp_path / "home"),
        "NETRC": str(netrc),
        "SSLKEYLOGFILE": str(tmp_path / "keys"),
        "EGRESS_CA_FILE": str(certificate),
        **dict.fromkeys(proxies, sink.url),
        **dict.fromkeys(authorities, str(netrc)),  # which holds no certificate at all
    }
    running = installation.serve(tmp_path / "astray", **environment)
    yield running
    running.stop()


def test_neither_proxy_nor_netrc_nor_authorities_are_taken_from_it(
    astray: Server, sink: Peer, peer: Peer, tmp_path: Path
) -> None:
    astray.add_person(OWNER, "builder", "correct horse battery staple")
    headers = {
        "Authorization": f"Bearer {astray.issue_token(OWNER, '--scope', 'invoke', '--scope', 'manage')}"
    }
    service = {
        "name": "Shop",
        "link_name": "shop",
        "auth_type": "oauth2",
        "base_url": f"{peer.url}/api",
        "oauth2": {
            "grant_type": "client_credentials",
            "token_url": f"{peer.url}/token",
            "client_id": "app",
            "client_secret": "app-secret",
        },
    }

    def ask(method: str, path: str, body: Any = None) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"{astray.url}{path}", headers=headers, json=body, timeout=20)

    assert ask("POST", "/api/v1/services", service).status_code == 201
    made = ask("POST", "/api/v1/connections", {"service": "shop", "name": "Shop", "link_name": "shop"})
    assert made.status_code == 201, made.text
    called = ask("GET", "/invoke/shop/things")
    assert (called.status_code, called.content) == (200, b"ok"), called.text

    assert [request.split(b"\r\n")[0] for request in peer.requests] == [
        b"POST /token HTTP/1.1",
        b"GET /api/things HTTP/1.1",
    ]
    assert b"authorization: basic" not in peer.requests[0].lower()
    assert b"Authorization: Bearer from-the-endpoint\r\n" in peer.requests[1]
    assert sink.connections == 0
    assert secrets_in(tmp_path / "keys") == []


def secrets_in(log: Path) -> list[str]:
    """Of a log that some library may have begun, with a comment, for connections of its own."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if not line.startswith("#")]
