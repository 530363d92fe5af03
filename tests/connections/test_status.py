"""How a connection stands, for each reason that there is."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connections import grants, operations, status
from connections.models import Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import User
from services.models import Service
from tests.connections.conftest import MakeConnection, depart, round_trip

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("service", "fields", "reason"),
    [
        ("shop", {}, "Nobody has authorised it yet."),
        ("shop", {"credentials_of": "login_user"}, "You have not authorised it yet."),
        ("keyed", {}, "No credentials have been entered yet."),
    ],
)
def test_says_what_is_missing_at_first(
    oauth_service: Service,
    key_service: Service,
    make_connection: MakeConnection,
    owner: User,
    service: str,
    fields: dict[str, str],
    reason: str,
) -> None:
    stands = status_of(make_connection(service, **fields), Actor.of(owner))
    assert (stands.code, stands.reason, stands.grant) == (Code.NOT_CONNECTED, reason, None)


def test_goes_through_a_life(shop: Connection, owner: User) -> None:
    actor = Actor.of(owner)

    def code() -> Code:
        return status_of(Connection.objects.get(), actor).code

    assert code() is Code.NOT_CONNECTED
    depart(shop)
    assert code() is Code.NOT_CONNECTED
    grant = round_trip(shop)
    assert code() is Code.CONNECTED
    grants.need_reconnect(grant, "The service said no.")
    assert code() is Code.RECONNECT_NEEDED
    round_trip(shop)
    assert code() is Code.CONNECTED
    operations.revoke_connection(actor=actor, connection=shop)
    assert code() is Code.REVOKED
    operations.disable(actor=actor, connection=shop)
    assert code() is Code.DISABLED


def test_stays_connected_past_an_expiry_that_can_be_renewed(authorised: Grant, owner: User) -> None:
    later = timezone.now() + timedelta(days=9)
    connection = authorised.connection
    assert status_of(connection, Actor.of(owner), now=later).code is Code.CONNECTED
    Grant.objects.update(is_renewable=False)
    stands = status_of(connection, Actor.of(owner), now=later)
    assert stands.code is Code.RECONNECT_NEEDED
    assert "no refresh token" in stands.reason


def test_is_the_askers_own_where_each_user_has_their_own(
    oauth_service: Service, make_connection: MakeConnection, owner: User, teammate: User
) -> None:
    shared = make_connection("shop", credentials_of="login_user")
    round_trip(shared, user=teammate)
    assert status_of(shared, Actor.of(teammate)).code is Code.CONNECTED
    stands = status_of(shared, Actor.of(owner))
    assert (stands.code, stands.authorized_as, stands.expires_at) == (Code.NOT_CONNECTED, "", None)


def test_waits_again_for_somebody_whose_own_grant_is_dead(
    oauth_service: Service, make_connection: MakeConnection, teammate: User
) -> None:
    shared, actor = make_connection("shop", credentials_of="login_user"), Actor.of(teammate)
    grant = round_trip(shared, user=teammate)
    assert status.shared_as(shared, actor, status_of(shared, actor)) == "authorized"
    grants.need_reconnect(grant, "The service said no.")
    assert status.shared_as(shared, actor, status_of(shared, actor)) == "waiting"


def test_tells_many_with_one_query(
    key_service: Service,
    make_connection: MakeConnection,
    owner: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [make_connection("keyed", link_name=f"one_{number}") for number in range(4)]
    with django_assert_num_queries(1):
        told = status.statuses_of(rows, Actor.of(owner))
    assert set(told) == {row.pk for row in rows}
