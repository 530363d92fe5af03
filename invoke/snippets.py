"""Code to paste: a registry of languages, each a template in ``templates/snippets/``.

A new language is a template and a line here. What is filled in is escaped for the language it goes into;
colours are put in on the server, in the four classes that the stylesheet has.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments.lexer import Lexer, RegexLexer, words
from pygments.lexers.data import JsonLexer
from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.shell import BashLexer
from pygments.token import Comment, Keyword, Name, Number, String, Text, _TokenType

from connections.models import Connection
from invoke import paths
from problems import AppError
from services import target

Escape = Callable[[str], str]


class DelugeLexer(RegexLexer):
    """As much of Deluge as a snippet holds."""

    name = "Deluge"
    tokens = {  # noqa: RUF012 -- Pygments' own way
        "root": [
            (r"//[^\n]*", Comment),
            (r'"(?:[^"\\]|\\.)*"', String),
            (words(("invokeurl", "info", "true", "false"), suffix=r"\b"), Keyword),
            (
                words(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"), suffix=r"\b"),
                Name.Constant,
            ),
            (r"[0-9]+", Number),
            (r"[A-Za-z_-]+", Text),
            (r"\s+|.", Text),
        ]
    }


@dataclass(frozen=True, slots=True)
class Language:
    """How a snippet is told apart, shown, escaped and coloured."""

    name: str
    title: str
    hint: str
    escape: Escape
    lexer: type[Lexer]


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code in one language; ``html`` is the same with colours."""

    language: str
    title: str
    code: str
    hint: str
    html: SafeString


LANGUAGES: tuple[Language, ...] = (
    Language(
        "deluge",
        "Deluge",
        "In Deluge’s words. Until scripts run here, send the same keys to /invoke as JSON.",
        json.dumps,
        DelugeLexer,
    ),
    Language(
        "deluge_in_zoho",
        "Deluge in Zoho",
        "Paste it into a Zoho product.",
        json.dumps,
        DelugeLexer,
    ),
    Language("curl", "curl", "SWITCHBOARD_TOKEN holds an API token.", shlex.quote, BashLexer),
    Language("python", "Python", "SWITCHBOARD_TOKEN holds an API token.", json.dumps, PythonLexer),
    Language(
        "javascript", "JavaScript", "SWITCHBOARD_TOKEN holds an API token.", json.dumps, JavascriptLexer
    ),
    Language("json", "JSON", "For the manifest of an extension.", json.dumps, JsonLexer),
)
_CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (String, "s"),
    (Number, "n"),
    (Keyword, "k"),
    (Name.Tag, "k"),
    (Name.Builtin, "n"),
    (Name.Constant, "n"),
    (Name.Variable, "n"),
)


def snippets(connection: Connection, variables: Mapping[str, str] | None = None) -> list[Snippet]:
    """One in every language, with this server's address and the link name in it. ``variables``: the reader's,
    where they have any besides the connection's."""
    facts = _facts(connection, connection.variables | dict(variables or {}))
    return [_snippet(language, facts, connection) for language in LANGUAGES]


def _snippet(language: Language, facts: dict[str, str], connection: Connection) -> Snippet:
    filled: dict[str, Any] = {name: mark_safe(language.escape(value)) for name, value in facts.items()}  # noqa: S308
    filled |= {"method": facts["method"], "manifest": mark_safe(_manifest(connection))}  # noqa: S308
    code = render_to_string(f"snippets/{language.name}.txt", filled).strip() + "\n"
    return Snippet(language.name, language.title, code, language.hint, _coloured(code, language.lexer))


def _facts(connection: Connection, variables: Mapping[str, str]) -> dict[str, str]:
    """The sample request: the service's test where it has one; its base URL where a variable is missing."""
    try:
        return _sample(connection, target.of(connection.auth, variables))
    except AppError:
        return {
            "link_name": connection.link_name,
            "method": "GET",
            "url": "/",
            "invoke_url": f"{settings.PUBLIC_URL}/invoke/{connection.link_name}",
        }


def _sample(connection: Connection, filled: target.Target) -> dict[str, str]:
    asked = filled.test if filled.test.get("path") else {"method": "GET", "path": ""}
    host, path, query = paths.from_task(asked["path"])
    tail = path + (f"?{query}" if query else "")
    inner = f"/~{host.partition('://')[2]}" if host else ""
    base = filled.base_url.rstrip("/") if path else filled.base_url
    has_path_key = bool(target.path_keys(filled.auth_type, filled.param_type, filled.config))
    return {
        "link_name": connection.link_name,
        "method": str(asked.get("method", "GET")).upper(),
        "url": (tail or "/") if has_path_key else f"{host or base}{tail}",
        "invoke_url": f"{settings.PUBLIC_URL}/invoke/{connection.link_name}{inner}{tail}",
    }


def _manifest(connection: Connection) -> str:
    """The JSON tab of the original: the keys that extension manifests have."""
    service = connection.auth.service
    told = {
        "connectionLinkName": connection.link_name,
        "connectionName": connection.name,
        "serviceName": service.link_name,
        "userAccess": connection.is_per_user,
        "isUserDefinedService": service.is_custom,
        "sharedBy": str(connection.created_by_id),
    }
    if connection.scopes:
        told["scope"] = connection.scopes
    return json.dumps(told, indent=2, ensure_ascii=False)


def _coloured(code: str, lexer: type[Lexer]) -> SafeString:
    pieces = []
    for kind, text in lexer(stripnl=False).get_tokens(code):
        name = next((name for token, name in _CLASSES if token is kind or token in kind.split()), "")
        pieces.append(f'<span class="{name}">{escape(text)}</span>' if name else escape(text))
    return mark_safe("".join(pieces))  # noqa: S308 -- every piece of the code is escaped above
