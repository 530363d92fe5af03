"""The control plane's way out: one exchange, waited for (A10, C3, C8, C9, E3, E4)."""

import gzip
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from outbound import session
from outbound.errors import (
    AddressNotAllowed,
    BadCaFile,
    HostNotAllowed,
    ResponseTooLarge,
    UnsendableRequest,
    UpstreamInvalid,
    UpstreamTimeout,
)
from outbound.policy import Policy, policy
from outbound.resolver import Resolver
from tests.outbound.conftest import LOOPBACK
from tests.outbound.peers import OK, Peer, Talk, always, answer, says

Serve = Callable[..., Peer]
Send = Callable[..., session.Reply]


@pytest.fixture
def send(rules: Policy, resolver: Resolver) -> Send:
    """``send(peer.url)``: allowed to go to the URL's own host."""

    def send_to(url: str, method: str = "GET", **options: object) -> session.Reply:
        host = url.partition("://")[2].partition("/")[0]
        given = {"hosts": [host], "deadline_s": 5, "rules": rules, "resolver": resolver} | options
        return session.send(method, url, **given)  # type: ignore[arg-type]

    return send_to


def test_sends_a_request_and_reads_the_whole_answer(serve: Serve, send: Send) -> None:
    peer = serve(
        says(answer("201 Created", "X-One: 1", "x-one: 2", "Content-Type: text/plain", body=b"made"))
    )

    reply = send(
        f"{peer.url}/token?a=%2F", "POST", headers=(("Authorization", "Basic eDp5"),), body=b"grant_type=x"
    )

    assert (reply.status, reply.body) == (201, b"made")
    assert reply.headers == {"x-one": "1, 2", "content-type": "text/plain", "content-length": "4"}
    assert peer.requests == [
        f"POST /token?a=%2F HTTP/1.1\r\nHost: {peer.netloc}\r\nAuthorization: Basic eDp5\r\n"
        "User-Agent: Switchboard\r\nAccept-Encoding: gzip\r\nContent-Length: 12\r\n\r\ngrant_type=x".encode()
    ]


def test_a_name_that_is_given_is_kept(serve: Serve, send: Send) -> None:
    peer = serve(always(answer()))
    send(peer.url, headers=(("user-agent", "Other"),))
    assert peer.requests[0].lower().count(b"user-agent:") == 1
    assert b"user-agent: Other" in peer.requests[0]


def test_neither_prints_the_body_nor_the_headers_of_an_answer(serve: Serve, send: Send) -> None:
    reply = send(serve(always(answer(body=b"canary"))).url)

    assert "canary" not in repr(reply)


def test_offers_gzip_and_undoes_one_layer(serve: Serve, send: Send) -> None:
    zipped = answer("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"plain"))

    assert send(serve(always(zipped)).url, headers=(("accept-encoding", "br"),)).body == b"plain"


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
def test_refuses_other_encodings(serve: Serve, send: Send, encoding: str) -> None:
    with pytest.raises(UpstreamInvalid):
        send(serve(always(answer("200 OK", f"Content-Encoding: {encoding}", body=b"?"))).url)


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "400 Bad Request"])
def test_caps_what_an_answer_unzips_to_whatever_its_status(serve: Serve, send: Send, status: str) -> None:
    bomb = gzip.compress(bytes(50_000_000))

    with pytest.raises(ResponseTooLarge):
        send(serve(always(answer(status, "Content-Encoding: gzip", body=bomb))).url)


@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
def test_caps_an_answer_on_the_wire_whatever_its_status(serve: Serve, send: Send, status: str) -> None:
    with pytest.raises(ResponseTooLarge):
        send(serve(always(answer(status, body=bytes(1001)))).url, max_bytes=1000)


def test_an_endless_answer_ends_at_the_cap(serve: Serve, send: Send) -> None:
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not talk.peer.ended.is_set():
            talk.connection.sendall(b"2000\r\n" + bytes(0x2000) + b"\r\n")

    with pytest.raises(ResponseTooLarge):
        send(serve(script).url)


def test_sends_the_target_as_it_was_spelt_and_values_as_utf_8(serve: Serve, send: Send) -> None:
    peer = serve(always(answer("200 OK", "X-Name: Zoë")))

    reply = send(f"{peer.url}/a%2fb%7e;c?d=%c3%ab&e='f'", headers=(("X-Name", "Zoë"), ("x-name", "Ann")))

    assert peer.requests[0].startswith(b"GET /a%2fb%7e;c?d=%c3%ab&e='f' HTTP/1.1\r\n")
    assert "X-Name: Zoë\r\nX-Name: Ann\r\n".encode() in peer.requests[0]
    assert reply.headers["x-name"] == "Zoë"


def test_a_body_that_the_deadline_cut_off_is_not_taken_for_whole(serve: Serve, send: Send) -> None:
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\n\r\nuntil it closes")
        talk.wait()

    with pytest.raises(UpstreamTimeout):
        send(serve(script).url, deadline_s=0.2)


def test_writes_no_url_to_the_log(serve: Serve, send: Send, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    send(f"{serve(says(answer('200 OK', 'No colon'))).url}/?api_key=canary")

    assert "canary" not in caplog.text


def test_an_odd_cookie_makes_no_traceback(serve: Serve, send: Send) -> None:
    odd = answer("200 OK", "Set-Cookie: ", "Set-Cookie2: Set-Cookie;expires=", body=b"ok")

    assert send(serve(always(odd)).url).body == b"ok"


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_the_deadline_is_a_total(serve: Serve, send: Send, head: bytes) -> None:
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(head)
        while not talk.peer.ended.wait(0.02):
            talk.send(b"X: y\r\n" if head else b"")

    began = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        send(serve(script).url, deadline_s=0.2)

    assert time.monotonic() - began < 1


def test_refuses_hosts_and_addresses_before_anything_is_sent(serve: Serve, send: Send) -> None:
    peer = serve(always(OK))

    with pytest.raises(HostNotAllowed):
        send(peer.url, hosts=["api.example.com"])
    with pytest.raises(AddressNotAllowed):
        send(peer.url, rules=Policy())
    with pytest.raises(AddressNotAllowed):
        send(f"http://mixed.test:{peer.port}/")
    with pytest.raises(UnsendableRequest):
        send(peer.url, headers=(("X-A", "a\0b"),))

    assert peer.connections == 0


async def test_works_where_a_loop_is_running_already(serve: Serve, send: Send) -> None:
    assert send(serve(always(OK)).url).status == 200


def test_goes_by_the_settings_where_nothing_is_passed_in(serve: Serve, settings: Settings) -> None:
    peer = serve(always(OK))
    settings.EGRESS_ALLOW = ()
    with pytest.raises(AddressNotAllowed):
        session.send("GET", peer.url, hosts=[peer.netloc], deadline_s=5)

    settings.EGRESS_ALLOW = LOOPBACK
    settings.PUBLIC_URL = "https://sb.example.com"

    assert session.send("GET", peer.url, hosts=[peer.netloc], deadline_s=5).status == 200
    assert policy().public_origin == "https://sb.example.com"


def test_a_built_in_service_is_called_at_our_own_listener(serve: Serve, send: Send) -> None:
    peer = serve(always(OK))
    rules = Policy(listener=("127.0.0.1", peer.port), public_origin="https://sb.example.com")

    reply = send(
        "https://sb.example.com/practice/oauth2/token", "POST", is_builtin=True, rules=rules, hosts=[]
    )

    assert reply.status == 200
    assert peer.requests[0].startswith(b"POST /practice/oauth2/token HTTP/1.1\r\nHost: sb.example.com\r\n")


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_cannot_be_used_is_the_operators_to_correct(
    send: Send, rules: Policy, tmp_path: Path, content: str | None
) -> None:
    if content:
        (tmp_path / "ca.pem").write_text(content)

    with pytest.raises(BadCaFile, match="EGRESS_CA_FILE"):
        send("https://api.test:9/", rules=replace(rules, ca_file=str(tmp_path / "ca.pem")))
