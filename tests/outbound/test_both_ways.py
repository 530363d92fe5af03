"""What neither way out does, whatever a caller, a service or the environment says (C, D and E)."""

import asyncio
import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import aiohappyeyeballs
import pytest

from outbound.dialling import tls_context
from outbound.errors import (
    AddressNotAllowed,
    HostNotAllowed,
    UnsendableRequest,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from outbound.policy import Policy
from outbound.resolver import Resolver
from problems import AppError
from tests.conftest import LeftTheMachine
from tests.outbound.conftest import LOOPBACK, Ask
from tests.outbound.peers import OK, Peer, Talk, always, answer, says
from tests.outbound.test_addresses import EVERYTHING, NEVER, NOTHING, PRIVATE

Serve = Callable[..., Peer]

CREDENTIALS = (("Authorization", "Bearer canary"), ("X-Api-Key", "canary"), ("Cookie", "session=canary"))


# --- C: the credential goes where it may and nowhere else -------------------------------------------
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_takes_no_credential_along(  # C3
    serve: Serve,
    ask: Ask,
    server_tls: ssl.SSLContext,
    certificate: Path,
    rules: Policy,
    status: int,
    method: str,
) -> None:
    trusting = replace(rules, ca_file=str(certificate))
    sink = serve(always(OK))
    elsewhere = (
        f"{sink.url}/",
        f"http://localhost:{sink.port}/",
        f"//{sink.netloc}/",
        f"http://api.test:{sink.port}/",
    )
    for location in (*elsewhere, "/here"):
        peer = serve(
            always(answer(f"{status} Elsewhere", f"Location: {location}", body=b"moved")), tls=server_tls
        )
        url = f"https://api.test:{peer.port}/?key=canary"
        body = b"client_secret=canary" if method == "POST" else None

        found = await ask(url, method=method, headers=CREDENTIALS, body=body, rules=trusting)

        assert found == (status, b"moved")
        assert len(peer.requests) == 1

    assert sink.connections == 0


async def test_the_environment_changes_nothing(  # C8
    serve: Serve,
    ask: Ask,
    rules: Policy,
    server_tls: ssl.SSLContext,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy, plain, peer = serve(always(OK)), serve(always(OK)), serve(always(OK), tls=server_tls)
    (tmp_path / "netrc").write_text("default login canary password canary\n")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(certificate))
    tls_context.cache_clear()
    url = f"https://api.test:{peer.port}/"

    with pytest.raises(UpstreamUnreachable):  # the environment's CA is not the operator's
        await ask(url)
    assert await ask(url, rules=replace(rules, ca_file=str(certificate))) == (200, b"ok")
    assert await ask(f"http://api.test:{plain.port}/") == (200, b"ok")

    assert proxy.connections == 0
    for asked in (*peer.requests, *plain.requests):
        assert asked.startswith(b"GET / HTTP/1.1\r\n")
        assert b"authorization" not in asked.lower()
    assert not (tmp_path / "keys").exists()


async def test_a_certificate_that_is_wrong_hears_nothing(  # C8
    serve: Serve, ask: Ask, rules: Policy, certificate: Path, server_tls: ssl.SSLContext
) -> None:
    peer = serve(always(OK), tls=server_tls)
    secret = {"method": "POST", "headers": CREDENTIALS, "body": b"client_secret=canary"}

    with pytest.raises(UpstreamUnreachable):  # by nobody that is trusted
        await ask(f"https://api.test:{peer.port}/", **secret)
    with pytest.raises(UpstreamUnreachable):  # of another name
        await ask(f"https://localhost:{peer.port}/", **secret, rules=replace(rules, ca_file=str(certificate)))

    assert peer.requests == []


async def test_no_cookie_is_kept_for_the_next_call(serve: Serve, ask: Ask) -> None:  # C9
    peer = serve(always(answer("200 OK", "Set-Cookie: session=1; Path=/")))

    for _ in range(2):
        await ask(f"http://api.test:{peer.port}/")  # jars keep none of a bare address

    assert b"cookie" not in b"".join(peer.requests).lower()


# --- D: no address is dialled that calls may not reach ----------------------------------------------
@pytest.mark.parametrize("before", [[], ["93.184.216.34"]], ids=["alone", "after a public one"])
@pytest.mark.parametrize(
    ("address", "rules"),
    [*((each, NOTHING) for each in [*PRIVATE, *NEVER]), *((each, EVERYTHING) for each in NEVER)],
)
async def test_a_name_with_one_bad_address_is_not_dialled(  # D1, D2; a dial would be LeftTheMachine
    ask: Ask, address: str, rules: Policy, before: list[str]
) -> None:
    resolver = Resolver(lambda host: [*before, address])

    with pytest.raises(AddressNotAllowed):
        await ask("https://name.test/", rules=rules, resolver=resolver)


@pytest.mark.parametrize("name", ["mixed.test", "private.test", "metadata.test", "public.test"])
async def test_plain_http_goes_to_allowed_networks_only(serve: Serve, ask: Ask, name: str) -> None:  # D1, D3
    peer = serve(always(OK))

    with pytest.raises(AddressNotAllowed):
        await ask(f"http://{name}:{peer.port}/")

    assert peer.connections == 0


async def test_a_name_that_changes_its_mind_is_checked_anew(serve: Serve, ask: Ask) -> None:  # D1
    peer = serve(says(OK))
    resolver = Resolver(lambda host: next(answers))
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    url = f"http://rebinding.test:{peer.port}/"

    assert await ask(url, resolver=resolver) == (200, b"ok")
    with pytest.raises(AddressNotAllowed):
        await ask(url, resolver=resolver)

    assert peer.connections == 1


async def test_an_address_is_dialled_as_it_was_checked_and_the_name_asked_once(  # D1
    serve: Serve, ask: Ask
) -> None:
    """Public when it is checked, private when it is dialled, for whoever asks a second time."""
    private = serve(always(OK))
    asked: list[str] = []

    def turn_coat(host: str) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    with pytest.raises(LeftTheMachine, match=re.escape("'93.184.216.34'")):  # where it would have gone
        await ask(f"https://rebinding.test:{private.port}/", resolver=Resolver(turn_coat))

    assert asked == ["rebinding.test"]
    assert private.connections == 0


@pytest.mark.parametrize("checked", ["127.0.0.2", "93.184.216.34", "::1"])
async def test_a_peer_at_another_address_than_the_checked_one_hears_nothing(  # D1
    serve: Serve,
    ask: Ask,
    rules: Policy,
    server_tls: ssl.SSLContext,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    checked: str,
) -> None:
    """Whatever leads a connection elsewhere, a library that dials by itself say; its certificate is good."""
    elsewhere = serve(always(OK), tls=server_tls)

    async def lead_astray(targets: object, **_: object) -> socket.socket:
        connection = socket.create_connection((elsewhere.host, elsewhere.port))
        connection.setblocking(False)
        return connection

    monkeypatch.setattr(aiohappyeyeballs, "start_connection", lead_astray)
    url, trusting = f"https://api.test:{elsewhere.port}/", replace(rules, ca_file=str(certificate))

    assert await ask(url, rules=trusting) == (200, b"ok")
    with pytest.raises(AddressNotAllowed):
        await ask(url, headers=CREDENTIALS, rules=trusting, resolver=Resolver(lambda host: [checked]))

    assert len(elsewhere.requests) == 1


async def test_our_own_listener_is_not_reached_behind_another_name(serve: Serve, ask: Ask) -> None:  # D5
    peer = serve(always(OK))
    rules = Policy(allow=LOOPBACK, listener=("127.0.0.1", peer.port), public_origin="https://sb.example.com")

    with pytest.raises(AddressNotAllowed):
        await ask(f"http://api.test:{peer.port}/", rules=rules)

    assert peer.connections == 0


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700:4700::1111"])
async def test_no_test_dials_another_machine(ask: Ask, address: str) -> None:  # D4
    with pytest.raises(LeftTheMachine):
        await ask("https://public.test/", resolver=Resolver(lambda host: [address]))


async def problem(ask: Ask, url: str, **options: object) -> dict[str, object]:
    with pytest.raises(AppError) as failed:
        await ask(url, **options)
    return failed.value.as_problem()


async def test_what_cannot_be_reached_does_not_tell_why(serve: Serve, ask: Ask, rules: Policy) -> None:  # D6
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    deaf = serve(lambda talk: None)
    plain = serve(lambda talk: talk.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))

    told = [
        await problem(ask, f"http://api.test:{closed}/"),
        await problem(ask, f"http://no-such-name.test:{closed}/"),
        await problem(ask, f"http://api.test:{deaf.port}/"),
        await problem(ask, f"https://api.test:{plain.port}/"),
    ]

    assert told == [UpstreamUnreachable().as_problem()] * 4


async def test_what_may_not_be_reached_does_not_tell_what_is_there(serve: Serve, ask: Ask) -> None:  # D6
    somebody = serve(always(OK), host="127.0.0.2")
    rules = Policy(allow=(LOOPBACK[1],), public_origin="https://sb.example.com")
    addresses = {
        "listens.test": somebody.host,
        "nobody.test": "127.0.0.3",
        "private.test": "10.0.0.7",
        "metadata.test": "169.254.169.254",
    }
    resolver = Resolver(lambda host: [addresses[host]])

    told = [
        await problem(ask, f"https://{name}:{somebody.port}/", rules=rules, resolver=resolver)
        for name in addresses
    ]

    assert told == [AddressNotAllowed().as_problem()] * 4
    assert somebody.connections == 0


# --- E: nothing that is not HTTP leaves, and nothing is waited for ----------------------------------
@pytest.mark.parametrize("value", [f"a{chr(code)}b" for code in [*range(32), 127]] + ["a\r\nX: y", "a\ud800"])
async def test_a_header_value_with_control_characters_is_not_sent(  # E1
    serve: Serve, ask: Ask, value: str
) -> None:
    peer = serve(always(OK))

    with pytest.raises(UnsendableRequest, match="X-A"):
        await ask(peer.url, headers=(("X-A", value),))

    assert peer.connections == 0


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X\r\nY", "X\0", "é", "(x)", "X\n"])
async def test_a_header_name_that_is_no_token_is_not_sent(serve: Serve, ask: Ask, name: str) -> None:  # E1
    peer = serve(always(OK))

    with pytest.raises(UnsendableRequest):
        await ask(peer.url, headers=((name, "v"),))

    assert peer.connections == 0


@pytest.mark.parametrize("name", ["Host", "hOST", "Connection", "Transfer-Encoding", "Expect", "Upgrade"])
async def test_what_frames_the_message_is_never_the_callers_to_say(  # C2
    serve: Serve, ask: Ask, name: str
) -> None:
    peer = serve(always(OK))

    await ask(peer.url, headers=((name, "evil"),))

    assert b"evil" not in peer.requests[0]


async def test_the_length_of_a_body_is_its_own(serve: Serve, ask: Ask) -> None:  # C2
    peer = serve(always(OK))

    await ask(peer.url, method="POST", headers=(("content-length", "999"),), body=b"abc")

    assert b"999" not in peer.requests[0]
    assert peer.requests[0].endswith(b"Content-Length: 3\r\n\r\nabc")


@pytest.mark.parametrize("method", ["", "GET /", "GET A", "GET\r\nX: y", "GÉT", "GET\n"])
async def test_a_method_that_is_no_token_is_not_sent(serve: Serve, ask: Ask, method: str) -> None:  # E2
    peer = serve(always(OK))

    with pytest.raises(UnsendableRequest):
        await ask(peer.url, method=method)

    assert peer.connections == 0


@pytest.mark.parametrize(
    "target", ["/ HTTP/1.1\r\nX: y", "/a b", "/a\tb", "/a\0", "/é", "/?q=\n", "/?q=\x7f"]
)
async def test_a_target_with_control_characters_is_not_sent(
    serve: Serve, ask: Ask, target: str
) -> None:  # E2
    peer = serve(always(OK))

    with pytest.raises(HostNotAllowed):
        await ask(peer.url + target)

    assert peer.connections == 0


async def test_a_deadline_that_has_passed_sends_nothing(serve: Serve, ask: Ask) -> None:  # E4
    peer = serve(always(OK))

    with pytest.raises(UpstreamTimeout):
        await ask(peer.url, within=0)

    assert peer.requests == []


async def test_a_name_server_that_hangs_is_not_waited_for(ask: Ask) -> None:  # E4, D9
    released = threading.Event()

    def hang(host: str) -> list[str]:
        released.wait(10)
        return []

    async with asyncio.timeout(5):
        with pytest.raises(UpstreamTimeout):
            await ask("http://api.test:9/", within=0.1, resolver=Resolver(hang))
    released.set()


@pytest.fixture
def full() -> Iterator[int]:
    """The port of a server that lets nobody in: its queue is full, and it accepts none."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_does_not_come_is_not_waited_for(ask: Ask, full: int) -> None:  # E4
    async with asyncio.timeout(5):
        with pytest.raises(UpstreamTimeout):
            await ask(f"http://api.test:{full}/", within=0.2)


async def test_a_peer_that_takes_nothing_is_not_waited_for(serve: Serve, ask: Ask) -> None:  # E4
    peer = serve(lambda talk: talk.peer.ended.wait(10) and None)

    async with asyncio.timeout(5):
        with pytest.raises(UpstreamTimeout):
            await ask(peer.url, method="POST", body=bytes(30_000_000), within=0.2)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_is_sent_once_where_no_answer_comes(
    serve: Serve, ask: Ask, method: str
) -> None:  # E7
    def takes_it_and_goes(talk: Talk) -> None:
        talk.request()

    peer = serve(takes_it_and_goes)

    with pytest.raises(UpstreamUnreachable):
        await ask(peer.url, method=method)

    assert (peer.connections, len(peer.requests)) == (1, 1)
