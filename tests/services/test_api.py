"""Services over the API, as a program sees them."""

from typing import Any

import pytest
from django.test import Client

from people.models import User
from services.models import OAuthClient, Service
from tests.conftest import Script, SignIn
from tests.services.conftest import Data, Make


@pytest.fixture
def program(script: Script) -> Client:
    return Client(headers=script.headers)


def post(client: Client, data: Any) -> Any:
    return client.post("/api/v1/services", data, content_type="application/json")


def test_makes_a_service_and_tells_its_callback_url(program: Client, service_data: Data) -> None:
    answer = post(program, service_data(oauth2={"client_id": "1000.X", "client_secret": "canary"}))
    assert answer.status_code == 201
    told = answer.json()
    assert told["link_name"] == "zoho_commerce"
    assert told["callback_url"] == "http://localhost:8000/oauth/callback/zoho_commerce"
    assert (told["kind"], told["created_by"]) == ("custom", "owner@example.com")
    assert told["oauth2"]["client_id"] == "1000.X"
    assert told["has_client"] is True
    assert "canary" not in answer.content.decode()


def test_what_it_answers_can_be_sent_again(program: Client, service_data: Data) -> None:
    told = post(program, service_data()).json()
    contract = {key: told[key] for key in service_data()} | {"link_name": "another"}
    assert post(program, contract).status_code == 201


def test_lists_services_a_page_at_a_time(program: Client, make_service: Make) -> None:
    for name in ("a", "b", "c"):
        make_service(link_name=name, name=name.upper())
    first = program.get("/api/v1/services?limit=2").json()
    assert [item["link_name"] for item in first["items"]] == ["a", "b"]
    rest = program.get(f"/api/v1/services?limit=2&cursor={first['next']}").json()
    assert [item["link_name"] for item in rest["items"]] == ["c"]
    assert rest["next"] is None


def test_filters_the_list(program: Client, make_service: Make) -> None:
    make_service()
    assert len(program.get("/api/v1/services?kind=custom&q=commerce").json()["items"]) == 1
    assert program.get("/api/v1/services?kind=default").json()["items"] == []
    assert program.get("/api/v1/services?kind=odd").status_code == 422


def test_tells_one_service(program: Client, make_service: Make) -> None:
    make_service()
    told = program.get("/api/v1/services/zoho_commerce").json()
    assert told["hosts"] == ["commerce.zoho.eu"]
    assert told["has_client"] is False
    assert program.get("/api/v1/services/nothing").status_code == 404


def test_a_service_with_several_ways_tells_a_list(program: Client, make_service: Make) -> None:
    entries = [{"auth_type": "basic"}, {"auth_type": "api_key", "api_key": {"params": [{"key": "X-Key"}]}}]
    make_service(auth=entries)
    told = program.get("/api/v1/services/zoho_commerce").json()
    assert [entry["name"] for entry in told["auth"]] == ["basic", "api_key"]
    assert "auth_type" not in told


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"link_name": "Not A Link Name"}, "link_name"),
        ({"base_url": "http://commerce.zoho.eu"}, "base_url"),
        ({"base_url": "https://10.0.0.1"}, "base_url"),
        ({"colour": "red"}, "colour"),
        ({"name": "a\x00b"}, "name"),
        ({"oauth2": {"token_url": "x"}}, "oauth2.token_url"),
    ],
)
def test_names_the_wrong_field_in_a_problem(
    program: Client, service_data: Data, changes: dict[str, Any], field: str
) -> None:
    answer = post(program, service_data(**changes))
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "validation_failed"
    assert field in [error["field"] for error in problem["errors"]]
    assert not Service.objects.exists()


@pytest.mark.parametrize("body", [[], '"x"', "null", "5"])
def test_refuses_a_body_of_the_wrong_shape(program: Client, body: Any) -> None:
    assert post(program, body).status_code == 422


def test_a_taken_link_name_is_a_conflict(program: Client, make_service: Make, service_data: Data) -> None:
    make_service()
    answer = post(program, service_data())
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_sets_a_client_that_is_never_told(program: Client, make_service: Make) -> None:
    make_service()
    answer = program.put(
        "/api/v1/services/zoho_commerce/client",
        {"client_id": "1000.X", "client_secret": "canary"},
        content_type="application/json",
    )
    assert answer.status_code == 200
    assert answer.json()["has_client"] is True
    assert "canary" not in answer.content.decode()
    assert OAuthClient.objects.get().client_id == "1000.X"


def test_an_unknown_field_of_a_client_is_refused(program: Client, make_service: Make) -> None:
    make_service()
    answer = program.put(
        "/api/v1/services/zoho_commerce/client",
        {"client_id": "1000.X", "secret": "x"},
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert not OAuthClient.objects.exists()


def test_a_client_id_is_told_to_those_who_may_set_it(
    make_service: Make, teammate: User, make_script: Any
) -> None:
    make_service(oauth2={"client_id": "1000.X", "client_secret": "s"})
    other = Client(headers=make_script(teammate).headers)
    told = other.get("/api/v1/services/zoho_commerce").json()
    assert "client_id" not in told["oauth2"]
    assert told["may_edit"] is False
    answer = other.put(
        "/api/v1/services/zoho_commerce/client", {"client_id": "evil"}, content_type="application/json"
    )
    assert answer.status_code == 403


def test_a_member_makes_no_services(teammate: User, make_script: Any, service_data: Data) -> None:
    answer = post(Client(headers=make_script(teammate).headers), service_data())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_a_stale_session_confirms_before_a_client_is_set(
    owner: User, signed_in: SignIn, make_service: Make
) -> None:
    make_service()
    answer = signed_in(owner, is_fresh=False).put(
        "/api/v1/services/zoho_commerce/client",
        {"client_id": "1000.X", "client_secret": "s"},
        content_type="application/json",
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_required")
