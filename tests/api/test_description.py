"""The API's own description: whole by construction, and true where it is tried."""

from typing import Any

import pytest
from django.test import Client

from tests.conftest import Script

PROBLEM = "application/problem+json"
SAFE = {"get", "head"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    from config.urls import managing

    return dict(managing.get_openapi_schema())


@pytest.fixture(scope="module")
def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def test_is_made_once() -> None:
    from config.urls import managing

    assert managing.get_openapi_schema() is managing.get_openapi_schema()


Operations = list[tuple[str, str, dict[str, Any]]]


def errors_of(operation: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {status: answer for status, answer in operation["responses"].items() if status >= 400}


def expected(method: str, path: str, operation: dict[str, Any]) -> set[int]:
    """The statuses that follow from what an operation takes."""
    found = {400, 401, 403, 429, 503}
    if "{" in path:
        found.add(404)
    if "requestBody" in operation:
        found |= {413, 422}
    if any(parameter["in"] == "query" for parameter in operation["parameters"]):
        found.add(422)
    return found


def test_every_operation_has_the_errors_that_follow_from_what_it_takes(operations: Operations) -> None:
    assert len(operations) >= 23
    for method, path, operation in operations:
        statuses = set(errors_of(operation))
        assert statuses - {409} == expected(method, path, operation), f"{method} {path}"


def test_every_error_has_a_sentence_its_codes_and_an_example_that_fits(operations: Operations) -> None:
    for method, path, operation in operations:
        for status, answer in errors_of(operation).items():
            content = answer["content"][PROBLEM]
            _, narrowed = content["schema"]["allOf"]
            codes = narrowed["properties"]["code"]["enum"]
            examples = [example["value"] for example in content["examples"].values()]
            where = f"{method} {path} {status}"
            assert {example["code"] for example in examples} == set(codes), where
            assert {example["status"] for example in examples} == {status}, where
            assert all(example["detail"] in answer["description"] for example in examples), where
            assert ("errors" in examples[0]) == (status == 422), where


def test_conflicts_are_told_where_they_can_be(operations: Operations) -> None:
    codes = {
        f"{method} {path}": operation["responses"][409]["content"][PROBLEM]["schema"]["allOf"][1][
            "properties"
        ]["code"]["enum"]
        for method, path, operation in operations
        if 409 in operation["responses"]
    }
    assert codes["delete /api/v1/services/{link_name}"] == ["service_in_use"]
    assert codes["post /api/v1/connections"] == ["conflict"]
    assert codes["post /api/v1/people"] == ["conflict"]
    assert "authorization_required" in codes["post /api/v1/connections/{link_name}/revoke"]


def test_says_who_may_ask_and_that_a_session_that_writes_proves_itself(
    schema: dict[str, Any], operations: Operations
) -> None:
    assert set(schema["components"]["securitySchemes"]) == {"token", "session", "csrf"}
    for method, _, operation in operations:
        token, session = operation["security"]
        assert set(token) == {"token"}
        assert ("csrf" in session) == (method not in SAFE)


def test_every_body_is_closed_and_has_an_example(schema: dict[str, Any], operations: Operations) -> None:
    bodies = [each["requestBody"] for _, _, each in operations if "requestBody" in each]
    assert len(bodies) >= 8
    for body in bodies:
        shape = body["content"]["application/json"]["schema"]
        for option in shape.get("anyOf", [shape]):
            if "$ref" not in option:
                continue
            named = schema["components"]["schemas"][option["$ref"].rpartition("/")[2]]
            assert named["examples"]
            assert all(each["additionalProperties"] is False for each in named.get("oneOf", [named]))


def test_a_service_is_described_with_the_block_of_its_type(schema: dict[str, Any]) -> None:
    variants = schema["components"]["schemas"]["ServiceIn"]["oneOf"]
    oauth2 = next(each for each in variants if "oauth2" in each["properties"])
    block = oauth2["properties"]["oauth2"]
    assert block["additionalProperties"] is False
    assert {"client_id", "client_secret", "token_url", "scopes"} <= set(block["properties"])
    assert "is_rare" not in str(variants), "what is only for our forms"


def test_lists_say_their_bounds_and_a_parameter_is_never_null(operations: Operations) -> None:
    for _, _, operation in operations:
        for parameter in operation["parameters"]:
            assert {"type": "null"} not in parameter["schema"].get("anyOf", [])
            if parameter["name"] == "limit":
                assert (parameter["schema"]["minimum"], parameter["schema"]["maximum"]) == (1, 200)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"oauth2": {"token_url": "https://x.example.com/t", "pkce": "yes"}}, "oauth2.pkce"),
        ({"oauth2": {"token_url": "https://x.example.com/t", "pkce": 1}}, "oauth2.pkce"),
        ({"oauth2": {"token_url": "https://x.example.com/t", "client_id": False}}, "oauth2.client_id"),
        ({"oauth2": {"token_url": "https://x.example.com/t", "client_secret": []}}, "oauth2.client_secret"),
        ({"auth_type": "basic", "basic": 0}, "basic"),
        ({"auth_type": "basic", "basic": []}, "basic"),
    ],
)
def test_refuses_what_is_of_another_type_than_described(
    script: Script, change: dict[str, Any], field: str
) -> None:
    body = {
        "name": "X",
        "link_name": "typed",
        "base_url": "https://x.example.com",
        "auth_type": "oauth2",
        **change,
    }
    answer = Client(headers=script.headers).post("/api/v1/services", body, content_type="application/json")
    assert answer.status_code == 422, answer.content
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.django_db
def test_takes_the_examples_that_it_shows(
    schema: dict[str, Any], make_script: Any, administrator: Any
) -> None:
    client = Client(headers=make_script(administrator).headers)
    shown = schema["components"]["schemas"]
    for name, address in (("ServiceIn", "services"), ("TokenIn", "tokens"), ("PersonIn", "people")):
        example = shown[name]["examples"][0]
        answer = client.post(f"/api/v1/{address}", example, content_type="application/json")
        assert answer.status_code == 201, answer.content
    change = shown["ServicePatch"]["examples"][0]
    changed = client.patch("/api/v1/services/example", change, content_type="application/json")
    assert changed.status_code == 200, changed.content
