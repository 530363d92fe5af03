"""C2, E1: which headers travel, in each direction."""

import pytest

from invoke import headers
from outbound.errors import UpstreamInvalid
from problems import InvalidInput
from tests.invoke.conftest import KEY, Desk, Gateway
from tests.invoke.upstream import Upstream, answer

NEVER_PASSED = [
    "Cookie",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Upgrade",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Forwarded",
    "Via",
    "Expect",
    "Switchboard-User",
    "Switchboard-Anything",
    "X-Api-Key",
]


def spellings(name: str) -> list[str]:
    return sorted({name, name.upper(), name.lower(), name.replace("-", "_")})


@pytest.mark.parametrize("name", [form for name in NEVER_PASSED for form in spellings(name)])
def test_drops_what_is_not_the_callers_to_set(name: str) -> None:
    kept = headers.of_caller([(name, "evil"), ("X-Own", "1")], frozenset({"x-api-key"}))
    assert kept == [("X-Own", "1")]


@pytest.mark.parametrize(
    "name", ["Authorization", "Host", "Content-Length", "Accept-Encoding", "Transfer-Encoding"]
)
def test_drops_framing_and_our_own_token(name: str) -> None:
    for form in spellings(name):
        assert headers.of_caller([(form, "evil")], frozenset()) == []


def test_drops_headers_that_connection_names() -> None:
    assert headers.of_caller(
        [("Connection", "close, X-Hop"), ("x_hop", "1"), ("X-End", "2")], frozenset()
    ) == [("X-End", "2")]


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\n", "X\x00", "Ünicode", "X\r\nY"])
def test_refuses_header_names_that_are_no_token(name: str) -> None:
    with pytest.raises(InvalidInput):
        headers.of_caller([(name, "1")], frozenset())


@pytest.mark.parametrize(
    "value", ["a\rb", "a\nb", "a\r\nX-Evil: 1", "a\x00b", "a\x0bb", "a\x7fb", "\x1b[31m"]
)
def test_refuses_control_characters_in_header_values(value: str) -> None:
    with pytest.raises(InvalidInput):
        headers.of_caller([("X-Own", value)], frozenset())
    with pytest.raises(InvalidInput):
        headers.check_value("X-Api-Key", value)


def test_keeps_repeated_headers_in_order() -> None:
    pairs = [("X-A", "1"), ("X-B", "2"), ("X-A", "3")]
    assert headers.of_caller(pairs, frozenset()) == pairs


@pytest.mark.parametrize(
    ("offer", "passed"),
    [
        ("gzip, deflate, br", "gzip"),
        ("br;q=1.0, gzip;q=0.5", "gzip"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0.000", "identity"),
        ("br, zstd", "identity"),
        ("*", "gzip"),
        ("", "identity"),
    ],
)
def test_offers_gzip_only_where_the_caller_does(offer: str, passed: str) -> None:
    assert headers.accept_encoding([("accept-encoding", offer)]) == passed


def test_refuses_an_answer_whose_headers_would_split() -> None:
    with pytest.raises(UpstreamInvalid):
        headers.of_service([(b"X-A", b"1\r\nSet-Cookie: a=b")], 200)
    with pytest.raises(UpstreamInvalid):
        headers.of_service([(b"X A", b"1")], 200)


def test_the_service_gets_no_header_that_the_caller_may_not_set(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    sent = [
        (form, "evil")
        for name in ("Cookie", "X-Forwarded-For", "X-Api-Key", "Proxy-Authorization")
        for form in spellings(name)
    ]
    assert gateway.get("/invoke/desk/me", headers=sent).status == 200
    assert "evil" not in str(upstream.last.headers)
    assert upstream.last.headers_named("X-Api-Key") == [KEY]
    assert upstream.last.header("Host") == upstream.netloc
    assert upstream.last.headers_named("Accept-Encoding") == ["identity"]
    assert upstream.last.header("User-Agent") is None


def test_no_cookie_of_the_service_reaches_our_origin(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    """C9: no jar between calls, and no Set-Cookie in an answer."""
    desk.connection()
    upstream.says(answer(200, b"1", {"Set-Cookie": "sid=1", "X-Kept": "yes"}))
    got = gateway.get("/invoke/desk/me")
    gateway.get("/invoke/desk/me")
    assert (got.header("Set-Cookie"), got.header("X-Kept")) == (None, "yes")
    assert upstream.last.header("Cookie") is None


def test_upstream_bytes_never_render_on_our_origin(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    """H4: sandboxed and not sniffed, whatever the service says of itself."""
    desk.connection()
    upstream.says(
        answer(
            200,
            b"<script>alert(1)</script>",
            {
                "Content-Type": "text/html",
                "Content-Security-Policy": "default-src *",
                "X-Content-Type-Options": "sniff",
                "Switchboard-Source": "switchboard",
                "Connection": "X-Hop",
                "X-Hop": "1",
            },
        )
    )
    got = gateway.get("/invoke/desk/page")
    named = [(key.lower(), value) for key, value in got.headers]
    assert [value for key, value in named if key == "content-security-policy"] == ["sandbox"]
    assert [value for key, value in named if key == "x-content-type-options"] == ["nosniff"]
    assert [value for key, value in named if key == "switchboard-source"] == ["upstream"]
    assert got.header("X-Hop") is None
    assert got.header("Content-Type") == "text/html"


def test_problems_are_sandboxed_too(gateway: Gateway, desk: Desk) -> None:
    got = gateway.get("/invoke/nothing/me")
    assert (got.header("Content-Security-Policy"), got.header("X-Content-Type-Options")) == (
        "sandbox",
        "nosniff",
    )
    assert got.header("Date")
