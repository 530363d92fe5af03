"""Taking secrets out of what somebody else said, in whatever spelling they said them back."""

import base64
import html
import json
import string
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from vault.secret import Secret

MARK = "***"
PIECE = 12  # characters of a secret in a row: what is said of it may be cut off
_SHORTEST = 4  # a secret that is shorter is no secret, and blanking it would blank words
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_URL_SAFE = str.maketrans("+/", "-_")


def blank(text: str, secrets: Iterable[Secret]) -> str:
    """The text with each run of characters blanked that a secret, or an encoding of it, holds too."""
    folded = text.translate(_LOWER)
    covered = [False] * len(text)
    for secret in secrets:
        for spelling in _spellings(secret.reveal()):
            _cover(covered, folded, spelling.translate(_LOWER))
    return "".join(_kept(text, covered))


def _cover(covered: list[bool], text: str, spelling: str) -> None:
    width = min(PIECE, len(spelling))
    if width < _SHORTEST:
        return
    for start in range(len(text) - width + 1):
        if text[start : start + width] in spelling:
            covered[start : start + width] = [True] * width


def _kept(text: str, covered: list[bool]) -> Iterator[str]:
    for index, character in enumerate(text):
        if not covered[index]:
            yield character
        elif index == 0 or not covered[index - 1]:
            yield MARK


def _spellings(secret: str) -> set[str]:
    """As it stands, on one line, quoted for URLs, JSON and HTML, in hex, and in base64 at each alignment."""
    raw = secret.encode("utf-8", "replace")
    found = {secret, " ".join(secret.split()), raw.hex(), html.escape(secret), json.dumps(secret)[1:-1]}
    found |= {quote(raw), quote(raw, safe=""), quote_plus(raw)}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        # What lies wholly within the secret: its first and last characters share bits with neighbours.
        inner = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        found |= {inner, inner.translate(_URL_SAFE)}
    return found
