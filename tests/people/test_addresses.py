"""Whose request it is behind proxies, and where a redirect may go (A13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from people.addresses import client_ip, is_local_path, is_within, throttle_key


def test_believes_no_header_without_a_proxy_of_ours() -> None:
    assert client_ip("203.0.113.9", ["198.51.100.1"], 0) == "203.0.113.9"


def test_takes_the_address_that_our_own_proxy_saw() -> None:
    assert client_ip("10.0.0.2", ["198.51.100.1"], 1) == "198.51.100.1"


def test_what_the_client_wrote_left_of_our_proxies_changes_nothing() -> None:
    assert client_ip("10.0.0.2", ["6.6.6.6, 7.7.7.7, 198.51.100.1"], 1) == "198.51.100.1"


def test_counts_hops_over_several_header_lines() -> None:
    assert client_ip("10.0.0.2", ["6.6.6.6", "198.51.100.1, 10.0.0.3"], 2) == "198.51.100.1"


def test_falls_back_to_the_peer_when_the_hop_is_no_address() -> None:
    assert client_ip("10.0.0.2", ["unknown"], 1) == "10.0.0.2"


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::FFFF:c633:6401", "198.51.100.1"),
        ("[::ffff:198.51.100.1]:4711", "198.51.100.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:198.51.100.1%eth0", "198.51.100.1"),
    ],
)
def test_spells_an_address_one_way_behind_a_proxy_and_without(seen: str, told: str) -> None:
    assert client_ip("10.0.0.2", [seen], 1) == told
    assert client_ip(seen, ["6.6.6.6"], 0) == told
    assert client_ip(seen, ["unknown"], 1) == told


def test_has_no_address_for_a_unix_socket() -> None:
    assert client_ip("", [], 0) == ""


def test_counts_an_ipv6_client_by_the_network_that_it_holds_whole() -> None:
    assert throttle_key("2001:db8:1:2:3:4:5:6") == throttle_key("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert throttle_key("198.51.100.1") == "198.51.100.1"


def test_counts_every_ipv4_client_apart_however_it_is_spelt() -> None:
    assert throttle_key("::ffff:198.51.100.1") == throttle_key("198.51.100.1")
    assert throttle_key("::ffff:198.51.100.1") != throttle_key("::ffff:198.51.100.2")
    assert throttle_key("fe80::1%eth0") == throttle_key("fe80::1")


@pytest.mark.parametrize("network", ["198.51.100.0/24", "::ffff:198.51.100.0/120", "::ffff:0:0/96"])
@pytest.mark.parametrize("ip", ["198.51.100.7", "::ffff:198.51.100.7", "::ffff:198.51.100.7%eth0"])
def test_finds_an_address_in_its_network_however_they_are_spelt(network: str, ip: str) -> None:
    assert is_within(ip, ["10.0.0.0/8", network])


@pytest.mark.parametrize("ip", ["198.51.101.7", "::ffff:198.51.101.7", "2001:db8::1", "", "unknown"])
def test_finds_no_other_address_there(ip: str) -> None:
    assert not is_within(ip, ["198.51.100.0/24", "::ffff:198.51.100.0/120", "2001:db9::/32"])


def test_looks_at_nothing_that_is_too_long_to_be_an_address() -> None:
    assert client_ip("10.0.0.2", ["1" * 10_000], 1) == "10.0.0.2"


@pytest.mark.parametrize("path", ["/", "/connections/", "/activity/?user=a@b.example", "/a%20b/?next=//e"])
def test_goes_on_to_a_path_of_ours(path: str) -> None:
    assert is_local_path(path)


@pytest.mark.parametrize(
    "url",
    [
        "//e", "/\\e", "/\t/e", "https:e", "/%5ce", "/%2fe", "///e", "http:///e", "https://e/", "e", "",
        "/a\\b", "/user@e", "/\x00", "/a\r\nb", "javascript:alert(1)", " /a", "/%09/e", "/%40e",
    ],
)  # fmt: skip
def test_refuses_to_go_to_what_a_browser_reads_as_elsewhere(url: str) -> None:
    assert not is_local_path(url)


@given(st.text())
def test_whatever_it_lets_through_begins_with_one_slash(url: str) -> None:
    if is_local_path(url):
        assert url[0] == "/"
        assert url[1:2] not in {"/", "\\"}
