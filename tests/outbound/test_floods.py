"""Peers that send without end: refused at the cap whatever the bytes are, and no memory is taken (E3, E4)."""

import contextlib
import functools
import gzip
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable

import pytest

from tests.outbound.peers import Peer, Script, Talk, answer

Serve = Callable[..., Peer]

MEGABYTE = bytes(1 << 20)
MOST_KIB = 20_000
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"100000\r\n" + MEGABYTE + b"\r\n"
TEXT = b"a" * (1 << 20)


def flood(head: bytes, piece: bytes, times: int = 300) -> Script:
    """Sends a head and then the same again and again, some 300 MB in all."""

    def script(talk: Talk) -> None:
        talk.request()
        talk.connection.sendall(head)
        for _ in range(times):
            talk.connection.sendall(piece)
        talk.wait()

    return script


@functools.cache
def half_a_gigabyte_zipped() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(MEGABYTE) for _ in range(512)]) + packer.flush()


def bomb(status: str = "200 OK", encoding: str = "gzip", again: Callable[[bytes], bytes] = bytes) -> Script:
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(answer(status, f"Content-Encoding: {encoding}", body=again(half_a_gigabyte_zipped())))
        talk.wait()

    return script


FLOODS: dict[str, Script] = {
    "a length over the cap, and nothing more": flood(answer(length=300 << 20), b"", times=0),
    "a body until it closes": flood(HEAD + b"\r\n", MEGABYTE),
    "chunks": flood(CHUNKED, CHUNK),
    "a redirect's body": flood(CHUNKED.replace(b"200 OK", b"302 Found"), CHUNK),
    "a chunk of less than no bytes": flood(CHUNKED + b"-1\r\n", MEGABYTE),
    "the size of a chunk": flood(CHUNKED, TEXT),
    "a chunk's extension": flood(CHUNKED + b"5;", TEXT),
    "chunks of one byte with extensions": flood(CHUNKED, (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 1000),
    "a trailer": flood(CHUNKED + b"0\r\nX: ", TEXT),
    "trailers": flood(CHUNKED + b"0\r\n", b"X: y\r\n" * 200_000),
    "a header": flood(HEAD + b"X: ", TEXT),
    "headers": flood(HEAD, b"X: y\r\n" * 200_000),
    "a status": flood(b"HTTP/1.1 200 ", TEXT),
    "interim answers": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000),
}
BOMBS: dict[str, Script] = {
    "a bomb": bomb(),
    "a bomb in a redirect": bomb("302 Found"),
    "a bomb in a bomb": bomb(encoding="gzip, gzip", again=gzip.compress),
}


def asked(way: str, urls: list[str]) -> list[list[str]]:
    command = [sys.executable, "-m", "tests.outbound.flooded", way, *urls]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize(("way", "floods"), [("send", FLOODS | BOMBS), ("open", FLOODS)])
def test_a_flood_ends_at_the_cap_and_takes_no_memory(
    serve: Serve, way: str, floods: dict[str, Script]
) -> None:
    found = dict(zip(floods, asked(way, [serve(script).url for script in floods.values()]), strict=True))

    refused = {"ResponseTooLarge", "UpstreamInvalid"}  # and no UpstreamTimeout
    assert {name: what for name, (what, _) in found.items() if what not in refused} == {}
    assert {name: int(kib) for name, (_, kib) in found.items() if int(kib) > MOST_KIB} == {}


def test_an_answer_that_nobody_reads_waits_at_the_peer(serve: Serve) -> None:
    is_stuck = threading.Event()

    def script(talk: Talk) -> None:
        talk.request()
        talk.send(HEAD + b"\r\n")
        talk.connection.settimeout(0.3)  # so long takes nobody who reads
        with contextlib.suppress(TimeoutError):
            for _ in range(300):
                talk.connection.sendall(MEGABYTE)
        is_stuck.set()
        talk.connection.settimeout(None)
        talk.send(MEGABYTE)
        talk.wait()

    command = [sys.executable, "-m", "tests.outbound.flooded", "stall", serve(script).url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert is_stuck.wait(20)
        out, _ = child.communicate("go on\n", timeout=20)

    what, kib = out.split()
    assert what == "ResponseTooLarge"
    assert int(kib) < MOST_KIB
