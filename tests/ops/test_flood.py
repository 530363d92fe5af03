"""The server as it ships, in processes of its own, under what strangers may send: others are served on."""

import contextlib
import resource
import socket
import sqlite3
import time
from collections.abc import Generator, Iterable
from itertools import chain, repeat
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.ops.conftest import code, rest, statuses
from tests.server import Installation, Server

MB = 1024 * 1024
CONNECTIONS = 4400
SOON_S = 3.0


@pytest.fixture(scope="module")
def shipped(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """Two processes, warm, and as many connections as anybody likes."""
    many = {"WEB_WORKERS": "2", "MAX_CONNECTIONS_PER_ADDRESS": "20000"}
    running = installation.serve(tmp_path_factory.mktemp("shipped") / "data", **many)
    for _ in range(8):
        answers(running)
    yield running
    running.stop()
    assert "Traceback" not in running.log


def answers(server: Server) -> None:
    """Everybody else is served, and soon."""
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/accounts/login/", 200)):
        started = time.monotonic()
        assert requests.get(f"{server.url}{path}", timeout=20).status_code == status
        assert time.monotonic() - started < SOON_S, path
    for path in ("/invoke/nothing/x", "/api/v1/people"):
        assert requests.get(f"{server.url}{path}", timeout=20).status_code == 401


def connect(server: Server, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 30, (source, 0))


def talk(server: Server, pieces: Iterable[bytes]) -> bytes:
    """All that comes back; what the server no longer takes is not sent."""
    with connect(server) as link:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                link.sendall(piece)
        return rest(link)


def head(server: Server, line: str, *headers: str) -> bytes:
    lines = (line, f"Host: localhost:{server.port}", *headers, "")
    return "".join(f"{line}\r\n" for line in lines).encode()


def peaks(server: Server) -> int:
    """The most memory that the server's processes ever held, in bytes."""
    kilobytes = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            told = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if int(told["PPid"]) == server.process.pid or int(told["Pid"]) == server.process.pid:
                kilobytes += int(told.get("VmHWM", "0 kB").split()[0])
    return kilobytes * 1024


@pytest.fixture
def many_files() -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= CONNECTIONS + 500, "this machine allows too few open files"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- What is sent -------------------------------------------------------------------------------------
def test_floods_are_cut_and_cost_nothing(shipped: Server) -> None:
    before = peaks(shipped)
    for path, most in (("/healthz", 0), ("/accounts/login/", 2 * MB), ("/api/v1/services", 2 * MB)):
        post = f"POST {path} HTTP/1.1"
        length = head(shipped, post, f"Content-Length: {300 * MB}")
        chunks = head(shipped, post, "Transfer-Encoding: chunked")
        chunk = b"100000\r\n" + bytes(MB) + b"\r\n"
        for flood in (chain([length], repeat(bytes(MB), 300)), chain([chunks], repeat(chunk, 300))):
            received = talk(shipped, flood)
            assert (statuses(received), code(received)) == ([413], "payload_too_large")
        whole = head(shipped, post, f"Content-Length: {most}", "Connection: close")
        assert statuses(talk(shipped, [whole, bytes(most)])) != [413]
    lines = (b"X: " + b"a" * 1000 + b"\r\n") * 1000
    received = talk(shipped, chain([head(shipped, "GET / HTTP/1.1")[:-2]], repeat(lines, 256)))
    assert (statuses(received), code(received)) == ([431], "head_too_large")
    received = talk(shipped, chain([b"GET /"], repeat(b"a" * MB, 256)))
    assert statuses(received) == [431]
    assert peaks(shipped) - before < 40 * MB
    answers(shipped)


@pytest.mark.usefixtures("many_files")
def test_thousands_of_requests_without_their_bodies_hold_up_nobody(shipped: Server) -> None:
    paths = ("/accounts/login/", "/invoke", "/api/v1/services", "/practice/api/me")
    asked = [head(shipped, f"POST {path} HTTP/1.1", "Content-Length: 1000") for path in paths]
    with contextlib.ExitStack() as opened:
        links = [opened.enter_context(connect(shipped)) for _ in range(CONNECTIONS)]
        for number, link in enumerate(links):
            link.sendall(asked[number % len(asked)])
        answers(shipped)
        answers(shipped)
    answers(shipped)


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
    b"GET /%ff%fe/%00?a=%ff&b=%00&c=%zz HTTP/1.1\r\n",
    b"GET /services/?q=%ff%00 HTTP/1.1\r\n",
    b"GET /invoke/%00/%ff HTTP/1.1\r\nAuthorization: Bearer \xff\xfe\r\n",
    b"GET / HTTP/1.1\r\nCookie: \xff=\xfe; switchboard_session=\x80\r\nAuthorization: \xff\r\n",
    b"GET / HTTP/1.1\r\nAccept: \xff\r\nAccept-Language: \xff\r\nX-Forwarded-For: \xff\r\nOrigin: \xff\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Type: multipart/form-data; boundary=\xff\r\n",
    b"POST /accounts/login/ HTTP/1.1\r\nContent-Length: 3\r\nContent-Type: text/plain; charset=punycode\r\n",
    b"POST /accounts/login/ HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n",
    b"POST /invoke HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n",
    b"POST /api/v1/services HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"GET http://elsewhere.example/healthz HTTP/1.1\r\n",
    b"CONNECT elsewhere.example:443 HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"DESCRIBE / RTSP/1.0\r\n",
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n",
    b"GET / HTTP/1.1\r\nExpect: nothing\r\nTE: trailers\r\nRange: bytes=\xff-\r\nIf-None-Match: \xff\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_leaves_no_traceback(shipped: Server, garbage: bytes) -> None:
    host = b"" if b"Host:" in garbage or b"\r\n\r\n" in garbage else b"Host: localhost:%d\r\n" % shipped.port
    received = talk(shipped, [garbage + host + b"Connection: close\r\n\r\n" + b"abc"])
    assert statuses(received) != []
    assert 500 not in statuses(received)
    with connect(shipped) as half:
        half.sendall(garbage)
    assert "Traceback" not in shipped.log


def test_a_caller_of_http_1_0_gets_no_chunks_from_pages_and_services(shipped: Server) -> None:
    path = "/practice/api/me?practice_body=huge&practice_megabytes=1"
    received = talk(shipped, [head(shipped, f"GET {path} HTTP/1.0", "X-Api-Key: practice-key-ada")])
    top, _, body = received.partition(b"\r\n\r\n")
    assert (statuses(received), b"transfer-encoding" in top, b"connection: close" in top) == (
        [200],
        False,
        True,
    )
    assert body == (b"practice " * 7282) * 16


# --- How many -----------------------------------------------------------------------------------------
def test_an_address_has_so_many_connections_in_each_process(
    installation: Installation, tmp_path: Path
) -> None:
    server = installation.serve(tmp_path / "data", WEB_WORKERS="2", MAX_CONNECTIONS_PER_ADDRESS="5")
    try:
        with contextlib.ExitStack() as opened:
            links = [opened.enter_context(connect(server, "127.0.0.2")) for _ in range(30)]
            for link in links:
                link.settimeout(0.5)
            refused = [link for link in links if _is_refused(link)]
            assert 20 <= len(refused) < 30
            assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200, "another address"
    finally:
        server.stop()
    assert "Traceback" not in server.log


def _is_refused(link: socket.socket) -> bool:
    try:
        received = link.recv(65536)
    except TimeoutError:
        return False
    return received == b"" or (statuses(received) == [503] and code(received) == "unavailable")


@contextlib.contextmanager
def nobody_writes(server: Server) -> Generator[None]:
    """A lock that whoever counts a guess waits for."""
    url = server.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        link = sqlite3.connect(urlsplit(url).path, isolation_level=None)
        with contextlib.closing(link):
            link.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(url) as held:
            held.execute("LOCK TABLE people_throttle IN EXCLUSIVE MODE")
            yield


def test_probes_answer_while_every_page_waits(server: Server) -> None:
    """The threads of pages are all at work, and PostgreSQL's connections taken: pages wait."""
    answers(server)
    guess = head(
        server, "GET /api/v1/people HTTP/1.1", "Authorization: Bearer swb_guess", "Connection: close"
    )
    with contextlib.ExitStack() as opened, nobody_writes(server):
        for _ in range(80):
            opened.enter_context(connect(server)).sendall(guess)
        started = time.monotonic()
        for _ in range(5):
            for path in ("/healthz", "/readyz"):
                assert requests.get(f"{server.url}{path}", timeout=20).status_code == 200
        assert time.monotonic() - started < SOON_S
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{server.url}/accounts/login/", timeout=1)
        assert requests.get(f"{server.url}/invoke/nothing/x", timeout=20).status_code == 401
    threads = len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))
    assert threads < 80
    answers(server)
