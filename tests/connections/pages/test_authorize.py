"""Our page before the service's consent page, and the answers that come back from there."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connections import links, oauth
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import AuditEvent, User
from tests.conftest import Clock, SignIn
from tests.connections.pages.conftest import Page, text_of

CALLBACK = "/oauth/callback/desk"


def link_for(user: User, connection: Connection, by: User | None = None) -> str:
    address = oauth.link(actor=Actor.of(by or user), connection=connection, for_user=user)
    return address.removeprefix("http://localhost:8000")


@pytest.fixture
def owners(signed_in: SignIn, owner: User) -> Client:
    return signed_in(owner)


def started(owners: Client, owner: User, connection: Connection) -> str:
    """The state of a round trip that the owner has begun."""
    location = owners.post(link_for(owner, connection))["Location"]
    return location.split("state=")[1].split("&")[0]


# --- Before -------------------------------------------------------------------------------------------
def test_shows_who_asks_for_what_and_where_it_leads(
    signed_in: SignIn, teammate: User, owner: User, everyones: Connection
) -> None:
    Connection.objects.filter(pk=everyones.pk).update(scopes=["desk.tickets.read"])
    page = text_of(signed_in(teammate).get(link_for(teammate, everyones, by=owner)))
    assert "Connect your Desk account" in page
    assert "Everyones</strong> asks to act for you" in page
    assert "Read tickets" in page
    assert "Continue to accounts.example.com" in page
    assert "Asked for by owner@example.com" in page
    assert "signed in as teammate@example.com" in page


def test_looking_has_no_effect(owners: Client, owner: User, tickets: Connection) -> None:
    address = link_for(owner, tickets)
    for _ in range(2):
        assert owners.get(address).status_code == 200
    assert owners.head(address).status_code == 200
    assert not Grant.objects.exists()


def test_continues_by_303_to_the_service(owners: Client, owner: User, tickets: Connection) -> None:
    response = owners.post(link_for(owner, tickets))
    assert response.status_code == 303
    assert response["Location"].startswith("https://accounts.example.com/authorize?")
    assert "code_challenge_method=S256" in response["Location"]


def test_only_this_page_may_lead_its_form_elsewhere(owners: Client, owner: User, tickets: Connection) -> None:
    def form_action(address: str) -> str:
        policy = owners.get(address)["Content-Security-Policy"]
        return policy.split("form-action ")[1].split(";")[0]

    assert form_action(link_for(owner, tickets)) == "'self' https:"
    assert form_action("/connections/tickets/connect/") == "'self'"


def test_another_person_is_refused(
    signed_in: SignIn, owner: User, teammate: User, tickets: Connection
) -> None:
    address = link_for(owner, tickets)
    for response in (signed_in(teammate).get(address), signed_in(teammate).post(address)):
        assert response.status_code == 403
        assert "meant for somebody else" in text_of(response)
    assert not Grant.objects.exists()


def test_works_once(owners: Client, owner: User, tickets: Connection) -> None:
    address = link_for(owner, tickets)
    assert owners.post(address).status_code == 303
    for response in (owners.get(address), owners.post(address)):
        assert response.status_code == 410
        assert "used already, or its time is over" in text_of(response)


def test_lapses(owners: Client, owner: User, tickets: Connection) -> None:
    token = links.make(
        connection_id=tickets.pk,
        user_id=owner.pk,
        asked_by_id=owner.pk,
        now=timezone.now() - links.LIFE - timedelta(seconds=1),
    ).removeprefix("http://localhost:8000")
    assert owners.get(token).status_code == 410


@pytest.mark.parametrize("token", ["nonsense", "a.b.c.d.e.f"])
def test_a_link_that_never_was_is_gone(owners: Client, token: str) -> None:
    assert owners.get(f"/authorize/{token}/").status_code == 410


def test_asks_for_the_sign_in_first(client: Client, owner: User, tickets: Connection) -> None:
    response = client.get(link_for(owner, tickets))
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_needs_the_forms_token(signed_in: SignIn, owner: User, tickets: Connection) -> None:
    response = signed_in(owner, enforce_csrf_checks=True).post(link_for(owner, tickets))
    assert response.status_code == 403
    assert not Grant.objects.exists()


# --- Back ---------------------------------------------------------------------------------------------
def refused(response: Page, words: str) -> None:
    page = text_of(response)
    assert response.status_code == 400
    assert words in page
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "<form" not in page
    assert not Grant.objects.filter(state=Grant.State.ACTIVE).exists()


@pytest.mark.parametrize(
    "query", ["", "code=c", "state=", "code=c&state=never-issued", "oauth_token=x&oauth_verifier=y"]
)
def test_refuses_an_answer_that_belongs_to_nothing(owners: Client, tickets: Connection, query: str) -> None:
    refused(owners.get(f"{CALLBACK}?{query}"), "does not belong to an authorisation that you started")


@pytest.mark.parametrize("query", ["code=a&code=b&state=s", "state=a&state=b&code=c"])
def test_refuses_a_parameter_that_comes_twice(owners: Client, tickets: Connection, query: str) -> None:
    refused(owners.get(f"{CALLBACK}?{query}"), "the same parameter twice")


def test_refuses_who_is_not_signed_in_instead_of_letting_them_sign_in(
    client: Client, owners: Client, owner: User, tickets: Connection
) -> None:
    state = started(owners, owner, tickets)
    refused(client.get(f"{CALLBACK}?code=c&state={state}"), "You are not signed in here")


def test_refuses_who_did_not_start_it(
    signed_in: SignIn, owners: Client, owner: User, teammate: User, tickets: Connection
) -> None:
    state = started(owners, owner, tickets)
    refused(signed_in(teammate).get(f"{CALLBACK}?code=c&state={state}"), "Somebody else started")
    assert AuditEvent.objects.filter(event="grant.flow_user_mismatch").exists()


def test_refuses_an_answer_after_ten_minutes(
    signed_in: SignIn, owner: User, tickets: Connection, clock: Clock
) -> None:
    browser_of_owner = signed_in(owner)
    state = started(browser_of_owner, owner, tickets)
    clock.forward(minutes=11)
    refused(browser_of_owner.get(f"{CALLBACK}?code=c&state={state}"), "longer than ten minutes")


def test_tells_a_refused_consent_in_words_and_leads_back(
    owners: Client, owner: User, tickets: Connection
) -> None:
    state = started(owners, owner, tickets)
    says = "%3Cb%3Eno%3C/b%3E%20thanks"
    response = owners.get(f"{CALLBACK}?error=access_denied&error_description={says}&state={state}")
    refused(response, "The authorisation was refused at the service. Nothing was changed.")
    page = text_of(response)
    assert "&lt;b&gt;no&lt;/b&gt; thanks" in page
    assert "<b>no</b>" not in page
    assert 'href="/connections/tickets/"' in page


def test_refuses_an_answer_by_post(owners: Client, owner: User, tickets: Connection) -> None:
    state = started(owners, owner, tickets)
    refused(owners.post(CALLBACK, {"code": "c", "state": state}), "by POST")


def test_a_head_request_uses_nothing_up(owners: Client, owner: User, tickets: Connection) -> None:
    state = started(owners, owner, tickets)
    assert owners.head(f"{CALLBACK}?code=c&state={state}").status_code == 400
    assert Grant.objects.filter(connection=tickets).exclude(state_hash="").exists()
