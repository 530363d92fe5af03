"""A connection's page."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connections import access, grants, operations
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import User
from services.models import Service
from tests.conftest import SignIn
from tests.connections.pages.conftest import MakeConnection, text_of

PAGE = "/connections/rain/"


def authorised(connection: Connection, user: User, **fields: object) -> Grant:
    """A grant as a finished round trip leaves it."""
    return Grant.objects.create(
        connection=connection,
        user=user,
        state=Grant.State.ACTIVE,
        is_owner=not connection.is_per_user,
        requested_scopes=connection.scopes,
        obtained_at=timezone.now(),
        **fields,
    )


def test_shows_creator_name_link_name_status_and_service(
    signed_in: SignIn, owner: User, weather: Connection
) -> None:
    page = text_of(signed_in(owner).get(PAGE))
    for words in ("created by Olive Owner", "<dd> Rain </dd>", ">rain</span>", "Connected", "Weather"):
        assert words in page


def test_never_shows_a_secret(signed_in: SignIn, owner: User, weather: Connection) -> None:
    page = text_of(signed_in(owner).get(PAGE))
    assert "key-1" not in page
    assert "app-1" not in page


def test_shows_scopes_and_those_that_were_not_granted(
    signed_in: SignIn, owner: User, oauth_service: Service, make_connection: MakeConnection
) -> None:
    scopes = ["desk.tickets.read", "desk.tickets.create"]
    connection = make_connection(oauth_service, "tickets", scopes=scopes)
    authorised(connection, owner, granted_scopes=scopes[:1], authorized_as="olive@desk.example")
    page = text_of(signed_in(owner).get("/connections/tickets/"))
    assert "olive@desk.example" in page
    assert 'missing">desk.tickets.create' in page
    assert 'missing">desk.tickets.read' not in page


def test_says_why_it_needs_reconnecting(signed_in: SignIn, owner: User, tickets: Connection) -> None:
    grant = authorised(tickets, owner)
    grants.need_reconnect(grant, "The service refused the token.", actor=Actor.of(owner))
    page = text_of(signed_in(owner).get("/connections/tickets/"))
    assert "Reconnect needed" in page
    assert "The service refused the token." in page


def test_takes_a_fixed_number_of_queries(
    signed_in: SignIn,
    owner: User,
    weather: Connection,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = signed_in(owner)
    with django_assert_max_num_queries(12):
        client.get(PAGE)


def test_shows_where_calls_may_go_and_who_may_make_them(
    signed_in: SignIn, owner: User, weather: Connection
) -> None:
    page = text_of(signed_in(owner).get(PAGE))
    assert '<span class="chip">api.example.com</span>' in page
    assert "Only you, and their API tokens" not in page
    assert "Only you, and your API tokens" in page


def test_offers_every_act_to_its_creator(signed_in: SignIn, owner: User, weather: Connection) -> None:
    page = text_of(signed_in(owner).get(PAGE))
    for act in ("test", "connect", "revoke", "edit", "disable", "delete"):
        assert f"{PAGE}{act}/" in page


def test_offers_a_user_of_it_nothing_but_use(signed_in: SignIn, teammate: User, weather: Connection) -> None:
    access_to_everyone(weather)
    page = text_of(signed_in(teammate).get(PAGE))
    assert f"{PAGE}test/" in page
    for act in ("connect", "revoke", "edit", "disable", "delete"):
        assert f"{PAGE}{act}/" not in page


def test_lets_each_user_connect_their_own(signed_in: SignIn, teammate: User, everyones: Connection) -> None:
    page = text_of(signed_in(teammate).get("/connections/everyones/"))
    assert "You have not authorised it yet." in page
    assert "/connections/everyones/connect/" in page
    assert "/connections/everyones/delete/" not in page


def test_administrators_see_and_edit_what_they_do_not_use(
    signed_in: SignIn, administrator: User, weather: Connection
) -> None:
    page = text_of(signed_in(administrator).get(PAGE))
    assert f"{PAGE}delete/" in page
    assert f"{PAGE}test/" not in page
    assert "Only Olive Owner" in page


@pytest.mark.parametrize("page", ["", "edit/", "connect/", "revoke/", "delete/"])
def test_is_not_there_for_strangers(
    signed_in: SignIn, stranger: User, weather: Connection, page: str
) -> None:
    response = signed_in(stranger).get(PAGE + page)
    assert response.status_code == 404
    assert "Rain" not in text_of(response)


def test_says_that_it_is_switched_off(signed_in: SignIn, owner: User, weather: Connection) -> None:
    operations.disable(actor=Actor.of(owner), connection=weather)
    page = text_of(signed_in(owner).get(PAGE))
    assert "Switched off" in page
    assert f"{PAGE}enable/" in page
    assert f"{PAGE}disable/" not in page


def access_to_everyone(connection: Connection) -> None:
    """Shared with everyone who signs in."""
    connection.access.create(user=None)
    assert access.audience_of(Connection.objects.get(pk=connection.pk)) == "everyone"
