"""Peers that hang, lie, flood and break off: an error of ours, on time, and no line in the log (E3, E4)."""

import asyncio
import gc
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from outbound.client import Client
from outbound.errors import UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from outbound.guard import destination
from outbound.policy import Policy
from outbound.resolver import Resolver
from problems import UpstreamFailed
from tests.outbound.conftest import Ask
from tests.outbound.peers import OK, Peer, Script, Talk, always, answer

Serve = Callable[..., Peer]


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    gc.collect(1)  # a task whose failure nobody asked for complains when it goes
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def fetch(
    client: Client,
    url: str,
    rules: Policy,
    *,
    method: str = "GET",
    body: bytes | None = None,
    within: float = 5,
) -> tuple[int, bytes]:
    host = url.partition("://")[2].partition("/")[0]
    async with client.open(
        method,
        url,
        headers=(),
        body=body,
        destination=destination(url, hosts=[host], rules=rules),
        deadline=asyncio.get_running_loop().time() + within,
        max_bytes=1 << 20,
    ) as reply:
        return reply.status, b"".join([piece async for piece in reply.iter_bytes()])


def after_the_request(*data: bytes, then: str = "close") -> Script:
    """Sends some bytes, then closes, resets or waits."""

    def script(talk: Talk) -> None:
        talk.request()
        for piece in data:
            talk.send(piece)
        if then == "reset":
            talk.reset()
        elif then == "wait":
            talk.wait()

    return script


def drips(head: bytes, drop: bytes) -> Script:
    """Sends a little, again and again, so that no single wait is long."""

    def script(talk: Talk) -> None:
        talk.request()
        talk.send(head)
        while not talk.peer.ended.wait(0.02):
            talk.send(drop)

    return script


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (after_the_request(), UpstreamUnreachable),
        (after_the_request(then="reset"), UpstreamUnreachable),
        (after_the_request(HEAD, then="reset"), UpstreamUnreachable),
        (after_the_request(b"garbage\r\n\r\n"), UpstreamInvalid),
        (after_the_request(b"\x16\x03\x01\x00\x05hello"), UpstreamInvalid),
        (after_the_request(b"SSH-2.0-OpenSSH_9.6\r\n"), UpstreamInvalid),
        (after_the_request(b"HTTP/1.1 OK\r\n\r\n"), UpstreamInvalid),
        (after_the_request(b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"), UpstreamInvalid),
        (after_the_request(b"HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n"), UpstreamInvalid),
        (after_the_request(b"HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n"), UpstreamInvalid),
        (
            after_the_request(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
            ),
            UpstreamInvalid,
        ),
        (after_the_request(HEAD + b"X: a\0b\r\n\r\n"), UpstreamInvalid),
        (after_the_request(HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n", then="wait"), UpstreamInvalid),
        (after_the_request(HEAD + b"X: a\r\n" * 10_000, then="wait"), UpstreamInvalid),
        (after_the_request(b"HTTP/1.1 200 " + b"a" * 100_000, then="wait"), UpstreamInvalid),
        (after_the_request(HEAD + b"Content-Length: -1\r\n\r\n"), UpstreamInvalid),
        (after_the_request(HEAD + b"Content-Length: ten\r\n\r\n"), UpstreamInvalid),
        (after_the_request(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), UpstreamInvalid),
        (after_the_request(answer(body=b"short", length=10)), UpstreamInvalid),
        (after_the_request(answer(body=b"short", length=10), then="reset"), UpstreamInvalid),
        (after_the_request(HEAD + b"\r\nuntil it closes", then="reset"), UpstreamInvalid),
        (after_the_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"), UpstreamInvalid),
        (after_the_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\nnot hex\r\n"), UpstreamInvalid),
        (
            after_the_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nab\r\n0\r\n\r\n"),
            UpstreamInvalid,
        ),
        (after_the_request(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nshort"), UpstreamInvalid),
        (
            after_the_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n"),
            UpstreamInvalid,
        ),
        (
            after_the_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", then="reset"),
            UpstreamInvalid,
        ),
    ],
)
async def test_a_broken_answer_is_an_error_of_ours(
    serve: Serve, ask: Ask, script: Script, error: type[UpstreamFailed]
) -> None:
    with pytest.raises(error) as failed:
        await ask(serve(script).url)

    assert failed.value.__cause__ is None


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"]
)
async def test_interim_answers_without_end_are_no_answer(serve: Serve, ask: Ask, interim: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        await ask(serve(after_the_request(interim * 100_000, then="wait")).url)


async def test_the_call_path_is_stricter_with_a_head(serve: Serve, client: Client, rules: Policy) -> None:
    """The control plane keeps no connection to confuse."""
    with pytest.raises(UpstreamInvalid):
        await fetch(client, serve(after_the_request(HEAD + b"No colon here\r\n\r\n")).url, rules)


@pytest.mark.parametrize(
    "script",
    [
        after_the_request(then="wait"),
        after_the_request(HEAD, then="wait"),
        after_the_request(answer(body=b"short", length=10), then="wait"),
        drips(HEAD, b"X: y\r\n"),
        drips(b"HTTP/1.1 200 ", b"O"),
        drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drips(answer(length=10_000), b"x"),
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=[
        "silent",
        "half a head",
        "half a body",
        "slow headers",
        "slow status",
        "endless chunks",
        "slow body",
        "1xx",
    ],
)
async def test_the_deadline_covers_headers_and_body(serve: Serve, ask: Ask, script: Script) -> None:
    began = time.monotonic()

    with pytest.raises(UpstreamTimeout):
        await ask(serve(script).url, within=0.2)

    assert time.monotonic() - began < 1


async def test_the_deadline_covers_tls(serve: Serve, ask: Ask) -> None:
    peer = serve(Talk.wait)

    with pytest.raises(UpstreamTimeout):
        await ask(f"https://{peer.netloc}/", within=0.2)


@pytest.mark.parametrize("then", ["close", "reset"])
async def test_a_peer_that_hangs_up_while_we_send_is_unreachable(
    serve: Serve, client: Client, rules: Policy, then: str
) -> None:
    def script(talk: Talk) -> None:
        talk.connection.recv(1000)
        if then == "reset":
            talk.reset()

    for _ in range(3):
        with pytest.raises(UpstreamUnreachable):
            await fetch(client, serve(script).url, rules, method="POST", body=bytes(30_000_000))


async def test_an_answer_that_comes_before_the_body_was_sent_is_an_answer(
    serve: Serve, client: Client, rules: Policy
) -> None:
    def script(talk: Talk) -> None:
        talk.connection.recv(1000)
        talk.send(answer("413 Too Large", body=b"no"))
        talk.wait()

    peer = serve(script)

    assert await fetch(client, peer.url, rules, method="POST", body=bytes(3_000_000)) == (413, b"no")


async def test_interim_answers_are_passed_over(serve: Serve, ask: Ask) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"

    assert await ask(serve(after_the_request(hints + OK)).url) == (200, b"ok")


async def test_bytes_that_nobody_asked_for_are_not_the_next_answer(
    serve: Serve, client: Client, rules: Policy
) -> None:
    was_read, was_sent = threading.Event(), threading.Event()

    def script(talk: Talk) -> None:
        if talk.peer.connections > 1:
            always(OK)(talk)
            return
        talk.request()
        talk.send(OK)
        was_read.wait(5)
        talk.send(answer(body=b"for somebody else"))
        was_sent.set()
        talk.wait()

    peer = serve(script)

    assert await fetch(client, peer.url, rules) == (200, b"ok")
    was_read.set()
    await asyncio.to_thread(was_sent.wait, 5)
    await asyncio.sleep(0.02)  # the loop takes a turn to read them
    assert await fetch(client, peer.url, rules) == (200, b"ok")
    assert peer.connections == 2


async def test_two_answers_to_one_request_are_not_two_callers_answers(
    serve: Serve, client: Client, rules: Policy
) -> None:
    peer = serve(
        lambda talk: (
            always(OK)(talk)
            if talk.peer.connections > 1
            else after_the_request(OK + answer(body=b"bad"), then="wait")(talk)
        )
    )

    assert await fetch(client, peer.url, rules) == (200, b"ok")
    assert await fetch(client, peer.url, rules) == (200, b"ok")


async def test_a_certificate_for_another_name_is_refused(
    serve: Serve, rules: Policy, server_tls: ssl.SSLContext, certificate: Path
) -> None:
    peer = serve(always(OK), tls=server_tls)
    trusting = replace(rules, ca_file=str(certificate))

    async with Client(rules=trusting, resolver=Resolver(lambda host: ["127.0.0.1"])) as client:
        with pytest.raises(UpstreamUnreachable):
            await fetch(client, f"https://other.test:{peer.port}/", trusting)
        before = peer.connections
        for _ in range(3):
            assert await fetch(client, f"https://api.test:{peer.port}/", trusting) == (200, b"ok")
        assert peer.connections == before + 1
        assert await fetch(client, f"https://127.0.0.1:{peer.port}/", trusting) == (200, b"ok")
