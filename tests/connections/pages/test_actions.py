"""What is done to a connection from its page."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from connections import grants, operations
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import User
from services.models import Service
from tests.conftest import SignIn
from tests.connections.pages.conftest import OAUTH2, MakeConnection, MakeService, text_of
from tests.connections.pages.test_summary import access_to_everyone, authorised

RAIN = "/connections/rain/"
TICKETS = "/connections/tickets/"
NEW_KEY = "the-second-key"


@pytest.fixture
def owners(signed_in: SignIn, owner: User) -> Client:
    return signed_in(owner)


def active(connection: Connection) -> Grant | None:
    return Grant.objects.filter(connection=connection, state=Grant.State.ACTIVE).first()


# --- Connect ------------------------------------------------------------------------------------------
def test_connect_replaces_the_credentials(owners: Client, weather: Connection) -> None:
    page = text_of(owners.get(f"{RAIN}connect/"))
    assert "replaces the stored credentials" in page
    assert "key-1" not in page
    form = {"credentials.X-Api-Key": NEW_KEY, "credentials.X-App.Id": "app"}
    response = owners.post(f"{RAIN}connect/", form)
    assert response["Location"] == RAIN
    grant = active(weather)
    assert grant is not None
    assert grants.open_secrets(grant)["X-Api-Key"].reveal() == NEW_KEY


def test_replacing_credentials_asks_for_a_fresh_sign_in_before_anything_is_typed(
    signed_in: SignIn, owner: User, weather: Connection
) -> None:
    stale = signed_in(owner, is_fresh=False)
    for response in (stale.get(f"{RAIN}connect/"), stale.post(f"{RAIN}connect/", {})):
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/reauthenticate/")


def test_connect_says_what_is_missing_and_shows_no_secret(owners: Client, weather: Connection) -> None:
    response = owners.post(f"{RAIN}connect/", {"credentials.X-Api-Key": NEW_KEY})
    page = text_of(response)
    assert response.status_code == 422
    assert "Enter the App." in page
    assert NEW_KEY not in page


def test_connect_shows_the_operations_refusal_at_its_field(
    owners: Client, basic_service: Service, make_connection: MakeConnection
) -> None:
    make_connection(basic_service, "books")
    response = owners.post("/connections/books/connect/", {"credentials.username": "a:b"})
    assert response.status_code == 422
    assert "colon" in text_of(response).split('id="id_credentials.username_error"')[1]


def test_connect_by_consent_leads_to_our_own_page_first(owners: Client, tickets: Connection) -> None:
    assert owners.get(f"{TICKETS}connect/").status_code == 200
    response = owners.post(f"{TICKETS}connect/")
    assert response["Location"].startswith("http://localhost:8000/authorize/")
    assert not Grant.objects.exists()


def test_connect_takes_nothing_where_the_app_alone_obtains_the_grant(
    owners: Client, make_service: MakeService, make_connection: MakeConnection
) -> None:
    robot = {**OAUTH2, "grant_type": "client_credentials", "authorize_url": ""}
    connection = make_connection(make_service("robots", "oauth2", oauth2=robot), "robot")
    page = text_of(owners.get("/connections/robot/"))
    assert "/connections/robot/connect/" not in page
    owners.post("/connections/robot/revoke/")
    assert active(connection) is None
    assert 'action="/connections/robot/connect/"' in text_of(owners.get("/connections/robot/"))
    assert "nothing to enter" in text_of(owners.get("/connections/robot/connect/"))
    assert owners.post("/connections/robot/connect/")["Location"] == "/connections/robot/"
    assert active(connection) is not None


def test_offers_no_consent_where_no_app_is_registered(
    owners: Client, make_service: MakeService, make_connection: MakeConnection
) -> None:
    urls = {"authorize_url": "https://a.example.com/a", "token_url": "https://a.example.com/t"}
    make_connection(make_service("later", "oauth2", oauth2=urls), "someday")
    page = text_of(owners.get("/connections/someday/"))
    assert "no app registered yet" in page
    assert "/connections/someday/connect/" not in page
    response = owners.post("/connections/someday/connect/")
    assert response.status_code == 422
    assert "has no OAuth app yet" in text_of(response)


def test_our_own_connection_renews_its_token_and_asks_for_none(
    signed_in: SignIn, administrator: User
) -> None:
    call_command("load_catalogue", stdout=StringIO())
    own = operations.ensure_internal_connection(actor=Actor.of(administrator))
    assert own is not None
    before = active(own)
    administrators = signed_in(administrator)
    page = text_of(administrators.get("/connections/switchboard/connect/"))
    assert "nothing to enter" in page
    assert 'name="credentials' not in page
    assert administrators.post("/connections/switchboard/connect/").status_code == 302
    assert active(own) != before
    assert 'name="audience"' not in text_of(administrators.get("/connections/switchboard/edit/"))


def test_connect_is_refused_while_switched_off(owners: Client, tickets: Connection) -> None:
    owners.post(f"{TICKETS}disable/")
    response = owners.post(f"{TICKETS}connect/")
    assert response.status_code == 422
    assert "This connection is switched off." in text_of(response)


def test_only_the_owner_connects_what_runs_on_their_account(
    signed_in: SignIn, teammate: User, weather: Connection
) -> None:
    access_to_everyone(weather)
    for act in ("connect", "revoke"):
        response = signed_in(teammate).get(f"{RAIN}{act}/")
        assert response.status_code == 403


# --- Revoke -------------------------------------------------------------------------------------------
def test_revoke_asks_first_and_then_wipes(owners: Client, weather: Connection) -> None:
    page = text_of(owners.get(f"{RAIN}revoke/"))
    assert "no address to tell it so" in page
    assert active(weather) is not None
    response = owners.post(f"{RAIN}revoke/", follow=True)
    assert active(weather) is None
    assert not Grant.objects.exclude(secrets=None).exists()
    page = text_of(response)
    assert "Revoked: wiped here." in page
    assert "The authorisation was revoked." in page


def test_revoke_with_nothing_to_revoke_says_so(owners: Client, tickets: Connection) -> None:
    response = owners.post(f"{TICKETS}revoke/")
    assert response.status_code == 409
    assert "no authorisation to revoke" in text_of(response)


# --- Edit ---------------------------------------------------------------------------------------------
def test_edit_shows_what_is_stored_and_saves_what_changed(owners: Client, weather: Connection) -> None:
    page = text_of(owners.get(f"{RAIN}edit/"))
    assert 'value="Rain"' in page
    response = owners.post(f"{RAIN}edit/", {"name": "Showers", "audience": "everyone"})
    assert response["Location"] == RAIN
    weather.refresh_from_db()
    assert weather.name == "Showers"
    assert weather.link_name == "rain"
    assert weather.access.filter(user=None).exists()
    assert active(weather) is not None


def test_changing_scopes_asks_for_consent_again(owners: Client, owner: User, tickets: Connection) -> None:
    authorised(tickets, owner)
    page = text_of(owners.get(f"{TICKETS}edit/"))
    assert 'value="desk.tickets.read" checked' in page
    form = {"name": "Tickets", "audience": "private", "scopes": ["desk.tickets.create"]}
    page = text_of(owners.post(f"{TICKETS}edit/", form, follow=True))
    assert active(tickets) is None
    assert "consent is needed again" in page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "x" * 101}, "at most 100"),
        ({"audience": "the world"}, "audience_error"),
        ({"scopes": ["desk.everything"]}, "no scope desk.everything"),
    ],
)
def test_edit_refuses_what_is_wrong_and_changes_nothing(
    owners: Client, tickets: Connection, form: dict[str, Any], words: str
) -> None:
    whole = {"name": "Other", "audience": "everyone", "scopes": []} | form
    response = owners.post(f"{TICKETS}edit/", whole)
    assert response.status_code == 422
    assert words in text_of(response)
    tickets.refresh_from_db()
    assert tickets.name == "Tickets"
    assert tickets.scopes == ["desk.tickets.read"]


def test_edit_takes_no_other_field(owners: Client, weather: Connection) -> None:
    form = {"name": "Rain", "audience": "private", "link_name": "sun", "credentials_of": "login_user"}
    owners.post(f"{RAIN}edit/", form)
    weather.refresh_from_db()
    assert weather.link_name == "rain"
    assert not weather.is_per_user


# --- Disable, enable, delete ----------------------------------------------------------------------------
def test_disable_and_enable_keep_the_credentials(owners: Client, weather: Connection) -> None:
    assert "switched off" in text_of(owners.post(f"{RAIN}disable/", follow=True))
    assert Connection.objects.get().is_disabled
    assert "switched on again" in text_of(owners.post(f"{RAIN}enable/", follow=True))
    assert not Connection.objects.get().is_disabled
    assert active(weather) is not None


@pytest.mark.parametrize("act", ["disable", "enable"])
def test_looking_at_an_act_does_nothing(owners: Client, weather: Connection, act: str) -> None:
    assert owners.get(f"{RAIN}{act}/").status_code == 405


def test_delete_wants_the_link_name_typed(owners: Client, weather: Connection) -> None:
    assert "Type rain to confirm" in text_of(owners.get(f"{RAIN}delete/"))
    for typed, words in (("", "Type the link name to confirm."), ("Rain", "This is not rain.")):
        response = owners.post(f"{RAIN}delete/", {"confirm": typed})
        assert response.status_code == 422
        assert words in text_of(response)
    assert Connection.objects.filter(pk=weather.pk).exists()


def test_delete_takes_the_connection_and_its_secrets(owners: Client, weather: Connection) -> None:
    page = text_of(owners.post(f"{RAIN}delete/", {"confirm": "rain"}, follow=True))
    assert "Rain is deleted." in page
    assert not Connection.objects.exists()
    assert not Grant.objects.exists()


@pytest.mark.parametrize("act", ["edit", "delete", "disable", "enable"])
def test_users_of_it_change_nothing(signed_in: SignIn, teammate: User, weather: Connection, act: str) -> None:
    access_to_everyone(weather)
    response = signed_in(teammate).post(f"{RAIN}{act}/", {"name": "Mine", "confirm": "rain"})
    assert response.status_code == 403
    weather.refresh_from_db()
    assert weather.name == "Rain"
    assert not weather.is_disabled


@pytest.mark.parametrize("act", ["edit", "connect", "revoke", "disable", "enable", "delete"])
def test_every_act_needs_the_forms_token(
    signed_in: SignIn, owner: User, weather: Connection, act: str
) -> None:
    response = signed_in(owner, enforce_csrf_checks=True).post(f"{RAIN}{act}/", {"confirm": "rain"})
    assert response.status_code == 403
    assert "out of date" in text_of(response)
