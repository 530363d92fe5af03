"""The page of API tokens."""

import re
from typing import Any

import pytest
from django.test import Client

from connections import tokens
from connections.models import ApiToken, Connection
from people.models import User
from tests.conftest import Script, SignIn
from tests.connections.pages.conftest import Page, text_of

LIST, NEW = "/tokens/", "/tokens/new/"
FORM = {"name": "nightly report", "scopes": ["invoke"], "days": "90"}


@pytest.fixture
def owners(signed_in: SignIn, owner: User) -> Client:
    return signed_in(owner)


def secret_in(response: Page) -> str:
    found = re.search(r"swb_[0-9a-z]+_[0-9A-Za-z]+", text_of(response))
    assert found is not None
    return found[0]


def test_an_empty_page_says_what_to_do_next(owners: Client) -> None:
    page = text_of(owners.get(LIST))
    assert "No API tokens yet" in page
    assert NEW in page


def test_makes_a_token_and_shows_it_once(owners: Client) -> None:
    response = owners.post(NEW, FORM)
    secret = secret_in(response)
    parsed = tokens.parse(secret)
    assert parsed is not None
    assert tokens.find(parsed) == ApiToken.objects.get()
    page = text_of(owners.get(LIST))
    assert "nightly report" in page
    assert secret not in page
    assert not any(secret in str(value) for value in owners.session.values())


def test_narrows_it_as_asked(owners: Client, weather: Connection) -> None:
    narrow = {"connections": ["rain"], "methods": ["GET", "HEAD"], "networks": "10.1.0.0/16\n203.0.113.7"}
    owners.post(NEW, FORM | narrow)
    token = ApiToken.objects.get()
    assert token.rules["connections"] == [str(weather.pk)]
    assert token.rules["methods"] == ["GET", "HEAD"]
    assert token.rules["networks"] == ["10.1.0.0/16", "203.0.113.7/32"]
    assert token.expires_at is not None
    page = text_of(owners.get(LIST))
    assert ">rain</span>" in page
    assert "10.1.0.0/16" in page


def test_none_chosen_means_every_connection_and_method(owners: Client) -> None:
    owners.post(NEW, FORM | {"days": ""})
    token = ApiToken.objects.get()
    assert token.rules["connections"] is None
    assert token.expires_at is None
    assert "All that you may use" in text_of(owners.get(LIST))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "says where it is used"),
        ({"scopes": []}, "Choose at least one."),
        ({"scopes": ["root"]}, "root is not one of the available choices"),
        ({"connections": ["nowhere"]}, "nowhere is not one of the available choices"),
        ({"networks": "everywhere"}, "is not a network"),
        ({"days": "10000"}, "10000 is not one of the available choices"),
    ],
)
def test_says_what_is_wrong_and_makes_none(owners: Client, wrong: dict[str, Any], words: str) -> None:
    response = owners.post(NEW, FORM | wrong)
    assert response.status_code == 422
    assert words in text_of(response)
    assert not ApiToken.objects.exists()


def test_opens_the_folded_part_where_something_in_it_is_wrong(owners: Client) -> None:
    assert '<details class="more">' in text_of(owners.get(NEW))
    assert '<details class="more" open>' in text_of(owners.post(NEW, FORM | {"networks": "everywhere"}))


def test_only_administrators_let_a_token_act_for_others(
    owners: Client, signed_in: SignIn, administrator: User, teammate: User
) -> None:
    asked = FORM | {"act_for": teammate.email}
    assert 'name="act_for"' not in text_of(owners.get(NEW))
    owners.post(NEW, asked)
    assert ApiToken.objects.get().rules["act_for"] == []
    administrators = signed_in(administrator)
    assert 'name="act_for"' in text_of(administrators.get(NEW))
    administrators.post(NEW, asked)
    assert ApiToken.objects.get(user=administrator).rules["act_for"] == [str(teammate.pk)]
    assert "acts for teammate@example.com" in text_of(administrators.get(LIST))
    nobody = administrators.post(NEW, FORM | {"act_for": "nobody@example.com"})
    assert "nobody here with the address" in text_of(nobody)


def test_does_not_offer_connections_of_others(signed_in: SignIn, teammate: User, weather: Connection) -> None:
    assert 'value="rain"' not in text_of(signed_in(teammate).get(NEW))
    response = signed_in(teammate).post(NEW, FORM | {"connections": ["rain"]})
    assert response.status_code == 422


def test_making_one_asks_for_a_fresh_sign_in_and_looking_does_not(signed_in: SignIn, owner: User) -> None:
    stale = signed_in(owner, is_fresh=False)
    assert stale.get(LIST).status_code == 200
    for response in (stale.get(NEW), stale.post(NEW, FORM)):
        assert response["Location"].startswith("/accounts/reauthenticate/")
    assert not ApiToken.objects.exists()


def test_revokes(owners: Client, script: Script) -> None:
    response = owners.post(f"{LIST}{script.token.pk}/revoke/", follow=True)
    page = text_of(response)
    assert "script is revoked" in page
    assert "No API tokens yet" in page
    parsed = tokens.parse(script.secret)
    assert parsed is not None
    assert tokens.find(parsed) is None


def test_nobody_sees_or_revokes_anothers(signed_in: SignIn, teammate: User, script: Script) -> None:
    teammates = signed_in(teammate)
    assert f"swb_{script.token.token_id}" not in text_of(teammates.get(LIST))
    assert teammates.post(f"{LIST}{script.token.pk}/revoke/").status_code == 404
    script.token.refresh_from_db()
    assert script.token.revoked_at is None
