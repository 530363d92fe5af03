"""What a connection may bring: bytes are counted, and what could be read in two ways is not read at all."""

import json
import re
from typing import Any

import pytest

from tests.ops.conftest import Echo, Listen, Listening, code, rest, statuses

HOST = b"Host: localhost\r\n"
GET = b"GET /x HTTP/1.1\r\n" + HOST
POST = b"POST /x HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
CLOSE = b"Connection: close\r\n"
KB = 1024


@pytest.fixture
def served(listen: Listen, echo: Echo) -> Listening:
    return listen(echo)


# --- The head -----------------------------------------------------------------------------------------
def padded(head: bytes, size: int) -> bytes:
    """A head of so many bytes in all."""
    head += b"X-Padding: "
    return head + b"a" * (size - len(head) - 4) + b"\r\n\r\n"


def test_takes_a_head_of_64_kib_and_not_a_byte_more(served: Listening) -> None:
    assert statuses(served.talk(padded(GET + CLOSE, 64 * KB))) == [200]
    received = served.talk(padded(GET + CLOSE, 64 * KB + 1))
    assert statuses(received) == [431]
    assert code(received) == "head_too_large"


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"a" * 300 * KB,
        b"GET /?" + b"a" * 300 * KB,
        GET + b"X: " + b"a" * 300 * KB,
        GET + b"a" * 300 * KB,
        GET + b"a:b\r\n" * 60 * KB,
        b"\r\n" * 150 * KB,
    ],
    ids=["address", "query", "header", "name", "headers", "blank lines"],
)
def test_an_endless_head_is_cut(served: Listening, echo: Echo, endless: bytes) -> None:
    received = served.talk(endless)
    assert (statuses(received), code(received)) == ([431], "head_too_large")
    assert echo.seen == []


def test_thousands_of_short_headers_are_too_many(served: Listening) -> None:
    assert statuses(served.talk(GET + CLOSE + b"a:\r\n" * 900 + b"\r\n")) == [200]
    assert statuses(served.talk(GET + CLOSE + b"a:\r\n" * 1100 + b"\r\n")) == [431]


def test_each_request_of_a_connection_has_a_head_of_its_own(served: Listening) -> None:
    with served.connect() as link:
        for _ in range(3):
            link.sendall(padded(GET, 60 * KB))
            received = b""
            while not received.endswith(b'"body": ""}'):
                received += link.recv(65536)
            assert statuses(received) == [200]
        link.sendall(padded(GET, 64 * KB + 1))
        assert statuses(rest(link)) == [431]


def test_a_head_behind_another_request_is_bounded_too(served: Listening) -> None:
    assert statuses(served.talk(GET + b"\r\n" + GET + b"X: " + b"a" * 100 * KB)) == [200, 431]


# --- What could be read in two ways -------------------------------------------------------------------
@pytest.mark.parametrize(
    "request_",
    [
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        POST + b"Content-Length: 1, 1\r\n\r\na",
        POST + b"Content-Length: +1\r\n\r\na",
        POST + b"Content-Length: -1\r\n\r\na",
        POST + b"Content-Length: 0x1\r\n\r\na",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\na",
        POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        GET + b"Host: elsewhere\r\n\r\n",
        b"GET /x HTTP/1.1\nHost: localhost\n\n",
        b"GET /x HTTP/1.1\r\nHost: localhost\n\r\n",
        GET + b" folded: b\r\n\r\n",
        GET + b"X: a\x00b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /?\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /x HTTP/0.9\r\n" + HOST + b"\r\n",
        b"GET /x HTTP/1.2\r\n" + HOST + b"\r\n",
        b"GET /x HTTP/2.0\r\n" + HOST + b"\r\n",
        b"GET /x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT /x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET ftp://localhost/x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://ada@localhost/x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http:///x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"BREW /x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    ],
)
def test_is_refused_and_what_follows_is_not_read(served: Listening, echo: Echo, request_: bytes) -> None:
    received = served.talk(request_ + GET + b"\r\n" + GET + b"\r\n")
    assert (statuses(received), code(received)) == ([400], "invalid_request")
    assert echo.seen == []


@pytest.mark.parametrize(
    "broken", [b"zz\r\n", b"-1\r\n", b"5\nhello", b"fffffffffffffffff\r\n", b"2\r\nabc\r\n"]
)
def test_a_broken_chunk_is_refused_by_the_application(served: Listening, echo: Echo, broken: bytes) -> None:
    received = served.talk(CHUNKED + b"\r\n" + broken + b"0\r\n\r\n" + GET + b"\r\n")
    assert (statuses(received), code(received)) == ([400], "invalid_request")
    assert (echo.seen, echo.failures) == ([], ["invalid_request"])


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (b"http://elsewhere/a%20b?c=d", "elsewhere", "/a b"),
        (b"HTTPS://[::1]:8000/", "[::1]:8000", "/"),
        (b"http://elsewhere:80", "elsewhere:80", "/"),
        (b"//elsewhere/x", "localhost", "//elsewhere/x"),
    ],
)
def test_a_host_in_the_target_counts_in_place_of_the_header(
    served: Listening, echo: Echo, target: bytes, host: str, path: str
) -> None:
    assert statuses(served.talk(b"GET %b HTTP/1.1\r\n" % target + HOST + CLOSE + b"\r\n")) == [200]
    assert [value for name, value in echo.seen[0]["headers"] if name == "host"] == [host]
    assert echo.seen[0]["path"] == path


def test_an_upgrade_is_passed_over_and_its_body_is_the_requests(served: Listening, echo: Echo) -> None:
    inner = GET + b"\r\n"
    upgrade = POST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    for head in (b"Content-Length: %d\r\n\r\n" % len(inner) + inner, b"\r\n"):
        assert statuses(served.talk(upgrade + head + GET + CLOSE + b"\r\n")) == [200, 200]
    assert [got["body"].encode() for got in echo.seen] == [inner, b"", b"", b""]
    assert [got["method"] for got in echo.seen] == ["POST", "GET"] * 2


def test_an_upgraded_body_is_read_however_it_comes(served: Listening, echo: Echo) -> None:
    request_ = CHUNKED + CLOSE + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    with served.connect() as link:
        for number in range(len(request_)):
            link.sendall(request_[number : number + 1])
        assert statuses(rest(link)) == [200]
    assert echo.seen[0]["body"] == "hello"


def test_an_upgrade_is_held_to_the_same_bounds(served: Listening, echo: Echo) -> None:
    upgrade = CHUNKED + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    received = served.talk(upgrade + b"0\r\n" + (b"X: " + b"y" * KB + b"\r\n") * 70)
    assert (statuses(received), code(received)) == ([431], "head_too_large")
    received = served.talk(POST + b"Connection: upgrade\r\nUpgrade: h2c\r\n" + b"Host: elsewhere\r\n\r\n")
    assert (statuses(received), code(received)) == ([400], "invalid_request")
    assert echo.seen == []


# --- What frames a body -------------------------------------------------------------------------------
def test_trailers_never_count_as_headers(served: Listening, echo: Echo) -> None:
    trailers = b"Authorization: Bearer swb_x\r\nX-Forwarded-For: 10.0.0.1\r\nX-Mine: 1\r\n"
    assert statuses(served.talk(CHUNKED + CLOSE + b"\r\n5\r\nhello\r\n0\r\n" + trailers + b"\r\n")) == [200]
    names = {name for name, _ in echo.seen[0]["headers"]}
    assert names == {"host", "transfer-encoding", "connection"}
    assert echo.seen[0]["body"] == "hello"


def test_trailers_of_64_kib_are_read_over_and_more_of_them_are_refused(served: Listening, echo: Echo) -> None:
    line = b"X: " + b"y" * 1019 + b"\r\n"
    for number, status in ((63, 200), (65, 431)):
        received = served.talk(CHUNKED + CLOSE + b"\r\n1\r\na\r\n0\r\n" + line * number + b"\r\n")
        assert statuses(received) == [status]
    assert code(received) == "head_too_large"
    assert echo.failures == ["head_too_large"]


@pytest.mark.parametrize(
    "endless",
    [
        b"0\r\nX: " + b"y" * 300 * KB,
        b"0\r\n" + b"y" * 300 * KB,
        b"1;" + b"y" * 300 * KB,
        (b"1;" + b"y" * 15 * KB + b"\r\na\r\n") * 20,
    ],
    ids=["a trailer", "its name", "an extension", "extensions"],
)
def test_endless_framing_is_cut(served: Listening, echo: Echo, endless: bytes) -> None:
    received = served.talk(CHUNKED + b"\r\n1\r\na\r\n" + endless)
    assert (statuses(received), code(received)) == ([431], "head_too_large")
    assert echo.seen == []


def test_chunks_of_a_byte_are_read_whole(served: Listening, echo: Echo) -> None:
    assert statuses(served.talk(CHUNKED + CLOSE + b"\r\n" + b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n")) == [200]
    assert echo.seen[0]["body"] == "a" * 100_000


# --- Requests ahead of their turn ---------------------------------------------------------------------
def test_requests_sent_ahead_are_answered_in_turn(served: Listening, echo: Echo) -> None:
    requests = [b"GET /%d HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in range(15)]
    received = served.talk(b"".join(requests) + b"GET /end HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
    assert statuses(received) == [200] * 16
    assert re.findall(rb'"path": "/(\w+)"', received) == [b"%d" % number for number in range(15)] + [b"end"]


def test_what_is_refused_waits_for_its_turn_and_is_the_last(served: Listening) -> None:
    received = served.talk((GET + b"\r\n") * 3 + b"no request\r\n\r\n" + GET + b"\r\n")
    assert statuses(received) == [200, 200, 200, 400]
    assert code(received) == "invalid_request"


def test_too_many_requests_ahead_of_their_turn_end_the_connection(served: Listening, echo: Echo) -> None:
    received = served.talk((GET + b"\r\n") * 1000)
    assert statuses(received) == [200] * 17 + [503]
    assert code(received) == "unavailable"
    assert len(echo.seen) == 17


# --- Expect -------------------------------------------------------------------------------------------
async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application that reads no body."""
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


EXPECT = b"Expect: 100-Continue\r\nContent-Length: 5\r\n"


def test_a_body_that_is_wanted_is_asked_for_once(served: Listening, echo: Echo) -> None:
    with served.connect() as link:
        link.sendall(POST + EXPECT + CLOSE + b"\r\n")
        assert link.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        link.sendall(b"hel")
        link.sendall(b"lo")
        assert statuses(rest(link)) == [200]
    assert echo.seen[0]["body"] == "hello"


def test_a_body_that_is_not_wanted_is_not_asked_for_and_what_comes_is_no_request(listen: Listen) -> None:
    served = listen(refuse)
    with served.connect() as link:
        link.sendall(POST + EXPECT + b"\r\n")
        received = b""
        while b"\r\n\r\n" not in received:
            received += link.recv(1000)
        link.sendall(GET + b"\r\n")
        received += rest(link)
    assert statuses(received) == [403]
    assert b"connection: close" in received


# --- HTTP/1.0 -----------------------------------------------------------------------------------------
OLD = b"GET /x HTTP/1.0\r\nHost: localhost\r\n"


async def pieces(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An answer without a length; it breaks off where the path says so."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(3):
        await send({"type": "http.response.body", "body": b"piece ", "more_body": True})
    if scope["path"] != "/broken":
        await send({"type": "http.response.body", "body": b"end"})


@pytest.mark.parametrize("header", [b"", b"Connection: keep-alive\r\n"])
def test_a_caller_of_http_1_0_gets_no_chunks(listen: Listen, header: bytes) -> None:
    head, _, body = listen(pieces).talk(OLD + header + b"\r\n").partition(b"\r\n\r\n")
    assert body == b"piece piece piece end"
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    received = listen(pieces).talk(OLD.replace(b"GET", b"HEAD") + b"\r\n")
    assert received.endswith(b"connection: close\r\n\r\n")


def test_a_length_stays_a_length_for_http_1_0_and_nothing_is_asked_for(served: Listening, echo: Echo) -> None:
    received = served.talk(OLD.replace(b"GET", b"POST") + EXPECT + b"\r\nhello")
    head, _, body = received.partition(b"\r\n\r\n")
    assert statuses(received) == [200]
    assert json.loads(body)["body"] == "hello"
    assert b"content-length: %d" % len(body) in head


def test_an_answer_that_breaks_off_is_reset_where_only_its_end_tells_its_length(listen: Listen) -> None:
    served = listen(pieces)
    with served.connect() as link:
        link.sendall(OLD.replace(b"/x", b"/broken") + b"\r\n")
        with pytest.raises(ConnectionResetError):
            rest(link)
    assert not served.talk(GET.replace(b"/x", b"/broken") + b"\r\n").endswith(b"0\r\n\r\n")
