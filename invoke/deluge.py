"""The invokeurl task: its keys are Deluge's, its request goes the way of every other call.

``parse`` makes an Ask of a task's JSON, ``answer`` tells the service's answer as the task wants it told.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlencode

from invoke import bodies, paths
from invoke.asks import METHODS, Ask, Body, Pairs
from invoke.errors import UnsupportedTask
from invoke.headers import OURS, RawPairs, value_of, with_our_name
from problems import InvalidInput

KEYS = frozenset(
    {
        *("connection", "url", "type", "headers", "parameters", "body", "files"),
        *("detailed", "response-format", "response-decoding"),
    }
)
FILE_KEYS = frozenset({"paramName", "fileName", "contentType", "content", "stringPart"})
FORMATS = ("NONE", "STRING", "FILE")
IN_QUERY = frozenset({"GET", "DELETE"})  # where parameters become the query
_FILE_NAME = re.compile(r'filename="([^"\r\n]{1,255})"|filename=([^\s;"]{1,255})', re.IGNORECASE)
_CHARSET = re.compile(r'charset="?([A-Za-z0-9_.:-]{1,40})', re.IGNORECASE)
_ENCODING_HEADERS = frozenset({"content-encoding", "content-length"})


@dataclass(frozen=True, slots=True)
class Task:
    """A task that was understood. ``decoding`` is a charset, empty where the service's own word is taken."""

    ask: Ask
    detailed: bool
    response_format: str
    decoding: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A body of ours and its type."""

    content_type: str
    body: bytes


def parse(content_type: str, text: bytes) -> Task:
    """The task. Raises InvalidInput, which names the part that is wrong, and UnsupportedTask."""
    if bodies.media_type(content_type) not in {"application/json", ""}:
        raise UnsupportedTask
    told = _json_object(text)
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
        added = paths.ascii_only(_encodable(parameters, "parameters"))
    elif isinstance(parameters, dict):
        added = urlencode(_fields(parameters, "parameters"))
    else:
        _refuse("`parameters` takes a map or a text.")
    return f"{query}&{added}" if query and added else query or added


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
    if not isinstance(source, dict):
        _refuse(f"`{name}` takes a map or a text.")
    kind = bodies.media_type(declared) or (bodies.URLENCODED if name == "parameters" else bodies.MULTIPART)
    if kind == bodies.MULTIPART:
        return _multipart(source, name, [])
    if kind.endswith(("/json", "+json")):
        return _encodable(json.dumps(source, ensure_ascii=False), name).encode(), ""
    return urlencode(_fields(source, name)).encode(), declared or bodies.URLENCODED


def _plain(text: str) -> str:
    return "text/plain" if text.isascii() else "text/plain; charset=utf-8"


def _multipart(source: Any, name: str, files: Any) -> tuple[bytes, str]:
    if source is not None and not isinstance(source, dict):
        _refuse(f"Beside `files`, `{name}` takes a map: its entries become fields of the form.")
    if not isinstance(files, list):
        _refuse("`files` takes a list.")
    parts = [bodies.text_part(key, value) for key, value in _fields(source or {}, name)]
    parts += [_file(entry, f"files[{index}]") for index, entry in enumerate(files)]
    boundary = bodies.new_boundary()
    return bodies.assemble(parts, boundary), f"{bodies.MULTIPART}; boundary={boundary.decode()}"


def _file(entry: Any, name: str) -> bytes:
    if not isinstance(entry, dict) or set(entry) - FILE_KEYS:
        _refuse(f"`{name}` takes a map of {', '.join(sorted(FILE_KEYS))}.")
    field, content = _text(entry, "paramName", within=name), _text(entry, "content", within=name)
    content_type = _text(entry, "contentType", "", within=name)
    if any(c in content_type for c in "\r\n\x00"):
        _refuse(f"`{name}.contentType` holds a control character.")
    if str(entry.get("stringPart", "false")).lower() == "true":
        return bodies.text_part(field, content, content_type)
    try:
        data = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        _refuse(f"`{name}.content` is not base64.")
    file_name = _text(entry, "fileName", "file", within=name)
    return bodies.file_part(field, file_name, content_type or "application/octet-stream", data)


# --- Reading a task's values ----------------------------------------------------------------------
def _json_object(text: bytes) -> dict[str, Any]:
    try:
        told = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        _refuse("The task is nested too deeply.")
    except ValueError:
        _refuse("The task is not JSON.")
    if not isinstance(told, dict):
        _refuse("The task is not a JSON object.")
    return told


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


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
    if not isinstance(value, dict):
        _refuse(f"`{key}` takes a map.")
    return value


def _fields(source: Mapping[str, Any], name: str) -> Pairs:
    """The map as fields of a form; a list is a field repeated."""
    return tuple(
        (_encodable(key, name), _scalar(item, f"{name}.{_shown(key)}"))
        for key, value in source.items()
        for item in (value if isinstance(value, list) else [value])
    )


def _scalar(value: Any, name: str) -> str:
    if isinstance(value, str):
        return _encodable(value, name)
    if value is None:
        return ""
    if not isinstance(value, bool | int | float):
        _refuse(f"`{name}` takes a text, a number, true or false.")
    return json.dumps(value)


def _decoding(told: Mapping[str, Any]) -> str:
    name = _text(told, "response-decoding", "")
    try:
        b"x".decode(name or "utf-8", "replace")  # a codec that is no charset (hex, say) is a LookupError
    except (LookupError, ValueError):
        _refuse("`response-decoding` names no charset that is known here, such as UTF-8.")
    return name


def _shown(key: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in key)[:60]


def _refuse(message: str) -> NoReturn:
    raise InvalidInput(message)


# --- Telling the answer ---------------------------------------------------------------------------
def answer(task: Task, status: int, raw: RawPairs, body: bytes) -> Answer:
    """The service's answer as the task wants it: parsed, as text, as a file; with or without the details."""
    headers = _header_map(raw)
    content_type = headers.get("content-type", "")
    as_file = task.response_format == "FILE"
    text = None if as_file else _decoded(body, content_type, task)
    told: Any = _as_file(task, headers, body) if text is None else text
    if task.detailed:
        return _json({"responseText": told, "responseHeader": headers, "responseCode": status})
    if text is None:
        return _json(told)
    if task.response_format == "NONE" and _is_json(text, content_type):
        return Answer("application/json", text.encode())
    return Answer("text/plain; charset=utf-8", text.encode())


def _json(told: Any) -> Answer:
    return Answer("application/json", json.dumps(told, ensure_ascii=False).encode())


def _header_map(raw: RawPairs) -> dict[str, str]:
    """The service's headers by name, in lower case, less those that told of an encoding taken off."""
    ours, found = {name for name, _ in OURS}, dict[str, str]()
    is_encoded = any(name == b"content-encoding" for name, _ in raw)
    for name, value in raw:
        key = name.decode("latin-1")
        if name in ours or (is_encoded and key in _ENCODING_HEADERS):
            continue
        text = value.decode("utf-8", "replace")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _decoded(body: bytes, content_type: str, task: Task) -> str | None:
    """The text; ``None`` where the body is not text and was not asked for as one: it is a file then."""
    declared = _CHARSET.search(content_type)
    charset = task.decoding or (declared[1] if declared else "utf-8")
    must_be_text = task.response_format == "STRING" or bool(task.decoding or declared)
    must_be_text = must_be_text or content_type.lower().startswith("text/")
    try:
        text = body.decode(charset, "replace" if must_be_text else "strict")
    except LookupError:
        text = body.decode("utf-8", "replace")
    except UnicodeError:
        return None
    return None if "\x00" in text and not must_be_text else _whole(text)


def _whole(text: str) -> str:
    """Without a byte order mark, and without halves of characters, which a charset may yield."""
    return text.removeprefix("\ufeff").encode("utf-8", "replace").decode()


def _is_json(text: str, content_type: str) -> bool:
    """By what it is, as Deluge does: maps and lists always, other values where they are called JSON."""
    kind = bodies.media_type(content_type)
    if not kind.endswith(("/json", "+json")) and text.lstrip()[:1] not in {"{", "["}:
        return False
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _as_file(task: Task, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    found = _FILE_NAME.search(headers.get("content-disposition", ""))
    named = (found[1] or found[2]) if found else task.ask.path.rpartition("/")[2]
    return {
        "fileName": named.replace("\\", "/").rpartition("/")[2] or "file",
        "contentType": headers.get("content-type", "application/octet-stream"),
        "content": base64.b64encode(body).decode(),
    }
