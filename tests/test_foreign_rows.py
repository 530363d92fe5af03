"""What is not the asker's changes nothing of what they are told (checklist I4).

Every page and every answer of the API that a person may read is taken before and after somebody else's
private world comes to be. Searches and filters name that world, so that a count, a choice or an error text
that knew of it would differ.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client

from connections import grants, operations
from connections.models import ApiToken, Connection
from invoke.models import Call
from people import audit
from people.actor import Actor
from people.audit_events import Event
from people.models import Role, User
from services import operations as service_operations
from tests.conftest import NOW, Clock, SignIn

SERVICE = {
    "name": "Desk",
    "link_name": "desk",
    "auth_type": "api_key",
    "param_type": "header",
    "base_url": "https://desk.invalid/api",
    "api_key": {"params": [{"key": "X-Key"}]},
}
CREDENTIALS = {"X-Key": "a-key"}
OWNER, LINK_NAME, NAME = "owner@example.com", "quagga_private", "Quagga"
ASKERS = ("stranger", "rival")
ORDERS = ("name", "-created_at", "created_by__password", "connection__grants__secrets", "id;--", "?")
pytestmark = pytest.mark.django_db


@pytest.fixture
def rival(make_person: Callable[..., User], owner: User) -> User:
    """Another builder, with a connection and a token of their own, to a service that everybody sees."""
    service_operations.create_service(actor=Actor.of(owner), data=SERVICE)
    made = make_person("rival@example.com", Role.BUILDER)
    connect(made, "rivals", "Rivals")
    return made


def connect(by: User, link_name: str, name: str) -> Connection:
    asked = {"service": "desk", "name": name, "link_name": link_name, "credentials": CREDENTIALS}
    return operations.create_connection(actor=Actor.of(by), data=asked)


def make_private_world(owner: User) -> None:
    """Connections, calls, grants, tokens and events, none of them shared with anybody."""
    made = connect(owner, LINK_NAME, NAME)
    connect(owner, f"{LINK_NAME}_two", f"{NAME} two")
    row, _ = operations.create_token(
        actor=Actor.of(owner), name="quagga token", scopes=["invoke"], connections=[LINK_NAME]
    )
    operations.create_token(actor=Actor.of(owner), name="quagga second", scopes=["manage"])
    for minutes in range(70):
        Call.objects.create(
            at=NOW - timedelta(minutes=minutes),
            connection=LINK_NAME,
            connection_id=made.pk,
            token=row.name,
            token_id=row.pk,
            user=owner.email,
            user_id=owner.pk,
            method="GET",
            path="/seen/by/nobody",
            status=200,
        )
    grant = grants.current(made, owner)
    assert grant
    grants.need_reconnect(grant, "quagga")
    audit.record(Event.CONNECTION_TESTED, actor=Actor.of(owner), target=f"connection:{LINK_NAME}")


# --- What is asked -------------------------------------------------------------------------------------
def lists() -> Iterator[str]:
    """Addresses that list something, and what narrows them."""
    for kind in ("mine", "shared", "internal"):
        yield f"/connections/?list={kind}"
        yield f"/connections/?list={kind}&status=reconnect_needed"
        yield f"/connections/?list={kind}&service=desk"
        for q in (LINK_NAME, NAME, "quagga", "desk"):
            yield f"/connections/?list={kind}&q={q}"
            yield f"/api/v1/connections?list={kind}&q={q}"
    for query in (
        "",
        f"?connection={LINK_NAME}",
        f"?person={OWNER}",
        "?method=GET&outcome=2",
        "?outcome=ours",
    ):
        yield f"/activity/{query}"
    for query in (
        f"actor={OWNER}",
        f"target=connection:{LINK_NAME}",
        "event=connection.tested",
        "since=2000-01-01",
    ):
        yield f"/audit/?{query}"
        yield f"/api/v1/audit?{query}"
    yield from ("/", "/tokens/", "/tokens/new/", "/services/", "/services/?kind=custom&q=quagga", "/audit/")
    yield from ("/services/desk/", "/connections/new/", "/connections/new/?kind=custom&q=desk", "/people/")
    yield from ("/api/v1/tokens", "/api/v1/audit", "/api/v1/people", "/api/v1/connections?list=all")
    yield from ("/api/v1/services?kind=custom&q=quagga", "/api/v1/services/desk", "/services/desk/delete/")


def one() -> Iterator[str]:
    """Addresses of the connection itself."""
    for link_name in (LINK_NAME, f"{LINK_NAME}_two", "rivals"):
        for page in ("", "edit/", "connect/", "revoke/", "delete/"):
            yield f"/connections/{link_name}/{page}"
        for part in ("", "/calls", "/snippets"):
            yield f"/api/v1/connections/{link_name}{part}"


WRITES: list[tuple[str, str, Any]] = [
    ("PATCH", f"connections/{LINK_NAME}", {"name": "Mine"}),
    ("DELETE", f"connections/{LINK_NAME}", None),
    ("POST", f"connections/{LINK_NAME}/connect", {"credentials": CREDENTIALS}),
    ("POST", f"connections/{LINK_NAME}/revoke", None),
    ("POST", f"connections/{LINK_NAME}/test", None),
    ("POST", "tokens", {"name": "x", "connections": [LINK_NAME]}),
    ("POST", "tokens", {"name": "x", "act_for": [OWNER]}),
    ("DELETE", "services/desk", None),
    ("PATCH", "services/desk", {"name": "Mine"}),
    ("PATCH", "services/desk", {"base_url": "https://other.invalid", "confirm": "desk"}),
]
_PASSING = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|csrf[^ ]* content="[^"]*"|Request <code>[^<]*'
)


def told(client: Client, path: str, *, method: str = "GET", body: Any = None) -> tuple[int, str]:
    """The answer, less what differs each time; what asking left behind is undone."""
    with transaction.atomic():
        answer: Any = client.generic(
            method, path, "" if body is None else json.dumps(body), "application/json"
        )
        transaction.set_rollback(True)
    return answer.status_code, _PASSING.sub("", answer.content.decode())


def everything(client: Client) -> dict[str, tuple[int, str]]:
    found = {path: told(client, path) for path in (*lists(), *one())}
    for method, path, body in WRITES:
        found[f"{method} {path} {body}"] = told(client, f"/api/v1/{path}", method=method, body=body)
    return found


@pytest.fixture(params=ASKERS)
def asker(
    request: pytest.FixtureRequest, rival: User, stranger: User, clock: Clock, signed_in: SignIn
) -> Client:
    return signed_in({"rival": rival, "stranger": stranger}[request.param])


# --- What is told --------------------------------------------------------------------------------------
def test_somebody_elses_private_world_changes_nothing_of_what_one_is_told(asker: Client, owner: User) -> None:
    before = everything(asker)
    make_private_world(owner)
    after = everything(asker)
    assert {path for path in before if before[path] != after[path]} == set()
    assert not [path for path, (status, _) in after.items() if status >= 500]


def test_the_world_is_there_for_those_who_may_see_it(
    rival: User, owner: User, administrator: User, clock: Clock, signed_in: SignIn
) -> None:
    """Else the comparison would find nothing, too."""
    for person in (owner, administrator):
        client = signed_in(person)
        before = everything(client)
        make_private_world(owner)
        after = everything(client)
        differs = {path for path in before if before[path] != after[path]}
        for path in (
            f"/activity/?connection={LINK_NAME}",
            f"/audit/?target=connection:{LINK_NAME}",
            f"/connections/{LINK_NAME}/",
            f"/api/v1/connections/{LINK_NAME}/calls",
            "/services/desk/",
        ):
            assert path in differs, path
        for link_name in (LINK_NAME, f"{LINK_NAME}_two"):
            connection = Connection.objects.get(link_name=link_name)
            operations.delete_connection(actor=Actor.of(owner), connection=connection, confirm=link_name)


def test_a_foreign_token_reads_like_one_that_is_not_there(asker: Client, owner: User) -> None:
    make_private_world(owner)
    theirs = ApiToken.objects.get(name="quagga token").pk
    absent = "01930000-0000-7000-8000-000000000000"
    answers = [told(asker, f"/api/v1/tokens/{pk}", method="DELETE") for pk in (theirs, absent)]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    pages = [told(asker, f"/tokens/{pk}/revoke/", method="POST")[0] for pk in (theirs, absent)]
    assert pages == [404, 404]


def test_where_somebody_elses_page_ended_shows_nothing_of_theirs(
    asker: Client, owner: User, administrator: User, signed_in: SignIn
) -> None:
    make_private_world(owner)
    for person, path in (
        (owner, "/api/v1/connections"),
        (owner, f"/api/v1/connections/{LINK_NAME}/calls"),
        (administrator, "/api/v1/audit"),
        (administrator, "/api/v1/people"),
    ):
        cursor = signed_in(person).get(f"{path}?limit=1").json()["next"]
        assert cursor
        for asked in (
            "/api/v1/connections",
            "/api/v1/audit",
            "/api/v1/tokens",
            "/activity/",
            "/audit/",
            path,
        ):
            assert "quagga" not in told(asker, f"{asked}?cursor={quote(cursor)}")[1].lower(), asked


def test_a_connection_shows_the_calls_of_others_to_those_who_may_change_it_alone(
    rival: User, owner: User, teammate: User, signed_in: SignIn, clock: Clock
) -> None:
    make_private_world(owner)
    connection = Connection.objects.get(link_name=LINK_NAME)
    operations.change_connection(actor=Actor.of(owner), connection=connection, data={"audience": "everyone"})
    client = signed_in(teammate)
    assert client.get(f"/api/v1/connections/{LINK_NAME}/calls").json()["items"] == []
    for path in (f"/connections/{LINK_NAME}/", "/connections/?list=shared", "/activity/"):
        text = told(client, path)[1]
        assert "/seen/by/nobody" not in text, path
        assert "quagga token" not in text, path


# --- Order ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["order_by", "order", "sort", "ordering", "o", "cursor_order"])
def test_no_list_is_ordered_as_the_asker_says(
    name: str, rival: User, owner: User, administrator: User, signed_in: SignIn, clock: Clock
) -> None:
    make_private_world(owner)
    for person in (owner, administrator):
        client = signed_in(person)
        for path in (
            "/api/v1/connections",
            "/api/v1/audit",
            "/api/v1/tokens",
            "/api/v1/services",
            "/api/v1/people",
        ):
            plain = told(client, path)
            for order in ORDERS:
                assert told(client, f"{path}?{name}={quote(order)}") == plain
        for path in ("/connections/", "/activity/", "/audit/", "/tokens/"):
            rows = re.findall(r"<tr\b.*?</tr>", told(client, path)[1], re.DOTALL)
            assert len(rows) > 2 or person == administrator, path
            for order in ORDERS:
                asked = told(client, f"{path}?{name}={quote(order)}")[1]
                assert re.findall(r"<tr\b.*?</tr>", asked, re.DOTALL) == rows, path
