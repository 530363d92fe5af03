"""Creating a connection: the contract's JSON, field by field."""

from typing import Any

import pytest

from connections import access, operations
from connections.errors import LinkNameRetired, LinkNameTaken, NoBuilder, TokenNotAllowed
from connections.models import Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import User
from problems import Conflict, ValidationFailed
from services.models import Service
from tests.connections.conftest import MakeConnection, MakeService, events, oauth_definition
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db


def test_creates_a_private_connection_of_the_owners(
    key_service: Service, make_connection: MakeConnection, owner: User
) -> None:
    connection = make_connection("keyed")
    assert (connection.created_by, connection.credentials_of) == (owner, "owner")
    assert access.audience_of(connection) == "private"
    assert status_of(connection, Actor.of(owner)).code is Code.NOT_CONNECTED
    assert events()[-1] == "connection.created"


def test_shares_login_user_connections_with_everyone_unless_said(
    key_service: Service, make_connection: MakeConnection
) -> None:
    shared = make_connection("keyed", credentials_of="login_user")
    assert access.audience_of(shared) == "everyone"
    private = make_connection("keyed", link_name="other", credentials_of="login_user", audience="private")
    assert access.audience_of(private) == "private"


def test_proposes_a_link_name_from_the_name(key_service: Service, make_connection: MakeConnection) -> None:
    assert make_connection("keyed", name="Büro: tickets", link_name="").link_name == "buro_tickets"


def test_connects_at_once_with_credentials(keyed: Connection, owner: User) -> None:
    assert status_of(keyed, Actor.of(owner)).is_connected
    assert "grant.credential_set" in events()


def test_connects_client_credentials_from_creation(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider, owner: User
) -> None:
    make_service("robot", **oauth_definition(provider, grant_type="client_credentials", authorize_url=""))
    assert status_of(make_connection("robot"), Actor.of(owner)).is_connected
    assert provider.seen == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"name": 7}, "name"),
    ({"link_name": "Upper"}, "link_name"),
    ({"link_name": "9lives"}, "link_name"),
    ({"link_name": "with-dash"}, "link_name"),
    ({"link_name": "a" * 51}, "link_name"),
    ({"link_name": "tail\n"}, "link_name"),
    ({"link_name": "new"}, "link_name"),
    ({"service": "absent"}, "service"),
    ({"service": None}, "service"),
    ({"auth": "other"}, "auth"),
    ({"scopes": "read"}, "scopes"),
    ({"scopes": ["unknown"]}, "scopes"),
    ({"scopes": ["read", "unknown"]}, "scopes"),
    ({"variables": []}, "variables"),
    ({"variables": {"dc": "eu"}}, "variables.dc"),
    ({"credentials_of": "nobody"}, "credentials_of"),
    ({"audience": "some"}, "audience"),
    ({"credentials": "secret"}, "credentials"),
    ({"created_by": "somebody"}, "created_by"),
    ({"status": "connected"}, "status"),
    ({"made_by": "switchboard"}, "made_by"),
]


@pytest.mark.parametrize(("asked", "field"), WRONG)
def test_says_which_field_is_wrong(
    oauth_service: Service, make_connection: MakeConnection, asked: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_connection("shop", **asked) if "service" not in asked else make_connection(asked.pop("service"))
    assert [error["field"] for error in refused.value.errors] == [field]
    assert not Connection.objects.exists()


def test_says_everything_that_is_wrong_at_once(
    oauth_service: Service, make_connection: MakeConnection
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_connection("shop", name="", link_name="X", scopes=["unknown"])
    assert {error["field"] for error in refused.value.errors} == {"name", "link_name", "scopes"}


@pytest.mark.parametrize(
    ("credentials", "field"),
    [
        ({}, "credentials.X-Api-Key"),
        ({"X-Api-Key": "a", "X-Tenant": "b\r\nX-Evil: 1"}, "credentials.X-Tenant"),
        ({"X-Api-Key": "a", "X-Tenant": "b\x00"}, "credentials.X-Tenant"),
        ({"X-Api-Key": "a", "X-Tenant": "b" * 8193}, "credentials.X-Tenant"),
        ({"X-Api-Key": "a", "X-Tenant": 7}, "credentials.X-Tenant"),
        ({"X-Api-Key": "a", "X-Tenant": "b", "X-Other": "c"}, "credentials.X-Other"),
    ],
)
def test_stores_nothing_with_wrong_credentials(
    key_service: Service, make_connection: MakeConnection, credentials: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_connection("keyed", credentials=credentials)
    assert field in [error["field"] for error in refused.value.errors]
    assert "X-Evil" not in str(refused.value.errors)
    assert not Connection.objects.exists()
    assert not Grant.objects.exists()


def test_refuses_a_colon_in_a_basic_user_name(
    basic_service: Service, make_connection: MakeConnection
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_connection("basic_one", credentials={"username": "a:b", "password": "c"})
    assert refused.value.errors[0]["field"] == "credentials.username"


def test_takes_no_credentials_where_people_authorise_at_the_service(
    oauth_service: Service, make_connection: MakeConnection
) -> None:
    with pytest.raises(Conflict, match="takes no credentials"):
        make_connection("shop", credentials={"access_token": "x"})
    assert not Connection.objects.exists()


def test_gives_client_credentials_to_no_single_user(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    make_service("robot", **oauth_definition(provider, grant_type="client_credentials", authorize_url=""))
    with pytest.raises(ValidationFailed) as refused:
        make_connection("robot", credentials_of="login_user")
    assert refused.value.errors[0]["field"] == "credentials_of"


@pytest.mark.parametrize("flag", ["is_hidden", "is_retired"])
def test_makes_no_connection_to_a_service_that_was_taken_away(
    key_service: Service, make_connection: MakeConnection, flag: str
) -> None:
    Service.objects.filter(pk=key_service.pk).update(**{flag: True})
    with pytest.raises(ValidationFailed):
        make_connection("keyed")


def test_is_for_builders(key_service: Service, make_connection: MakeConnection, teammate: User) -> None:
    with pytest.raises(NoBuilder):
        make_connection("keyed", by=teammate)


def test_is_not_for_a_token_narrowed_to_others(keyed: Connection, owner: User) -> None:
    actor = Actor(user=owner, connection_ids=frozenset({keyed.pk}))
    with pytest.raises(TokenNotAllowed):
        operations.create_connection(actor=actor, data={"service": "keyed", "name": "X", "link_name": "x"})


# --- Link names -----------------------------------------------------------------------------------------
def test_refuses_a_link_name_that_is_taken(keyed: Connection, make_connection: MakeConnection) -> None:
    with pytest.raises(LinkNameTaken):
        make_connection("keyed", link_name="keyed")
    assert Connection.objects.count() == 1


def test_gives_a_deleted_link_name_to_nobody_else(
    keyed: Connection, make_connection: MakeConnection, owner: User, administrator: User
) -> None:
    operations.delete_connection(actor=Actor.of(owner), connection=keyed, confirm="keyed")
    with pytest.raises(LinkNameRetired):
        make_connection("keyed", link_name="keyed", by=administrator)
    assert make_connection("keyed", link_name="keyed").created_by == owner


def test_keeps_a_link_name_its_creators_when_an_administrator_deletes(
    keyed: Connection, make_connection: MakeConnection, administrator: User
) -> None:
    operations.delete_connection(actor=Actor.of(administrator), connection=keyed, confirm="keyed")
    with pytest.raises(LinkNameRetired):
        make_connection("keyed", link_name="keyed", by=administrator)
