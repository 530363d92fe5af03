"""Whose something is, is told by ids: names that begin, end or match alike make nobody an owner (I5)."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.test import Client

from connections import access, operations
from connections.errors import ConnectionNotFound, LinkNameRetired, TokenNotFound, WrongServiceReturned
from connections.models import ApiToken, Connection
from invoke.models import Call
from people import audit
from people.actor import Actor
from people.audit_events import Event
from people.models import Role, User
from services import operations as service_operations
from services.models import Service
from tests.conftest import NOW, Clock, Script, SignIn
from tests.connections.conftest import MakeConnection, MakeService, arrive, depart, oauth_definition
from tests.connections.provider import Provider

# Beginnings and ends of each other, and what a pattern with `_` or `%` in it would match.
LINK_NAMES = ("abc", "ab", "abcdef", "abc_", "a_c", "xabc")
EMAILS = (
    "ann@example.com",
    "ann@example.co",
    "joann@example.com",
    "ann@example.com.evil.example",
    "a_n@example.com",
    "a%n@example.com",
)
pytestmark = pytest.mark.django_db


@pytest.fixture
def people(
    make_person: Callable[..., User], key_service: Service, make_connection: MakeConnection
) -> list[User]:
    """Six builders, each with one connection, one call, one token and one event of their own."""
    made = [make_person(email, Role.BUILDER) for email in EMAILS]
    for number, (person, link_name) in enumerate(zip(made, LINK_NAMES, strict=True)):
        connection = make_connection("keyed", by=person, name=link_name, link_name=link_name)
        Call.objects.create(
            at=NOW - timedelta(minutes=number),
            connection=link_name,
            connection_id=connection.pk,
            user=person.email,
            user_id=person.pk,
            method="GET",
            path=f"/{number}",
        )
        operations.create_token(
            actor=Actor.of(person), name=link_name, scopes=["manage"], connections=[link_name]
        )
    return made


def items(client: Client, path: str, **query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/{path}", query)
    assert answer.status_code == 200, (path, answer.content)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_everybody_sees_their_own_and_nothing_that_is_called_alike(
    people: list[User], signed_in: SignIn
) -> None:
    for person, link_name in zip(people, LINK_NAMES, strict=True):
        client = signed_in(person)
        assert [item["link_name"] for item in items(client, "connections")] == [link_name]
        assert items(client, "connections", list="shared") == []
        assert [item["name"] for item in items(client, "tokens")] == [link_name]
        assert {item["actor"] for item in items(client, "audit")} == {person.email}
        calls = items(client, f"connections/{link_name}/calls")
        assert [(call["user"], call["connection"]) for call in calls] == [(person.email, link_name)]
        for other in set(LINK_NAMES) - {link_name}:
            assert client.get(f"/api/v1/connections/{other}").status_code == 404
            assert client.get(f"/connections/{other}/").status_code == 404
            assert client.get(f"/api/v1/connections/{other}/calls").status_code == 404


def test_nobody_may_anything_with_what_is_called_alike(people: list[User]) -> None:
    for one, other in permutations(range(len(people)), 2):
        actor = Actor.of(people[one])
        connection = Connection.objects.get(link_name=LINK_NAMES[other])
        for may in (access.may_use, access.may_edit, access.may_connect):
            assert not may(actor, connection)
        with pytest.raises(ConnectionNotFound):
            access.get(actor=actor, link_name=LINK_NAMES[other])
        with pytest.raises(TokenNotFound):
            operations.revoke_token(actor=actor, token_id=ApiToken.objects.get(name=LINK_NAMES[other]).pk)
    assert ApiToken.objects.filter(revoked_at=None).count() == len(people)


def test_a_narrowed_token_reaches_its_connection_and_none_that_is_called_alike(
    key_service: Service, owner: User, make_connection: MakeConnection, make_script: Callable[..., Script]
) -> None:
    for link_name in LINK_NAMES:
        make_connection("keyed", name=link_name, link_name=link_name)
    for link_name in LINK_NAMES:
        client = Client(headers=make_script(owner, connections=[link_name]).headers)
        assert [item["link_name"] for item in items(client, "connections")] == [link_name]
        for other in set(LINK_NAMES) - {link_name}:
            assert client.get(f"/api/v1/connections/{other}").status_code == 404
            asked = {"name": "wider", "connections": [other]}
            answer = client.post("/api/v1/tokens", asked, content_type="application/json")
            assert answer.status_code in {403, 422}


def test_a_token_acts_for_those_it_names_and_nobody_whose_address_is_alike(
    people: list[User], administrator: User
) -> None:
    for person in people:
        row, _ = operations.create_token(
            actor=Actor.of(administrator), name="bot", scopes=["invoke"], act_for=[person.email]
        )
        assert row.rules["act_for"] == [str(person.pk)]


def test_filters_for_one_find_nothing_of_another_that_is_called_alike(
    people: list[User], administrator: User, signed_in: SignIn
) -> None:
    for person, link_name in zip(people, LINK_NAMES, strict=True):
        audit.record(Event.CONNECTION_TESTED, actor=Actor.of(person), target=f"connection:{link_name}")
    client = signed_in(administrator)
    for person, link_name in zip(people, LINK_NAMES, strict=True):
        assert {item["actor"] for item in items(client, "audit", actor=person.email)} == {person.email}
        target = f"connection:{link_name}"
        assert {item["target"] for item in items(client, "audit", target=target)} == {target}
        shown = client.get("/activity/", {"connection": link_name}).context["calls"]
        assert [call.connection for call in shown] == [link_name]


def test_a_link_name_that_is_given_up_keeps_none_that_is_alike_from_anybody(
    people: list[User], stranger: User, make_connection: MakeConnection, make_person: Callable[..., User]
) -> None:
    for person, link_name in zip(people, LINK_NAMES, strict=True):
        connection = Connection.objects.get(link_name=link_name)
        operations.delete_connection(actor=Actor.of(person), connection=connection, confirm=link_name)
    builder = make_person("builder@example.com", Role.BUILDER)
    for link_name in LINK_NAMES:
        with pytest.raises(LinkNameRetired):
            make_connection("keyed", by=builder, link_name=link_name)
    for link_name in ("abcd", "a", "abc__", "bc", "axc"):
        assert make_connection("keyed", by=builder, link_name=link_name).link_name == link_name


def test_a_service_is_its_makers_and_nobodys_who_is_called_alike(
    make_person: Callable[..., User], key_service: Service
) -> None:
    made = [make_person(email, Role.BUILDER) for email in EMAILS]
    params = {"params": [{"key": "X-Key"}]}
    for person, link_name in zip(made, LINK_NAMES, strict=True):
        definition = {"name": link_name, "link_name": link_name, "base_url": "https://api.example.com"}
        service = service_operations.create_service(
            actor=Actor.of(person), data=definition | {"auth_type": "api_key", "api_key": params}
        )
        may = [service_operations.may_edit(Actor.of(each), service) for each in made]
        assert may == [each == person for each in made]


def test_an_answer_comes_back_to_its_service_and_none_whose_name_begins_alike(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider, clock: Clock
) -> None:
    for link_name in ("shop", "shop_two", "sho"):
        make_service(link_name, **oauth_definition(provider))
    connection = make_connection("shop_two", link_name="storefront")
    for other in ("shop", "sho", "shop_two_", "%"):
        state = depart(connection)["state"]
        with pytest.raises(WrongServiceReturned):
            arrive(connection, state=state, service=other)
    assert arrive(connection, state=depart(connection)["state"]).state == "active"
