"""Requests that end early, could be read two ways, or are none: none of them does harm."""

import http.client
import select
import socket

import pytest

from invoke import rights
from tests.invoke.conftest import KEY, Desk, Gateway, Recorded
from tests.invoke.upstream import Seen, Upstream, answer


def ask(gateway: Gateway, method: str = "GET", path: str = "/invoke/desk/x", extra: str = "") -> bytes:
    own = f"Authorization: Bearer {gateway.token}\r\n{extra}Connection: close\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{own}\r\n".encode()


def test_a_caller_who_hangs_up_ends_the_request_upstream(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection()

    def until_closed(seen: Seen, connection: socket.socket) -> None:
        assert select.select([connection], [], [], 10)[0], "the request upstream was not ended"
        assert connection.recv(1) == b""

    upstream.script = until_closed
    link = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    link.sendall(ask(gateway))
    assert upstream.arrived.acquire(timeout=10)
    link.close()
    assert upstream.hung_up.wait(10)
    assert recorded()[0].code == "client_disconnected"


def test_a_caller_who_hangs_up_amid_the_body_sends_nothing_whole(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    desk.connection()
    link = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    link.sendall(ask(gateway, "POST", extra="Content-Length: 100\r\n") + b"half")
    link.close()
    assert recorded()[0].code == "client_disconnected"
    assert upstream.seen == []
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "head",
    [
        "POST /invoke/desk/x HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "POST /invoke/desk/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "POST /invoke/desk/x HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
        "POST /invoke/desk/x HTTP/1.1\r\nContent-Length: -1\r\n",
        "POST /invoke/desk/x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n",
        "GET /invoke/desk/x\x00 HTTP/1.1\r\n",
        "GET /invoke/desk/x HTTP/1.1\r\nX-A: b\x00c\r\n",
        "GET /invoke/desk/x HTTP/1.1\r\nX A: b\r\n",
        "GET /invoke/desk/x HTTP/1.1\r\n folded: b\r\n",
        "BREW /invoke/desk/x HTTP/1.1\r\n",
    ],
)
def test_a_request_that_could_be_read_two_ways_is_refused(
    gateway: Gateway, desk: Desk, upstream: Upstream, head: str
) -> None:
    """E8, E1, E2."""
    desk.connection()
    received = gateway.raw(
        f"{head}Host: localhost\r\nAuthorization: Bearer {gateway.token}\r\n\r\n0\r\n\r\n".encode("latin-1")
    )
    assert received.startswith(b"HTTP/1.1 400 "), received[:100]
    assert b"application/problem+json" in received
    assert b"invalid_request" in received
    assert upstream.seen == []


@pytest.mark.parametrize("method", ["TRACE", "PURGE", "SOURCE", "LINK", "NOTIFY"])
def test_a_method_that_is_not_passed_on_is_an_invalid_request(
    gateway: Gateway, desk: Desk, upstream: Upstream, method: str
) -> None:
    desk.connection()
    assert gateway.send(method, "/invoke/desk/x").code == "invalid_request"
    assert upstream.seen == []


@pytest.mark.parametrize(
    "method",
    [
        "QUERY",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "REPORT",
        "OPTIONS",
        "PATCH",
    ],
)
def test_other_methods_are_passed_on(gateway: Gateway, desk: Desk, upstream: Upstream, method: str) -> None:
    desk.connection()
    assert gateway.send(method, "/invoke/desk/x", b"<a/>").status == 200
    assert (upstream.last.method, upstream.last.body) == (method, b"<a/>")


def test_a_host_that_is_not_allowed_is_refused(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    received = gateway.raw(ask(gateway).replace(b"Host: localhost", b"Host: evil.example"))
    assert b"invalid_request" in received
    assert upstream.seen == []


def test_keep_alive_serves_call_after_call(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    upstream.says(answer(200, b"one"))
    link = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    for _ in range(20):
        link.request("GET", "/invoke/desk/x", headers={"Authorization": f"Bearer {gateway.token}"})
        assert link.getresponse().read() == b"one"
    link.close()
    assert len(upstream._open) == 1, "one connection to the service is kept"


def test_a_mistake_of_ours_is_a_problem_with_the_calls_id_and_no_detail(
    gateway: Gateway,
    desk: Desk,
    upstream: Upstream,
    recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """K3, K4."""
    desk.connection()

    def mistaken(*_: object, **__: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(rights, "judge", mistaken)
    got = gateway.get("/invoke/desk/x?token=in-the-query")
    assert (got.status, got.code) == (500, "internal_error")
    assert b"mistake" not in got.body
    assert (recorded()[0].status, recorded()[0].code) == (500, "internal_error")
    assert str(got.header("Switchboard-Call")) in caplog.text
    assert not [text for text in (KEY, gateway.token, "in-the-query") if text in caplog.text]
