"""A trail of which nothing can be deleted is not for strangers to fill, nor for anybody to fill on and on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from connections.models import Connection, Grant
from people import audit
from people.audit_events import Event
from people.models import AuditEvent, User
from tests.conftest import PASSWORD, Clock, Script, SignIn
from tests.people.crawl import addresses

LOGIN = "/accounts/login/"
API = [f"/api/v1/{name}" for name in ("people", "audit", "services", "connections", "tokens", "nothing")]
pytestmark = pytest.mark.django_db


def count(event: Event | None = None) -> int:
    return AuditEvent.objects.filter(**({"event": event} if event else {})).count()


@pytest.fixture
def nothing_new(db: None) -> Iterator[None]:
    yield
    assert list(AuditEvent.objects.values_list("event", "target")) == []


# --- Strangers ---------------------------------------------------------------------------------------
@pytest.mark.usefixtures("nothing_new")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_request_of_nobody_is_told(method: str) -> None:
    clients = [
        Client(),
        Client(enforce_csrf_checks=True),
        Client(headers={"Authorization": "Bearer swb_nonsense"}),
        Client(headers={"Authorization": "Basic eDp5", "X-Forwarded-For": "9.9.9.9"}),
    ]
    for path in [*addresses(), *API]:
        for client in clients:
            client.generic(method, path, "{}", content_type="application/json")


@pytest.mark.usefixtures("nothing_new")
def test_no_guess_at_an_account_that_does_not_exist_is_told(client: Client) -> None:
    for number in range(25):
        client.post(LOGIN, {"login": f"nobody{number}@example.com", "password": "guess"})


@pytest.mark.usefixtures("nothing_new")
def test_no_forged_link_or_answer_of_a_service_is_told(client: Client) -> None:
    for path in ("/welcome/forged/", "/set-password/forged/", "/authorize/forged/"):
        client.get(path)
        client.post(path, {"email": "eve@example.com", "password": PASSWORD})
    client.get("/oauth/callback/shop?state=forged&code=forged")
    client.post("/accounts/password/reset/", {"email": "eve@example.com"})


def test_guesses_at_an_account_that_exists_are_told_as_long_as_they_are_looked_at(
    client: Client, owner: User
) -> None:
    for number in range(30):
        client.post(
            LOGIN,
            {"login": " OWNER@example.com ", "password": "guess"},
            REMOTE_ADDR=f"198.51.100.{number}",
        )
    told = AuditEvent.objects.filter(event=Event.SIGN_IN_FAILED)
    assert [row.target for row in told] == ["person:owner@example.com"] * 20
    assert told[0].ip == "198.51.100.0"
    assert count() == 20


def test_a_guess_at_a_person_who_was_switched_off_is_told(client: Client, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    client.post(LOGIN, {"login": owner.email, "password": PASSWORD})
    assert count(Event.SIGN_IN_FAILED) == 1


# --- Those who are known -------------------------------------------------------------------------------
def test_what_was_denied_to_somebody_is_told_so_often_and_later_again(
    signed_in: SignIn, owner: User, teammate: User, clock: Clock
) -> None:
    owners, teammates = signed_in(owner), signed_in(teammate)
    for _ in range(30):
        assert owners.get("/people/").status_code == 403
        assert owners.get("/api/v1/people").status_code == 403
    assert count(Event.ACCESS_DENIED) == audit.REPEATS == 20
    teammates.get("/people/")
    assert count(Event.ACCESS_DENIED) == 21
    clock.forward(minutes=6)
    owners.get("/people/")
    assert count(Event.ACCESS_DENIED) == 22


@pytest.mark.parametrize(
    ("narrowing", "path"),
    [
        ({"scopes": ["invoke"]}, "connections"),
        ({"methods": ["POST"]}, "connections"),
        ({"networks": ["203.0.113.0/24"]}, "connections"),
        ({"connections": []}, "people"),
    ],
)
def test_what_was_denied_to_a_token_names_it_and_is_bounded(
    owner: User, make_script: Callable[..., Script], narrowing: dict[str, Any], path: str
) -> None:
    script = make_script(owner, name="nightly", **narrowing)
    made = count()
    client = Client(headers=script.headers)
    for _ in range(25):
        assert client.get(f"/api/v1/{path}").status_code == 403
    told = AuditEvent.objects.filter(event=Event.ACCESS_DENIED)
    assert {(row.actor, row.token, row.target) for row in told} == {
        (owner.email, "nightly", f"GET /api/v1/{path}")
    }
    assert count() - made == 20


def test_a_request_forged_in_somebodys_browser_names_them_and_is_bounded(
    signed_in: SignIn, owner: User
) -> None:
    browser = signed_in(owner, enforce_csrf_checks=True)
    for _ in range(25):
        answer = browser.post("/api/v1/tokens", {"name": "x"}, content_type="application/json")
        assert answer.status_code == 403
    told = AuditEvent.objects.filter(event=Event.ACCESS_DENIED)
    assert {row.actor for row in told} == {owner.email}
    assert count() == 20


def test_answers_that_belong_to_no_round_trip_are_bounded(signed_in: SignIn, owner: User) -> None:
    browser = signed_in(owner)
    for number in range(25):
        answer = browser.get(f"/oauth/callback/shop?state=forged{number}&code=x")
        assert answer.status_code == 400
    assert count(Event.FLOW_REFUSED) == 20
    assert not Grant.objects.exists()
    assert not Connection.objects.exists()
