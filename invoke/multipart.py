"""The parts of a multipart body as any service may see them, without copying it (RFC 2046 5.1.1). Pure.

What some services read in another way than others is refused: a field that is not seen here would be theirs.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from problems import InvalidInput

WINDOW_BYTES = 1024 * 1024  # searched at once, so that other threads have their turn
HEAD_BYTES = 8 * 1024
HEADS_BYTES = 2 * 1024 * 1024  # of all parts
VALUE_BYTES = 30  # as much of a value as anybody asks about
_DISPOSITION = re.compile(rb"^content-disposition[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(rb';[ \t]*([^\s;="]+)[ \t]*=[ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))')
# Wherever it stands: some readers know no quotes, others no backslash.
_ANY_NAME = re.compile(rb'(?=;[ \t]*name[ \t]*=[ \t]*(?:"([^"\r\n]*)|([^\s;"]+)))', re.IGNORECASE)
_ENCODED_NAME = re.compile(rb";[ \t]*name\*", re.IGNORECASE)  # RFC 5987, which RFC 7578 4.2 forbids in forms
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_MALFORMED = "The multipart body is malformed at a boundary."


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part stands, its headers, and the beginning of its value.

    ``has_value``: an empty line ends its headers.
    """

    start: int
    end: int
    head: bytes = field(repr=False)
    has_value: bool
    value: str = field(repr=False)

    def name(self) -> str:
        """Its name. Raises InvalidInput unless one disposition says it, and once."""
        dispositions = self._dispositions()
        names = [name for text in dispositions for name in _names(text)]
        if not self.has_value or len(dispositions) != 1 or len(names) != 1:
            raise InvalidInput("A part of the multipart body does not say its name exactly once.")
        return names[0]

    def names(self) -> set[str]:
        """Every name that any reader may find. Raises InvalidInput for one that is encoded."""
        dispositions = self._dispositions()
        loose = (quoted or plain for text in dispositions for quoted, plain in _ANY_NAME.findall(text))
        return {*(name for text in dispositions for name in _names(text)), *map(_decoded, loose)}

    def _dispositions(self) -> list[bytes]:
        dispositions = _DISPOSITION.findall(_FOLD.sub(b" ", self.head))
        if any(_ENCODED_NAME.search(text) for text in dispositions):
            raise InvalidInput("A part of the multipart body encodes its name (name*): send it in UTF-8.")
        return dispositions


def _names(disposition: bytes) -> list[str]:
    """As RFC 7578 and RFC 9110 5.6.6 read them: what stands in quotes is no parameter."""
    found = _PARAMETER.findall(disposition)
    return [
        _decoded(_ESCAPED.sub(rb"\1", quoted) or plain)
        for key, quoted, plain in found
        if key.lower() == b"name"
    ]


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "replace").strip(" '")


def parts_of(data: bytes, boundary: bytes, *, most: int) -> list[Part] | None:
    """The parts; ``None`` where there are more than ``most``, or their heads are very long.

    Raises InvalidInput for a body that does not end, or can be taken apart in more than one way.
    """
    marker = b"--" + boundary
    starts = _delimiters(data, marker, most + 1)
    if starts is None:
        return None
    if not starts or not data.startswith(b"--", starts[-1] + len(marker)):
        raise InvalidInput("The multipart body does not end with its boundary.")
    parts, heads = list[Part](), 0
    for start, following in pairwise(starts):
        part = _part(data, _line_end(data, start + len(marker)), following - len(b"\r\n"))
        parts.append(part)
        heads += len(part.head)
        if heads > HEADS_BYTES:
            return None
    return parts


def _delimiters(data: bytes, marker: bytes, most: int) -> list[int] | None:
    """Where lines begin with the marker."""
    found = [0] if data.startswith(marker) else []
    at, line = 0, b"\n" + marker
    while at < len(data):
        place = data.find(line, at, at + WINDOW_BYTES + len(line) - 1)
        if place < 0:
            at += WINDOW_BYTES
            continue
        if data[max(0, place - 1) : place] != b"\r":
            raise InvalidInput("A line of the multipart body does not end with CR LF before a boundary.")
        found.append(place + 1)
        if len(found) > most:
            return None
        at = place + len(line)
    return found


def _line_end(data: bytes, at: int) -> int:
    """Where a part begins, after the rest of its delimiter's line."""
    end = data.find(b"\r\n", at, at + HEAD_BYTES)
    if end < 0 or data[at:end].strip(b" \t"):
        raise InvalidInput(_MALFORMED)
    return end + len(b"\r\n")


def _part(data: bytes, start: int, end: int) -> Part:
    if start > end:
        raise InvalidInput(_MALFORMED)
    limit = min(end, start + HEAD_BYTES)
    blank = data.find(b"\r\n\r\n", start, limit)
    if blank < 0 and limit < end:
        raise InvalidInput("A part of the multipart body has no end of its headers, or very many.")
    value_at = limit if blank < 0 else blank + len(b"\r\n\r\n")
    value = data[value_at : min(end, value_at + VALUE_BYTES)].decode("latin-1")
    return Part(start, end, data[start : limit if blank < 0 else blank], blank >= 0, value)
