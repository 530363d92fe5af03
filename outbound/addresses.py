"""Which network addresses calls may reach."""

from ipaddress import IPv4Address, ip_address, ip_network

from outbound.policy import Address, Network, Policy


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Never reached, whatever EGRESS_ALLOW says.
_NEVER = _networks(
    "0.0.0.0/8",  # "this host": connecting to it reaches loopback
    "169.254.0.0/16",  # link-local: metadata of AWS, GCP, Azure and others, credentials of ECS
    "168.63.129.16/32",  # Azure's wire server, an address that looks public
    "100.100.100.200/32",  # Alibaba Cloud's metadata
    "192.0.0.192/32",  # Oracle Cloud's older metadata
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    "::/128",
    "fe80::/10",  # link-local
    "fec0::/10",  # site-local (RFC 3879)
    "fd00:ec2::/32",  # AWS's metadata, name servers, EKS credentials over IPv6
    "fd20:ce::/32",  # GCP's metadata over IPv6
    "fd00:c1::/32",  # Oracle Cloud's metadata over IPv6
    "fd00:42::42/128",  # Scaleway's metadata over IPv6
    "ff00::/8",
)
# Not on the public internet, besides what the ipaddress module knows (RFC 6890 and the IANA registries).
_SPECIAL = _networks(
    "100.64.0.0/10",  # carrier-grade NAT
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",  # AS112
    "192.52.193.0/24",  # AMT
    "192.88.99.0/24",  # 6to4 relays
    "192.175.48.0/24",  # AS112
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "2620:4f:8000::/48",  # AS112
    "3fff::/20",
    "5f00::/16",
)
_GLOBAL_UNICAST = ip_network("2000::/3")  # all that IANA has given out of IPv6
_CARRIES_IPV4 = (  # network, and the bits to the right of the IPv4 address inside
    (ip_network("::/96"), 0),  # IPv4-compatible (RFC 4291 2.5.5.1)
    (ip_network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (ip_network("::ffff:0:0:0/96"), 0),  # IPv4-translated (RFC 2765)
    (ip_network("64:ff9b::/96"), 0),  # NAT64
    (ip_network("64:ff9b:1::/48"), 0),  # NAT64, local use
    (ip_network("2002::/16"), 80),  # 6to4
)
_TEREDO = ip_network("2001::/32")


def is_address_allowed(address: Address | str, *, policy: Policy, is_plain_http: bool = False) -> bool:
    """May a call go there? Plain http goes only inside EGRESS_ALLOW."""
    address = ip_address(address)
    if _is_in(address, _NEVER):
        return False
    if policy.allows(address):
        return all(not _is_in(inner, _NEVER) for inner in _carried(address))
    return not is_plain_http and _is_public(address)


def is_own_host(address: Address | str) -> bool:
    """Is it this machine by definition: loopback, or the unspecified address?"""
    address = ip_address(address)
    return any(inner.is_loopback or inner.is_unspecified for inner in (address, *_carried(address)))


def _is_public(address: Address) -> bool:
    if _is_in(address, _SPECIAL) or not address.is_global:
        return False
    return address.version == 4 or address in _GLOBAL_UNICAST


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _carried(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 one stands for; translators would deliver to them."""
    if isinstance(address, IPv4Address) or address.is_loopback:
        return []
    number = int(address)
    found: list[Address] = [
        IPv4Address(number >> shift & 0xFFFFFFFF) for network, shift in _CARRIES_IPV4 if address in network
    ]
    if address in _TEREDO:  # the client's address, inverted (RFC 4380 4)
        found.append(IPv4Address(~number & 0xFFFFFFFF))
    return found
