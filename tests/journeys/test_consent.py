"""Consents that are refused, go wrong, are given again, and are given by somebody else."""

import json
from collections.abc import Callable

import pytest
import requests

from practice.misbehaviour import Misbehaviour
from tests.journeys.conftest import PASSWORD, Person

pytestmark = pytest.mark.journey
MISBEHAVIOURS = (
    Misbehaviour.WRONG_STATE,
    Misbehaviour.WRONG_ISS,
    Misbehaviour.NO_ISS,
    Misbehaviour.TWO_CODES,
    Misbehaviour.SERVER_ERROR,
    Misbehaviour.TOKEN_PAGE,
    Misbehaviour.TOKEN_DOWN,
    Misbehaviour.TOKEN_REDIRECT,
    Misbehaviour.TOKEN_LIST,
    Misbehaviour.TOKEN_CONTROL,
    Misbehaviour.TOKEN_NEGATIVE,
)


def shop(person: Person, *, is_shared: bool = False) -> None:
    """An administrator creates an OAuth 2 connection, up to our page that asks to continue."""
    person.become_administrator()
    person.pick("Practice: OAuth 2")
    person.page.get_by_label("Connection name").fill("Shop")
    person.page.get_by_label("profile").check()
    if is_shared:
        person.page.get_by_role("radio", name="Each user’s own").check()
    person.press("Create and connect")


def test_refused_consent_stores_nothing_and_says_what_to_do(person: Person) -> None:
    shop(person)
    person.agree("Refuse")
    person.sees("Not connected")
    person.follow("Back to the connection")
    person.is_at("/connections/shop/")
    person.sees("Not connected")
    token = person.make_token()
    refused = requests.get(
        f"{person.server.url}/invoke/shop/me", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "authorization_required")
    assert refused.json()["authorize_url"].startswith(f"{person.server.url}/authorize/")


def test_misbehaving_provider_ends_on_a_page_that_says_so(person: Person) -> None:
    shop(person)
    for kind in MISBEHAVIOURS:
        person.press("Continue to")
        person.page.get_by_label("What happens next").select_option(kind)
        person.press("Allow")
        person.sees("Not connected")
        assert person.page.get_by_role("link", name="Click here").count() == 0, kind
        person.go("/connections/shop/")
        person.sees("Not connected")
        person.press("Connect")
    person.agree()
    person.is_at("/connections/shop/")
    person.sees("Connected")


def test_reconnects_after_a_revocation(person: Person) -> None:
    shop(person)
    person.agree()
    person.is_at("/connections/shop/")
    token = person.make_token()
    assert json.loads(person.run_snippet("shop", token))["id"] == "ada"
    person.go("/connections/shop/")
    person.follow("Revoke")
    person.press("Revoke")
    person.is_at("/connections/shop/")
    person.sees("Revoked")
    person.press("Connect")
    person.press("Continue to")
    person.page.get_by_label("Account").select_option("grace")
    person.press("Allow")
    person.is_at("/connections/shop/")
    assert json.loads(person.run_snippet("shop", token))["id"] == "grace"


def test_second_person_authorises_a_shared_connection(person: Person, arrive: Callable[..., Person]) -> None:
    shop(person, is_shared=True)
    person.agree()
    person.is_at("/connections/shop/")
    person.server.manage("add_person", "tom@example.com", "--role", "member", NEW_PASSWORD=PASSWORD)
    teammate = arrive()
    teammate.sign_in("tom@example.com")
    teammate.go("/connections/?list=shared")
    teammate.follow("Shop")
    teammate.press("Connect")
    teammate.press("Continue to")
    teammate.page.get_by_label("Account").select_option("linus")
    teammate.press("Allow")
    teammate.is_at("/connections/shop/")
    teammate.sees("linus@practice.example")
    assert json.loads(teammate.run_snippet("shop", teammate.make_token()))["id"] == "linus"
    assert json.loads(person.run_snippet("shop", person.make_token()))["id"] == "ada"


def test_link_for_somebody_else_is_not_theirs_to_use(person: Person, arrive: Callable[..., Person]) -> None:
    shop(person)
    link = person.page.url
    person.server.manage("add_person", "eve@example.com", "--role", "builder", NEW_PASSWORD=PASSWORD)
    eve = arrive()
    eve.sign_in("eve@example.com")
    answer = eve.page.goto(link)
    assert answer
    assert answer.status == 403
    person.agree()
    person.is_at("/connections/shop/")
