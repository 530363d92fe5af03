"""JSON that others wrote (RFC 8259): bounded in depth, and checked without the interpreter's lock, however
long it is.

RE2 holds two expressions against the text, in linear time: one for what may stand beside what, one for what
may stand in what. The latter knows a few levels of nesting; what is deeper is walked through with a stack of
our own, never by recursion.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn

import re2

DEEPEST = 100  # arrays and objects in each other
READ_AT_ONCE_BYTES = 32 * 1024  # read at once: the worst of them take a few milliseconds
_AT_ONCE = 6  # levels that an expression knows; each makes it twice as long
_MOST_STEPS = 250_000  # between what is deeper than that: a second or two, and more than documents need

_SPACE = rb"[ \t\n\r]*"
_STRING = rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_SCALAR = b"(?:%b|%b|true|false|null)" % (_STRING, _NUMBER)
_KEY = b"%b%b:%b" % (_STRING, _SPACE, _SPACE)
_SPACES = re.compile(rb"[ \t\n\r]{0,65536}")
_CLOSINGS = re.compile(rb"(?:[\]}][ \t\n\r]*){1,101}")
_NOT_OPENERS = bytes(set(range(256)) - set(b"[{"))
_AS_CLOSERS = bytes.maketrans(b"[{", b"]}")
_PLAIN = rb'"[^"\\\x00-\x1f\[{]{0,100}"%b:%b' % (_SPACE, _SPACE)  # a key as most are, without brackets in it
_PLAIN_KEY = re.compile(_PLAIN)
_OPENINGS = re.compile(rb"(?:\[%b|\{%b%b){1,101}" % (_SPACE, _SPACE, _PLAIN))
_BLANK = ord(" ")
_OPENED_BRACE, _BRACKET, _BRACE, _COMMA = b"{]},"


class NotJson(ValueError):
    """The text is not JSON."""


class TooDeep(NotJson):
    """It may be JSON, and is nested deeper than anybody needs, or deeply in too many places."""


@dataclass(frozen=True, slots=True)
class Long:
    """An array or object too long to be read at once. It was checked; its parts are read one by one."""

    raw: bytes = field(repr=False)

    @property
    def is_object(self) -> bool:
        return self.raw.startswith(b"{")

    def entries(self) -> Iterator[tuple[str, Any]]:
        """An object's members, values as ``read_in_parts`` has them; of a name that is there twice both."""
        at = _after_space(self.raw, 1)
        while self.raw[at] != _BRACE:
            value_at = _after_key(self.raw, at)
            name = _loaded(self.raw[at:value_at].rstrip(b" \t\r\n").removesuffix(b":").decode())
            end = _end_of_value(self.raw, value_at)
            yield name, _part(self.raw[value_at:end])
            at = _after_comma(self.raw, end)

    def items(self) -> Iterator[Any]:
        """An array's items, alike."""
        at = _after_space(self.raw, 1)
        while self.raw[at] != _BRACKET:
            end = _end_of_value(self.raw, at)
            yield _part(self.raw[at:end])
            at = _after_comma(self.raw, end)


def read(data: bytes) -> Any:
    """The value, read at once. Raises NotJson and TooDeep."""
    text = _decoded(data)
    if text.count("[") + text.count("{") > DEEPEST:
        check(text.encode())
    return _loaded(text)


def read_in_parts(data: bytes) -> Any:
    """The value, or a ``Long`` where reading it at once would take long. Raises NotJson and TooDeep."""
    if len(data) <= READ_AT_ONCE_BYTES:
        return read(data)
    data = _decoded(data).encode()
    check(data)
    return _part(data[_after_space(data, 0) :])


def prepare() -> None:
    """Make the expressions, which takes some milliseconds once."""
    for kind in ("neighbours", "key"):
        _expression(kind)
    for kind in ("value", "items", "members"):
        _expression(kind, _AT_ONCE)


def check(data: bytes) -> None:
    """Is it JSON, in UTF-8? Raises NotJson and TooDeep."""
    start = _after_space(data, 0)
    if not _expression("neighbours").fullmatch(data, start) or _end_of_value(data, start) != len(data):
        raise NotJson


def quoted(text: str) -> Iterator[bytes]:
    """The text as JSON writes it, in pieces."""
    yield b'"'
    for at in range(0, len(text), READ_AT_ONCE_BYTES):
        yield json.dumps(text[at : at + READ_AT_ONCE_BYTES], ensure_ascii=False)[1:-1].encode()
    yield b'"'


def _decoded(data: bytes) -> str:
    try:
        return data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        raise NotJson from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def _loaded(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except ValueError:
        raise NotJson from None


def _part(raw: bytes) -> Any:
    is_long = len(raw) > READ_AT_ONCE_BYTES and raw[:1] in {b"[", b"{"}
    return Long(raw) if is_long else _loaded(raw.decode())


def _end_of_value(data: bytes, at: int) -> int:
    """Where the value that begins here, and the space behind it, end. Raises NotJson and TooDeep."""
    owed = bytearray()  # the closing brackets, innermost last
    try:
        for _ in range(_MOST_STEPS):
            found = _expression("value", min(_AT_ONCE, DEEPEST - len(owed))).match(data, at)
            if found is None:
                at = _over_openings(data, at, owed)
                continue
            at = _over_closings(data, found.end(), owed)
            if not owed:
                return at
            if data[at] != _COMMA:
                raise NotJson
            at = _over_siblings(data, at + 1, owed)
    except IndexError:  # it breaks off
        raise NotJson from None
    raise TooDeep


def _over_openings(data: bytes, at: int, owed: bytearray) -> int:
    """Into the containers that begin here, as far as the innermost one's first value."""
    found = _OPENINGS.match(data, at)
    if found is None:
        return _into_object(data, at, owed)
    at = found.end()
    owed += found[0].translate(_AS_CLOSERS, _NOT_OPENERS)
    if len(owed) > DEEPEST:
        raise TooDeep
    if owed[-1] == _BRACKET and data[at] == _BRACKET:  # it is empty, and a value for an expression
        owed.pop()
        at = data.rindex(b"[", found.start(), at)
    return at


def _into_object(data: bytes, at: int, owed: bytearray) -> int:
    """Into an object whose first name is an unusual one."""
    if data[at] != _OPENED_BRACE:
        raise NotJson
    owed.append(_BRACE)
    if len(owed) > DEEPEST:
        raise TooDeep
    return _after_key(data, _after_space(data, at + 1))


def _over_closings(data: bytes, at: int, owed: bytearray) -> int:
    """Out of the containers that end here, as long as they were opened here."""
    found = _CLOSINGS.match(data, at)
    closed = found[0].translate(None, b" \t\n\r") if found else b""
    if found and closed and owed.endswith(closed[::-1]):
        del owed[-len(closed) :]
        return found.end()
    while owed and data[at] == owed[-1]:
        owed.pop()
        at = _after_space(data, at + 1)
    return at


def _over_siblings(data: bytes, at: int, owed: bytearray) -> int:
    """From behind a comma over all values but the last or a deep one, to where that one begins."""
    kind = "members" if owed[-1] == _BRACE else "items"
    found = _expression(kind, min(_AT_ONCE, DEEPEST - len(owed))).match(data, at)
    at = found.end() if found else at
    return _after_key(data, at) if kind == "members" else at


def _after_space(data: bytes, at: int) -> int:
    while at < len(data) and data[at] <= _BLANK:
        found = _SPACES.match(data, at)
        if found is None or found.end() == at:
            break
        at = found.end()
    return at


def _after_comma(data: bytes, end: int) -> int:
    return _after_space(data, end + 1) if data[end] == _COMMA else end


def _after_key(data: bytes, at: int) -> int:
    found = _PLAIN_KEY.match(data, at) or _expression("key").match(data, at)
    if found is None:
        raise NotJson
    return int(found.end())


@cache
def _expression(kind: str, levels: int = 0) -> Any:
    """``neighbours``: what may stand beside what, with no regard to nesting. ``value``: one of at most so
    many levels, with no regard to commas; ``items`` and ``members``: such before commas. Each takes the
    space behind it along.
    """
    value = _value(levels)
    opened = rb"(?:[\[{]%b|%b)*" % (_SPACE, _KEY)
    closed = rb"(?:[\]}]%b)*" % _SPACE
    beside = rb"%b(?:%b|\[%b\]|\{%b\})%b%b" % (opened, _SCALAR, _SPACE, _SPACE, _SPACE, closed)
    text = {
        "neighbours": b"(?:%b,%b)*%b" % (beside, _SPACE, beside),
        "value": value,
        "items": b"%b(?:%b,%b)*" % (_SPACE, value, _SPACE),
        "members": b"%b(?:%b%b,%b)*" % (_SPACE, _KEY, value, _SPACE),
        "key": _KEY,
    }
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes
    options.never_capture = True
    options.log_errors = False
    return re2.compile(text[kind], options)


def _value(levels: int) -> bytes:
    text = _SCALAR + _SPACE
    for _ in range(levels):
        items = rb"\[%b(?:%b(?:,%b)?)*\]" % (_SPACE, text, _SPACE)
        members = rb"\{%b(?:%b%b(?:,%b)?)*\}" % (_SPACE, _KEY, text, _SPACE)
        text = b"(?:%b|%b|%b)%b" % (_SCALAR, items, members, _SPACE)
    return text
