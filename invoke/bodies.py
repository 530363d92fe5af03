"""Form bodies: reading their fields, and adding the credential's own to them. Pure, on bytes."""

import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus, unquote_plus, unquote_to_bytes

from invoke import multipart
from invoke.asks import FORM_METHODS, Pairs
from invoke.errors import PayloadTooLarge
from outbound import parameters
from problems import InvalidInput

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
FORM_BYTES = 2 * 1024 * 1024  # of a form that carries a credential or is signed
MULTIPART_BYTES = 20 * 1024 * 1024  # alike
MOST_FIELDS = 10_000  # in either
_PIECE_BYTES = 32 * 1024
NO_PLACE = (
    "The credential of this connection travels in a form, and this request has none: send a form or "
    "multipart body with POST, PUT or PATCH."
)


def media_type(content_type: str) -> str:
    """The type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def fields_of(data: bytes, content_type: str) -> Pairs | None:
    """The decoded fields of an urlencoded body; ``None`` for any other. Raises PayloadTooLarge."""
    if media_type(content_type) != URLENCODED:
        return None
    _check_number(data)
    parts = (part.partition("=") for part in data.decode("utf-8", "replace").split("&") if part)
    return tuple((_unquoted(name), _unquoted(value)) for name, _, value in parts)


def without(text: str, names: frozenset[str]) -> str:
    """An urlencoded text less the fields of these names, however they are encoded; the rest untouched.

    ``names`` in lower case: a service that does not tell cases apart would take either.
    """
    if not names or not text:
        return text
    return "&".join(part for part in text.split("&") if _name_of(part) not in names)


def lacking(text: str, pairs: Mapping[str, str]) -> list[tuple[str, str]]:
    """The pairs whose names an urlencoded text does not have, in either case."""
    named = {_name_of(part) for part in text.split("&")}
    return [(name, value) for name, value in pairs.items() if name.lower() not in named]


def _name_of(pair: str) -> str:
    """What tells it from other pairs of an urlencoded text, in lower case."""
    return _unquoted(pair.partition("=")[0]).strip().lower()


def _unquoted(text: str) -> str:
    """As ``unquote_plus``, but long texts piece by piece."""
    if len(text) <= _PIECE_BYTES:
        return unquote_plus(text)
    data = text.replace("+", " ").encode("utf-8", "surrogateescape")
    decoded, start = list[bytes](), 0
    while start < len(data):
        end = start + _PIECE_BYTES
        end -= 1 + data[end - 2 : end][::-1].find(b"%") if b"%" in data[end - 2 : end] else 0
        decoded.append(unquote_to_bytes(data[start:end]))
        start = end
    return b"".join(decoded).decode("utf-8", "replace")


def joined(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    """An urlencoded text with pairs added at its end."""
    added = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    return f"{text}&{added}" if text and added else text or added


def urlencoded(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The pairs as a form, long values piece by piece."""
    return b"&".join(_quoted_plus(name) + b"=" + _quoted_plus(value) for name, value in pairs)


def _quoted_plus(text: str) -> bytes:
    if len(text) <= _PIECE_BYTES:
        return quote_plus(text).encode()
    data = text.encode()
    pieces = (data[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES))
    return b"".join(quote_plus(piece).encode() for piece in pieces)


def _check_number(data: bytes) -> None:
    if data.count(b"&") >= MOST_FIELDS:
        raise too_many_fields()


def too_many_fields() -> PayloadTooLarge:
    """More fields than a form may have that is taken apart."""
    return PayloadTooLarge(
        f"A form that carries a credential or is signed has at most {MOST_FIELDS:,} fields.",
        hint="Send it in several requests.",
    )


def becomes_form(method: str, data: bytes) -> bool:
    """Would an empty body of this request become a form?"""
    return method in FORM_METHODS and not data


def with_credential(
    method: str, data: bytes, content_type: str, credential: Pairs, reserved: frozenset[str]
) -> tuple[bytes, str]:
    """The body and content type with the credential in the form.

    Raises InvalidInput where there is no form, and PayloadTooLarge for one of too many fields.
    """
    if becomes_form(method, data):
        return joined("", credential).encode(), URLENCODED
    kind = media_type(content_type)
    if kind == URLENCODED and method in FORM_METHODS:
        _check_number(data)
        text = without(data.decode("utf-8", "surrogateescape"), reserved)
        return joined(text, credential).encode("utf-8", "surrogateescape"), content_type
    if kind == MULTIPART and method in FORM_METHODS:
        return _with_parts(data, content_type, credential, reserved), content_type
    raise InvalidInput(NO_PLACE)


def _with_parts(data: bytes, content_type: str, credential: Pairs, reserved: frozenset[str]) -> bytes:
    boundary = boundary_of(content_type)
    parts = multipart.parts_of(data, boundary, most=MOST_FIELDS)
    if parts is None:
        raise too_many_fields()
    kept = [data[part.start : part.end] for part in parts if not _is_reserved(part, reserved)]
    return assemble([*kept, *(text_part(name, value) for name, value in credential)], boundary)


def _is_reserved(part: multipart.Part, reserved: frozenset[str]) -> bool:
    part.name()
    return not reserved.isdisjoint(name.strip().lower() for name in part.names())


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart type. Raises InvalidInput where it has none."""
    boundary = parameters.boundary_of(content_type)
    if not boundary:
        raise InvalidInput("The multipart body's Content-Type names no boundary.")
    return boundary.encode("utf-8", "replace")


def text_part(name: str, value: str, content_type: str = "") -> bytes:
    """A plain field as a part."""
    typed = f"\r\nContent-Type: {content_type}" if content_type else ""
    return f'Content-Disposition: form-data; name="{_quoted(name)}"{typed}\r\n\r\n{value}'.encode()


def file_part(name: str, filename: str, content_type: str, content: bytes) -> bytes:
    """A file as a part."""
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"; filename="{_quoted(filename)}"'
    return f"{head}\r\nContent-Type: {content_type}\r\n\r\n".encode() + content


def _quoted(text: str) -> str:
    """A name inside quotes, as the HTML standard writes it: quotes and line ends percent-encoded."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def assemble(parts: list[bytes], boundary: bytes) -> bytes:
    """A multipart body of these parts."""
    opened = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return opened + b"--" + boundary + b"--\r\n"


def new_boundary() -> bytes:
    """A boundary that no content holds by chance."""
    return b"switchboard-" + secrets.token_hex(16).encode()
