"""What the operator allows, and where we ourselves listen."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Policy:
    """``allow``: private networks that may be reached. ``listener``: HOST, PORT. ``ca_file``: one more CA."""

    allow: tuple[Network, ...] = ()
    listener: tuple[str, int] = ("127.0.0.1", 8000)
    public_origin: str = "http://localhost:8000"
    ca_file: str = ""

    def allows(self, address: Address) -> bool:
        """Is it inside EGRESS_ALLOW?"""
        return any(address.version == network.version and address in network for network in self.allow)


def policy() -> Policy:
    """The policy of the settings."""
    return _policy(
        tuple(settings.EGRESS_ALLOW),
        settings.HOST,
        settings.PORT,
        settings.PUBLIC_URL,
        getattr(settings, "EGRESS_CA_FILE", ""),
    )


@lru_cache(maxsize=8)
def _policy(allow: Iterable[Network], host: str, port: int, public_url: str, ca_file: str) -> Policy:
    public = urlsplit(public_url)
    return Policy(tuple(allow), (host, port), f"{public.scheme}://{public.netloc}".lower(), ca_file)
