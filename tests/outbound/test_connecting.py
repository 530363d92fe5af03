"""What is checked when a connection is opened, on real sockets (D1, D5, D6)."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest

from outbound.client import Client
from outbound.dialling import _is_expected, dial
from outbound.errors import AddressNotAllowed, UpstreamUnreachable
from outbound.guard import destination
from outbound.hosts import Origin
from outbound.policy import Policy
from outbound.resolver import Resolver
from tests.outbound.conftest import lookup
from tests.outbound.peers import OK, Peer, always

Serve = Callable[..., Peer]


async def fetch(client: Client, url: str, rules: Policy) -> int:
    host = url.partition("://")[2].partition("/")[0]
    deadline = asyncio.get_running_loop().time() + 5
    async with client.open(
        "GET",
        url,
        headers=(),
        body=None,
        destination=destination(url, hosts=[host], rules=rules),
        deadline=deadline,
        max_bytes=100,
    ) as reply:
        return reply.status


async def test_connects_to_a_name_that_resolves_into_an_allowed_network(
    serve: Serve, client: Client, rules: Policy
) -> None:
    peer = serve(always(OK))

    assert await fetch(client, f"http://api.test:{peer.port}/", rules) == 200
    assert peer.requests[0].startswith(f"GET / HTTP/1.1\r\nHost: api.test:{peer.port}\r\n".encode())


async def test_a_name_that_is_not_a_name_servers_to_answer_stays_on_this_machine(
    serve: Serve, rules: Policy
) -> None:
    peer = serve(always(OK))

    async with Client(rules=rules, resolver=Resolver(lambda host: ["10.0.0.7"])) as client:
        assert await fetch(client, f"http://localhost:{peer.port}/", rules) == 200


@pytest.mark.parametrize(
    ("port_of_ours", "address", "is_expected"),
    [(1, "127.0.0.1", True), (0, "127.0.0.1", False), (1, "127.0.0.2", False)],
)
def test_the_peer_must_be_a_checked_address_and_not_this_machine_on_our_own_port(
    serve: Serve, port_of_ours: int, address: str, is_expected: bool
) -> None:
    """On an address of this machine beyond loopback, peer and own address are alike, too."""
    peer = serve(always(OK))
    rules = Policy(listener=("0.0.0.0", port_of_ours or peer.port))

    with socket.create_connection(("127.0.0.1", peer.port)) as connection:
        assert _is_expected(connection, (ip_address(address),), rules) is is_expected


@pytest.mark.parametrize("odd", [["not an address"], [], ["fe80::1%eth0"]])
async def test_an_odd_answer_of_a_name_server_reaches_nothing(rules: Policy, odd: list[str]) -> None:
    with pytest.raises((UpstreamUnreachable, AddressNotAllowed)):
        await dial(Origin("https", "odd.test", 443), rules=rules, resolver=Resolver(lambda host: odd))


async def test_tries_the_next_address_where_the_first_is_closed(serve: Serve, rules: Policy) -> None:
    peer = serve(always(OK), host="127.0.0.2")
    resolver = Resolver(lambda host: ["127.0.0.1", "127.0.0.2"])

    async with Client(rules=rules, resolver=resolver) as client:
        assert await fetch(client, f"http://two.test:{peer.port}/", rules) == 200


async def test_reaches_an_ipv6_address_inside_an_allowed_network(
    serve: Serve, client: Client, rules: Policy
) -> None:
    peer = serve(always(OK), host="::1")

    assert await fetch(client, f"{peer.url}/", rules) == 200
    assert peer.requests[0].startswith(f"GET / HTTP/1.1\r\nHost: [::1]:{peer.port}\r\n".encode())


async def test_https_does_not_reach_a_private_network_that_is_not_allowed(rules: Policy) -> None:
    only_private = Policy(allow=(ip_network("10.0.0.0/8"),))

    with pytest.raises(AddressNotAllowed):
        await dial(Origin("https", "api.test", 443), rules=only_private, resolver=Resolver(lookup))


async def test_a_built_in_service_is_dialled_at_our_own_listener_with_the_public_name(
    serve: Serve, resolver: Resolver
) -> None:
    peer = serve(always(OK))
    rules = Policy(listener=("0.0.0.0", peer.port), public_origin="https://sb.example.com")
    url = "https://sb.example.com/practice/api/me?a=%2F"

    async with (
        Client(rules=rules, resolver=resolver) as client,
        client.open(
            "GET",
            url,
            headers=(("Host", "evil.example"),),
            body=None,
            destination=destination(url, hosts=[], is_builtin=True, rules=rules),
            deadline=asyncio.get_running_loop().time() + 5,
            max_bytes=100,
        ) as reply,
    ):
        assert reply.status == 200

    assert peer.requests == [b"GET /practice/api/me?a=%2F HTTP/1.1\r\nHost: sb.example.com\r\n\r\n"]
