"""The API's description as a page."""

import pytest
from django.test import Client

from manual.api_page import Field, groups
from people.models import User
from tests.conftest import SignIn

SCHEMA = {
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
                    }
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
        ("kind", "a | b", False),
        ("any", "anything", False),
    ]
    assert operation.answers == [("200", "OK", [Field("is_on", "true or false", is_required=False)])]
    assert other.name == "Other"


@pytest.mark.django_db
def test_every_operation_of_the_api_is_on_the_page(signed_in: SignIn, stranger: User) -> None:
    page = signed_in(stranger).get("/api/docs").content.decode()
    schema = Client().get("/api/v1/openapi.json").json()
    assert "/api/v1/people" in schema["paths"]
    for path, methods in schema["paths"].items():
        assert path.replace("{", "{") in page
        for described in methods.values():
            assert described["summary"] in page
