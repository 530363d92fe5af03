"""The API's description as a page, drawn on the server from its OpenAPI schema."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from ninja import NinjaAPI

JSON = "application/json"
PROBLEM = "application/problem+json"
REF = "#/components/schemas/"
DEEPEST = 3  # oauth2.scopes[].name, and no further: a table is read, not searched
STAND_INS = {"connections": "storefront", "services": "example"}  # what the examples of bodies make
_PLACE = re.compile(r"\{\w+\}")
_WORDS = MarkdownIt("commonmark", {"html": False})
AN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body. ``kind`` is its type in a word or two, ``text`` is HTML."""

    name: str
    kind: str
    is_required: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back where all went well. ``title`` is its status, and ``text`` (HTML) what it means."""

    status: str
    text: str
    fields: list[Field]

    @property
    def title(self) -> str:
        return f"Answer: {self.status}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that may come back: its status, its code, its sentence as HTML."""

    status: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. ``call`` is an example of it, for a shell; ``text`` is HTML."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Field]
    body: list[Field]
    answers: list[Answer]
    refusals: list[Refusal]
    call: str


@dataclass(slots=True)
class Group:
    """The operations of a tag."""

    name: str
    operations: list[Operation] = field(default_factory=list)


def api_page(api: NinjaAPI) -> Callable[..., HttpResponse]:
    """The view for ``/api/docs``."""

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        schema: dict[str, Any] = dict(api.get_openapi_schema())
        return render(
            request, "manual/api.html", {"groups": groups(schema), "schema_url": "/api/v1/openapi.json"}
        )

    return view


def groups(schema: dict[str, Any]) -> list[Group]:
    """Every operation of an OpenAPI schema, by its first tag, in the schema's order."""
    found: dict[str, Group] = {}
    for path, methods in schema["paths"].items():
        for method, described in methods.items():
            tag = (described.get("tags") or ["Other"])[0].capitalize()
            found.setdefault(tag, Group(tag)).operations.append(_operation(schema, method, path, described))
    return list(found.values())


def _operation(schema: dict[str, Any], method: str, path: str, described: dict[str, Any]) -> Operation:
    body = _shape(described.get("requestBody", {}), JSON)
    responses = {str(status): answer for status, answer in described.get("responses", {}).items()}
    return Operation(
        anchor=described.get("operationId", ""),
        method=method.upper(),
        path=path,
        summary=described.get("summary", ""),
        text=_html(described.get("description", "")),
        parameters=[_parameter(each) for each in described.get("parameters", [])],
        body=list(_fields(schema, body)),
        answers=[
            Answer(status, _html(answer.get("description", "")), list(_fields(schema, _shape(answer, JSON))))
            for status, answer in responses.items()
            if PROBLEM not in answer.get("content", {})
        ],
        refusals=[each for status, answer in responses.items() for each in _refusals(status, answer)],
        call=_call(method.upper(), path, _example(schema, body)),
    )


def _shape(described: Mapping[str, Any], content_type: str) -> dict[str, Any]:
    """The schema of a body, of a request or an answer."""
    found: dict[str, Any] = described.get("content", {}).get(content_type, {}).get("schema", {})
    return found


def _refusals(status: str, answer: Mapping[str, Any]) -> Iterator[Refusal]:
    examples = answer.get("content", {}).get(PROBLEM, {}).get("examples", {})
    for example in examples.values():
        yield Refusal(status, example["value"]["code"], _html(example["summary"]))


# --- An example call ------------------------------------------------------------------------------
def _call(method: str, path: str, body: Any) -> str:
    """The operation in curl's words."""
    kind = path.removeprefix("/api/v1/").partition("/")[0]
    address = settings.PUBLIC_URL + _PLACE.sub(STAND_INS.get(kind, AN_ID), path)
    lines = [
        f"curl {address}" if method == "GET" else f"curl -X {method} {address}",
        '-H "Authorization: Bearer $SWITCHBOARD_TOKEN"',
    ]
    if body is not None:
        lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(json.dumps(body, indent=2))}"]
    return " \\\n  ".join(lines)


def _example(schema: dict[str, Any], shape: dict[str, Any]) -> Any:
    """The first example of a body, or what it requires; None where there is no body."""
    options = [_resolved(schema, option) for option in shape.get("anyOf", [shape])]
    for option in options:
        if option.get("examples"):
            return option["examples"][0]
    required = options[0].get("required", [])
    return dict.fromkeys(required, "…") if options[0] else None


# --- Parameters and fields ------------------------------------------------------------------------
def _parameter(described: dict[str, Any]) -> Field:
    shape = described["schema"]
    text = described.get("description") or shape.get("description", "")
    required = bool(described.get("required"))
    return Field(described["name"], _kind(shape), required, _with_limits(text, shape))


def _fields(
    schema: dict[str, Any], shape: dict[str, Any], prefix: str = "", depth: int = 1
) -> Iterator[Field]:
    """The fields of an object, each followed by its own: ``test``, ``test.path``."""
    properties, required = _members(schema, shape)
    for name, part in properties.items():
        text = _with_limits(part.get("description", ""), part)
        yield Field(f"{prefix}{name}", _kind(part), name in required, text)
        if depth < DEEPEST:
            inner, step = _inside(schema, part)
            deeper = (
                DEEPEST if "oneOf" in inner else depth + 1
            )  # what may be of several kinds is told briefly
            yield from _fields(schema, inner, f"{prefix}{name}{step}.", deeper)


def _members(schema: dict[str, Any], shape: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """The properties of an object, or of all that it may be; required is what each of those requires."""
    shape = _resolved(schema, shape)
    options = [_resolved(schema, each) for each in shape.get("oneOf", shape.get("anyOf", []))]
    objects = [each for each in options if each.get("properties")] or [shape]
    properties: dict[str, Any] = {}
    for each in objects:
        for name, part in each.get("properties", {}).items():
            properties[name] = _either(properties[name], part) if name in properties else part
    return properties, set.intersection(*(set(each.get("required", [])) for each in objects))


def _either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A property that differs between what an object may be, where it is one of some words."""
    words = [*_words(one), *_words(other)]
    return one if one == other or not words else one | {"enum": list(dict.fromkeys(words))}


def _words(shape: dict[str, Any]) -> list[Any]:
    return [shape["const"]] if "const" in shape and "enum" not in shape else list(shape.get("enum", []))


def _inside(schema: dict[str, Any], shape: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What an object or a list of objects holds, and how its name is lengthened."""
    shape = _resolved(schema, shape)
    if shape.get("type") == "array":
        return shape.get("items", {}), "[]"
    return shape, ""


def _resolved(schema: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    reference = str(shape.get("$ref", ""))
    if not reference.startswith(REF):
        return shape
    found: dict[str, Any] = schema["components"]["schemas"][reference.removeprefix(REF)]
    return found


def _with_limits(text: str, shape: Mapping[str, Any]) -> str:
    """The sentence, the range and the default."""
    told = [text if text.endswith((".", ":")) else f"{text}."] if text else []
    if "minimum" in shape and "maximum" in shape:
        told.append(f"{shape['minimum']} to {shape['maximum']}.")
    if shape.get("default") not in (None, "", [], {}):
        told.append(f"By default {json.dumps(shape['default'])}.")
    return _html(" ".join(told))


def _html(text: str) -> str:
    """The words of a description, which has `names` in backticks; they are our own, and raw HTML is text."""
    return str(_WORDS.renderInline(text))


def _kind(shape: dict[str, Any]) -> str:
    """The type in words: ``text``, ``list of Person``, ``number or null``."""
    if "$ref" in shape:
        return str(shape["$ref"]).removeprefix(REF)
    if "enum" in shape or "const" in shape:
        return " | ".join(str(value) for value in _words(shape) if value != "")
    for several in ("anyOf", "oneOf"):
        if several in shape and "properties" not in shape:
            return " or ".join(dict.fromkeys(_kind(part) for part in shape[several]))
    if "allOf" in shape:
        return _kind(shape["allOf"][0])
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}))}"
    kind = _named_type(shape.get("type", "anything"))
    return f"{kind} ({shape['format']})" if "format" in shape else kind


def _named_type(name: str | list[str]) -> str:
    words = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    names = [name] if isinstance(name, str) else name
    return " or ".join(words.get(each, each) for each in names)
