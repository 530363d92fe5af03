"""C1, E2: whatever a caller writes, what is dialled is one of the service's hosts, below its base URL."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from invoke import paths
from invoke.asks import Ask
from outbound import guard
from outbound.errors import HostNotAllowed
from problems import AppError, InvalidInput
from tests.invoke.conftest import Desk, Gateway
from tests.invoke.upstream import Upstream

BASE = "https://api.example.com/v1"
HOSTS = ("api.example.com",)
_PIECES = [
    *"/.\\@:;?#%~ab2e5cfF&=[]{}\t\n\r\x00 é\u2044\uff0e",
    *("..", "//", "%2e", "%5c", "%2f", "http:", "evil.com"),
]
NASTY = st.lists(st.sampled_from(_PIECES), max_size=10).map("".join)


def picked(path: str, *hosts: str) -> Ask:
    """What a caller's path asks for."""
    return paths.with_host(Ask("desk", "GET", path=path, may_pick_host=True), hosts or HOSTS)


def url_of(path: str, query: str = "", host: str = "") -> str:
    paths.check(host, path, query)
    ask = Ask("desk", "GET", path=path, query=query, host=host)
    url = paths.base_of(BASE, ask)
    return f"{url}?{query}" if query else url


@given(NASTY.map(lambda text: f"/{text}"), NASTY)
@settings(max_examples=600, deadline=None)
def test_any_path_stays_at_the_origin_and_below_the_base_url(path: str, query: str) -> None:
    try:
        url = url_of(paths.ascii_only(path), paths.ascii_only(query))
        destination = guard.destination(url, hosts=HOSTS)
    except AppError:
        return
    for parsed in (urlsplit(destination.url), urlsplit(str(URL(destination.url)))):
        assert (parsed.scheme, parsed.netloc) == ("https", "api.example.com")
        assert unquote(parsed.path).startswith("/v1")
        assert not {".", ".."} & set(unquote(parsed.path).replace("\\", "/").split("/"))


@given(NASTY)
@settings(max_examples=600, deadline=None)
def test_any_host_that_is_picked_is_one_of_the_services(host: str) -> None:
    ask = picked(f"/~{host}/me")
    try:
        destination = guard.destination(url_of(ask.path, host=ask.host), hosts=HOSTS)
    except AppError:
        return
    assert destination.host == "api.example.com"


@given(NASTY)
@settings(max_examples=600, deadline=None)
def test_any_url_of_a_task_leads_to_one_of_the_services_hosts(text: str) -> None:
    for url in (text, f"https:{text}", f"https://{text}", f"https://api.example.com{text}"):
        try:
            host, path, query = paths.from_task(url)
            destination = guard.destination(url_of(path, query, host), hosts=HOSTS)
        except AppError:
            continue
        assert destination.host == "api.example.com"
        assert urlsplit(str(URL(destination.url))).netloc == "api.example.com"


@pytest.mark.parametrize(
    "path",
    [
        *("/..", "/../x", "/a/../b", "/./a", "/a/.", "/%2e%2e/x", "/%2E%2e/x", "/.%2e/x", "/%2e/x"),
        *("/a%2f..%2fb", "/a/..%5cb", "/..%5c", "/a%5c..", "/%252e%252e/x", "/..;/x", "/..;a=1/x"),
    ],
)
def test_refuses_dot_segments_however_they_are_written(path: str) -> None:
    with pytest.raises(InvalidInput, match="dot segment"):
        paths.check("", path, "")


@pytest.mark.parametrize(
    "path", ["/a\\b", "/a b", "/a\tb", "/a\r\nX: 1", "/a\x00", "/a%00", "/a%0d%0aX", "/a%7F", "/a#b", "/a?b"]
)
def test_refuses_backslashes_and_control_bytes_in_a_path(path: str) -> None:
    with pytest.raises(InvalidInput):
        paths.check("", path, "")


@pytest.mark.parametrize("query", ["a b", "a\r\nb", "a\x00", "a#b"])
def test_refuses_control_bytes_in_a_query(query: str) -> None:
    with pytest.raises(InvalidInput):
        paths.check("", "/a", query)


@pytest.mark.parametrize(
    "path",
    ["/a%2Fb", "/a.b", "/...", "/.well-known/x", "/a%5cb", "/a%252e%20", "/~x", "//a//", "/a;b=1", "/%C3%A9"],
)
def test_keeps_every_other_path_as_it_is_written(path: str) -> None:
    paths.check("", path, "")
    assert paths.base_of(BASE, Ask("desk", "GET", path=path)) == f"{BASE}{path}"


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://h", "", "https://h/"),
        ("https://h", "/", "https://h/"),
        ("https://h", "/a", "https://h/a"),
        ("https://h/v1", "", "https://h/v1"),
        ("https://h/v1/", "", "https://h/v1/"),
        ("https://h/v1/", "/a", "https://h/v1/a"),
        ("https://h/v1", "/a/", "https://h/v1/a/"),
    ],
)
def test_appends_the_path_to_the_base_urls(base: str, path: str, url: str) -> None:
    assert paths.base_of(base, Ask("desk", "GET", path=path)) == url


def test_another_host_takes_the_whole_path() -> None:
    assert paths.split_call("/invoke/desk/~files.example.com:8443/a/b") == (
        "desk",
        "/~files.example.com:8443/a/b",
    )
    ask = picked("/~files.example.com:8443/a/b")
    assert (ask.host, ask.path) == ("files.example.com:8443", "/a/b")
    assert paths.base_of(BASE, ask) == "https://files.example.com:8443/a/b"


@pytest.mark.parametrize(
    "url",
    [
        *("https://evil.com/", "https://api.example.com@evil.com/", "https://api.example.com.evil.com/"),
        *("https://api.example.com:444/", "http://api.example.com/", "https://evil.com#api.example.com"),
    ],
)
def test_refuses_an_absolute_url_of_another_origin(url: str) -> None:
    def dial() -> None:
        host, path, query = paths.from_task(url)
        guard.destination(url_of(path, query, host), hosts=HOSTS)

    with pytest.raises(AppError) as refused:
        dial()
    assert refused.value.code in {"host_not_allowed", "address_not_allowed", "invalid_request"}


@pytest.mark.parametrize("tilde", ["~", "%7E", "%7e"])
def test_a_tilde_picks_a_host_where_one_follows(tilde: str) -> None:
    assert picked(f"/{tilde}api.example.com").host == "api.example.com"
    assert picked(f"/{tilde}desk:8080/x").host == "desk:8080"
    assert picked(f"/{tilde}[::1]/x").host == "[::1]"
    assert picked(f"/{tilde}Intranet/x", "intranet").host == "Intranet"


@pytest.mark.parametrize(
    "path", ["/~ada/repos", "/%7Eada", "/~", "/~/x", "/~intranet/x", "/x/~a.b", "//~a.b"]
)
def test_a_tilde_is_a_paths_own_where_no_host_follows(path: str) -> None:
    assert (picked(path).host, picked(path).path) == ("", path)


def test_only_a_callers_path_picks_a_host() -> None:
    ask = Ask("desk", "GET", path="/~api.example.com/x")
    assert paths.with_host(ask, HOSTS) == ask


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/https://example.com/page", "/https://example.com/page"),
        ("read/https://example.com", "/read/https://example.com"),
        ("/a:b", "/a:b"),
        ("x?next=https://example.com", "/x"),
        ("", ""),
    ],
)
def test_what_begins_like_a_path_is_one(url: str, path: str) -> None:
    assert paths.from_task(url)[:2] == ("", path)


@pytest.mark.parametrize(
    "url", ["data:text/plain,x", "javascript:alert(1)", "ftp://api.example.com/", "a:b/c", ":"]
)
def test_refuses_any_other_scheme(url: str) -> None:
    with pytest.raises(InvalidInput):
        paths.from_task(url)


def test_refuses_a_host_that_is_none_of_the_services() -> None:
    with pytest.raises(HostNotAllowed):
        guard.destination(url_of("/x", host="evil.com"), hosts=HOSTS)


def test_rules_for_paths_are_held_against_the_decoded_path() -> None:
    assert paths.is_below("/v1/tickets/1", ["/v1/tickets"])
    assert paths.is_below("/v1/%74ickets", ["/v1/tickets"])
    assert not paths.is_below("/v1/ticketsandmore", ["/v1/tickets"])
    assert not paths.is_below("/v1", ["/v1/tickets"])


def test_the_wire_carries_the_path_as_it_was_written(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    for path in ("/a%2Fb%20c/%C3%A9/;x=1", "//a//b/", "/a%5Cb", "/a%252e", "/it's(fine)*!$&+,=:@", "/{a}|^"):
        got = gateway.get(f"/invoke/desk{path}?x=%41&y=a+b&z=%zz")
        assert got.status == 200, (path, got.body)
        assert upstream.last.target == f"/api/v1{path}?x=%41&y=a+b&z=%zz"


def test_refuses_on_the_wire_what_leads_out(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    for path in ("/../x", "/%2e%2e/x", "/..%5cx", "/a/%2E%2E%2fb", "/..;/x", "/a%0d%0ab"):
        assert gateway.get(f"/invoke/desk{path}").code == "invalid_request"
    for path in ("/~evil.example/x", "/~127.0.0.1:1/x", "/%7Eevil.example/x", "/~localhost:1/x"):
        assert gateway.get(f"/invoke/desk{path}").code == "host_not_allowed"
    assert gateway.get("/invoke/desk/~user@127.0.0.1/x").code == "invalid_request"
    assert upstream.seen == []
    for path in ("/~/x", "/~localhost/x", "/~ada", "/%7Eada"):  # a path's own
        assert gateway.get(f"/invoke/desk{path}").status == 200
        assert upstream.last.target == f"/api/v1{path}"


def test_picks_another_of_the_services_hosts(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(service={"base_url": "http://127.0.0.2:9/api", "hosts": ["127.0.0.2:9", upstream.netloc]})
    assert gateway.get(f"/invoke/desk/~{upstream.netloc}/whole/path").status == 200
    assert upstream.last.target == "/whole/path"
