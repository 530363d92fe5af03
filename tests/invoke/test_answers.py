"""The answer as it came: streamed, capped, and never taken for whole where it is not."""

import gzip
import socket
import threading

import pytest
import requests
from pytest_django import Settings

from tests.invoke.conftest import Desk, Gateway, Recorded
from tests.invoke.upstream import Script, Seen, Upstream, answer

MB = 1024 * 1024


def ask(gateway: Gateway, method: str = "GET", path: str = "/invoke/desk/x", extra: str = "") -> bytes:
    own = f"Authorization: Bearer {gateway.token}\r\n{extra}Connection: close\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{own}\r\n".encode()


@pytest.mark.parametrize("status", [200, 201, 207, 299, 400, 401, 404, 418, 429, 500, 503, 599])
def test_any_status_from_200_to_599_is_passed_on(
    gateway: Gateway, desk: Desk, upstream: Upstream, status: int
) -> None:
    desk.connection()
    upstream.says(answer(status, b"body", {"X-Own": "1", "Retry-After": "7"}))
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.body, got.header("X-Own"), got.header("Retry-After")) == (
        status,
        b"body",
        "1",
        "7",
    )
    assert got.header("Switchboard-Source") == "upstream"
    assert got.header("Switchboard-Call")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 600 X\r\n\r\n",
        b"HTTP/1.1 999 X\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\x00\xff\r\n\r\n",
    ],
)
def test_a_status_that_is_none_is_upstream_invalid(
    gateway: Gateway, desk: Desk, upstream: Upstream, head: bytes
) -> None:
    desk.connection()
    upstream.says(head)
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (502, "upstream_invalid")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:1/", "https://evil.example/", "http://localhost/x", "//evil.example/x"]
)
def test_a_redirect_is_an_answer_and_is_never_followed(
    gateway: Gateway, desk: Desk, upstream: Upstream, status: int, where: str
) -> None:
    """C3."""
    desk.connection()
    upstream.says(answer(status, b"moved", {"Location": where}))
    got = gateway.send("POST", "/invoke/desk/x", b"body")
    assert (got.status, got.header("Location"), got.body) == (status, where, b"moved")
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)])
def test_answers_without_a_body_end_at_once(
    gateway: Gateway, desk: Desk, upstream: Upstream, method: str, status: int
) -> None:
    desk.connection()
    upstream.says(
        f'HTTP/1.1 {status} X\r\nETag: "1"\r\nContent-Length: {0 if status == 204 else 12}\r\n\r\n'.encode()
    )
    for _ in range(2):
        got = gateway.send(method, "/invoke/desk/x")
        assert (got.status, got.body, got.header("ETag")) == (status, b"", '"1"')
    assert got.header("Content-Length") == ("12" if method == "HEAD" else None)


def test_gzip_passes_undecoded_where_the_caller_offers_it(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    packed = gzip.compress(b"x" * 1000)
    upstream.says(answer(200, packed, {"Content-Encoding": "gzip"}))
    got = gateway.get("/invoke/desk/x", headers={"Accept-Encoding": "gzip, br"})
    assert (got.body, got.header("Content-Encoding")) == (packed, "gzip")
    assert upstream.last.headers_named("Accept-Encoding") == ["gzip"]


def test_an_answer_of_unknown_length_is_streamed_as_it_comes(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    release = threading.Event()

    def drip(seen: Seen, connection: socket.socket) -> bytes:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert release.wait(10)
        return b"6\r\nsecond\r\n0\r\n\r\n"

    upstream.script = drip
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as link:
        link.sendall(ask(gateway))
        received = b""
        while b"first" not in received:
            received += link.recv(1000)
        release.set()
        while piece := link.recv(1000):
            received += piece
    assert received.endswith(b"6\r\nsecond\r\n0\r\n\r\n")
    assert b"transfer-encoding: chunked" in received.lower()


# --- E3: caps --------------------------------------------------------------------------------------
def test_a_length_over_the_cap_is_refused_before_any_byte(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection()
    upstream.says(f"HTTP/1.1 200 OK\r\nContent-Length: {15 * MB + 1}\r\n\r\n".encode())
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (502, "response_too_large")
    assert recorded()[0].code == "response_too_large"


def test_a_head_answer_may_tell_of_any_length(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    upstream.says(f"HTTP/1.1 200 OK\r\nContent-Length: {15 * MB + 1}\r\n\r\n".encode())
    assert gateway.send("HEAD", "/invoke/desk/x").status == 200


def test_a_stream_over_the_cap_ends_without_its_final_chunk(
    gateway: Gateway, desk: Desk, upstream: Upstream, settings: Settings, recorded: Recorded
) -> None:
    desk.connection()

    def flood(seen: Seen, connection: socket.socket) -> bytes:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(16 * 16):
            connection.sendall(piece)
        return b"0\r\n\r\n"

    upstream.script = flood
    received = gateway.raw(ask(gateway))
    assert received.startswith(b"HTTP/1.1 200")
    assert not received.endswith(b"0\r\n\r\n")
    assert len(received) < 15.5 * MB
    call = recorded()[0]
    assert (call.status, call.code) == (200, "response_too_large")
    assert gateway.get("/invoke/nothing/x").status == 404, "the server serves on"


@pytest.mark.parametrize(
    "broken",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n7",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst",
    ],
)
def test_an_answer_that_breaks_off_is_never_taken_for_whole(
    gateway: Gateway,
    desk: Desk,
    upstream: Upstream,
    recorded: Recorded,
    broken: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk.connection()

    def cut(seen: Seen, connection: socket.socket) -> None:
        connection.sendall(broken)

    upstream.script = cut
    received = gateway.raw(ask(gateway))
    assert received.startswith(b"HTTP/1.1 200")
    assert not received.endswith(b"0\r\n\r\n")
    assert not received.endswith(b"first") or b"content-length: 10" in received.lower()
    call = recorded()[0]
    assert (call.status, call.code) == (200, "upstream_invalid")
    assert "Traceback" not in caplog.text


def test_a_body_over_the_cap_is_refused_by_its_length_alone(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    received = gateway.raw(ask(gateway, "POST", extra=f"Content-Length: {50 * MB + 1}\r\n"))
    assert received.startswith(b"HTTP/1.1 413")
    assert b"payload_too_large" in received
    assert upstream.seen == []


@pytest.mark.parametrize("after", ["keep-alive", "close"])
def test_a_body_of_100_mb_is_told_so_however_it_comes(
    gateway: Gateway, desk: Desk, upstream: Upstream, after: str
) -> None:
    desk.connection()
    for path in ("/invoke/desk/x", "/invoke"):
        got = requests.post(
            f"http://127.0.0.1:{gateway.port}{path}",
            data=b"x" * 100 * MB,
            headers={"Authorization": f"Bearer {gateway.token}", "Connection": after},
            timeout=30,
        )
        assert (got.status_code, got.json()["code"]) == (413, "payload_too_large")
    assert upstream.seen == []


def test_a_chunked_body_over_the_cap_is_cut_and_told(
    gateway: Gateway, desk: Desk, upstream: Upstream, settings: Settings, recorded: Recorded
) -> None:
    desk.connection()
    settings.CALL_MAX_REQUEST_BYTES = 3 * MB
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    received = gateway.raw(
        ask(gateway, "POST", extra="Transfer-Encoding: chunked\r\n") + piece * 64 + b"0\r\n\r\n"
    )
    assert received.startswith(b"HTTP/1.1 413")
    assert b"payload_too_large" in received
    assert recorded()[0].code == "payload_too_large"


@pytest.mark.parametrize("size", [0, 1, MB, MB + 1, 3 * MB])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_every_size_arrive_whole(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded, size: int, chunked: bool
) -> None:
    desk.connection()
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    if chunked:
        pieces = [body[start : start + 70000] for start in range(0, size, 70000)]
        wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        received = gateway.raw(ask(gateway, "PUT", extra="Transfer-Encoding: chunked\r\n") + wire)
        assert received.startswith(b"HTTP/1.1 200")
    else:
        assert gateway.send("PUT", "/invoke/desk/x", body).status == 200
    assert upstream.last.body == body
    assert upstream.last.header("Content-Type") is None
    if not chunked or size <= MB:
        assert upstream.last.headers_named("Content-Length") == [str(size)]
    assert recorded()[0].request_bytes == size


# --- E4: one deadline over everything --------------------------------------------------------------
def _silent(seen: Seen, connection: socket.socket) -> None:
    threading.Event().wait(4)


def _slow_head(seen: Seen, connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"1" * 400:
        connection.sendall(bytes([byte]))
        threading.Event().wait(0.02)


@pytest.mark.parametrize("script", [_silent, _slow_head])
def test_a_service_that_does_not_answer_in_time_is_upstream_timeout(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded, script: Script
) -> None:
    from invoke import gateway as module

    assert module._engine is not None
    module._engine._bounds = type(module._engine._bounds)(1.0, 50 * MB, 15 * MB)
    desk.connection()
    upstream.script = script
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (504, "upstream_timeout")
    call = recorded()[0]
    assert (call.code, call.attempts) == ("upstream_timeout", 1)
    assert 900 <= call.duration_ms < 2500


def test_an_endless_body_is_cut_at_the_deadline(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    from invoke import gateway as module

    assert module._engine is not None
    module._engine._bounds = type(module._engine._bounds)(1.0, 50 * MB, 15 * MB)
    desk.connection()

    def drip(seen: Seen, connection: socket.socket) -> bytes:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(300):
            connection.sendall(b"1\r\nx\r\n")
            threading.Event().wait(0.02)
        return b"0\r\n\r\n"

    upstream.script = drip
    received = gateway.raw(ask(gateway))
    assert not received.endswith(b"0\r\n\r\n")
    assert recorded()[0].code == "upstream_timeout"


def test_a_port_that_is_closed_is_upstream_unreachable(gateway: Gateway, desk: Desk) -> None:
    desk.connection(service={"base_url": "http://127.0.0.1:9/", "hosts": ["127.0.0.1:9"]})
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (502, "upstream_unreachable")
