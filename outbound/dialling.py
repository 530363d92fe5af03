"""Opening a connection: resolve, check every address, connect, check the peer."""

import asyncio
import socket
import ssl
from functools import lru_cache
from ipaddress import ip_address

import aiohappyeyeballs
import certifi

from outbound import hosts as names
from outbound.addresses import is_address_allowed
from outbound.errors import AddressNotAllowed, BadCaFile, UpstreamUnreachable
from outbound.guard import addresses_allowed
from outbound.hosts import Origin
from outbound.policy import Address, Policy
from outbound.resolver import Resolver

_NEXT_ADDRESS_AFTER_S = 0.25  # RFC 8305 5
_MOST_ADDRESSES = 8
_LOOPBACK: tuple[Address, ...] = (ip_address("127.0.0.1"), ip_address("::1"))
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — listened on, never dialled


async def dial(origin: Origin, *, rules: Policy, resolver: Resolver) -> socket.socket:
    """A connection to a service. Raises AddressNotAllowed or UpstreamUnreachable, before any byte is sent."""
    addresses = await _addresses(origin, rules, resolver)
    if not addresses_allowed(addresses, origin, rules):
        raise AddressNotAllowed
    connection = await _connected(addresses, origin.port)
    if not _is_expected(connection, addresses, rules):
        connection.close()
        raise AddressNotAllowed
    return connection


async def dial_ourselves(*, rules: Policy, resolver: Resolver) -> socket.socket:
    """A connection to our own listener, for the built-in services."""
    host, port = rules.listener
    host = names.normalise(names.join(_ANY_ADDRESS.get(host, host), None))
    addresses = (ip_address(host),) if names.is_ip(host) else await resolver(host)
    return await _connected(addresses, port)


@lru_cache(maxsize=4)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """Certificates and names always verified, against the public CAs and the operator's.

    Made by hand, since the library's defaults heed SSLKEYLOGFILE and SSL_CERT_FILE. Raises BadCaFile.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    if ca_file:
        _trust(context, ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # not there, not readable, no PEM
        raise BadCaFile(f"EGRESS_CA_FILE: {ca_file} cannot be used ({error.strerror or error}).") from None


async def _addresses(origin: Origin, rules: Policy, resolver: Resolver) -> tuple[Address, ...]:
    if names.is_ip(origin.host):
        return (ip_address(origin.host),)
    if names.is_local_name(origin.host):  # not asked of a name server: one of the two is enough
        return tuple(ip for ip in _LOOPBACK if is_address_allowed(ip, policy=rules)) or _LOOPBACK
    return await resolver(origin.host)


async def _connected(addresses: tuple[Address, ...], port: int) -> socket.socket:
    targets: list[aiohappyeyeballs.AddrInfoType] = [
        (
            socket.AF_INET if address.version == 4 else socket.AF_INET6,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,
            "",
            (str(address), port) if address.version == 4 else (str(address), port, 0, 0),
        )
        for address in addresses[:_MOST_ADDRESSES]
    ]
    if not targets:
        raise UpstreamUnreachable
    try:
        return await aiohappyeyeballs.start_connection(
            targets,
            happy_eyeballs_delay=_NEXT_ADDRESS_AFTER_S,
            interleave=1,
            loop=asyncio.get_running_loop(),
        )
    except (OSError, RuntimeError):  # RuntimeError: uvloop, where a socket is closed under it
        raise UpstreamUnreachable from None


def _is_expected(connection: socket.socket, addresses: tuple[Address, ...], rules: Policy) -> bool:
    """Is the peer one of the checked addresses, and not our own listener under another of our addresses?"""
    try:
        peer, peer_port = connection.getpeername()[:2]
    except OSError:
        raise UpstreamUnreachable from None
    is_ourselves = peer == connection.getsockname()[0] and peer_port == rules.listener[1]
    return ip_address(peer) in addresses and not is_ourselves
