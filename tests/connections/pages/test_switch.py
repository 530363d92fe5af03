"""An account that turns out to be in another data centre than the connection is set to."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from connections import oauth
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import User
from tests.conftest import SignIn
from tests.connections.pages.conftest import OAUTH2, MakeConnection, MakeService, text_of

DC = {
    "name": "dc",
    "label": "Data centre",
    "choices": ["example.com", "example.eu"],
    "callback": {"location": {"us": "example.com", "eu": "example.eu"}},
}
SWITCH = "/connections/tickets/switch/"
ASKED = {"variable": "dc", "choice": "example.eu"}


@pytest.fixture
def regional(make_service: MakeService, make_connection: MakeConnection) -> Connection:
    """Each user's own, for everyone, in the first of two data centres."""
    service = make_service("desk", "oauth2", oauth2=OAUTH2, variables=[DC])
    return make_connection(service, "tickets", variables={"dc": "example.com"}, credentials_of="login_user")


def came_back(browser: Client, user: User, connection: Connection) -> str:
    """The page that a person sees who authorised with an account in Europe."""
    link = oauth.link(actor=Actor.of(user), connection=connection, for_user=user)
    onward = browser.post(urlsplit(link).path)["Location"]
    (state,) = parse_qs(urlsplit(onward).query)["state"]
    answer = browser.get("/oauth/callback/desk", {"code": "c", "state": state, "location": "eu"})
    assert answer.status_code == 400
    return text_of(answer)


def test_says_where_the_account_is_and_offers_the_switch(
    signed_in: SignIn, owner: User, regional: Connection
) -> None:
    page = came_back(signed_in(owner), owner, regional)
    assert "Data centre: your account is at example.eu, and this connection is set to example.com." in page
    assert f'href="{SWITCH}?variable=dc&amp;choice=example.eu"' in page
    assert "Switch to example.eu and start again" in page
    assert "<form" not in page  # a browser's POST from here would look foreign


def test_tells_whoever_may_not_edit_whom_to_ask(
    signed_in: SignIn, teammate: User, regional: Connection
) -> None:
    page = came_back(signed_in(teammate), teammate, regional)
    assert "Olive Owner or an administrator can switch Tickets to example.eu" in page
    assert SWITCH not in page


def test_switches_and_starts_again(signed_in: SignIn, owner: User, regional: Connection) -> None:
    browser = signed_in(owner)
    page = text_of(browser.get(SWITCH, ASKED))
    assert "<code>example.com</code> becomes <code>example.eu</code>" in page
    assert "whoever authorised is asked again" in page
    assert Connection.objects.get().variables == {"dc": "example.com"}

    answer = browser.post(SWITCH, ASKED)

    assert "/authorize/" in answer["Location"]
    assert Connection.objects.get().variables == {"dc": "example.eu"}
    assert "Continue to accounts.example.com" in text_of(browser.get(urlsplit(answer["Location"]).path))


def test_looking_at_the_switch_changes_nothing(signed_in: SignIn, owner: User, regional: Connection) -> None:
    Grant.objects.create(connection=regional, user=owner, is_owner=False, state=Grant.State.ACTIVE)
    browser = signed_in(owner)
    assert browser.get(SWITCH, ASKED).status_code == browser.head(SWITCH, ASKED).status_code == 200
    assert Connection.objects.get().variables == {"dc": "example.com"}
    assert Grant.objects.get().state == Grant.State.ACTIVE


@pytest.mark.parametrize(
    "asked",
    [{}, {"variable": "dc"}, ASKED | {"choice": "example.org"}, ASKED | {"variable": "link_name"}],
)
def test_refuses_what_the_service_does_not_offer(
    signed_in: SignIn, owner: User, regional: Connection, asked: dict[str, str]
) -> None:
    browser = signed_in(owner)
    for answer in (browser.get(SWITCH, asked), browser.post(SWITCH, asked)):
        assert answer.status_code == 422
        assert "The link names no choice of this service." in text_of(answer)
        assert "Switch and start again" not in text_of(answer)
    assert Connection.objects.get().variables == {"dc": "example.com"}


def test_is_for_those_who_may_edit(signed_in: SignIn, teammate: User, regional: Connection) -> None:
    browser = signed_in(teammate)
    assert browser.get(SWITCH, ASKED).status_code == 403
    assert browser.post(SWITCH, ASKED).status_code == 403
    assert Connection.objects.get().variables == {"dc": "example.com"}
