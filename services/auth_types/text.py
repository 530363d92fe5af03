"""Rules for text that ends up in a request: no control characters, header names that are tokens."""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_PLACEHOLDER_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")

# What no service definition may set: ours, the connection's, or the body's (RFC 9110 7.6.1).
HOP_HEADERS = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
TAKEN_HEADERS = HOP_HEADERS | {"host", "content-length", "content-encoding", "accept-encoding", "expect"}
TAKEN_PREFIXES = ("switchboard-", "x-forwarded-", "sec-")

NO_CONTROLS = "Remove the control character (a line break or a tab, perhaps)."


def has_controls(text: str) -> bool:
    """Does it hold a control character, a lone surrogate or a line separator?"""
    if text.isprintable():
        return False  # most texts, and much faster: a catalogue is read at every start
    return any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in text)


def is_header_name(name: str) -> bool:
    return bool(_TOKEN.fullmatch(name))


def header_name_problem(name: str) -> str:
    """Why this cannot be a header that a service adds; empty where it can."""
    lowered = name.lower()
    if not is_header_name(name):
        return "A header’s name is letters, digits and hyphens, such as X-Api-Key."
    if lowered in TAKEN_HEADERS or lowered.startswith(TAKEN_PREFIXES):
        return f"{name} is set by Switchboard itself; choose another header."
    return ""


def is_placeholder_name(name: str) -> bool:
    """May it stand between braces in a URL?"""
    return bool(_PLACEHOLDER_NAME.fullmatch(name))


def parts_of(url: str) -> SplitResult:
    """A URL's parts; none for what cannot be split, of which the check of addresses tells."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Pairs added to what the URL has, a space as %20: not every reader takes a + for one."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode(list(pairs), quote_via=quote)]))
    return urlunsplit(parts._replace(query=query))


def trimmed(text: object, limit: int = 200) -> str:
    """What an endpoint said, fit to be shown: printable, one line, at most ``limit`` characters."""
    shown = "".join(c if c.isprintable() else " " for c in text) if isinstance(text, str) else ""
    return " ".join(shown.split())[:limit]
