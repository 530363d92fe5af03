"""Which headers travel on, in each direction. Pure."""

import re
from collections.abc import Iterable, Mapping

from outbound.errors import UpstreamInvalid
from problems import InvalidInput

RawPairs = list[tuple[bytes, bytes]]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RAW_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_RAW_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"}
)
_NOT_THE_CALLERS = HOP_BY_HOP | {
    *("authorization", "cookie", "cookie2", "host", "expect", "content-length", "accept-encoding"),
    *("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"),
    *("x-original-url", "x-rewrite-url"),
}
_NOT_THE_CALLERS_PREFIXES = ("proxy-", "x-forwarded-", "switchboard-")
_NOT_THE_SERVICES = frozenset(
    name.encode()
    for name in HOP_BY_HOP
    | {"set-cookie", "set-cookie2", "content-security-policy", "x-content-type-options", "proxy-connection"}
    | {"proxy-authenticate", "proxy-authentication-info", "proxy-authorization"}
)
SET_COOKIE_NAME = b"switchboard-set-cookie"
OURS = [(b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff")]


def canonical(name: str) -> str:
    """A header's name as servers that turn ``-`` into ``_`` tell it apart."""
    return name.lower().replace("_", "-")


def of_caller(
    pairs: Iterable[tuple[str, str]], reserved: frozenset[str], own_cookies: frozenset[str] | None = None
) -> list[tuple[str, str]]:
    """The caller's end-to-end headers, less what is not theirs to set. ``reserved``: canonical names.

    ``own_cookies``: names of ours, which stay here while the caller's other cookies travel on; without it
    none does. Raises InvalidInput for a name that is no RFC 9110 token and for a value with control
    characters.
    """
    kept, named = [], set[str]()
    for name, value in pairs:
        if not _TOKEN.match(name):
            raise InvalidInput("A header's name holds characters that HTTP does not allow.")
        if _BAD_VALUE.search(value):
            raise InvalidInput(f"The header {name} holds a control character.")
        plain = canonical(name)
        if plain == "connection":
            named.update(canonical(part.strip()) for part in value.split(","))
        if plain == "cookie" and own_cookies is not None and plain not in reserved:
            kept += [(name, left) for left in [_without_cookies(value, own_cookies)] if left]
            continue
        if plain in _NOT_THE_CALLERS or plain in reserved or plain.startswith(_NOT_THE_CALLERS_PREFIXES):
            continue
        kept.append((name, value))
    return [pair for pair in kept if canonical(pair[0]) not in named] if named else kept


def _without_cookies(value: str, names: frozenset[str]) -> str:
    """A Cookie header less the cookies of these names (RFC 6265 4.2.1)."""
    parts = [part.strip() for part in value.split(";")]
    return "; ".join(part for part in parts if part and part.partition("=")[0].strip() not in names)


def lacking(pairs: Iterable[tuple[str, str]], defaults: Mapping[str, str]) -> list[tuple[str, str]]:
    """The defaults whose names are not among the pairs'."""
    named = {canonical(name) for name, _ in pairs}
    return [(name, value) for name, value in defaults.items() if canonical(name) not in named]


def check_value(name: str, value: str) -> None:
    """A credential's header must be one line. Raises InvalidInput, and never quotes the value."""
    if _BAD_VALUE.search(value) or not _TOKEN.match(name):
        raise InvalidInput(
            "The stored credential holds a control character, so it cannot travel in a header.",
            hint="Enter the credential again on the connection's page.",
        )


def accept_encoding(pairs: Iterable[tuple[str, str]]) -> str:
    """What to offer the service: gzip where the caller offers it, and nothing that we may not pass on."""
    for name, value in pairs:
        if name.lower() != "accept-encoding":
            continue
        for offer in value.lower().split(","):
            coding, _, weight = offer.partition(";")
            if coding.strip() in {"gzip", "x-gzip", "*"} and not _is_zero(weight):
                return "gzip"
    return "identity"


def _is_zero(weight: str) -> bool:
    name, _, value = weight.partition("=")
    return name.strip() == "q" and value.strip().rstrip("0").rstrip(".") in {"", "0"}


def of_service(raw: Iterable[tuple[bytes, bytes]], status: int, *, passes_cookies: bool = False) -> RawPairs:
    """The service's end-to-end headers in lower case, and ours. Raises UpstreamInvalid.

    ``passes_cookies``: what it would set is told, under a name that no browser acts on.
    """
    kept, named = list[tuple[bytes, bytes]](), set[bytes]()
    bodiless = status in {204, 304}
    for raw_name, value in raw:
        name = raw_name.lower()
        if name == b"connection":
            named.update(part.strip().lower() for part in value.split(b","))
        is_cookie = passes_cookies and name == b"set-cookie"
        if not is_cookie and (name in _NOT_THE_SERVICES or name.startswith(b"switchboard-")):
            continue
        if bodiless and name == b"content-length":
            continue
        if not _RAW_TOKEN.match(name) or _RAW_BAD_VALUE.search(value):
            raise UpstreamInvalid("The service's answer has a header that is not valid HTTP.")
        kept.append((SET_COOKIE_NAME if is_cookie else name, value))
    if named:
        kept = [pair for pair in kept if pair[0] not in named]
    return kept + OURS


def with_our_name(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """With a User-Agent where the caller names none: some APIs refuse requests without."""
    return pairs if value_of(pairs, "user-agent") else (("User-Agent", "Switchboard"), *pairs)


def value_of(pairs: Iterable[tuple[str, str]], name: str) -> str:
    """The first header of that name (in lower case), or nothing."""
    return next((value for key, value in pairs if key.lower() == name), "")
