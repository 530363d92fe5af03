"""One spelling for a host, and for the parts of a URL."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

from outbound.errors import BadAddress

DEFAULT_PORTS = {"https": 443, "http": 80}
REFUSED_PORTS = frozenset({0, 22, 25, 6379})  # ssh, mail and redis: a request there is read as commands

# Not urllib's parser: it takes out tabs and line breaks without a word, and lets backslashes pass.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)(/[^?#]*)?(\?[^#]*)?(#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]{1,5}))?")
_UNSENDABLE = re.compile(r"[^\x21-\x7e]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (ASCII, lower case, no trailing dot, no brackets) and port."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """As in a Host header: brackets around IPv6, the scheme's own port left out."""
        return join(self.host, None if self.port == DEFAULT_PORTS[self.scheme] else self.port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def split(url: str) -> tuple[Origin, str]:
    """The origin and the target (path and query, encoding untouched). Raises BadAddress."""
    match = _URL.fullmatch(url)
    if match is None:
        raise BadAddress("Write a whole address, such as https://api.example.com/v1.")
    scheme, authority, path, query, fragment = match.groups()
    if fragment is not None:
        raise BadAddress("Leave out the # and what follows it: that part is never sent.")
    target = (path or "/") + ("" if query == "?" else query or "")  # aiohttp drops an empty query
    if _UNSENDABLE.search(target):
        raise BadAddress("Percent-encode spaces, control characters and letters beyond ASCII in the path.")
    return origin(scheme.lower(), authority), target


@lru_cache(maxsize=1024)
def origin(scheme: str, authority: str) -> Origin:
    """The origin in its one spelling. Raises BadAddress."""
    if scheme not in DEFAULT_PORTS:
        raise BadAddress("Begin the address with https://.")
    host, port = split_authority(authority)
    return Origin(scheme, host, DEFAULT_PORTS[scheme] if port is None else port)


def split_authority(authority: str) -> tuple[str, int | None]:
    """Host and port of ``host[:port]``. Raises BadAddress."""
    if "@" in authority:
        raise BadAddress("Leave out the user name and password before the @: they are asked when connecting.")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise BadAddress("Write the host as a name with an optional port, such as api.example.com:8443.")
    port = None if match[2] is None else int(match[2])
    if port is not None and (port in REFUSED_PORTS or port > 65535):
        raise BadAddress(f"Port {port} is not one that calls may go to.")
    return normalise(match[1]), port


def join(host: str, port: int | None) -> str:
    """``host[:port]``, IPv6 in brackets."""
    text = f"[{host}]" if ":" in host else host
    return text if port is None else f"{text}:{port}"


def normalise(host: str) -> str:
    """The host in ASCII and lower case, addresses in their one spelling. Raises BadAddress."""
    if host.startswith("["):
        return _ipv6(host[1:-1])
    if len(host) > 254:
        raise BadAddress("That host name is longer than a name can be.")
    name = (host if host.isascii() else _idna(host)).lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress("That is not a host name. Write it like api.example.com, without spaces or signs.")
    return _ipv4(name) if _NUMERIC.fullmatch(labels[-1]) else name


def is_ip(host: str) -> bool:
    """Is a normalised host an address rather than a name?"""
    return ":" in host or host.rpartition(".")[2].isdigit()


def is_local_name(host: str) -> bool:
    """Does the name mean this machine, whatever a name server says (RFC 6761 6.3)?"""
    return host == "localhost" or host.endswith(".localhost")


def _ipv6(text: str) -> str:
    if "%" in text:
        raise BadAddress("An address with a zone (the part after %) is not reached from here.")
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise BadAddress("What stands between [ and ] is not an IPv6 address.") from None


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))  # four decimal numbers; the octal, hex and short forms are refused
    except AddressValueError:
        raise BadAddress("Write an IPv4 address as four decimal numbers, such as 10.1.2.3.") from None


def _idna(host: str) -> str:
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise BadAddress("That host name holds characters that no domain has.") from None
