"""Callers who keep a call waiting, or keep back what says who they are: they hold up nobody, and are told."""

import json
import select
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from pytest_django import Settings

from config.cycle import Allowance
from invoke import gateway as module
from invoke.errors import ServerBusy, TooManyCalls
from problems.limits import Limits
from tests.invoke.conftest import Desk, Gateway, Recorded
from tests.invoke.upstream import Seen, Upstream, answer

KB, MB = 1024, 1024 * 1024


@pytest.fixture
def allowance() -> Allowance:
    return Allowance(pace_s=0.4, answer_s=0.4, look_s=0.05)


def head(gateway: Gateway, line: str, *headers: str) -> bytes:
    lines = (line, "Host: localhost", f"Authorization: Bearer {gateway.token}", "Connection: close", *headers)
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


POST = "POST /invoke/desk/x HTTP/1.1"
TASK = "POST /invoke HTTP/1.1"


@pytest.mark.parametrize("length", [5 * KB, 3 * MB], ids=["a small one", "one that is streamed"])
def test_a_body_that_stalls_is_told_and_on_record(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded, length: int
) -> None:
    desk.connection()
    received = gateway.raw(head(gateway, POST, f"Content-Length: {length}") + b"a" * (length // 2))
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "request_timeout"' in received
    call = recorded()[0]
    assert (call.status, call.code, call.connection) == (408, "request_timeout", "desk")
    assert all(len(seen.body) < length for seen in upstream.seen), "nothing whole was sent"


@pytest.mark.parametrize("length", [500, 100 * KB])
def test_a_task_that_stalls_is_told_and_on_record(
    gateway: Gateway, desk: Desk, recorded: Recorded, length: int
) -> None:
    received = gateway.raw(head(gateway, TASK, f"Content-Length: {length}") + b"{")
    assert received.startswith(b"HTTP/1.1 408 ")
    call = recorded()[0]
    assert (call.status, call.code, call.path, call.token) == (408, "request_timeout", "/invoke", "script")


def test_a_caller_who_takes_nothing_of_the_answer_is_cut_and_on_record(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection()
    upstream.says(answer(200, bytes(14 * MB)))
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", gateway.port))
        link.sendall(head(gateway, "GET /invoke/desk/x HTTP/1.1"))
        poll = select.poll()
        poll.register(link, select.POLLERR)
        assert poll.poll(10_000), "the connection is cut"
    call = recorded()[0]
    assert (call.status, call.code) == (200, "request_timeout")
    assert call.response_bytes < 14 * MB


def test_a_body_that_cannot_be_read_is_told_and_on_record(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection()
    received = gateway.raw(head(gateway, POST, "Transfer-Encoding: chunked") + b"5\r\nhello\r\nzz\r\n")
    assert received.startswith(b"HTTP/1.1 400 ")
    assert recorded()[0].code == "invalid_request"
    assert upstream.seen == []


# --- Trailers -----------------------------------------------------------------------------------------
CHUNKS = b"5\r\nhello\r\n0\r\n"


def test_a_token_in_a_trailer_is_none(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    bare = f"{POST}\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    received = gateway.raw(bare + CHUNKS + f"Authorization: Bearer {gateway.token}\r\n\r\n".encode())
    assert received.startswith(b"HTTP/1.1 401 ")
    assert upstream.seen == []


def test_an_address_in_a_trailer_beats_no_network_and_none_is_passed_on(
    gateway: Gateway, desk: Desk, upstream: Upstream, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    desk.connection()
    gateway.token = desk.token(networks=["10.0.0.0/8"])
    for forwarded, status in (("192.0.2.1", b"403"), ("10.0.0.1", b"200")):
        lines = head(gateway, POST, f"X-Forwarded-For: {forwarded}", "Transfer-Encoding: chunked")
        received = gateway.raw(lines + CHUNKS + b"X-Forwarded-For: 10.0.0.1\r\nX-Mine: 1\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 " + status), received
    (seen,) = upstream.seen
    assert (seen.body, seen.header("X-Mine")) == (b"hello", None)


# --- Places -------------------------------------------------------------------------------------------
@contextmanager
def hanging(gateway: Gateway, upstream: Upstream, request: bytes) -> Generator[None]:
    """A call that waits at its service, as long as this lasts."""
    release = threading.Event()

    def hang(seen: Seen, _: socket.socket) -> bytes:
        if seen.target.endswith("/slow"):
            release.wait(20)
        return answer(200, b"ok")

    upstream.script = hang
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as link:
        link.sendall(request)
        assert upstream.arrived.acquire(timeout=10)
        try:
            yield
        finally:
            release.set()
        assert link.recv(100).startswith(b"HTTP/1.1 200")


@pytest.fixture
def one_in_all(gateway: Gateway) -> None:
    assert module._engine is not None
    module._engine._limits = Limits(128, TooManyCalls, most_in_all=1, full=ServerBusy)


@pytest.mark.usefixtures("one_in_all")
def test_a_process_makes_so_many_calls_at_once(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection("one")
    desk.connection("two")
    with hanging(gateway, upstream, head(gateway, "GET /invoke/one/slow HTTP/1.1")):
        got = gateway.get("/invoke/two/x", token=desk.token())
        assert (got.status, got.code, got.header("Retry-After")) == (503, "unavailable", "1")
        assert gateway.get("/invoke/two/x", token="swb_none").status == 401
        assert gateway.get("/healthz").status == 200
    assert gateway.get("/invoke/two/x").status == 200


@pytest.mark.usefixtures("one_in_all")
@pytest.mark.parametrize(
    ("line", "length", "token"),
    [
        (TASK, 500, ""),
        (TASK, 500, "swb_none"),
        (TASK, 500, "good"),
        (POST, 500, ""),
        (POST, 5 * MB, "swb_none"),
    ],
)
def test_a_body_that_is_awaited_before_anybody_knows_whose_it_is_takes_no_place(
    gateway: Gateway, desk: Desk, upstream: Upstream, line: str, length: int, token: str
) -> None:
    desk.connection()
    own = gateway.token
    gateway.token = own if token == "good" else token
    with socket.create_connection(("127.0.0.1", gateway.port)) as link:
        link.sendall(head(gateway, line, f"Content-Length: {length}", "Expect: 100-continue"))
        assert link.recv(12) in {b"HTTP/1.1 100", b"HTTP/1.1 401"}
        assert gateway.get("/invoke/desk/x", token=own).status == 200


def test_tasks_that_are_read_take_a_place_of_their_tokens(gateway: Gateway, desk: Desk) -> None:
    desk.connection()
    assert module._engine is not None
    module._engine._limits = Limits(1, TooManyCalls)
    other = desk.token()
    task = json.dumps({"connection": "desk", "url": "x", "type": "GET"}).encode().ljust(70 * KB)
    json_ = {"Content-Type": "application/json"}
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as link:
        link.sendall(head(gateway, TASK, f"Content-Length: {len(task)}", "Expect: 100-continue"))
        assert link.recv(100).startswith(b"HTTP/1.1 100 ")
        assert gateway.send("POST", "/invoke", task, json_).code == "rate_limited"
        assert gateway.send("POST", "/invoke", task, json_, token=other).status == 200
