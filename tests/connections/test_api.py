"""``/api/v1/connections`` and what the contract promises of it."""

import json
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Connection, Grant
from people.models import User
from services.models import Service
from tests.conftest import Script, SignIn
from tests.connections.conftest import MakeConnection, MakeService, oauth_definition, round_trip
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db

NEW = {"service": "keyed", "name": "Desk", "link_name": "desk"}
SECRETS = {"X-Api-Key": "k-secret-1", "X-Tenant": "t-secret-1"}


class Api:
    """The API through somebody's token."""

    def __init__(self, script: Script) -> None:
        self.client = Client(headers=script.headers)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        text = "" if body is None else json.dumps(body)
        answer = self.client.generic(method, f"/api/v1{path}", text, "application/json")
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def api(script: Script) -> Api:
    return Api(script)


@pytest.fixture
def api_of(make_script: Any) -> Any:
    return lambda user: Api(make_script(user))


def test_creates_a_connection(api: Api, key_service: Service) -> None:
    status, said = api.ask("POST", "/connections", NEW | {"credentials": SECRETS})
    assert status == 201
    expected: dict[str, Any] = {
        "link_name": "desk",
        "name": "Desk",
        "service": "keyed",
        "auth": "api_key",
        "scopes": [],
        "variables": {},
        "credentials_of": "owner",
        "audience": "private",
        "status": "connected",
        "status_reason": "",
        "expires_at": None,
        "authorized_as": None,
        "granted_scopes": [],
        "created_by": "owner@example.com",
        "callback_url": "http://localhost:8000/oauth/callback/keyed",
        "authorize_url": None,
        "shared_as": None,
        "disabled": False,
    }
    assert {name: said[name] for name in expected} == expected
    assert "secret-1" not in json.dumps(said)


def test_answers_with_a_page_to_authorise_at(api: Api, oauth_service: Service) -> None:
    status, said = api.ask("POST", "/connections", {"service": "shop", "name": "Shop"})
    assert (status, said["link_name"], said["status"]) == (201, "shop", "not_connected")
    assert said["status_reason"] == "Nobody has authorised it yet."
    assert said["authorize_url"].startswith("http://localhost:8000/authorize/")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**NEW, "owner": "me"}, "owner"),
        ({**NEW, "name": 7}, "name"),
        ({**NEW, "scopes": "read"}, "scopes"),
        ({**NEW, "credentials": {"X-Api-Key": 7}}, "credentials.X-Api-Key"),
        ({**NEW, "link_name": "Not so"}, "link_name"),
        ({**NEW, "name": "a\x00b"}, "name"),
        ({"name": "x"}, "service"),
    ],
)
def test_says_which_field_is_wrong(api: Api, key_service: Service, body: Any, field: str) -> None:
    status, said = api.ask("POST", "/connections", body)
    assert (status, said["code"]) == (422, "validation_failed")
    assert [error["field"] for error in said["errors"]] == [field]
    assert not Connection.objects.exists()


def test_refuses_a_link_name_that_is_taken(api: Api, keyed: Connection) -> None:
    status, said = api.ask("POST", "/connections", NEW | {"link_name": "keyed"})
    assert (status, said["code"]) == (409, "conflict")


def test_refuses_members(api_of: Any, key_service: Service, teammate: User) -> None:
    status, said = api_of(teammate).ask("POST", "/connections", NEW)
    assert (status, said["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("body", ["", "{", "null", "[1"])
def test_refuses_what_is_no_json(script: Script, body: str) -> None:
    client = Client(headers=script.headers)
    answer = client.generic("POST", "/api/v1/connections", body, "application/json")
    assert answer.status_code in {400, 422}
    assert answer["Content-Type"].startswith("application/problem+json")


def test_shows_one(api: Api, keyed: Connection) -> None:
    assert api.ask("GET", "/connections/keyed")[1]["status"] == "connected"


@pytest.mark.parametrize("link_name", ["absent", "KEYED", "keyed%20"])
def test_answers_404_for_what_is_not_there(api: Api, keyed: Connection, link_name: str) -> None:
    status, said = api.ask("GET", f"/connections/{link_name}")
    assert (status, said["code"]) == (404, "connection_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/connect"),
        ("POST", "/revoke"),
    ],
)
def test_hides_a_foreign_connection_from_every_method(
    api_of: Any, keyed: Connection, stranger: User, method: str, path: str
) -> None:
    status, said = api_of(stranger).ask(method, f"/connections/keyed{path}", {})
    assert (status, said["code"]) == (404, "connection_not_found")


# --- Lists ----------------------------------------------------------------------------------------------
def test_lists_pages_by_name(api: Api, key_service: Service, make_connection: MakeConnection) -> None:
    for name in ("c", "a", "e", "b", "d"):
        make_connection("keyed", name=name, link_name=f"one_{name}")
    _, first = api.ask("GET", "/connections?limit=2")
    _, second = api.ask("GET", f"/connections?limit=2&cursor={first['next']}")
    _, third = api.ask("GET", f"/connections?limit=2&cursor={second['next']}")
    assert [[item["name"] for item in page["items"]] for page in (first, second, third)] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]
    assert third["next"] is None


@pytest.mark.parametrize("query", ["list=all", "limit=0", "limit=201", "cursor=x", "limit=ten"])
def test_refuses_an_odd_query(api: Api, query: str) -> None:
    status, said = api.ask("GET", f"/connections?{query}")
    assert (status, said["code"]) == (422, "validation_failed")


def test_searches(api: Api, key_service: Service, make_connection: MakeConnection) -> None:
    make_connection("keyed", name="Desk tickets", link_name="desk")
    make_connection("keyed", name="Shop", link_name="shop_orders")

    def found(q: str) -> list[str]:
        return [item["link_name"] for item in api.ask("GET", f"/connections?q={q}")[1]["items"]]

    assert found("TICKETS") == ["desk"]
    assert found("orders") == ["shop_orders"]
    assert found("keyed") == ["desk", "shop_orders"]
    assert found("nothing") == []


def test_says_how_a_connection_is_shared(
    api_of: Any,
    oauth_service: Service,
    key_service: Service,
    make_connection: MakeConnection,
    teammate: User,
) -> None:
    make_connection("keyed", name="1", link_name="ours", audience="everyone")
    each = make_connection("shop", name="2", link_name="each", credentials_of="login_user")
    make_connection("shop", name="3", link_name="other", credentials_of="login_user")
    make_connection("keyed", name="4", link_name="private_one")
    round_trip(each, user=teammate)
    _, said = api_of(teammate).ask("GET", "/connections?list=shared")
    assert [(item["link_name"], item["shared_as"], item["status"]) for item in said["items"]] == [
        ("ours", "owner_account", "not_connected"),
        ("each", "authorized", "connected"),
        ("other", "waiting", "not_connected"),
    ]
    assert said["items"][0]["authorize_url"] is None
    assert said["items"][2]["authorize_url"]


def test_asks_the_database_no_more_for_a_longer_list(
    api: Api, oauth_service: Service, make_connection: MakeConnection
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(database) as counted:
            api.ask("GET", "/connections")
        return len(counted)

    round_trip(make_connection("shop", name="0", link_name="one_0"))
    make_connection("shop", name="9", link_name="due_0")
    api.ask("GET", "/connections")
    few = queries()
    for number in range(1, 6):
        round_trip(make_connection("shop", name=str(number), link_name=f"one_{number}"))
        make_connection("shop", name=f"9{number}", link_name=f"due_{number}")
    assert queries() == few


# --- Changing -------------------------------------------------------------------------------------------
def test_changes_only_what_is_given(api: Api, keyed: Connection) -> None:
    status, said = api.ask("PATCH", "/connections/keyed", {"name": "New"})
    assert (status, said["name"], said["audience"], said["status"]) == (200, "New", "private", "connected")
    status, said = api.ask("PATCH", "/connections/keyed", {"disabled": True})
    assert (said["name"], said["disabled"], said["status"]) == ("New", True, "disabled")


def test_asks_for_consent_again(api: Api, authorised: Grant) -> None:
    _, said = api.ask("PATCH", "/connections/storefront", {"scopes": ["write"]})
    assert (said["status"], said["scopes"]) == ("not_connected", ["write"])
    assert "scopes were changed" in said["status_reason"]
    assert said["authorize_url"]


@pytest.mark.parametrize("field", ["link_name", "created_by", "status", "service", "made_by", "rules"])
def test_binds_no_field_that_is_not_listed(api: Api, keyed: Connection, field: str) -> None:
    status, said = api.ask("PATCH", "/connections/keyed", {field: "x"})
    assert (status, [error["field"] for error in said["errors"]]) == (422, [field])


def test_deletes(api: Api, keyed: Connection) -> None:
    assert api.ask("DELETE", "/connections/keyed") == (204, None)
    assert api.ask("GET", "/connections/keyed")[0] == 404


# --- Connecting -----------------------------------------------------------------------------------------
def test_connects_with_credentials(api: Api, key_service: Service, make_connection: MakeConnection) -> None:
    make_connection("keyed", link_name="desk")
    status, said = api.ask("POST", "/connections/desk/connect", {"credentials": SECRETS})
    assert (status, said["status"]) == (200, "connected")
    assert "secret-1" not in json.dumps(said)


@pytest.mark.parametrize("body", [None, {}])
def test_answers_oauth_with_an_address_alone(api: Api, shop: Connection, body: Any) -> None:
    status, said = api.ask("POST", "/connections/storefront/connect", body)
    assert status == 200
    assert said.keys() == {"authorize_url"}


def test_says_which_credential_is_missing(
    api: Api, key_service: Service, make_connection: MakeConnection
) -> None:
    make_connection("keyed", link_name="desk")
    status, said = api.ask("POST", "/connections/desk/connect", {"credentials": {"X-Api-Key": "a"}})
    assert (status, said["errors"][0]["field"]) == (422, "credentials.X-Tenant")


def test_connects_client_credentials_with_the_status(
    api: Api, make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    make_service("robot", **oauth_definition(provider, grant_type="client_credentials", authorize_url=""))
    make_connection("robot")
    assert api.ask("POST", "/connections/storefront/connect", {})[1]["status"] == "connected"


def test_says_when_the_app_is_missing(
    api: Api, make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    make_service("appless", **oauth_definition(provider, client_id="", client_secret=""))
    make_connection("appless")
    _, said = api.ask("GET", "/connections/storefront")
    assert (said["authorize_url"], "OAuth app" in said["status_reason"]) == (None, True)
    status, said = api.ask("POST", "/connections/storefront/connect", {})
    assert (status, said["code"]) == (409, "conflict")


def test_revokes_and_says_whether_it_was_confirmed(api: Api, authorised: Grant, provider: Provider) -> None:
    provider.revoke_status = 503
    status, said = api.ask("POST", "/connections/storefront/revoke")
    assert (status, said["status"], said["confirmed"]) == (200, "revoked", False)
    assert "did not confirm" in said["detail"]
    status, said = api.ask("POST", "/connections/storefront/revoke")
    assert (status, said["code"]) == (409, "authorization_required")


def test_shows_what_the_service_gave(api: Api, shop: Connection, provider: Provider) -> None:
    provider.extra = {"scope": "read extra"}
    round_trip(shop)
    _, said = api.ask("GET", "/connections/storefront")
    assert said["granted_scopes"] == ["read", "extra"]
    assert said["authorized_as"] == "ada@example.net"
    assert said["expires_at"].endswith("Z")


# --- Services -------------------------------------------------------------------------------------------
def test_changes_a_service(api: Api, keyed: Connection) -> None:
    assert api.ask("PATCH", "/services/keyed", {"name": "New"})[1]["name"] == "New"
    moved = {"base_url": "https://sink.example.net", "hosts": ["sink.example.net"]}
    status, said = api.ask("PATCH", "/services/keyed", moved)
    assert (status, said["code"]) == (403, "confirmation_required")
    assert api.ask("PATCH", "/services/keyed", moved | {"confirm": "keyed"})[0] == 200
    assert api.ask("GET", "/connections/keyed")[1]["status"] == "not_connected"


def test_keeps_a_service_that_is_in_use(api: Api, keyed: Connection) -> None:
    status, said = api.ask("DELETE", "/services/keyed")
    assert (status, said["code"], said["connections"]) == (409, "service_in_use", ["keyed"])
    api.ask("DELETE", "/connections/keyed")
    assert api.ask("DELETE", "/services/keyed") == (204, None)


# --- API tokens -----------------------------------------------------------------------------------------
def test_makes_lists_and_revokes_tokens(api: Api, keyed: Connection) -> None:
    asked = {"name": "nightly", "scopes": ["invoke"], "connections": ["keyed"], "methods": ["GET"], "days": 3}
    status, made = api.ask("POST", "/tokens", asked | {"networks": ["10.0.0.0/8"]})
    assert status == 201
    assert made["token"].startswith("swb_")
    assert (made["connections"], made["networks"], made["act_for"]) == (["keyed"], ["10.0.0.0/8"], [])
    _, listed = api.ask("GET", "/tokens")
    assert [item["name"] for item in listed["items"]] == ["nightly", "script"]
    assert listed["items"][0] == {name: value for name, value in made.items() if name != "token"}
    assert api.ask("DELETE", f"/tokens/{made['id']}") == (204, None)
    assert len(api.ask("GET", "/tokens")[1]["items"]) == 1
    assert api.ask("DELETE", f"/tokens/{made['id']}")[0] == 404
    assert api.ask("DELETE", "/tokens/not-an-id")[0] == 404


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 422, "validation_failed"),
        ({"name": "x", "kind": "internal"}, 422, "validation_failed"),
        ({"name": "x", "scopes": ["root"]}, 422, "validation_failed"),
        ({"name": "x", "days": "soon"}, 422, "validation_failed"),
        ({"name": "x", "act_for": ["*"]}, 403, "not_allowed"),
    ],
)
def test_makes_no_odd_token(api: Api, asked: dict[str, Any], status: int, code: str) -> None:
    answered, said = api.ask("POST", "/tokens", asked)
    assert (answered, said["code"]) == (status, code)


def test_asks_a_stale_session_to_confirm(owner: User, signed_in: SignIn) -> None:
    browser = signed_in(owner, is_fresh=False)
    answer = browser.post("/api/v1/tokens", {"name": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_required")


@pytest.mark.parametrize("act_for", [["teammate@example.com"], ["*"]])
def test_names_people_by_their_addresses(
    signed_in: SignIn, administrator: User, teammate: User, act_for: list[str]
) -> None:
    asked = {"name": "bot", "act_for": act_for}
    answer = signed_in(administrator).post("/api/v1/tokens", asked, content_type="application/json")
    assert answer.json()["act_for"] == act_for
