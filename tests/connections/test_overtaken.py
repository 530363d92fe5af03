"""What happens to a round trip when something else changes while the service is asked."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from connections import grants, oauth, operations
from connections.errors import ConnectionDeleted, ConnectionNotFound, FlowOvertaken
from connections.models import Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import User
from services.errors import VariableMissing
from services.models import Service
from tests.connections.conftest import (
    SESSION,
    MakeConnection,
    MakeService,
    arrive,
    depart,
    events,
    round_trip,
    while_asked,
)
from tests.connections.provider import Provider, Said
from vault.errors import Unsealable

pytestmark = pytest.mark.django_db(transaction=True)

Act = Callable[[], object]


def change(connection: Connection, **data: Any) -> Act:
    actor = Actor.of(connection.created_by)
    return lambda: operations.change_connection(actor=actor, connection=connection, data=data)


def is_nothing_left(connection: Connection) -> bool:
    """No live grant, and no secret in one that is over."""
    rows = Grant.objects.filter(connection_id=connection.pk)
    return all(
        (row.state, row.secrets, row.flow_secrets, row.state_hash) == (Grant.State.ENDED, None, None, "")
        for row in rows
    )


@pytest.mark.parametrize("data", [{"disabled": True}, {"scopes": ["write"]}])
def test_stores_nothing_for_a_connection_that_was_changed(
    shop: Connection, provider: Provider, data: Mapping[str, Any]
) -> None:
    state = depart(shop)["state"]
    while_asked(provider, change(shop, **data))
    with pytest.raises(FlowOvertaken) as refused:
        arrive(shop, state=state)
    assert refused.value.extra["connection"] == shop.link_name
    assert is_nothing_left(shop)
    assert events()[-1] == "grant.flow_refused"


def test_stores_nothing_for_a_person_who_lost_the_connection(
    oauth_service: Service, make_connection: MakeConnection, teammate: User, provider: Provider
) -> None:
    shared = make_connection("shop", credentials_of="login_user")
    state = depart(shared, user=teammate)["state"]
    while_asked(provider, change(shared, audience="private"))
    with pytest.raises(FlowOvertaken):
        arrive(shared, state=state, user=teammate)
    assert is_nothing_left(shared)


def test_stores_nothing_after_a_revocation(shop: Connection, provider: Provider) -> None:
    round_trip(shop)
    state, actor = depart(shop)["state"], Actor.of(shop.created_by)
    while_asked(provider, lambda: operations.revoke_connection(actor=actor, connection=shop))
    with pytest.raises(FlowOvertaken):
        arrive(shop, state=state)
    assert is_nothing_left(shop)
    assert status_of(shop, actor).code is Code.REVOKED


def test_revokes_nobody_elses_round_trip(
    oauth_service: Service, make_connection: MakeConnection, teammate: User
) -> None:
    shared = make_connection("shop", credentials_of="login_user")
    round_trip(shared)
    state = depart(shared, user=teammate)["state"]
    operations.revoke_connection(actor=Actor.of(shared.created_by), connection=shared)
    assert arrive(shared, state=state, user=teammate).state == Grant.State.ACTIVE


def test_stores_nothing_for_a_connection_that_was_deleted(shop: Connection, provider: Provider) -> None:
    state, link_name, actor = depart(shop)["state"], shop.link_name, Actor.of(shop.created_by)
    while_asked(
        provider, lambda: operations.delete_connection(actor=actor, connection=shop, confirm=link_name)
    )
    with pytest.raises(ConnectionDeleted) as refused:
        arrive(Connection.objects.get(), state=state)
    assert "connection" not in refused.value.extra  # there is no page to lead back to
    assert not Grant.objects.exists()


def test_a_name_that_was_changed_is_no_matter(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    while_asked(provider, change(shop, name="Renamed"))
    assert arrive(shop, state=state).state == Grant.State.ACTIVE
    assert Connection.objects.get().name == "Renamed"


# --- Before the service's page: OAuth 1 asks for a temporary credential first ---------------------------
@pytest.fixture
def signed(make_service: MakeService, make_connection: MakeConnection, provider: Provider) -> Connection:
    """A connection to an OAuth 1 service."""
    endpoints = {
        "request_token_url": f"{provider.url}/temporary",
        "authorize_url": f"{provider.url}/authorize",
        "access_token_url": f"{provider.url}/token",
        "consumer_key": "our-app",
        "consumer_secret": "our-app-secret",
    }
    make_service(
        "signed", auth_type="oauth1", param_type="header", base_url=f"{provider.url}/api", oauth1=endpoints
    )
    provider.say(Said(200, b"oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true"))
    return make_connection("signed")


def test_sends_nobody_to_the_service_once_the_round_trip_is_ended(
    signed: Connection, provider: Provider
) -> None:
    while_asked(provider, lambda: grants.end_all(Grant.objects.all(), "service_changed"))
    with pytest.raises(FlowOvertaken):
        depart(signed)
    assert Grant.objects.get().state == Grant.State.ENDED


def test_sends_nobody_to_the_service_for_a_connection_that_was_deleted(
    signed: Connection, provider: Provider
) -> None:
    while_asked(provider, lambda: Connection.objects.all().delete())
    with pytest.raises(FlowOvertaken):
        depart(signed)
    assert not Grant.objects.exists()


# --- What only the operator, or the owner, can mend -----------------------------------------------------
def test_ends_a_round_trip_whose_secrets_do_not_open(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    Grant.objects.update(flow_secrets=b"S\x01\x02k1" + bytes(40))
    with pytest.raises(Unsealable):
        arrive(shop, state=state)
    assert is_nothing_left(shop)
    assert provider.asked() == []


def test_ends_a_round_trip_that_lacks_a_variable_by_now(
    shop: Connection, oauth_service: Service, provider: Provider
) -> None:
    state = depart(shop)["state"]
    Service.objects.update(base_url="https://{dc}.example.com", variables=[{"name": "dc", "label": "DC"}])
    with pytest.raises(VariableMissing):
        arrive(shop, state=state)
    assert is_nothing_left(shop)
    assert provider.asked() == []


def test_uses_no_link_up_when_the_service_lacks_a_variable(shop: Connection) -> None:
    Service.objects.update(base_url="https://{dc}.example.com", variables=[{"name": "dc", "label": "DC"}])
    shop = Connection.objects.get()
    with pytest.raises(VariableMissing):
        oauth.begin(actor=Actor.of(shop.created_by), connection=shop, session_key=SESSION, link_hash="once")
    assert not Grant.objects.exists()


# --- Credentials that are typed ---------------------------------------------------------------------------
@pytest.mark.parametrize("act", ["set_credentials", "change_connection"])
def test_says_that_a_connection_is_gone_by_now(keyed: Connection, act: str) -> None:
    actor, gone = Actor.of(keyed.created_by), Connection.objects.get()
    keyed.delete()
    given = {"credentials": {"X-Api-Key": "k", "X-Tenant": "t"}} if act == "set_credentials" else {"data": {}}
    with pytest.raises(ConnectionNotFound):
        getattr(operations, act)(actor=actor, connection=gone, **given)
