"""The API's description as a page, drawn on the server from its OpenAPI schema."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

JSON = "application/json"
REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body. ``kind`` is its type in a word or two."""

    name: str
    kind: str
    is_required: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    summary: str
    text: str
    parameters: list[Field]
    body: list[Field]
    answers: list[tuple[str, str, list[Field]]]


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
            tag = (described.get("tags") or ["Other"])[0]
            found.setdefault(tag, Group(tag)).operations.append(_operation(schema, method, path, described))
    return list(found.values())


def _operation(schema: dict[str, Any], method: str, path: str, described: dict[str, Any]) -> Operation:
    body = described.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    return Operation(
        method=method.upper(),
        path=path,
        summary=described.get("summary", ""),
        text=described.get("description", ""),
        parameters=[_parameter(schema, each) for each in described.get("parameters", [])],
        body=_fields(schema, body),
        answers=[
            (str(status), answer.get("description", ""), _fields(schema, _schema_of(answer)))
            for status, answer in described.get("responses", {}).items()
        ],
    )


def _schema_of(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer.get("content", {}).get(JSON, {}).get("schema", {})
    return found


def _parameter(schema: dict[str, Any], described: dict[str, Any]) -> Field:
    shape = described["schema"]
    text = described.get("description") or shape.get("description", "")
    return Field(described["name"], _kind(shape), bool(described.get("required")), text)


def _fields(schema: dict[str, Any], shape: dict[str, Any]) -> list[Field]:
    shape = _resolved(schema, shape)
    required = set(shape.get("required", []))
    return [
        Field(name, _kind(part), name in required, part.get("description", ""))
        for name, part in shape.get("properties", {}).items()
    ]


def _resolved(schema: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    reference = str(shape.get("$ref", ""))
    if not reference.startswith(REF):
        return shape
    found: dict[str, Any] = schema["components"]["schemas"][reference.removeprefix(REF)]
    return found


def _kind(shape: dict[str, Any]) -> str:
    """The type in words: ``text``, ``list of Person``, ``number or null``."""
    if "$ref" in shape:
        return str(shape["$ref"]).removeprefix(REF)
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_kind(part) for part in shape["anyOf"]))
    if "allOf" in shape:
        return _kind(shape["allOf"][0])
    if "enum" in shape:
        return " | ".join(str(value) for value in shape["enum"])
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}))}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object"}
    kind = words.get(shape.get("type", ""), shape.get("type", "anything"))
    return f"{kind} ({shape['format']})" if "format" in shape else kind
