"""A token that is narrowed to connections manages those and tokens no wider than itself, and nothing else."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client
from ninja import NinjaAPI, Router
from ninja.operation import Operation
from ninja.testing import TestClient

from api import handlers
from config.urls import managing
from connections import api_auth, operations
from connections.models import ApiToken, Connection
from invoke.models import Call
from people import roles
from people.actor import Actor
from people.audit_trail import visible
from people.errors import AdministratorsOnly
from people.models import User
from services import operations as service_operations
from services.errors import NoBuilder
from services.models import Service
from tests.conftest import Script
from tests.connections.conftest import MakeConnection

pytestmark = pytest.mark.django_db

OPEN = {
    "GET /connections",
    "GET /connections/{link_name}",
    "PATCH /connections/{link_name}",
    "DELETE /connections/{link_name}",
    "POST /connections/{link_name}/connect",
    "POST /connections/{link_name}/revoke",
    "POST /connections/{link_name}/test",
    "GET /connections/{link_name}/calls",
    "GET /connections/{link_name}/snippets",
    "GET /tokens",
    "POST /tokens",
    "DELETE /tokens/{token_id}",
}
MakeScript = Callable[..., Script]


@pytest.fixture
def others(key_service: Service, make_connection: MakeConnection) -> Connection:
    """A connection whose link name begins like that of ``keyed``."""
    return make_connection("keyed", name="Others", link_name="keyed_others")


def through(script: Script) -> Actor:
    return api_auth.actor_of_token(script.token, ip="127.0.0.1")


def client_of(script: Script) -> Client:
    return Client(headers=script.headers)


def bound(api: NinjaAPI) -> Iterator[Operation]:
    """Every operation, as it was mounted."""
    for router in api._get_bound_routers():
        for view in router.path_operations.values():
            yield from view.operations


# --- Refused by default -------------------------------------------------------------------------------
def test_is_refused_by_an_operation_that_nobody_thought_of(
    keyed: Connection, administrator: User, make_script: MakeScript
) -> None:
    router = Router()

    @router.get("/thing")
    def thing(request: HttpRequest) -> str:
        return "done"

    @router.get("/open", auth=api_auth.authenticate_narrowed)
    def opened(request: HttpRequest) -> str:
        return "done"

    api = NinjaAPI(urls_namespace="narrowed-test", auth=api_auth.authenticate)
    handlers.install(api)
    api.add_router("", router)
    client = TestClient(api)
    narrow, wide = make_script(administrator, connections=["keyed"]), make_script(administrator)

    def asked(path: str, script: Script) -> tuple[int, Any]:
        answer = client.get(path, headers=script.headers, META={"REMOTE_ADDR": "127.0.0.1"})
        return answer.status_code, answer.json()

    status, said = asked("/thing", narrow)
    assert (status, said["code"]) == (403, "token_not_allowed")
    assert asked("/thing", wide) == (200, "done")
    assert asked("/open", narrow) == (200, "done")


def test_is_let_in_by_the_operations_that_say_so_and_no_others() -> None:
    ways = {
        f"{method} {operation.path}": list(operation.auth_callbacks)
        for operation in bound(managing)
        for method in operation.methods
    }
    let_in = {name for name, ways_in in ways.items() if ways_in == [api_auth.authenticate_narrowed]}
    assert let_in == OPEN
    assert {name for name, ways_in in ways.items() if ways_in != [api_auth.authenticate]} == OPEN


def test_gives_no_role_to_whoever_owns_it(
    keyed: Connection, others: Connection, administrator: User, owner: User, make_script: MakeScript
) -> None:
    narrow = through(make_script(administrator, connections=["keyed"]))
    with pytest.raises(AdministratorsOnly):
        roles.require_administrator(narrow)
    assert not visible(narrow).exists()
    assert not visible(through(make_script(owner, connections=["keyed"]))).exists()
    assert visible(Actor.of(owner)).exists()


def test_changes_no_service_of_its_owners(
    keyed: Connection, key_service: Service, owner: User, make_script: MakeScript
) -> None:
    narrow = through(make_script(owner, connections=["keyed"]))
    assert not service_operations.may_edit(narrow, key_service)
    assert not service_operations.may_set_client(narrow, key_service)
    with pytest.raises(NoBuilder):
        service_operations.create_service(actor=narrow, data={"name": "X", "link_name": "x"})


@pytest.mark.parametrize("who", ["owner", "administrator"])
def test_is_as_strong_as_its_owner_within_its_connection(
    request: pytest.FixtureRequest, keyed: Connection, others: Connection, make_script: MakeScript, who: str
) -> None:
    narrow = client_of(make_script(request.getfixturevalue(who), connections=["keyed"]))
    address = "/api/v1/connections"
    changed = narrow.patch(f"{address}/keyed", {"name": "New"}, content_type="application/json")
    assert (changed.status_code, changed.json()["name"]) == (200, "New")
    for method in ("GET", "PATCH", "DELETE"):
        answer = narrow.generic(method, f"{address}/keyed_others", "{}", "application/json")
        assert (answer.status_code, answer.json()["code"]) == (404, "connection_not_found")
    assert narrow.delete(f"{address}/keyed").status_code == 204
    assert list(Connection.objects.values_list("link_name", flat=True)) == ["keyed_others"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "people", {"email": "eve@example.com", "role": "administrator"}),
        ("GET", "people", None),
        ("GET", "audit", None),
        ("GET", "services", None),
        ("GET", "services/keyed", None),
        ("PATCH", "services/keyed", {"name": "Mine"}),
        ("PUT", "services/keyed/client", {"client_id": "x", "client_secret": "y"}),
        ("POST", "connections", {"service": "keyed", "name": "X", "link_name": "x"}),
        ("POST", "connections", "no JSON"),
    ],
)
def test_tells_an_administrators_narrowed_token_that_it_may_not(
    keyed: Connection, administrator: User, make_script: MakeScript, method: str, path: str, body: Any
) -> None:
    people, connections = User.objects.count(), Connection.objects.count()
    narrow = client_of(make_script(administrator, connections=["keyed"]))
    answer = narrow.generic(method, f"/api/v1/{path}", json.dumps(body), "application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_not_allowed")
    assert (User.objects.count(), Connection.objects.count()) == (people, connections)


def test_reads_the_calls_of_its_connections_and_no_others(
    keyed: Connection, others: Connection, owner: User, administrator: User, make_script: MakeScript
) -> None:
    for number, connection in enumerate((keyed, others)):
        Call.objects.create(
            connection=connection.link_name,
            connection_id=connection.pk,
            user=owner.email,
            user_id=owner.pk,
            method="GET",
            path=f"/{number}",
        )
    narrow = client_of(make_script(administrator, connections=["keyed"]))
    told = narrow.get("/api/v1/connections/keyed/calls").json()["items"]
    assert [item["path"] for item in told] == ["/0"]
    assert narrow.get("/api/v1/connections/keyed_others/calls").status_code == 404


# --- Its tokens ---------------------------------------------------------------------------------------
def test_lists_and_revokes_the_tokens_that_are_no_wider(
    keyed: Connection, others: Connection, owner: User, make_script: MakeScript
) -> None:
    narrow = make_script(owner, name="narrow", connections=["keyed"], methods=["GET", "POST", "DELETE"])
    beside = make_script(owner, name="beside", connections=["keyed"], methods=["GET"])
    wider = [
        make_script(owner, name="wide"),
        make_script(owner, name="two", connections=["keyed", "keyed_others"], methods=["GET"]),
        make_script(owner, name="other", connections=["keyed_others"], methods=["GET"]),
        make_script(owner, name="any method", connections=["keyed"]),
    ]
    client = client_of(narrow)
    child = client.post("/api/v1/tokens", {"name": "child"}, content_type="application/json").json()
    listed = client.get("/api/v1/tokens").json()["items"]
    assert {item["name"] for item in listed} == {"narrow", "beside", "child"}
    for script in wider:
        assert client.delete(f"/api/v1/tokens/{script.token.pk}").status_code == 404
    assert client.delete(f"/api/v1/tokens/{beside.token.pk}").status_code == 204
    assert client.delete(f"/api/v1/tokens/{child['id']}").status_code == 204
    live = ApiToken.objects.filter(revoked_at=None).values_list("name", flat=True)
    assert set(live) == {"narrow", "wide", "two", "other", "any method"}


@pytest.mark.parametrize(
    "narrower",
    [{"scopes": ["manage"]}, {"networks": ["127.0.0.0/8"]}, {"act_for": ["teammate@example.com"]}],
)
def test_lists_no_token_that_is_wider_in_anything(
    keyed: Connection,
    administrator: User,
    teammate: User,
    make_script: MakeScript,
    narrower: dict[str, Any],
) -> None:
    make_script(administrator, name="wider", connections=["keyed"], act_for=["*"])
    asker = make_script(administrator, name="asker", connections=["keyed"], **narrower)
    listed = client_of(asker).get("/api/v1/tokens").json()["items"]
    assert [item["name"] for item in listed] == ["asker"]


def test_an_administrators_narrowed_token_revokes_nobody_elses(
    keyed: Connection, owner: User, administrator: User, make_script: MakeScript
) -> None:
    theirs = make_script(owner, connections=["keyed"])
    narrow = client_of(make_script(administrator, connections=["keyed"]))
    assert narrow.delete(f"/api/v1/tokens/{theirs.token.pk}").status_code == 404
    wide = client_of(make_script(administrator))
    assert wide.delete(f"/api/v1/tokens/{theirs.token.pk}").status_code == 204


def test_hands_on_the_right_to_act_for_others_and_no_more_of_it(
    keyed: Connection, administrator: User, teammate: User, stranger: User, make_script: MakeScript
) -> None:
    narrow = make_script(administrator, connections=["keyed"], act_for=[teammate.email])
    row, _ = operations.create_token(
        actor=through(narrow), name="child", scopes=["invoke"], act_for=[teammate.email]
    )
    assert row.rules["act_for"] == [str(teammate.pk)]
    client = client_of(narrow)
    for act_for in (["*"], [stranger.email]):
        answer = client.post(
            "/api/v1/tokens", {"name": "x", "act_for": act_for}, content_type="application/json"
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "token_not_allowed")
