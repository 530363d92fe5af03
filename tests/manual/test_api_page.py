"""The API's description as a page."""

import json
import shlex
from typing import Any

import pytest
from django.test import Client

from manual.api_page import Answer, Field, Refusal, groups
from people.models import User
from tests.conftest import SignIn

SCHEMA: dict[str, Any] = {
    "paths": {
        "/api/v1/things/{id}": {
            "patch": {
                "tags": ["Things"],
                "summary": "Change a thing",
                "description": "Says how.",
                "parameters": [
                    {"name": "id", "required": True, "schema": {"type": "string", "format": "uuid"}},
                    {"name": "limit", "schema": {"type": "integer", "description": "At most 200."}},
                ],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingIn"}}}
                },
                "responses": {
                    200: {
                        "description": "OK",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    },
                    409: {
                        "description": "`conflict`: It is taken.",
                        "content": {
                            "application/problem+json": {
                                "examples": {
                                    "conflict": {"summary": "It is taken.", "value": {"code": "conflict"}}
                                }
                            }
                        },
                    },
                },
            }
        },
        "/api/v1/health": {"get": {"responses": {}}},
    },
    "components": {
        "schemas": {
            "ThingIn": {
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "owner": {"anyOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
                    "kind": {"enum": ["a", "b"]},
                    "any": {},
                },
            },
            "Thing": {"properties": {"is_on": {"type": "boolean"}}},
        }
    },
}


def test_an_operation_has_its_parameters_its_body_and_its_answers() -> None:
    things, other = groups(SCHEMA)
    (operation,) = things.operations
    assert (operation.method, operation.path) == ("PATCH", "/api/v1/things/{id}")
    assert operation.parameters == [
        Field("id", "text (uuid)", is_required=True),
        Field("limit", "whole number", is_required=False, text="At most 200."),
    ]
    assert [(field.name, field.kind, field.is_required) for field in operation.body] == [
        ("name", "text", True),
        ("tags", "list of text", False),
        ("owner", "Thing or null", False),
        ("owner.is_on", "true or false", False),
        ("kind", "a | b", False),
        ("any", "anything", False),
    ]
    assert operation.answers == [Answer("200", "OK", [Field("is_on", "true or false", is_required=False)])]
    assert operation.refusals == [Refusal("409", "conflict", "It is taken.")]
    assert other.name == "Other"


def test_a_call_shows_the_body_and_survives_a_shell() -> None:
    described = SCHEMA["paths"]["/api/v1/things/{id}"]["patch"]
    schemas = {**SCHEMA["components"]["schemas"], "ThingIn": {"examples": [{"name": "Ada's"}]}}
    shown = groups(
        {
            "paths": {"/api/v1/connections/{link_name}": {"patch": described}},
            "components": {"schemas": schemas},
        }
    )
    command, *rest = shlex.split(shown[0].operations[0].call.replace("\\\n", ""))
    assert (command, rest[:2]) == ("curl", ["-X", "PATCH"])
    assert rest[2].endswith("/api/v1/connections/storefront")
    assert json.loads(rest[-1]) == {"name": "Ada's"}


def test_a_body_of_several_kinds_shows_the_fields_of_all() -> None:
    one = {"properties": {"kind": {"const": "a"}, "x": {"type": "string"}}, "required": ["kind", "x"]}
    other = {"properties": {"kind": {"const": "b"}}, "required": ["kind"]}
    content = {"application/json": {"schema": {"oneOf": [one, other]}}}
    described = {"post": {"requestBody": {"content": content}, "responses": {}}}
    shown = groups({"paths": {"/things": described}, "components": {"schemas": {}}})
    assert [(each.name, each.kind, each.is_required) for each in shown[0].operations[0].body] == [
        ("kind", "a | b", True),
        ("x", "text", False),
    ]


@pytest.mark.django_db
def test_every_operation_of_the_api_is_on_the_page(signed_in: SignIn, stranger: User) -> None:
    page = signed_in(stranger).get("/api/docs").content.decode()
    schema = Client().get("/api/v1/openapi.json").json()
    assert "/api/v1/people" in schema["paths"]
    for path, methods in schema["paths"].items():
        assert path.replace("{", "{") in page
        for described in methods.values():
            assert described["summary"] in page
            assert f'id="{described["operationId"]}"' in page
    assert page.count("curl ") == sum(len(methods) for methods in schema["paths"].values())
    assert "service_in_use" in page
    assert "oauth2.token_url" in page
