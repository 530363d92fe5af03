"""Where a call may go. Pure: nothing here resolves a name or opens a socket.

Checked three times: when a service is defined (``check_definition_url``, ``check_host_pattern``), when a call
is made (``destination``), and when a connection is opened, on every address the name resolves to
(``addresses_allowed``).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from outbound import hosts as names
from outbound.addresses import is_address_allowed, is_own_host
from outbound.errors import AddressNotAllowed, BadAddress, HostNotAllowed
from outbound.hosts import Origin
from outbound.policy import Address, Policy, policy

__all__ = [
    "BadAddress",
    "Destination",
    "Policy",
    "addresses_allowed",
    "check_definition_url",
    "check_host_pattern",
    "destination",
    "host_of",
    "is_address_allowed",
    "policy",
    "signed",
    "wire_cap",
]

BUILT_IN_PATHS = ("/practice/", "/api/v1/")
PUBLIC_URL = "{public_url}"
HEAD_BYTES = 256 * 1024
_PLACEHOLDER = re.compile(r"\{[a-z][a-z0-9_]*\}")
_DOT_SEGMENT = re.compile(r"(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\]|%2f|%5c)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that a service's calls may go to, in its one spelling. ``target`` is path and query."""

    origin: Origin
    target: str = field(repr=False)  # may carry a key
    is_builtin: bool = False

    @property
    def url(self) -> str:
        """What to sign and send; the percent-encoding of the target is as it was given."""
        return f"{self.origin}{self.target}"

    @property
    def scheme(self) -> str:
        return self.origin.scheme

    @property
    def host(self) -> str:
        return self.origin.host

    @property
    def port(self) -> int:
        return self.origin.port

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


def check_definition_url(url: str, *, is_builtin: bool = False, rules: Policy | None = None) -> None:
    """May a service name this URL? ``{variables}`` may stand in it. Raises BadAddress, a sentence."""
    rules = rules or policy()
    if is_builtin:
        url = url.replace(PUBLIC_URL, rules.public_origin)
    origin, target = names.split(_PLACEHOLDER.sub("x", url))
    if is_builtin:
        _check_built_in(origin, target, rules)
        return
    _check_host(origin.host, origin.port, rules)
    if origin.scheme == "http" and not rules.allow:
        raise BadAddress(
            "Use https: a token sent over http can be read on the way. "
            "Plain http is for private networks listed in EGRESS_ALLOW."
        )
    if origin.scheme == "http" and names.is_ip(origin.host) and not _is_in_allow(origin.host, rules):
        raise BadAddress("Begin with https://. That address is not in a network listed in EGRESS_ALLOW.")


def check_host_pattern(pattern: str, *, is_builtin: bool = False, rules: Policy | None = None) -> str:
    """The one spelling of ``name[:port]`` or ``*.name[:port]``, variables kept. Raises BadAddress."""
    rules = rules or policy()
    if is_builtin:
        return pattern
    is_wildcard, bare = pattern.startswith("*."), pattern.removeprefix("*.")
    placeholders = _PLACEHOLDER.findall(bare)
    host, port = names.split_authority(_PLACEHOLDER.sub("x", bare))
    _check_host(host, port, rules)
    if is_wildcard and names.is_ip(host):
        raise BadAddress("An address has no subdomains: leave out the *.")
    if placeholders:
        return pattern.lower()
    return ("*." if is_wildcard else "") + names.join(host, port)


def host_of(url: str) -> str:
    """The host pattern that covers a base URL: its host, and its port where that is not the scheme's own."""
    authority = re.match(r"[A-Za-z]+://([^/?#]*)", url)
    if authority is None:
        raise BadAddress("Write a whole address, such as https://api.example.com/v1.")
    if _PLACEHOLDER.search(authority[1]):
        return authority[1].lower()
    return names.split(url)[0].netloc


def destination(
    url: str, *, hosts: Sequence[str], is_builtin: bool = False, rules: Policy | None = None
) -> Destination:
    """The destination that a URL names, variables filled in. Raises HostNotAllowed or AddressNotAllowed."""
    rules = rules or policy()
    try:
        origin, target = names.split(url)
        if is_builtin:
            _check_built_in(origin, target, rules)
            return Destination(origin, target, is_builtin=True)
    except BadAddress as error:
        raise HostNotAllowed(f"That address is not one to call. {error}") from None
    if not any(_matches(pattern, origin) for pattern in hosts) or _is_ours(origin.host, origin.port, rules):
        raise HostNotAllowed
    if names.is_ip(origin.host) and not _is_in_allow(origin.host, rules):
        raise AddressNotAllowed
    if origin.scheme == "http" and not rules.allow:
        raise AddressNotAllowed("Plain http goes only to private networks listed in EGRESS_ALLOW.")
    return Destination(origin, target)


def signed(checked: Destination, url: str, *, rules: Policy | None = None) -> Destination:
    """The destination with what signing made of its URL: the origin stays. Raises HostNotAllowed."""
    if checked.is_builtin:
        return destination(url, hosts=(), is_builtin=True, rules=rules)
    try:
        origin, target = names.split(url)
    except BadAddress as error:
        raise HostNotAllowed(f"That address is not one to call. {error}") from None
    if origin != checked.origin:
        raise HostNotAllowed
    return Destination(origin, target)


def addresses_allowed(addresses: Iterable[Address], origin: Origin, rules: Policy) -> bool:
    """May a connection be opened to a name that resolves so? One bad answer refuses them all."""
    is_plain_http = origin.scheme == "http"
    return all(
        is_address_allowed(address, policy=rules, is_plain_http=is_plain_http)
        and not _is_ours(str(address), origin.port, rules)
        for address in addresses
    )


def wire_cap(max_bytes: int) -> int:
    """How many bytes an answer may take on the wire in all, with its head, sizes of chunks and trailers."""
    return 2 * max_bytes + HEAD_BYTES


def _check_host(host: str, port: int | None, rules: Policy) -> None:
    """``port`` None stands for both of http's own."""
    ports = names.DEFAULT_PORTS.values() if port is None else [port]
    if any(_is_ours(host, each, rules) for each in ports):
        raise BadAddress("That is Switchboard's own address, which only its built-in services may call.")
    if names.is_ip(host) and not _is_in_allow(host, rules):
        raise BadAddress("Write the host as a name. Addresses are for networks listed in EGRESS_ALLOW.")
    if names.is_local_name(host) and not any(_is_in_allow(ip, rules) for ip in ("127.0.0.1", "::1")):
        raise BadAddress(
            "That name means this very machine, which calls do not reach unless EGRESS_ALLOW says so."
        )


def _check_built_in(origin: Origin, target: str, rules: Policy) -> None:
    path = target.partition("?")[0]
    if origin != _own_origin(rules):
        raise BadAddress("A built-in service is called at PUBLIC_URL.")
    if not path.startswith(BUILT_IN_PATHS) or _DOT_SEGMENT.search(path):
        raise BadAddress("A built-in service is called below /practice/ and /api/v1/ only.")


def _is_in_allow(ip: str, rules: Policy) -> bool:
    return is_address_allowed(ip, policy=rules, is_plain_http=True)


def _own_origin(rules: Policy) -> Origin:
    return names.split(rules.public_origin)[0]


def _is_ours(host: str, port: int, rules: Policy) -> bool:
    """Does it name our own listener, by any of its names, or PUBLIC_URL's origin?"""
    public = _own_origin(rules)
    if (host, port) in {(public.host, public.port), rules.listener}:
        return True
    our_ports = {rules.listener[1], public.port} if _is_this_machine(public.host) else {rules.listener[1]}
    return port in our_ports and _is_this_machine(host)


@lru_cache(maxsize=1024)
def _is_this_machine(host: str) -> bool:
    return is_own_host(host) if names.is_ip(host) else names.is_local_name(host)


@lru_cache(maxsize=4096)
def _parsed(pattern: str) -> tuple[bool, str, int | None]:
    host, port = names.split_authority(pattern.removeprefix("*."))
    return pattern.startswith("*."), host, port


def _matches(pattern: str, origin: Origin) -> bool:
    """A pattern without a port stands for the scheme's own port."""
    try:
        is_wildcard, host, port = _parsed(pattern)
    except BadAddress:
        return False
    if origin.port != (names.DEFAULT_PORTS[origin.scheme] if port is None else port):
        return False
    return origin.host.endswith(f".{host}") if is_wildcard else origin.host == host
