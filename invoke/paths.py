"""Where a call goes: the rules for a caller's path, and the URL that is built from it. Pure."""

import re
from collections.abc import Collection
from dataclasses import replace
from urllib.parse import quote, unquote

from invoke.asks import Ask
from problems import InvalidInput

_HOST = re.compile(r"[A-Za-z0-9.\-_\[\]:]{1,261}\Z")
_ABSOLUTE = re.compile(r"(https?)://([^/?]*)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x20\x7f]")
_ENCODED_CONTROLS = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_TILDE = re.compile(r"/(?:~|%7e)([^/]*)", re.IGNORECASE)
MAX_URL = 8192
_DECODINGS = 3  # "%25252e" is a dot only to a service that decodes thrice


def from_wire(raw: bytes) -> str:
    """A path or query as text; bytes beyond ASCII, which a URL does not hold, percent-encoded."""
    text = raw.decode("latin-1")
    return text if text.isascii() else _NOT_ASCII.sub(lambda found: quote(found[0].encode("latin-1")), text)


def split_call(path: str) -> tuple[str, str]:
    """``/invoke/<link_name>[/<path>]`` as (link name, path), none of it checked yet."""
    link_name, slash, rest = path.removeprefix("/invoke/").partition("/")
    return link_name, slash + rest


def with_host(ask: Ask, hosts: Collection[str]) -> Ask:
    """``/~<host>/<path>`` with its host picked; ``~`` is a path's own where no host follows it.

    A host holds a dot or a colon, or is one of the service's ``hosts``. Clients write ``~`` as ``%7E`` and
    back as they please.
    """
    found = _TILDE.match(ask.path) if ask.may_pick_host else None
    if found is None or not ("." in found[1] or ":" in found[1] or found[1].lower() in hosts):
        return ask
    return replace(ask, host=found[1], path=ask.path[found.end() :])


def picks_host(path: str) -> bool:
    """Could what the path begins with be taken for a host?"""
    return bool(_TILDE.match(path))


def check(host: str, path: str, query: str) -> None:
    """Refuse what could lead out of the base URL, or out of the request line. Raises InvalidInput."""
    if host and not _HOST.match(host.partition("://")[2] or host):
        raise InvalidInput("The host after ~ is not a host name: write /invoke/<link_name>/~<host>/<path>.")
    if _CONTROLS.search(path) or _CONTROLS.search(query):
        raise InvalidInput("The path or query holds a space or control character; percent-encode it.")
    if "\\" in path or "#" in path or "?" in path or "#" in query:
        raise InvalidInput("The path holds a backslash, # or ?; percent-encode it.")
    if len(path) + len(query) > MAX_URL:
        raise InvalidInput(f"The path and query are longer than {MAX_URL} characters.")
    if "%" in path and _ENCODED_CONTROLS.search(path):
        raise InvalidInput("The path holds an encoded control character.")
    if "." in path or "%" in path:
        _refuse_dot_segments(path)


def _refuse_dot_segments(path: str) -> None:
    """``.`` and ``..``, encoded or not, parameters (``..;x``) aside, with a backslash for a slash."""
    for _ in range(_DECODINGS):
        for segment in path.replace("\\", "/").split("/"):
            if segment.partition(";")[0] in {".", ".."}:
                raise InvalidInput("The path holds a dot segment (. or ..); write the path out.")
        decoded = unquote(path)
        if decoded == path:
            return
        path = decoded


def ascii_only(text: str) -> str:
    """Characters beyond ASCII percent-encoded as UTF-8; all else, percent signs too, as it stands."""
    return text if text.isascii() else _NOT_ASCII.sub(lambda found: quote(found[0]), text)


def base_of(base_url: str, ask: Ask) -> str:
    """The URL without query that the ask leads to; ``{key}`` placeholders of the base are kept."""
    if ask.host:
        origin = ask.host if "://" in ask.host else f"{base_url.partition('://')[0]}://{ask.host}"
        return f"{origin}{ask.path or '/'}"
    base = base_url.rstrip("/") if ask.path else base_url
    if not ask.path and base.count("/") == 2:
        return f"{base}/"
    return f"{base}{ask.path}"


def path_of(url: str) -> str:
    """The path of a URL, as it stands."""
    return "/" + url.partition("://")[2].partition("?")[0].partition("/")[2]


def from_task(url: str) -> tuple[str, str, str]:
    """A task's ``url`` as (host, path, query): absolute, or a path that is appended. Raises InvalidInput."""
    if len(url) > MAX_URL:
        raise InvalidInput(f"`url` is longer than {MAX_URL} characters.")
    url = ascii_only(url).partition("#")[0]
    if _CONTROLS.search(url) or "\\" in url:
        raise InvalidInput("`url` holds a space, a backslash or a control character; percent-encode it.")
    path, _, query = url.partition("?")
    if ":" not in path.partition("/")[0]:
        return "", path if path.startswith("/") or not path else f"/{path}", query
    parts = _ABSOLUTE.fullmatch(url)
    if parts is None or not _HOST.match(parts[2]):
        raise InvalidInput("`url` is neither a path nor an https:// address of one of the service's hosts.")
    return f"{parts[1].lower()}://{parts[2]}", parts[3] or "", parts[4] or ""


def is_below(path: str, prefixes: list[str]) -> bool:
    """Is the decoded path one of the prefixes, or below one at a slash?"""
    decoded = unquote(path)
    return any(decoded == p or decoded.startswith(f"{p.rstrip('/')}/") for p in prefixes)
