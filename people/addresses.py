"""Addresses: whose request it is, behind proxies of ours, and which paths a redirect may go to."""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

_WITH_PORT = re.compile(r"^(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?$")
MAPPED_BITS = 96  # of an IPv6 address that are before the IPv4 one inside
LONGEST = 100  # characters that are looked at, and remembered, as an address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOCAL_PATH = re.compile(r"^/(?![/\\])[^\\@\x00-\x1f\x7f]*$")


def client_ip(peer: str, forwarded_for: list[str], trusted_proxies: int) -> str:
    """The address that the outermost proxy of ours saw; the peer's where there is none. Spelt one way.

    ``forwarded_for``: the values of ``X-Forwarded-For``, as they came. What stands left of our own
    proxies' entries was written by the client, and is never believed.
    """
    if not trusted_proxies:
        return normal(peer)
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    chain = [*hops, peer]
    seen = chain[max(0, len(chain) - 1 - trusted_proxies)]
    return normal(seen) or normal(peer)


def throttle_key(ip: str) -> str:
    """What guesses are counted by: an IPv4 address, or the /64 that one IPv6 client holds whole."""
    bare = normal(ip)
    return str(ipaddress.ip_network((bare, 64), strict=False)) if ":" in bare else bare or ip


def is_within(ip: str, networks: Iterable[str]) -> bool:
    """Is the address, however it is spelt, in one of the networks?"""
    bare = normal(ip)
    return bool(bare) and any(ipaddress.ip_address(bare) in network(text) for text in networks)


@lru_cache(maxsize=1024)
def network(text: str) -> Network:
    """The network; one of IPv4 addresses in IPv6 clothes as one of IPv4. Raises ValueError."""
    found = ipaddress.ip_network(text)
    mapped = found.network_address.ipv4_mapped if isinstance(found, ipaddress.IPv6Network) else None
    if mapped is None or found.prefixlen < MAPPED_BITS:
        return found
    return ipaddress.ip_network((mapped, found.prefixlen - MAPPED_BITS))


def is_local_path(url: str) -> bool:
    """Whether ``url`` is a path of ours that a browser cannot read as another site's address."""
    path, _, _ = url.partition("?")
    printable = all(character > " " and character != "\x7f" for character in url)
    return printable and bool(_LOCAL_PATH.match(path)) and bool(_LOCAL_PATH.match(unquote(path)))


def normal(text: str) -> str:
    """The address in its usual spelling, without zone or port; empty for what is none.

    A socket that listens on ``::`` tells of an IPv4 caller as ``::ffff:192.0.2.1`` (RFC 4291 2.5.5.2).
    """
    return _normal(text) if len(text) <= LONGEST else ""


@lru_cache(maxsize=1024)
def _normal(text: str) -> str:
    match = _WITH_PORT.match(text)
    bare = (match["six"] or match["four"]) if match else text
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
