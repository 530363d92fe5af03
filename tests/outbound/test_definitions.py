"""What a service may name when it is defined (D3, D7)."""

from ipaddress import ip_network

import pytest

from outbound.guard import BadAddress, Policy, check_definition_url, check_host_pattern, host_of

PUBLIC_ONLY = Policy(listener=("127.0.0.1", 8000), public_origin="https://switchboard.example.com")
LAN = Policy(
    allow=(ip_network("192.168.0.0/16"), ip_network("127.0.0.0/8"), ip_network("fd12::/16")),
    listener=("127.0.0.1", 8000),
    public_origin="http://localhost:8000",
)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com/v1/",
        "https://API.Example.COM.:8443/v1?format=json",
        "https://bücher.example/v1",
        "https://{subdomain}.zendesk.com/api/{version}",
        "https://desk.zoho.{dc}/api/v1",
        "https://api.telegram.org/bot{key}",
        "https://my_bucket.storage.example",
    ],
)
def test_accepts_https_towards_names(url: str) -> None:
    check_definition_url(url, rules=PUBLIC_ONLY)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "whole address"),
        ("api.example.com", "whole address"),
        ("//api.example.com", "whole address"),
        ("https:/api.example.com", "whole address"),
        ("https://", "host name"),
        ("file:///etc/passwd", "https://"),
        ("gopher://api.example.com", "https://"),
        ("ftp://api.example.com", "https://"),
        ("javascript://api.example.com/%0aalert(1)", "https://"),
        ("http://api.example.com", "EGRESS_ALLOW"),
        ("https://user:word@api.example.com", "user name and password"),
        ("https://api.example.com@evil.example", "user name and password"),
        ("https://api.example.com\\@evil.example", "whole address"),
        ("https://api.example.com#there", "#"),
        ("https://api.example.com/a b", "Percent-encode"),
        ("https://api.example.com/\r\nX: y", "Percent-encode"),
        ("https://api.example.com/é", "Percent-encode"),
        ("https://api.exa\tmple.com/", "host name"),
        ("https://api.example.com\n", "host name"),
        ("https://api..example.com", "host name"),
        ("https://-api.example.com", "host name"),
        ("https://api.ex%61mple.com", "host name"),
        ("https://" + "a" * 64 + ".com", "host name"),
        ("https://" + "ü." * 5000 + "com", "longer"),
        ("https://api.example.com:0", "Port 0"),
        ("https://api.example.com:22", "Port 22"),
        ("https://api.example.com:25", "Port 25"),
        ("https://api.example.com:6379", "Port 6379"),
        ("https://api.example.com:65536", "Port 65536"),
        ("https://api.example.com:", "optional port"),
        ("https://api.example.com:https", "optional port"),
        ("https://api.example.com:８０８０", "optional port"),
        ("https://[::1", "optional port"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://[not:an:address]/", "IPv6"),
        ("https://[v1.fe80]/", "IPv6"),
        ("https://8.8.8.8/", "as a name"),
        ("https://127.0.0.1/", "as a name"),
        ("https://[::1]/", "as a name"),
        ("https://169.254.169.254/latest/meta-data", "as a name"),
        ("https://１２７.0.0.1/", "as a name"),
        ("https://2130706433/", "four decimal"),
        ("https://0x7f000001/", "four decimal"),
        ("https://0177.0.0.1/", "four decimal"),
        ("https://127.1/", "four decimal"),
        ("https://0x7f.0.0.0x1/", "four decimal"),
        ("https://0/", "four decimal"),
        ("https://localhost/", "this very machine"),
        ("https://db.localhost/", "this very machine"),
        ("https://switchboard.example.com/api/v1/", "own address"),
        ("https://SWITCHBOARD.example.com.:443/api/v1/", "own address"),
        ("https://127.0.0.1:8000/", "own address"),
        ("https://localhost:8000/", "own address"),
    ],
)
def test_refuses_what_calls_may_not_reach_and_says_what_to_write(url: str, words: str) -> None:
    with pytest.raises(BadAddress) as refused:
        check_definition_url(url, rules=PUBLIC_ONLY)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://nas:5000/api",
        "http://nas.lan/",
        "http://192.168.7.4:9000",
        "https://192.168.7.4",
        "http://127.0.0.1:9000/",
        "http://localhost:9000/",
        "http://[fd12::1]:9000/",
    ],
)
def test_accepts_plain_http_and_addresses_where_the_operator_allows_a_network(url: str) -> None:
    check_definition_url(url, rules=LAN)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://10.0.0.1/", "http://8.8.8.8/", "http://169.254.169.254/"]
)
def test_refuses_addresses_outside_the_allowed_networks(url: str) -> None:
    with pytest.raises(BadAddress, match="EGRESS_ALLOW"):
        check_definition_url(url, rules=LAN)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/practice/",
        "http://LOCALHOST.:8000/",
        "http://x.localhost:8000/",
        "http://127.0.0.1:8000/",
        "http://127.0.0.2:8000/",
        "http://[::1]:8000/",
        "http://[::ffff:127.0.0.1]:8000/",
        "http://0.0.0.0:8000/",
        "https://localhost:8000/",
    ],
)
def test_refuses_our_own_listener_by_any_of_its_names_whatever_is_allowed(url: str) -> None:
    everything = Policy(
        allow=(ip_network("0.0.0.0/0"), ip_network("::/0")),
        listener=("127.0.0.1", 8000),
        public_origin="http://localhost:8000",
    )

    with pytest.raises(BadAddress, match="own address"):
        check_definition_url(url, rules=everything)


@pytest.mark.parametrize(
    ("url", "is_right"),
    [
        ("{public_url}/practice/api", True),
        ("{public_url}/api/v1/", True),
        ("http://localhost:8000/practice/oauth2/token", True),
        ("{public_url}/accounts/login/", False),
        ("{public_url}/practice/../accounts/", False),
        ("{public_url}/practice/%2e%2e/accounts/", False),
        ("{public_url}/practice/..%2faccounts/", False),
        ("{public_url}/practice/..\\accounts/", False),
        ("{public_url}.evil.example/practice/", False),
        ("http://127.0.0.1:8000/practice/", False),
        ("https://api.example.com/practice/", False),
    ],
)
def test_holds_built_in_services_to_our_own_address_and_two_paths(url: str, is_right: bool) -> None:
    if is_right:
        check_definition_url(url, is_builtin=True, rules=LAN)
    else:
        with pytest.raises(BadAddress):
            check_definition_url(url, is_builtin=True, rules=LAN)


@pytest.mark.parametrize(
    ("pattern", "normalised"),
    [
        ("API.Example.com.", "api.example.com"),
        ("api.example.com:8443", "api.example.com:8443"),
        ("*.example.com", "*.example.com"),
        ("*.Example.com:8443", "*.example.com:8443"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("{subdomain}.zendesk.com", "{subdomain}.zendesk.com"),
        ("desk.zoho.{dc}", "desk.zoho.{dc}"),
        ("192.168.7.4:9000", "192.168.7.4:9000"),
        ("[FD12:0::1]:9000", "[fd12::1]:9000"),
    ],
)
def test_gives_a_host_one_spelling(pattern: str, normalised: str) -> None:
    assert check_host_pattern(pattern, rules=LAN) == normalised


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "*.",
        "*.*.example.com",
        "api.*.com",
        "https://api.example.com",
        "api.example.com/v1",
        "user@api.example.com",
        "api.example.com:22",
        "api.example.com:99999",
        "a b.example.com",
        "10.0.0.1",
        "*.192.168.7.4",
        "2130706433",
        "localhost:8000",
        "127.0.0.1:8000",
        "[::1%1]",
    ],
)
def test_refuses_a_host_that_no_call_may_go_to(pattern: str) -> None:
    with pytest.raises(BadAddress):
        check_host_pattern(pattern, rules=LAN)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://API.example.com/v1", "api.example.com"),
        ("https://api.example.com:443/v1", "api.example.com"),
        ("https://api.example.com:8443", "api.example.com:8443"),
        ("http://127.0.0.1:9000/", "127.0.0.1:9000"),
        ("http://[fd12::1]/", "[fd12::1]"),
        ("https://desk.zoho.{dc}/api/v1", "desk.zoho.{dc}"),
    ],
)
def test_a_base_url_covers_its_own_host(url: str, host: str) -> None:
    assert host_of(url) == host
