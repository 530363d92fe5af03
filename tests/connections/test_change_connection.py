"""Editing, switching off and deleting a connection."""

from typing import Any

import pytest

from connections import access, grants, operations
from connections.errors import ConnectionDisabled, DeleteUnconfirmed, NotYourConnection
from connections.models import Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import User
from problems import ValidationFailed
from services.models import Service
from tests.connections.conftest import (
    MakeConnection,
    MakeService,
    events,
    fresh,
    oauth_definition,
    round_trip,
)
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db


def change(connection: Connection, by: User | None = None, **data: Any) -> Connection:
    actor = Actor.of(by or connection.created_by)
    return operations.change_connection(actor=actor, connection=connection, data=data)


def test_changes_the_name_and_leaves_the_grant_alone(authorised: Grant) -> None:
    changed = change(authorised.connection, name="Shop, renamed")
    assert changed.name == "Shop, renamed"
    assert fresh(authorised).state == Grant.State.ACTIVE
    assert events()[-1] == "connection.changed"


def test_records_nothing_when_nothing_changes(authorised: Grant) -> None:
    before = events()
    change(authorised.connection, name="Storefront", scopes=["read"], audience="private", disabled=False)
    assert events() == before


def test_asks_for_consent_again_when_scopes_change(authorised: Grant, owner: User) -> None:
    changed = change(authorised.connection, scopes=["read", "write"])
    ended = fresh(authorised)
    assert (ended.state, ended.secrets) == (Grant.State.ENDED, None)
    stands = status_of(changed, Actor.of(owner))
    assert stands.code is Code.NOT_CONNECTED
    assert "scopes were changed" in stands.reason
    assert "grant.ended" in events()


def test_ends_everybodys_grants_when_scopes_change(
    oauth_service: Service, make_connection: MakeConnection, teammate: User
) -> None:
    shared = make_connection("shop", credentials_of="login_user")
    theirs = round_trip(shared, user=teammate)
    change(shared, scopes=["write"])
    assert fresh(theirs).secrets is None


def test_drops_the_credential_when_a_variable_changes(
    make_service: MakeService, make_connection: MakeConnection
) -> None:
    make_service(
        "regional",
        auth_type="basic",
        param_type="header",
        base_url="https://api.{dc}.example.com",
        variables=[{"name": "dc", "label": "Data centre", "choices": ["eu", "com"]}],
    )
    credentials = {"username": "a", "password": "b"}
    connection = make_connection("regional", variables={"dc": "eu"}, credentials=credentials)
    change(connection, variables={"dc": "com"})
    assert grants.current(connection, connection.created_by) is None


def test_fetches_client_credentials_anew_when_scopes_change(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider, owner: User
) -> None:
    make_service("robot", **oauth_definition(provider, grant_type="client_credentials", authorize_url=""))
    connection = make_connection("robot", scopes=["read"])
    before = grants.current(connection, owner)
    changed = change(connection, scopes=["write"])
    after = grants.current(connection, owner)
    assert before
    assert after
    assert (after.pk == before.pk, after.requested_scopes, after.secrets) == (False, ["write"], None)
    assert status_of(changed, Actor.of(owner)).is_connected


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"link_name": "other"}, "link_name"),
        ({"created_by": "x"}, "created_by"),
        ({"credentials_of": "login_user"}, "credentials_of"),
        ({"service": "other"}, "service"),
        ({"name": ""}, "name"),
        ({"scopes": ["unknown"]}, "scopes"),
        ({"audience": "nobody"}, "audience"),
        ({"disabled": "yes"}, "disabled"),
        ({"variables": {"x": "y"}}, "variables.x"),
    ],
)
def test_changes_nothing_that_is_not_listed_or_wrong(
    shop: Connection, data: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        change(shop, name="Renamed", **data) if "name" not in data else change(shop, **data)
    assert [error["field"] for error in refused.value.errors] == [field]
    assert Connection.objects.get().name == "Storefront"


def test_shares_and_unshares(keyed: Connection, stranger: User) -> None:
    change(keyed, audience="everyone")
    assert access.may_use(Actor.of(stranger), keyed)
    change(keyed, audience="private")
    assert not access.may_use(Actor.of(stranger), keyed)


def test_keeps_the_grant_of_a_connection_that_is_switched_off(keyed: Connection, owner: User) -> None:
    actor = Actor.of(owner)
    off = operations.disable(actor=actor, connection=keyed)
    assert status_of(off, actor).code is Code.DISABLED
    with pytest.raises(ConnectionDisabled):
        operations.connect(actor=actor, connection=off, credentials={"X-Api-Key": "n", "X-Tenant": "m"})
    on = operations.enable(actor=actor, connection=off)
    assert status_of(on, actor).is_connected
    assert events()[-2:] == ["connection.disabled", "connection.enabled"]


def test_is_for_its_creator_and_administrators(
    key_service: Service, make_connection: MakeConnection, stranger: User, administrator: User
) -> None:
    shared = make_connection("keyed", audience="everyone")
    with pytest.raises(NotYourConnection):
        change(shared, by=stranger, name="Mine now")
    assert change(shared, by=administrator, name="Fixed").name == "Fixed"


# --- Deleting -------------------------------------------------------------------------------------------
def test_deletes_everything_and_tells_the_service(authorised: Grant, provider: Provider) -> None:
    connection = authorised.connection
    actor = Actor.of(connection.created_by)
    operations.delete_connection(actor=actor, connection=connection, confirm="storefront")
    assert not Connection.objects.exists()
    assert not Grant.objects.exists()
    assert [request.form["token"] for request in provider.asked("/revoke")] == ["refresh-1", "access-1"]
    assert events()[-1] == "connection.deleted"


@pytest.mark.parametrize("typed", ["", "Storefront", "storefron"])
def test_deletes_nothing_unless_the_link_name_is_typed(authorised: Grant, typed: str) -> None:
    connection = authorised.connection
    with pytest.raises(DeleteUnconfirmed):
        operations.delete_connection(
            actor=Actor.of(connection.created_by), connection=connection, confirm=typed
        )
    assert fresh(authorised).secrets


def test_deletes_nothing_for_somebody_else(
    key_service: Service, make_connection: MakeConnection, stranger: User
) -> None:
    shared = make_connection("keyed", audience="everyone")
    with pytest.raises(NotYourConnection):
        operations.delete_connection(actor=Actor.of(stranger), connection=shared, confirm=shared.link_name)
    assert Connection.objects.exists()
