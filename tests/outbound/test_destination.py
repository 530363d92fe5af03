"""Where a single call may go, whatever its caller writes (C1, D3, D5, D7)."""

from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from outbound.errors import AddressNotAllowed, HostNotAllowed
from outbound.guard import Policy, destination, signed

RULES = Policy(listener=("127.0.0.1", 8000), public_origin="https://switchboard.example.com")
LAN = Policy(
    allow=(ip_network("192.168.0.0/16"), ip_network("127.0.0.0/8")),
    listener=("127.0.0.1", 8000),
    public_origin="http://localhost:8000",
)
HOSTS = ["desk.zoho.eu", "*.files.example", "api.example.com:8443"]

# What attackers write into paths and queries, mixed with whatever else there is.
_PATHS = [
    "..",
    ".",
    "%2e%2e",
    "%2e",
    "//",
    "/",
    "\\",
    "%5c",
    ";",
    "#",
    "?",
    "?a=b",
    "%",
    "%00",
    "%0d%0a",
    "é",
    "。",
]
_HOSTS = ["@", "@evil.example", ":", ":80", "evil.example", "https://", "http:", "[::1]", "\r\n", "\t", " "]
_PIECES = st.one_of(st.sampled_from([*_PATHS, *_HOSTS]), st.text(max_size=5))


@given(
    pieces=st.lists(_PIECES, max_size=8),
    base=st.sampled_from(["https://desk.zoho.eu", "https://desk.zoho.eu/api/v1"]),
)
def test_whatever_follows_the_base_url_the_call_goes_to_an_allowed_host(pieces: list[str], base: str) -> None:
    try:
        allowed = destination(base + "".join(pieces), hosts=HOSTS, rules=RULES)
    except HostNotAllowed:
        return

    for parsed in (urlsplit(allowed.url), URL(allowed.url, encoded=True)):
        assert parsed.scheme == "https"
        assert (parsed.hostname if hasattr(parsed, "hostname") else parsed.host) == "desk.zoho.eu"
        assert parsed.port in {None, 443}
        assert parsed.username is None if hasattr(parsed, "username") else parsed.user is None
    assert URL(allowed.url, encoded=True).raw_path_qs == allowed.target
    assert allowed.url.isascii()
    assert not set(allowed.url) & set("\r\n\t #")


@given(url=st.text(max_size=40).map(lambda text: "https://" + text))
def test_whatever_the_absolute_url_the_call_goes_to_an_allowed_host(url: str) -> None:
    try:
        allowed = destination(url, hosts=HOSTS, rules=RULES)
    except HostNotAllowed:
        return

    assert URL(allowed.url, encoded=True).host in {
        "desk.zoho.eu",
        "api.example.com",
    } or allowed.host.endswith(".files.example")


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://desk.zoho.eu", "https://desk.zoho.eu/"),
        ("https://DESK.zoho.EU.:443/a", "https://desk.zoho.eu/a"),
        ("HTTPS://desk.zoho.eu/a%2Fb/%7e?q=%20&r=+", "https://desk.zoho.eu/a%2Fb/%7e?q=%20&r=+"),
        ("https://desk.zoho.eu?q=1", "https://desk.zoho.eu/?q=1"),
        ("https://desk.zoho.eu//x//", "https://desk.zoho.eu//x//"),
        ("https://a.files.example/", "https://a.files.example/"),
        ("https://a.b.files.example/", "https://a.b.files.example/"),
        ("https://api.example.com:8443/", "https://api.example.com:8443/"),
        ("https://ｄｅｓｋ.zoho.eu/", "https://desk.zoho.eu/"),
        ("https://desk。zoho。eu/", "https://desk.zoho.eu/"),
    ],
)
def test_sends_to_an_allowed_host_in_its_one_spelling(url: str, sent: str) -> None:
    assert destination(url, hosts=HOSTS, rules=RULES).url == sent


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://desk.zoho.eu.evil.example/",
        "https://evildesk.zoho.eu/",
        "https://desk.zoho.eu:8443/",
        "https://desk.zoho.eu:22/",
        "https://files.example/",  # *.name matches subdomains and not itself
        "https://evilfiles.example/",
        "https://api.example.com/",
        "https://desk.zoho.eu@evil.example/",
        "https://desk.zoho.eu:443@evil.example/",
        "https://desk.zoho.eu\\.evil.example/",
        "https://desk.zoho.eu#@evil.example/",
        "https://desk.zoho.eu/\r\nHost: evil.example",
        "https:desk.zoho.eu/",
        "//desk.zoho.eu/",
        "/api/v1",
        "file:///etc/passwd",
        "gopher://desk.zoho.eu/",
        "https://desk.zoho.eu%00.evil.example/",
        "https://switchboard.example.com/api/v1/",
    ],
)
def test_refuses_any_other_host(url: str) -> None:
    with pytest.raises(HostNotAllowed):
        destination(url, hosts=HOSTS, rules=RULES)


def test_what_signing_adds_may_not_move_the_call() -> None:
    checked = destination("https://desk.zoho.eu/a", hosts=HOSTS, rules=RULES)
    built_in = destination("http://localhost:8000/practice/a", hosts=[], is_builtin=True, rules=LAN)

    assert signed(checked, "https://desk.zoho.eu/a?key=canary", rules=RULES).target == "/a?key=canary"
    assert "canary" not in repr(signed(checked, "https://desk.zoho.eu/a?key=canary", rules=RULES))
    for url in (
        "https://api.example.com:8443/a",
        "http://desk.zoho.eu/a",
        "https://desk.zoho.eu:444/a",
        "/a",
    ):
        with pytest.raises(HostNotAllowed):
            signed(checked, url, rules=RULES)
    with pytest.raises(HostNotAllowed):
        signed(built_in, "http://localhost:8000/accounts/login/", rules=LAN)


def test_refuses_plain_http_where_no_private_network_is_allowed() -> None:
    with pytest.raises(AddressNotAllowed, match="EGRESS_ALLOW"):
        destination("http://desk.zoho.eu/", hosts=HOSTS, rules=RULES)


@pytest.mark.parametrize("host", ["8.8.8.8", "10.0.0.1", "127.0.0.1", "[::1]", "169.254.169.254"])
def test_refuses_an_address_outside_the_allowed_networks(host: str) -> None:
    with pytest.raises(AddressNotAllowed):
        destination(f"https://{host}/", hosts=[host], rules=RULES)


def test_reaches_an_address_inside_an_allowed_network() -> None:
    assert destination("http://192.168.7.4:9000/x", hosts=["192.168.7.4:9000"], rules=LAN).port == 9000


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "127.9.9.9:8000", "a.localhost:8000"])
def test_refuses_our_own_listener_to_a_service_that_is_not_built_in(host: str) -> None:
    with pytest.raises(HostNotAllowed):
        destination(f"http://{host}/practice/", hosts=[host], rules=LAN)


def test_a_built_in_service_reaches_its_paths_only() -> None:
    def call(path: str) -> str:
        return destination(f"http://localhost:8000{path}", hosts=[], is_builtin=True, rules=LAN).path

    assert call("/practice/api/me") == "/practice/api/me"
    assert call("/api/v1/services?q=a") == "/api/v1/services"
    for path in (
        "/",
        "/accounts/login/",
        "/practice",
        "/practice/%2E%2e/x",
        "/practice/.%2e/x",
        "/practice/./x",
    ):
        with pytest.raises(HostNotAllowed):
            call(path)


def test_a_built_in_service_reaches_nothing_else() -> None:
    with pytest.raises(HostNotAllowed):
        destination("https://evil.example/practice/", hosts=["evil.example"], is_builtin=True, rules=LAN)
