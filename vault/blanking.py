"""Taking secrets out of what somebody else said, in whatever spelling they said them back."""

import base64
import html
import json
import re
import string
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import quote, quote_plus, unquote

from vault.secret import Secret

MARK = "***"
PIECE = 10  # characters of a secret in a row: what is said of it may be cut off
HIDDEN_PIECE = 12  # letters and digits in a row, behind another spelling than those that are known
_SHORTEST = 4  # a secret that is shorter is no secret, and blanking it would blank words
_ROUNDS = 4  # of decoding
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_URL_SAFE = str.maketrans("+/", "-_")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_SIGNS = re.compile(r"[^0-9a-z]+")


class Pieces:
    """Runs of characters, by their length."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._of: dict[int, set[str]] = {}

    def add(self, text: str) -> None:
        width = min(self._width, len(text))
        if width >= _SHORTEST:
            self._of.setdefault(width, set()).update(_runs(text, width))

    def found_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Where they are: beginning and end."""
        for width, runs in self._of.items():
            for start, run in enumerate(_runs(text, width)):
                if run in runs:
                    yield start, start + width


class Blanker:
    """``blank(text)``: the text without what some secrets, or encodings of them, hold too.

    Made once for all the texts of an exchange, and at work only once there is one. A text that hides a
    secret otherwise is blanked whole.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._secrets = set(secrets)

    @cached_property
    def _pieces(self) -> tuple[Pieces, Pieces]:
        """As they are spelt, and by their letters and digits alone."""
        plain, squeezed = Pieces(PIECE), Pieces(HIDDEN_PIECE)
        for secret in self._secrets:
            for spelling in _spellings(secret.reveal()):
                plain.add(spelling.translate(_LOWER))
                squeezed.add(_squeeze(spelling))
        return plain, squeezed

    def __call__(self, text: str) -> str:
        plain, squeezed = self._pieces
        covered = [False] * len(text)
        for start, end in plain.found_in(text.translate(_LOWER)):
            covered[start:end] = [True] * (end - start)
        blanked = "".join(_kept(text, covered))
        is_hidden = any(True for each in _decodings(blanked) for _ in squeezed.found_in(_squeeze(each)))
        return MARK if is_hidden else blanked


def blank(text: str, secrets: Iterable[Secret]) -> str:
    """The same for one text."""
    return Blanker(secrets)(text)


def _runs(text: str, width: int) -> Iterator[str]:
    return (text[start : start + width] for start in range(len(text) - width + 1))


def _kept(text: str, covered: list[bool]) -> Iterator[str]:
    for index, character in enumerate(text):
        if not covered[index]:
            yield character
        elif index == 0 or not covered[index - 1]:
            yield MARK


def _squeeze(text: str) -> str:
    """Its letters and digits alone: whatever stands between them."""
    return _SIGNS.sub("", text.translate(_LOWER))


def _decodings(text: str) -> Iterator[str]:
    """The text, and what it says once escapes of URLs, HTML and JSON are undone, again and again."""
    for _ in range(_ROUNDS):
        yield text
        decoded = _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), html.unescape(unquote(text)))
        if decoded == text:
            return
        text = decoded


def _spellings(secret: str) -> set[str]:
    """As it stands, on one line, quoted for URLs, JSON, HTML, in hex, base32, and base64 once and twice."""
    raw = secret.encode("utf-8", "replace")
    found = {secret, " ".join(secret.split()), html.escape(secret), json.dumps(secret)[1:-1]}
    found |= {
        quote(raw),
        quote(raw, safe=""),
        quote_plus(raw),
        raw.hex(),
        base64.b32encode(raw).decode()[:-8],
    }
    for once in _in_base64(raw):
        found |= {once, once.translate(_URL_SAFE), *_in_base64(once.encode())}
    return found


def _in_base64(raw: bytes) -> Iterator[str]:
    """At each alignment, as far as it lies wholly within: the ends share bits with their neighbours."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        yield encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
