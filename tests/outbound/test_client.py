"""What goes out and what comes back, byte by byte (C2, C3, C9, E1, E2, E7)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from outbound.client import Client, Reply
from outbound.errors import HostNotAllowed, ResponseTooLarge, UnsendableRequest, UpstreamUnreachable
from outbound.guard import destination
from outbound.policy import Policy
from outbound.sendable import Pairs
from tests.outbound.peers import OK, Peer, Talk, always, answer, says

Serve = Callable[..., Peer]
Open = Callable[..., AbstractAsyncContextManager[Reply]]


@pytest.fixture
def call(client: Client, rules: Policy) -> Open:
    """``call(peer, "GET", "/path", headers=…, body=…)``."""

    def open_call(
        peer: Peer,
        method: str = "GET",
        target: str = "/",
        *,
        headers: Pairs = (),
        body: bytes | AsyncIterator[bytes] | None = None,
        max_bytes: int = 1 << 20,
    ) -> AbstractAsyncContextManager[Reply]:
        return client.open(
            method,
            peer.url + target,
            headers=headers,
            body=body,
            destination=destination(peer.url, hosts=[peer.netloc], rules=rules),
            deadline=asyncio.get_running_loop().time() + 5,
            max_bytes=max_bytes,
        )

    return open_call


async def body_of(reply: Reply) -> bytes:
    return b"".join([piece async for piece in reply.iter_bytes()])


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_sends_what_it_is_given_and_adds_only_the_host(serve: Serve, call: Open) -> None:
    peer = serve(always(OK))

    async with call(
        peer, "GET", "/a%2Fb/%7e/./x;y?q=%20&r=+&s", headers=(("X-A", "é ü"), ("x-a", "2"))
    ) as reply:
        assert await body_of(reply) == b"ok"

    head = f"GET /a%2Fb/%7e/./x;y?q=%20&r=+&s HTTP/1.1\r\nHost: {peer.netloc}\r\nX-A: é ü\r\nX-A: 2\r\n\r\n"
    assert peer.requests == [head.encode()]


async def test_hands_back_the_answer_as_it_came(serve: Serve, call: Open) -> None:
    peer = serve(
        says(
            answer(
                "299 Odd Reason",
                "X-One: 1",
                "x-one: 2",
                "Content-Encoding: gzip",
                "Set-Cookie: a=b",
                body=b"\x1f\x8bnot really",
            )
        )
    )

    async with call(peer) as reply:
        assert (reply.status, reply.reason, reply.content_length) == (299, "Odd Reason", 12)
        assert reply.headers[:2] == ((b"X-One", b"1"), (b"x-one", b"2"))
        assert await body_of(reply) == b"\x1f\x8bnot really"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY", "PROPFIND"])
async def test_sends_a_body_of_bytes_with_its_length_and_no_type_of_ours(
    serve: Serve, call: Open, method: str
) -> None:
    peer = serve(always(OK))

    async with call(peer, method, headers=(("Content-Length", "999"),), body=b"abc"):
        pass

    assert peer.requests == [
        f"{method} / HTTP/1.1\r\nHost: {peer.netloc}\r\nContent-Length: 3\r\n\r\nabc".encode()
    ]


async def test_sends_a_large_body_of_bytes_whole(serve: Serve, call: Open) -> None:
    peer = serve(always(OK))
    body = bytes(range(256)) * 16384  # 4 MiB

    async with call(peer, "POST", body=body) as reply:
        assert reply.status == 200

    assert peer.requests[0].endswith(b"\r\n\r\n" + body)
    assert f"Content-Length: {len(body)}".encode() in peer.requests[0]


async def test_streams_a_body_in_chunks_or_under_the_length_that_is_said(serve: Serve, call: Open) -> None:
    peer = serve(always(OK))

    async with call(peer, "POST", body=stream(b"ab", b"cde")):
        pass
    async with call(peer, "POST", headers=(("Content-Length", "5"),), body=stream(b"ab", b"cde")):
        pass

    assert b"Transfer-Encoding: chunked" in peer.requests[0]
    assert peer.requests[0].endswith(b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
    assert b"Transfer-Encoding" not in peer.requests[1]
    assert peer.requests[1].endswith(b"\r\n\r\nabcde")


@pytest.mark.parametrize("lengths", [["abc"], ["-1"], ["+1"], ["1, 1"], [""], ["٣"], ["5", "5"], ["5", "6"]])
async def test_refuses_a_length_that_is_not_one_number(serve: Serve, call: Open, lengths: list[str]) -> None:
    peer = serve(always(OK))

    with pytest.raises(UnsendableRequest, match="Content-Length"):
        async with call(
            peer,
            "POST",
            headers=tuple(("Content-Length", each) for each in lengths),
            body=stream(b"ab", b"cde"),
        ):
            pass

    assert peer.connections == 0


async def test_what_the_body_raises_comes_out_as_it_is(serve: Serve, call: Open) -> None:
    class TooMuch(Exception):
        pass

    async def body() -> AsyncIterator[bytes]:
        yield b"abc"
        raise TooMuch

    with pytest.raises(TooMuch):
        async with call(serve(always(OK)), "POST", body=body()):
            pass


async def test_streams_the_answer_before_it_is_finished(serve: Serve, call: Open) -> None:
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        if talk.peer.ended.wait(5):
            talk.send(b"3\r\ntwo\r\n0\r\n\r\n")

    peer = serve(script)

    async with call(peer) as reply:
        pieces = reply.iter_bytes()
        assert await anext(pieces) == b"one"
        peer.ended.set()
        assert await anext(pieces) == b"two"


@pytest.mark.parametrize(
    "target", ["/ HTTP/1.1\r\nX: y", "/a b", "/a\tb", "/a\0", "/é", "/a#b", "@evil.example/", ":1/"]
)
async def test_refuses_a_target_that_would_become_something_else(
    serve: Serve, call: Open, target: str
) -> None:
    peer = serve(always(OK))

    with pytest.raises(HostNotAllowed):
        async with call(peer, "GET", target):
            pass

    assert peer.connections == 0


async def test_a_connection_is_used_again(serve: Serve, call: Open) -> None:
    peer = serve(always(OK))

    for _ in range(3):
        async with call(peer) as reply:
            await body_of(reply)

    assert (peer.connections, len(peer.requests)) == (1, 3)


async def test_an_answer_that_is_not_read_to_its_end_ends_its_connection(serve: Serve, call: Open) -> None:
    peer = serve(always(answer(body=b"x" * 300_000)))

    for _ in range(2):
        async with call(peer) as reply:
            assert reply.status == 200

    assert peer.connections == 2


@pytest.mark.parametrize("kind", ["length", "chunked", "until it closes"])
async def test_an_answer_over_the_cap_is_not_passed_on(serve: Serve, call: Open, kind: str) -> None:
    heads = {
        "length": b"Content-Length: 400000",
        "chunked": b"Transfer-Encoding: chunked",
        "until it closes": b"Connection: close",
    }
    chunk = b"186a0\r\n" + b"x" * 100_000 + b"\r\n" if kind == "chunked" else b"x" * 100_000

    def script(talk: Talk) -> None:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\n" + heads[kind] + b"\r\n\r\n" + chunk * 4)

    passed_on: list[bytes] = []

    async def pass_on() -> None:
        async with call(serve(script), max_bytes=250_000) as reply:
            async for piece in reply.iter_bytes():
                passed_on.append(piece)  # noqa: PERF401 — what came before the error counts

    with pytest.raises(ResponseTooLarge):
        await pass_on()

    assert len(b"".join(passed_on)) <= (0 if kind == "length" else 250_000)


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "304 Not Modified")])
async def test_the_length_of_a_body_that_is_not_sent_is_not_too_large(
    serve: Serve, call: Open, method: str, status: str
) -> None:
    peer = serve(says(answer(status, length=10**12)))

    async with call(peer, method, max_bytes=10) as reply:
        assert reply.content_length == 10**12
        assert await body_of(reply) == b""


def closes_once_asked_twice(talk: Talk) -> None:
    """Keeps the connection open after an answer, takes a second request and hangs up on it."""
    if talk.peer.connections > 1:
        always(OK)(talk)
        return
    talk.request()
    talk.send(OK)
    talk.request()


async def test_an_idempotent_request_on_a_stale_connection_is_sent_again(serve: Serve, call: Open) -> None:
    peer = serve(closes_once_asked_twice)

    for _ in range(2):
        async with call(peer) as reply:
            assert await body_of(reply) == b"ok"

    assert (peer.connections, len(peer.requests)) == (2, 3)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_any_other_request_is_sent_once(serve: Serve, call: Open, method: str) -> None:
    peer = serve(closes_once_asked_twice)

    async with call(peer, method, body=b"1") as reply:
        await body_of(reply)
    with pytest.raises(UpstreamUnreachable):
        async with call(peer, method, body=b"2"):
            pass

    assert (peer.connections, len(peer.requests)) == (1, 2)


async def test_a_streamed_body_is_sent_once(serve: Serve, call: Open) -> None:
    peer = serve(closes_once_asked_twice)

    async with call(peer, "PUT", body=stream(b"1")) as reply:
        await body_of(reply)
    with pytest.raises(UpstreamUnreachable):
        async with call(peer, "PUT", body=stream(b"2")):
            pass

    assert (peer.connections, len(peer.requests)) == (1, 2)


async def test_refuses_a_url_of_another_origin_than_was_checked(
    client: Client, rules: Policy, serve: Serve
) -> None:
    checked, other = serve(always(OK)), serve(always(OK))

    with pytest.raises(HostNotAllowed):
        async with client.open(
            "GET",
            other.url,
            headers=(),
            body=None,
            destination=destination(checked.url, hosts=[checked.netloc], rules=rules),
            deadline=asyncio.get_running_loop().time() + 5,
            max_bytes=10,
        ):
            pass

    assert other.connections == 0
