"""What the API and the lists take of a stranger's search and of a body is bounded."""

from typing import Any

import pytest
from django.test import Client

from connections.models import Connection
from people.models import User
from services.models import Service
from tests.conftest import Script, SignIn
from tests.connections.conftest import MakeConnection

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(script: Script) -> Client:
    return Client(headers=script.headers)


def found(client: Client, q: str) -> list[str]:
    answer = client.get("/api/v1/connections", {"q": q})
    assert answer.status_code == 200, answer.content
    return [item["link_name"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    "q", [" ".join(f"w{n}" for n in range(1200)), "x" * 7000, " " * 5000, "\ufffd", "ß \\ %_"]
)
def test_a_search_of_any_length_is_answered_everywhere(
    program: Client, owner: User, administrator: User, signed_in: SignIn, keyed: Connection, q: str
) -> None:
    for kind in ("mine", "shared", "internal"):
        assert program.get("/api/v1/connections", {"list": kind, "q": q}).status_code == 200
    for kind in ("default", "custom"):
        assert program.get("/api/v1/services", {"kind": kind, "q": q}).status_code == 200
    asked = {"q": q, "person": q, "target": q, "actor": q, "category": q, "status": q, "service": q}
    for browser in (signed_in(owner), signed_in(administrator)):
        for path in ("/connections/", "/services/", "/connections/new/", "/activity/", "/audit/", "/tokens/"):
            for kind in ("mine", "shared", "custom"):
                answer = browser.get(path, asked | {"list": kind, "kind": kind})
                assert answer.status_code in {200, 422}, path


def test_looks_for_each_word_once_and_for_no_more_than_anybody_types(
    program: Client, key_service: Service, make_connection: MakeConnection
) -> None:
    make_connection("keyed", name="Desk tickets", link_name="desk")
    assert found(program, "desk " * 1000) == ["desk"]
    assert found(program, "desk" + " " * 100 + "nothing") == ["desk"], "what comes later is nobody's search"
    assert found(program, "desk nothing") == []


def test_searches_in_other_alphabets(
    program: Client, key_service: Service, make_connection: MakeConnection
) -> None:
    make_connection("keyed", name="Straße", link_name="street")
    assert found(program, "Straße") == ["street"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "connections"),
        ("PATCH", "connections/keyed"),
        ("POST", "connections/keyed/connect"),
        ("POST", "services"),
        ("PATCH", "services/keyed"),
        ("PUT", "services/keyed/client"),
        ("POST", "tokens"),
    ],
)
@pytest.mark.parametrize("depth", [101, 331, 5001])
def test_a_body_that_nests_too_deep_is_told_and_changes_nothing(
    program: Client, keyed: Connection, method: str, path: str, depth: int
) -> None:
    body = '{"name": ' + "[" * depth + "]" * depth + "}"
    answer: Any = program.generic(method, f"/api/v1/{path}", body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]
