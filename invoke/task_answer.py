"""How a service's answer is told to a task: parsed, as text, as a file; with or without the details."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

from invoke import answers, aside, bodies, charsets, streams
from invoke.deluge import Task
from invoke.headers import OURS, RawPairs, of_service
from invoke.recorder import Record
from invoke.resolve import Row, passes_cookies
from outbound import encoding, json_text
from outbound.client import Reply
from outbound.errors import ResponseTooLarge
from outbound.parameters import parameters

_OPENED = re.compile(rb"[ \t\n\r]*[\[{]")
_ENCODING_HEADERS = frozenset({"content-encoding", "content-length"})
_LONGEST_NAME = 255
_BASE64_BYTES = 48 * 1024  # at once; a multiple of three has no padding


@dataclass(frozen=True, slots=True)
class Answer:
    """A body of ours and its type."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Got:
    """A service's answer, whole and unzipped; the names of its headers in lower case."""

    status: int
    headers: RawPairs = field(repr=False)
    body: bytes = field(repr=False)


async def read(reply: Reply, record: Record, cap: int) -> Got:
    """The answer under the cap, noted in the call's record. Raises ResponseTooLarge and UpstreamInvalid."""
    status = record.status = answers.valid_status(reply.status)
    raw = [(name.lower(), value) for name, value in reply.headers]
    body = await unzip(raw, await streams.read_service(reply.iter_bytes(), cap), cap)
    record.response_bytes = len(body)
    return Got(status, raw, body)


async def unzip(raw: RawPairs, body: bytes, cap: int) -> bytes:
    """The body without its encoding, under the cap. Raises ResponseTooLarge and UpstreamInvalid."""
    coding = _content_encoding(raw)
    if not encoding.is_encoded(coding):
        return body
    if len(body) <= aside.AT_ONCE_BYTES:
        with suppress(ResponseTooLarge):  # it may be more than it seems
            return encoding.decoded(body, coding, max_bytes=min(cap, aside.AT_ONCE_BYTES))
    unzipped = partial(encoding.decoded, body, coding, max_bytes=cap)
    return await aside.do(unzipped, aside.SHORT_BYTES, may_refuse=False)


async def tell(task: Task, got: Got, row: Row | None) -> Answer:
    """The service's answer as the task wants it told. Raises UpstreamInvalid for headers that are no HTTP.

    ``row``: what the call was resolved to, which says whether cookies are told.
    """
    raw = of_service(got.headers, got.status, passes_cookies=passes_cookies(row))
    return await aside.do(partial(_answer, task, got.status, raw, got.body), len(got.body), may_refuse=False)


def _answer(task: Task, status: int, raw: RawPairs, body: bytes) -> Answer:
    headers = _header_map(raw)
    content_type = headers.get("content-type", "")
    text = None if task.response_format == "FILE" else _text(task, body, content_type)
    if task.detailed:
        told = _file(task, headers, body) if text is None else json_text.quoted(text)
        rest = b', "responseHeader": %b, "responseCode": %d}' % (_json(headers), status)
        return Answer("application/json", b"".join((b'{"responseText": ', *told, rest)))
    if text is None:
        return Answer("application/json", b"".join(_file(task, headers, body)))
    encoded = charsets.encode(text)
    if task.response_format == "NONE" and _is_json(encoded, content_type):
        return Answer("application/json", encoded)
    return Answer("text/plain; charset=utf-8", encoded)


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def _content_encoding(raw: RawPairs) -> str:
    """The header's lines, joined; names in lower case."""
    return b", ".join(value for name, value in raw if name == b"content-encoding").decode("latin-1")


def _header_map(raw: RawPairs) -> dict[str, str]:
    """The service's headers by name, in lower case, less those that told of an encoding taken off."""
    ours, found = {name for name, _ in OURS}, dict[str, str]()
    was_encoded = encoding.is_encoded(_content_encoding(raw))
    for name, value in raw:
        key = name.decode("latin-1")
        if name in ours or (was_encoded and key in _ENCODING_HEADERS):
            continue
        text = value.decode("utf-8", "replace")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _text(task: Task, body: bytes, content_type: str) -> str | None:
    """The text; ``None`` where the body is not text and was not asked for as one: it is a file then."""
    declared = charsets.named(parameters(content_type).get("charset", "")) or charsets.declared_in_xml(body)
    is_text = bodies.media_type(content_type).startswith("text/") or task.response_format == "STRING"
    is_text = is_text or bool(task.decoding or declared)
    try:
        text = charsets.decode(body, task.decoding or declared, is_strict=not is_text)
    except UnicodeError:
        return None
    return None if "\x00" in text and not is_text else text


def _is_json(encoded: bytes, content_type: str) -> bool:
    """By what it is, as Deluge does: maps and lists always, other values where they are called JSON."""
    kind = bodies.media_type(content_type)
    if not kind.endswith(("/json", "+json")) and not _OPENED.match(encoded):
        return False
    try:
        json_text.check(encoded)
    except json_text.NotJson:
        return False
    return True


def _file(task: Task, headers: Mapping[str, str], body: bytes) -> Iterator[bytes]:
    """The object that tells of a file, in pieces."""
    name = _file_name(parameters(headers.get("content-disposition", ""))) or task.ask.path
    content_type = headers.get("content-type", "application/octet-stream")
    facts = (_json(_base_name(name) or "file"), _json(content_type))
    yield b'{"fileName": %b, "contentType": %b, "content": "' % facts
    for at in range(0, len(body), _BASE64_BYTES):
        yield base64.b64encode(body[at : at + _BASE64_BYTES])
    yield b'"}'


def _file_name(given: Mapping[str, str]) -> str:
    """What a Content-Disposition names (RFC 6266 4.3): ``filename*`` first, where it can be read."""
    charset, _, rest = given.get("filename*", "").partition("'")
    name = charsets.named(charset)
    if name:
        with suppress(UnicodeError):  # RFC 8187 3.2.1
            return charsets.decode(unquote_to_bytes(rest.partition("'")[2]), name, is_strict=True)
    return given.get("filename", "")


def _base_name(name: str) -> str:
    """The last part of a path, as one line."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if character.isprintable()).strip()
    return "" if name in {".", ".."} else name[:_LONGEST_NAME]
