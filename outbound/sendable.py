"""What HTTP can carry: methods and headers, checked before a byte is sent."""

import re

from outbound.errors import UnsendableRequest

Pairs = tuple[tuple[str, str], ...]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_FRAMING = frozenset({"host", "connection", "transfer-encoding", "expect", "upgrade"})  # ours to say


def check_method(method: str) -> None:
    """Raises UnsendableRequest."""
    if not _TOKEN.fullmatch(method):
        raise UnsendableRequest("The method is not one that HTTP can carry.")


def sendable(headers: Pairs, *, keeps_length: bool) -> list[tuple[str, str]]:
    """The headers without those that frame the message. Raises UnsendableRequest."""
    pairs: list[tuple[str, str]] = []
    spelling: dict[str, str] = {}  # aiohttp keeps repeated headers only where they are spelt alike
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise UnsendableRequest("The name of a header holds characters that HTTP does not allow there.")
        if _UNSENDABLE.search(value):
            raise UnsendableRequest(f"The value of the header {name} holds control characters.")
        lower = name.lower()
        if lower == "content-length":
            _check_length(value, is_repeated=lower in spelling)
        if lower not in _FRAMING and (keeps_length or lower != "content-length"):
            pairs.append((spelling.setdefault(lower, name), value))
    return pairs


def _check_length(value: str, *, is_repeated: bool) -> None:
    if is_repeated or not (value.isascii() and value.isdigit()):
        raise UnsendableRequest("Content-Length is not one whole number.")
