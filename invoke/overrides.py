"""Ways to name another method than the request's own, which frameworks heed: gone where methods are narrowed.

They stand in headers, the query and forms. A JSON body passes as it is: what its members mean is the
service's own business (``method`` is a word of JSON-RPC's, too), and a batch in JSON may hold requests of any
method, so that little would be gained; where a service takes such, its paths are what to narrow.
"""

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote_plus

from invoke import aside, bodies, charsets, headers, multipart, streams
from invoke.asks import Body
from invoke.errors import PayloadTooLarge
from invoke.streams import Bound
from outbound.parameters import parameters
from problems import InvalidInput

Headers = list[tuple[str, str]]

LONGEST = 300  # characters of a name that are looked at, blanks before it aside
UNTYPED = "application/octet-stream"  # what a service may take a body without a type for (RFC 9110 8.3)
_NAME = re.compile(r"(?:_|x_)(?:http_?)?method(?:_?override)?|(?:http_?)?method_?override")
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})  # as the value of a plain ``method``
_BLANKS = re.compile(r"(?:[+\s]|%20|%09|%0a|%0d)*", re.IGNORECASE)
_METHOD = re.compile(
    r"(?:m|%[46]d)(?:e|%[46]5)(?:t|%[57]4)(?:h|%[46]8)(?:o|%[46]f)(?:d|%[46]4)", re.IGNORECASE
)  # the word in any percent-encoding: every name holds it
_LIKE_ASCII = frozenset({"utf-8", "windows-1252"})  # the latter is what the web takes Latin 1 and ASCII for


def is_override(name: str, value: str = "") -> bool:
    """Does a header, query key or field of this name and value ask for another method?

    Servers turn dots, blanks and brackets of a name into ``_``, and some drop what follows a NUL.
    """
    plain = re.sub(r"[^a-z0-9]", "_", name.partition("\x00")[0].strip().lower()).rstrip("_")
    if plain == "method":
        return value.strip().upper() in _WRITES
    return _NAME.fullmatch(plain) is not None


def remove_from_headers(pairs: Headers) -> Headers:
    """The headers that name no other method. Raises InvalidInput where it is open which body type counts."""
    kept = [pair for pair in pairs if not is_override(pair[0])]
    if len(_named(kept, "content-type")) > 1:
        raise InvalidInput("The request names its Content-Type twice.")
    return kept


def remove_from_query(text: str) -> str:
    """The query without keys that name another method, however they are encoded; the rest untouched."""
    parts = (_remove_from_part(part) for part in text.split("&"))
    return "&".join(part for part in parts if part is not None)


def _remove_from_part(text: str) -> str | None:
    """What is left between two ``&``, of which some servers take each ``;`` for one; ``None``: nothing."""
    kept = [pair for pair in text.split(";") if not _is_override_pair(pair)]
    return ";".join(kept) if kept else None


def _is_override_pair(pair: str) -> bool:
    name, _, value = pair.partition("=")
    name = (_BLANKS.sub("", name, count=1) if name[:1] in {"+", "%", " "} else name)[:LONGEST]
    return bool(_METHOD.search(name)) and is_override(unquote_plus(name), unquote_plus(value[:LONGEST]))


def type_untyped(pairs: Headers, body: Body) -> Headers:
    """A body without a type is named as one of bytes, since some services would take it for a form."""
    is_untyped = not body.is_empty and body.length != 0 and not _named(pairs, "content-type")
    return [*pairs, ("Content-Type", UNTYPED)] if is_untyped else pairs


async def remove_from_body(body: Body, pairs: Headers) -> Body:
    """The body; a form without the fields that name another method.

    Raises PayloadTooLarge for a form that is too large to be taken apart, InvalidInput for one that services
    may read in another way than is known here.
    """
    content_type = next(iter(_named(pairs, "content-type")), "").strip()
    is_form = content_type.lower().startswith(bodies.URLENCODED)
    if body.is_empty or not (is_form or content_type.lower().startswith("multipart/")):
        return body
    _require_plain(content_type, pairs)
    data = (
        await streams.read_caller(
            body, Bound(bodies.FORM_BYTES if is_form else bodies.MULTIPART_BYTES, _too_large)
        )
    ).data
    take: Callable[[bytes, str], bytes] = _remove_fields if is_form else _remove_parts
    return Body.of(await aside.do(partial(take, data, content_type), len(data)))


def _require_plain(content_type: str, pairs: Headers) -> None:
    label = parameters(content_type).get("charset", "")
    if label and charsets.named(label) not in _LIKE_ASCII:
        raise InvalidInput("Where methods are narrowed, a form is sent in UTF-8.")
    written = content_type.lower()
    if written.count("charset") > bool(label) or written.count("boundary") > 1 or "\\" in written:
        raise InvalidInput("The Content-Type of the form can be read in more than one way.")
    if any(value.strip().lower() != "identity" for value in _named(pairs, "content-encoding")):
        raise InvalidInput("Where methods are narrowed, a form is sent without a Content-Encoding.")


def _remove_fields(data: bytes, _: str) -> bytes:
    if data.count(b"&") + data.count(b";") >= bodies.MOST_FIELDS:
        raise _too_large()
    return remove_from_query(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _remove_parts(data: bytes, content_type: str) -> bytes:
    """Untouched where no part names another method."""
    boundary = bodies.boundary_of(content_type)
    parts = multipart.parts_of(data, boundary, most=bodies.MOST_FIELDS)
    if parts is None:
        raise _too_large()
    must_be_named = bodies.media_type(content_type) == bodies.MULTIPART
    kept = [part for part in parts if not _is_override_part(part, must_be_named=must_be_named)]
    if len(kept) == len(parts):
        return data
    return bodies.assemble([data[part.start : part.end] for part in kept], boundary)


def _is_override_part(part: multipart.Part, *, must_be_named: bool) -> bool:
    if must_be_named:
        part.name()
    return any(is_override(name, part.value) for name in part.names())


def _named(pairs: Headers, name: str) -> list[str]:
    return [value for key, value in pairs if headers.canonical(key) == name]


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(
        f"Where methods are narrowed, a form may have {bodies.FORM_BYTES // 2**20} MB, a multipart body "
        f"{bodies.MULTIPART_BYTES // 2**20} MB, and either {bodies.MOST_FIELDS:,} fields.",
        hint="Send less at once, or have the narrowing of methods lifted.",
    )
