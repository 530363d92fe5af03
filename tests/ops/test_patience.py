"""How long a connection may take, and how many an address may have."""

import asyncio
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from config.cycle import Allowance, Pace
from config.guests import Guests
from problems import AppError
from tests.ops.conftest import Echo, Listen, code, read, rest, silent, statuses

HOST = b"Host: localhost\r\n"
GET = b"GET /x HTTP/1.1\r\n" + HOST
POST = b"POST /x HTTP/1.1\r\n" + HOST
CLOSE = b"Connection: close\r\n"
LONG_S = 10  # that a test never waits for


def trickle(link: socket.socket, data: bytes, pause_s: float) -> None:
    """Send byte by byte until something comes back."""
    for number in range(len(data)):
        link.sendall(data[number : number + 1])
        if select.select([link], [], [], pause_s)[0]:
            return


# --- The head -----------------------------------------------------------------------------------------
def test_a_head_that_does_not_end_is_a_request_timeout(listen: Listen) -> None:
    served = listen(silent, head_s=0.3)
    started = time.monotonic()
    with served.connect() as link:
        trickle(link, GET + b"X: " + b"a" * 1000, 0.01)
        received = rest(link)
    assert (statuses(received), code(received)) == ([408], "request_timeout")
    assert 0.3 <= time.monotonic() - started < LONG_S


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n"], ids=["nothing", "blank lines"])
def test_a_connection_without_a_request_is_closed_without_a_word(listen: Listen, data: bytes) -> None:
    assert listen(silent, head_s=0.2).talk(data) == b""


def test_the_next_head_has_its_own_time_and_a_connection_may_be_idle_before_it(
    listen: Listen, echo: Echo
) -> None:
    served = listen(echo, head_s=0.2, idle_s=LONG_S)
    with served.connect() as link:
        for _ in range(2):
            link.sendall(GET + b"\r\n")
            assert statuses(link.recv(10_000)) == [200]
            assert not select.select([link], [], [], 0.4)[0], "idle for longer than a head may take"
        link.sendall(b"GET /")
        received = rest(link)
    assert (statuses(received), code(received)) == ([408], "request_timeout")


def test_an_idle_connection_is_closed_in_its_time(listen: Listen, echo: Echo) -> None:
    served = listen(echo, idle_s=0.3, head_s=0.3)
    with served.connect() as link:
        link.sendall(GET + b"\r\n")
        started = time.monotonic()
        assert statuses(rest(link)) == [200]
        assert 0.2 < time.monotonic() - started < LONG_S


def test_half_a_request_ahead_of_its_turn_disturbs_no_answer(listen: Listen) -> None:
    async def slow(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    received = listen(slow, head_s=0.2).talk(GET + b"\r\n" + b"GET /half HTTP/1.1\r\n")
    assert statuses(received) == [204, 408]


# --- A body -------------------------------------------------------------------------------------------
def test_a_body_that_stalls_is_a_request_timeout_told_by_the_application(listen: Listen, echo: Echo) -> None:
    served = listen(echo, pace_s=0.3)
    with served.connect() as link:
        link.sendall(POST + b"Content-Length: 5000\r\n\r\n")
        trickle(link, b"a" * 1000, 0.01)
        received = rest(link)
    assert (statuses(received), code(received)) == ([408], "request_timeout")
    assert (echo.seen, echo.failures) == ([], ["request_timeout"])


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 4000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nfa0\r\n"]
)
def test_a_body_that_comes_steadily_is_waited_for(listen: Listen, echo: Echo, framing: bytes) -> None:
    served = listen(echo, pace_s=0.6, pace_bytes=100)
    with served.connect() as link:
        link.sendall(POST + CLOSE + framing)
        for _ in range(7):
            link.sendall(b"a" * 500)
            assert not select.select([link], [], [], 0.15)[0]
        link.sendall(b"a" * 500 + b"\r\n0\r\n\r\n")
        assert statuses(rest(link)) == [200]
    assert len(echo.seen[0]["body"]) == 4000


def test_no_clock_runs_while_nobody_reads(listen: Listen) -> None:
    """The application takes its time, and the caller is stopped by us: neither is the caller's fault."""
    total = 3_000_000

    async def reads_late(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await asyncio.sleep(0.6)
        first = await receive()
        await asyncio.sleep(0.6)
        size = len(first["body"]) + len(await read(receive))
        assert size == total
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    served = listen(reads_late, pace_s=0.3)
    assert statuses(served.talk(POST + CLOSE + b"Content-Length: %d\r\n\r\n" % total + bytes(total))) == [204]


@pytest.fixture
def pace() -> Pace:
    return Pace(Allowance())


def test_a_pace_is_less_than_a_kilobyte_in_the_time_that_was_waited(pace: Pace) -> None:
    assert pace.ends_at > 1e9, "nobody waits"
    pace.start(100)
    pace.came(1023, 115)
    assert pace.ends_at == 120
    pace.stop(115)
    pace.start(500)
    assert pace.ends_at == 505, "fifteen seconds were waited for before"
    pace.came(1, 504)
    assert pace.ends_at == 524
    pace.stop(504)
    pace.came(2000, 600)
    pace.start(700)
    assert pace.ends_at == 720


# --- An answer ----------------------------------------------------------------------------------------
def unread(link: socket.socket) -> bool:
    """Did the server end the connection, though nothing of its answer was read?"""
    poll = select.poll()
    poll.register(link, select.POLLERR)
    return bool(poll.poll(LONG_S * 1000))


def small(port: int) -> socket.socket:
    """A connection whose caller's side takes little before it is read."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(20)
    link.connect(("127.0.0.1", port))
    return link


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_caller_who_takes_nothing_of_the_answer_is_cut(listen: Listen, version: bytes) -> None:
    failed = list[str]()

    async def pours(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await read(receive)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        pouring = asyncio.create_task(_pour(send))
        try:
            await receive()
        except AppError as error:
            failed.append(error.code)
        pouring.cancel()

    async def _pour(send: Any) -> None:
        while True:
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})

    with small(listen(pours, answer_s=0.4).port) as link:
        link.sendall(b"GET /x HTTP/%b\r\n" % version + HOST + b"\r\n")
        assert unread(link)
    assert failed == ["request_timeout"]


def test_a_whole_answer_that_nobody_takes_is_cut_too(listen: Listen) -> None:
    async def whole(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(20_000_000)})

    with small(listen(whole, answer_s=0.4).port) as link:
        link.sendall(GET + CLOSE + b"\r\n")
        assert unread(link)


def test_a_caller_who_takes_the_answer_slowly_gets_all_of_it(listen: Listen) -> None:
    size = 2_000_000

    async def whole(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(size)})

    with small(listen(whole, answer_s=0.4).port) as link:
        link.sendall(GET.replace(b"1.1", b"1.0") + b"\r\n")
        taken = 0
        for _ in range(10):
            taken += len(link.recv(100_000))
            threading.Event().wait(0.1)
        assert taken + len(rest(link)) > size


# --- Endings ------------------------------------------------------------------------------------------
async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application that answers before it has read anything."""
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


def test_an_early_refusal_reaches_a_caller_who_sends_on(listen: Listen) -> None:
    served = listen(refuse, linger_s=LONG_S)
    size = 30_000_000
    received = served.talk(POST + b"Content-Length: %d\r\n\r\n" % size + bytes(size))
    assert statuses(received) == [403]
    assert b"connection: close" in received


def pour(link: socket.socket) -> None:
    for _ in range(1000):
        link.sendall(bytes(1000))
        threading.Event().wait(0.01)


@pytest.mark.parametrize("request_", [POST + b"Content-Length: 50\r\n\r\n", b"no request\r\n\r\n"])
def test_a_caller_who_sends_on_for_ever_is_not_heard_for_long(listen: Listen, request_: bytes) -> None:
    served = listen(refuse, linger_s=0.3)
    started = time.monotonic()
    with served.connect() as link:
        link.sendall(request_)
        assert statuses(rest(link))[0] in {403, 400}, "our side of the connection has ended"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            pour(link)
    assert time.monotonic() - started > 0.2


def test_whoever_hangs_up_is_gone_for_the_request_that_is_under_way(listen: Listen) -> None:
    """Another one, sent ahead of its turn, waits behind it."""
    begun, gone = threading.Event(), threading.Event()

    async def waits(scope: dict[str, Any], receive: Any, send: Any) -> None:
        begun.set()
        await silent(scope, receive, send)
        gone.set()

    served = listen(waits)
    with served.connect() as link:
        link.sendall((GET + b"\r\n") * 2)
        assert begun.wait(LONG_S)
    assert gone.wait(LONG_S)


def test_a_stopping_server_ends_what_is_not_yet_a_request(listen: Listen) -> None:
    served = listen(silent, head_s=LONG_S)
    with served.connect() as idle, served.connect() as half:
        half.sendall(GET)
        assert not select.select([idle, half], [], [], 0.1)[0]
        served.server.should_exit = True
        assert rest(idle) == rest(half) == b""


def test_a_stopping_server_tells_whom_it_waits_for_no_longer(listen: Listen) -> None:
    begun = threading.Event()

    async def waits(scope: dict[str, Any], receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    served = listen(waits, stop_s=0.2)
    with served.connect() as link:
        link.sendall(GET + b"\r\n")
        assert begun.wait(LONG_S)
        served.server.should_exit = True
        received = rest(link)
    assert (statuses(received), code(received)) == ([503], "unavailable")


def test_an_application_that_fails_is_a_problem_without_detail(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(scope: dict[str, Any], receive: Any, send: Any) -> None:
        raise RuntimeError("canary")

    received = listen(fails).talk(GET + CLOSE + b"\r\n")
    assert (statuses(received), code(received)) == ([500], "internal_error")
    assert b"canary" not in received
    assert "canary" in caplog.text
    caplog.clear()


# --- Connections of an address ------------------------------------------------------------------------
@pytest.fixture
def two_each(settings: Settings) -> None:
    settings.MAX_CONNECTIONS_PER_ADDRESS = 2


def answered(listen: Callable[[], socket.socket]) -> list[int]:
    with listen() as link:
        link.sendall(GET + CLOSE + b"\r\n")
        return statuses(rest(link))


def test_one_connection_too_many_is_refused_and_disturbs_no_other(
    listen: Listen, echo: Echo, two_each: None
) -> None:
    served = listen(echo)
    with served.connect(), served.connect() as second:
        with served.connect() as third:
            received = rest(third)
        assert (statuses(received), code(received)) == ([503], "unavailable")
        assert b"retry-after: 1\r\n" in received
        assert answered(lambda: served.connect(source="127.0.0.2")) == [200], "another address"
        second.sendall(GET + CLOSE + b"\r\n")
        assert statuses(rest(second)) == [200]
        assert answered(served.connect) == [200], "a place was left"


def test_connections_do_not_count_behind_proxies_of_ours(
    listen: Listen, echo: Echo, two_each: None, settings: Settings
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    served = listen(echo)
    with served.connect(), served.connect(), served.connect():
        assert answered(served.connect) == [200]


def test_an_address_is_itself_in_either_family_and_a_64_of_ipv6_is_one() -> None:
    guests = Guests()
    assert guests.enter("192.0.2.1", 1)
    assert not guests.enter("::ffff:192.0.2.1", 1)
    assert guests.enter("::ffff:192.0.2.2", 1)
    assert guests.enter("2001:db8::1", 1)
    assert not guests.enter("2001:db8::2", 1)
    assert guests.enter("2001:db8:0:1::1", 1)
    guests.leave("::ffff:192.0.2.1")
    assert guests.enter("192.0.2.1", 1)
