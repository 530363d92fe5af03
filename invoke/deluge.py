"""The invokeurl task: its keys are Deluge's, its request goes the way of every other call.

``parse`` makes an Ask of a task's JSON; how its answer is told is ``task_answer``'s.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NoReturn

from invoke import bodies, charsets, paths
from invoke.asks import METHODS, Ask, Body, Pairs
from invoke.errors import PayloadTooLarge, UnsupportedTask
from invoke.headers import value_of, with_our_name
from invoke.streams import Bound
from outbound import json_text
from outbound.json_text import Long
from problems import InvalidInput

TASK_BYTES = 20 * 1024 * 1024
BOUND = Bound(
    TASK_BYTES,
    partial(
        PayloadTooLarge,
        f"A task has at most {TASK_BYTES // 2**20} MB.",
        hint="Call the service by its path, which takes more: /invoke/<link_name>/<path>.",
    ),
)
MOST_TASK_FIELDS = 100_000  # of a form that is made of a task
MOST_KEYS = 100  # of a task, or of a file in it
MOST_HEADERS_BYTES = 64 * 1024
_BASE64_PIECE = 64 * 1024  # characters; a multiple of four

KEYS = frozenset(
    {
        *("connection", "url", "type", "headers", "parameters", "body", "files"),
        *("detailed", "response-format", "response-decoding"),
    }
)
FILE_KEYS = frozenset({"paramName", "fileName", "contentType", "content", "stringPart"})
FORMATS = ("NONE", "STRING", "FILE")
IN_QUERY = frozenset({"GET", "DELETE"})  # where parameters become the query


@dataclass(frozen=True, slots=True)
class Task:
    """A task that was understood. ``decoding``: a charset's name, empty where the service's word is taken."""

    ask: Ask
    detailed: bool
    response_format: str
    decoding: str


def parse(content_type: str, text: bytes) -> Task:
    """The task. Raises InvalidInput, which names the part that is wrong, PayloadTooLarge, UnsupportedTask."""
    if bodies.media_type(content_type) not in {"application/json", ""}:
        raise UnsupportedTask
    try:
        return _understood(_few(json_text.read_in_parts(text)))
    except json_text.TooDeep:
        _refuse(f"The task is nested deeper than {json_text.DEEPEST}.")
    except json_text.NotJson:
        _refuse("The task is not JSON.")


def _understood(told: Mapping[str, Any]) -> Task:
    unknown = sorted(set(told) - KEYS)
    if unknown:
        _refuse(f"`{_shown(unknown[0])}` is not a key of a task: it takes {', '.join(sorted(KEYS))}.")
    method = _text(told, "type", "GET").upper()
    if method not in METHODS:
        _refuse("`type` is not a method that can be passed on.")
    response_format = _text(told, "response-format", "NONE")
    if response_format not in FORMATS:
        _refuse(f"`response-format` takes {', '.join(FORMATS)}.")
    detailed = told.get("detailed", False)
    if not isinstance(detailed, bool):
        _refuse("`detailed` takes true or false.")
    return Task(_ask(told, method), detailed, response_format, _decoding(told))


def _ask(told: Mapping[str, Any], method: str) -> Ask:
    host, path, query = paths.from_task(_text(told, "url"))
    given = _map(told, "headers")
    pairs = tuple((name, _scalar(value, f"headers.{_shown(name)}")) for name, value in given.items())
    parameters, body = told.get("parameters"), told.get("body")
    if parameters is not None and body is not None:
        _refuse("A task takes `parameters` or `body`, not both.")
    if parameters is not None and method in IN_QUERY:
        query = _joined_query(query, parameters)
        parameters = None
    content, content_type = _content(told, parameters, body, value_of(pairs, "content-type"))
    if content_type:
        pairs = (*(p for p in pairs if p[0].lower() != "content-type"), ("Content-Type", content_type))
    return Ask(
        link_name=_text(told, "connection"),
        method=method,
        path=path,
        query=query,
        host=host,
        headers=(("Accept-Encoding", "gzip"), *with_our_name(pairs)),
        body=Body.of(content),
    )


def _joined_query(query: str, parameters: Any) -> str:
    if isinstance(parameters, str):
        _check_query(len(parameters))
        added = paths.ascii_only(_encodable(parameters, "parameters"))
    elif _is_map(parameters):
        fields = _fields(parameters, "parameters")
        _check_query(sum(len(name) + len(value) for name, value in fields))
        added = bodies.urlencoded(fields).decode()
    else:
        _refuse("`parameters` takes a map or a text.")
    return f"{query}&{added}" if query and added else query or added


def _check_query(length: int) -> None:
    if length > paths.MAX_URL:
        _refuse(f"`parameters` make a query that is longer than {paths.MAX_URL} characters.")


def _content(told: Mapping[str, Any], parameters: Any, body: Any, declared: str) -> tuple[bytes, str]:
    """The body and its type; no type where the task's own header stands."""
    source, name = (parameters, "parameters") if parameters is not None else (body, "body")
    files = told.get("files")
    if files:
        return _multipart(source, name, files)
    if source is None:
        return b"", ""
    if isinstance(source, str):
        text = _encodable(source, name)
        return text.encode(), "" if declared else _plain(text)
    kind = bodies.media_type(declared) or (bodies.URLENCODED if name == "parameters" else bodies.MULTIPART)
    if kind.endswith(("/json", "+json")) and (_is_map(source) or (name == "body" and _is_list(source))):
        return _json(source, name), ""
    if not _is_map(source):
        _refuse(f"`{name}` takes a map or a text.")
    if kind == bodies.MULTIPART:
        return _multipart(source, name, [])
    return bodies.urlencoded(_fields(source, name)), declared or bodies.URLENCODED


def _json(source: Any, name: str) -> bytes:
    """A long one is sent as it is spelt: it was checked, and to write it anew would take long."""
    if isinstance(source, Long):
        return source.raw.rstrip()
    return _encodable(json.dumps(source, ensure_ascii=False), name).encode()


def _plain(text: str) -> str:
    return "text/plain" if text.isascii() else "text/plain; charset=utf-8"


def _multipart(source: Any, name: str, files: Any) -> tuple[bytes, str]:
    if source is not None and not _is_map(source):
        _refuse(f"Beside `files`, `{name}` takes a map: its entries become fields of the form.")
    if not _is_list(files):
        _refuse("`files` takes a list.")
    parts = [bodies.text_part(key, value) for key, value in _fields(source or {}, name)]
    for index, entry in enumerate(_items(files)):
        parts.append(_file(entry, f"files[{index}]"))
        _check_number(len(parts))
    boundary = bodies.new_boundary()
    return bodies.assemble(parts, boundary), f"{bodies.MULTIPART}; boundary={boundary.decode()}"


def _file(entry: Any, name: str) -> bytes:
    entry = _few(entry) if _is_map(entry) else {"": None}
    if set(entry) - FILE_KEYS:
        _refuse(f"`{name}` takes a map of {', '.join(sorted(FILE_KEYS))}.")
    field, content = _text(entry, "paramName", within=name), _text(entry, "content", within=name)
    content_type = _text(entry, "contentType", "", within=name)
    if any(c in content_type for c in "\r\n\x00"):
        _refuse(f"`{name}.contentType` holds a control character.")
    if str(entry.get("stringPart", "false")).lower() == "true":
        return bodies.text_part(field, content, content_type)
    try:
        data = _from_base64(content)
    except ValueError:
        _refuse(f"`{name}.content` is not base64.")
    file_name = _text(entry, "fileName", "file", within=name)
    return bodies.file_part(field, file_name, content_type or "application/octet-stream", data)


def _from_base64(text: str) -> bytes:
    """Piece by piece. Raises ValueError, also for padding that does not end it."""
    pieces = (text[at : at + _BASE64_PIECE] for at in range(0, len(text), _BASE64_PIECE))
    if len(text) % 4 or "=" in text[:-2]:
        raise ValueError("padding")
    return b"".join(base64.b64decode(piece, validate=True) for piece in pieces)


# --- Reading a task's values ----------------------------------------------------------------------
def _few(source: Any) -> dict[str, Any]:
    """The members of a map that knows its keys, of which one may be there twice, but not for ever."""
    if not _is_map(source):
        _refuse("The task is not a JSON object.")
    entries = list(islice(_entries(source), MOST_KEYS + 1))
    if len(entries) > MOST_KEYS:
        _refuse("A map of the task has more keys than it takes.")
    return dict(entries)


def _is_map(value: Any) -> bool:
    return value.is_object if isinstance(value, Long) else isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return not value.is_object if isinstance(value, Long) else isinstance(value, list)


def _entries(source: Any) -> Iterable[tuple[str, Any]]:
    return source.entries() if isinstance(source, Long) else source.items()


def _items(source: Any) -> Iterable[Any]:
    return source.items() if isinstance(source, Long) else source


def _text(told: Mapping[str, Any], key: str, default: str | None = None, within: str = "") -> str:
    name = f"{within}.{key}" if within else key
    value = told.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (not value and default is None and key != "content"):
        _refuse(f"`{name}` takes a text." if value is not None else f"`{name}` is missing.")
    return _encodable(value, name)


def _encodable(text: str, name: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        _refuse(f"`{name}` holds half of a character (a lone surrogate).")
    return text


def _map(told: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = told.get(key)
    if value is None:
        return {}
    if not _is_map(value):
        _refuse(f"`{key}` takes a map.")
    if isinstance(value, Long) and len(value.raw) > MOST_HEADERS_BYTES:
        _refuse(f"`{key}` are more than {MOST_HEADERS_BYTES // 1024} KiB.")
    return dict(_entries(value))


def _fields(source: Any, name: str) -> Pairs:
    """The map as fields of a form; a list is a field repeated."""
    fields = tuple(islice(_each_field(source, name), MOST_TASK_FIELDS + 1))
    _check_number(len(fields))
    return fields


def _each_field(source: Any, name: str) -> Iterator[tuple[str, str]]:
    for key, value in _entries(source):
        field, place = _encodable(key, name), f"{name}.{_shown(key)}"
        for item in _items(value) if _is_list(value) else (value,):
            yield field, _scalar(item, place)


def _check_number(fields: int) -> None:
    if fields > MOST_TASK_FIELDS:
        raise PayloadTooLarge(
            f"A form that is made of a task has at most {MOST_TASK_FIELDS:,} fields.",
            hint="Send it in several tasks, or the form itself as a text.",
        )


def _scalar(value: Any, name: str) -> str:
    if isinstance(value, str):
        return _encodable(value, name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float):
        _refuse(f"`{name}` takes a text, a number, true or false.")
    return repr(value)


def _decoding(told: Mapping[str, Any]) -> str:
    label = _text(told, "response-decoding", "")
    name = charsets.named(label)
    if label and not name:
        _refuse("`response-decoding` names no charset that is known here, such as UTF-8.")
    return name


def _shown(key: str) -> str:
    key = key[:60]
    if key.isprintable():
        return key
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in key)


def _refuse(message: str) -> NoReturn:
    raise InvalidInput(message)
