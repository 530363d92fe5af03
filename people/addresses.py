"""Addresses: whose request it is, behind proxies of ours, and which paths a redirect may go to."""

import ipaddress
import re
from urllib.parse import unquote

_WITH_PORT = re.compile(r"^(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?$")
_LOCAL_PATH = re.compile(r"^/(?![/\\])[^\\@\x00-\x1f\x7f]*$")


def client_ip(peer: str, forwarded_for: list[str], trusted_proxies: int) -> str:
    """The address that the outermost proxy of ours saw; the peer's where there is none.

    ``forwarded_for``: the values of ``X-Forwarded-For``, as they came. What stands left of our own
    proxies' entries was written by the client, and is never believed.
    """
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    chain = [*hops, peer]
    seen = chain[max(0, len(chain) - 1 - trusted_proxies)]
    return _normal(seen) or _normal(peer)


def throttle_key(ip: str) -> str:
    """What guesses are counted by: an IPv4 address, or the /64 that one IPv6 client holds whole."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def is_local_path(url: str) -> bool:
    """Whether ``url`` is a path of ours that a browser cannot read as another site's address."""
    path, _, _ = url.partition("?")
    printable = all(character > " " and character != "\x7f" for character in url)
    return printable and bool(_LOCAL_PATH.match(path)) and bool(_LOCAL_PATH.match(unquote(path)))


def _normal(text: str) -> str:
    """The address in its usual spelling, an IPv4 address in IPv6 clothes as IPv4; empty for anything else."""
    match = _WITH_PORT.match(text)
    bare = (match["six"] or match["four"]) if match else text
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
