"""Every error of the API is a problem document (RFC 9457)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from ninja import NinjaAPI, Query, Router
from ninja.errors import AuthenticationError, HttpError
from ninja.testing import TestClient
from pydantic import Field

import problems
from api import handlers
from api.pages import Paging
from api.parser import JsonParser
from api.schemas import Strict

CANARY = "canary-51c7"
UNSTORABLE = "This holds a character that cannot be stored: NUL, or half of a pair."


class Inner(Strict):
    token_url: str
    scopes: list[str] = Field(default_factory=list)


class Body(Strict):
    name: str
    number: int = 0
    is_on: bool = False
    oauth2: Inner | None = None
    headers: dict[str, str] = Field(default_factory=dict)


def fails(error: Exception) -> Callable[[HttpRequest], None]:
    def operation(request: HttpRequest) -> None:
        raise error

    return operation


@pytest.fixture(scope="module")
def client() -> TestClient:
    router = Router()
    failures = {
        "conflict": problems.Conflict("It is taken."),
        "throttled": problems.Throttled(retry_after=9),
        "absent": Http404(CANARY),
        "away": OperationalError(CANARY),
        "closed": InterfaceError(CANARY),
        "crash": ZeroDivisionError(CANARY),
        "who": AuthenticationError(),
        "teapot": HttpError(418, CANARY),
    }
    for name, error in failures.items():
        router.add_api_operation(f"/{name}", ["GET"], fails(error))

    @router.post("/things")
    def make(request: HttpRequest, data: Body) -> str:
        return data.name

    @router.get("/things")
    def list_things(request: HttpRequest, paging: Query[Paging]) -> int:
        return paging.limit

    api = NinjaAPI(urls_namespace="handlers-test", parser=JsonParser())
    handlers.install(api)
    api.add_router("", router)
    return TestClient(api)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/conflict", 409, "conflict"),
        ("/throttled", 429, "rate_limited"),
        ("/absent", 404, "not_found"),
        ("/away", 503, "database_unavailable"),
        ("/closed", 503, "database_unavailable"),
        ("/crash", 500, "internal_error"),
        ("/who", 401, "unauthenticated"),
        ("/teapot", 400, "invalid_request"),
    ],
)
def test_an_error_is_a_problem_document_without_detail_of_ours(
    client: TestClient, path: str, status: int, code: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "hint"} <= set(problem)
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/docs/errors/#{code}")
    assert CANARY not in str(problem)


@pytest.mark.parametrize(("path", "seconds"), [("/throttled", "9"), ("/away", "5")])
def test_says_when_to_try_again(client: TestClient, path: str, seconds: str) -> None:
    assert client.get(path)["Retry-After"] == seconds


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("name", "This field is required.")]),
        ({"name": 1}, [("name", "This takes a text.")]),
        ({"name": "x", "number": "many"}, [("number", "This takes a whole number.")]),
        ({"name": "x", "nmae": "y"}, [("nmae", "There is no such field.")]),
        ({"name": "x", "oauth2": {}}, [("oauth2.token_url", "This field is required.")]),
        (
            {"name": "x", "oauth2": {"token_url": "u", "scopes": ["a", 1]}},
            [("oauth2.scopes.1", "This takes a text.")],
        ),
        (
            {"name": "x", "oauth2": {"token_url": "u", "extra": 1}},
            [("oauth2.extra", "There is no such field.")],
        ),
        ({"name": "x", "headers": []}, [("headers", "This takes an object.")]),
        ({"name": "x", "number": "7"}, [("number", "This takes a whole number.")]),
        ({"name": "x", "number": True}, [("number", "This takes a whole number.")]),
        ({"name": "x", "is_on": "yes"}, [("is_on", "This takes true or false.")]),
        ({"name": "x", "is_on": 1}, [("is_on", "This takes true or false.")]),
        ({"name": "a\x00b"}, [("name", UNSTORABLE)]),
        ({"name": "a\ud800b"}, [("name", UNSTORABLE)]),
        ({"name": "x", "headers": {"a": "b\x00"}}, [("headers", UNSTORABLE)]),
        ({"name": "x", "headers": {"\udfff": "b"}}, [("headers", UNSTORABLE)]),
        ({"name": "x", "oauth2": {"token_url": "u", "scopes": ["\ud800"]}}, [("oauth2", UNSTORABLE)]),
        ({"number": "x"}, [("name", "This field is required."), ("number", "This takes a whole number.")]),
        ([], [("body", "This takes an object.")]),
    ],
)
def test_names_each_field_that_is_wrong(client: TestClient, body: Any, errors: list[tuple[str, str]]) -> None:
    answer = client.post("/things", json=body)
    assert answer.status_code == 422
    told = answer.json()
    assert told["code"] == "validation_failed"
    assert [(error["field"], error["message"]) for error in told["errors"]] == errors


@pytest.mark.parametrize("depth", [101, 330, 100_000])
def test_a_body_that_nests_too_deep_is_told(client: Any, depth: int) -> None:
    body = b'{"name": ' + b"[" * depth + b"]" * depth + b"}"
    answer = client.post("/things", data=body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]


@pytest.mark.parametrize("body", [b"{nonsense", b"\xff\xfe", b'{"name": NaN}'])
def test_a_body_that_is_not_json_is_told(client: Any, body: bytes) -> None:
    answer = client.post("/things", data=body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["detail"] == "The body is not JSON."


def test_a_query_that_is_wrong_is_named_as_it_was_asked(client: TestClient) -> None:
    answer = client.get("/things?limit=201")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "limit"
    assert client.get("/things").json() == 50
