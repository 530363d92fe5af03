"""A service that repeats what it was told: none of the exchange's secrets is kept or shown."""

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.db import models

from connections import grants, oauth
from connections.errors import AuthorizationRequired, ProviderRefused
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import AuditEvent
from problems import AppError
from services.auth_types.errors import TokenAnswerRefused
from tests.connections.conftest import SESSION, arrive, depart, fresh
from tests.connections.provider import GOOD_CODE, Provider, Said, Seen

pytestmark = pytest.mark.django_db

CLIENT_SECRET = "our-app-secret"


def spellings(secret: str) -> list[str]:
    plain = f"our-app:{secret}".encode()
    return [secret, quote_plus(secret), base64.b64encode(plain).decode(), secret.encode().hex()]


def echo(provider: Provider, error: str, *secrets: str) -> None:
    """The next answer says these secrets, in some spellings."""
    said = " ".join(spelt for secret in secrets for spelt in spellings(secret))
    provider.say(Said(400, {"error": error, "error_description": said[:190]}))


def everything() -> Iterator[str]:
    """Every text that is stored of grants and in the audit trail."""
    rows: list[models.Model] = [*Grant.objects.all(), *AuditEvent.objects.all()]
    for row in rows:
        yield from (str(value) for value in vars(row).values())


def leaked(error: AppError, *secrets: str) -> list[str]:
    shown = [str(error), str(error.as_problem()), repr(error.args), *everything()]
    return [secret for secret in secrets if any(secret in text for text in shown)]


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client"])
def test_a_refused_refresh_keeps_no_secret(authorised: Grant, provider: Provider, error: str) -> None:
    stale = fresh(authorised).version
    echo(provider, error, "refresh-1", CLIENT_SECRET)
    with pytest.raises(AppError) as refused:
        grants.refresh(authorised.pk, stale_version=stale)
    assert leaked(refused.value, "refresh-1", CLIENT_SECRET, CLIENT_SECRET.encode().hex()) == []
    assert "***" in fresh(authorised).reason


def test_a_dead_grant_still_says_what_the_service_said(authorised: Grant, provider: Provider) -> None:
    provider.say(Said(400, {"error": "invalid_grant", "error_description": "refresh-1 was revoked by Ada"}))
    with pytest.raises(AuthorizationRequired, match=r"It says: \*\*\* was revoked by Ada"):
        grants.refresh(authorised.pk, stale_version=fresh(authorised).version)


def test_a_refused_code_keeps_no_secret(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]

    def answer(form: dict[str, str]) -> Said:
        said = f"{form['code']} {form['code_verifier']} {form['client_secret']}"
        return Said(400, {"error": "invalid_request", "error_description": said})

    provider.misbehaves = answer
    with pytest.raises(TokenAnswerRefused) as refused:
        arrive(shop, state=state)
    sent = provider.asked()[0].form
    assert leaked(refused.value, GOOD_CODE, sent["code_verifier"], CLIENT_SECRET) == []


def test_a_consent_that_is_refused_shows_no_secret(shop: Connection) -> None:
    state = depart(shop)["state"]
    with pytest.raises(ProviderRefused) as refused:
        oauth.complete(
            actor=Actor.of(shop.created_by),
            service_link_name="shop",
            params={
                "state": state,
                "error": "x",
                "error_description": f"{CLIENT_SECRET} at {state} is wrong",
            },
            session_key=SESSION,
        )
    assert refused.value.extra["provider_says"] == "*** at *** is wrong"


@pytest.mark.parametrize("person", [{"user": {"id": "access-1", "email": "Bearer access-1"}}])
def test_an_account_is_not_called_by_its_token(shop: Connection, provider: Provider, person: Any) -> None:
    provider.person = person
    grant = arrive(shop, state=depart(shop)["state"])
    assert (grant.authorized_as_id, grant.authorized_as) == ("***", "Bearer ***")


def test_a_scope_is_no_place_for_a_token(shop: Connection, provider: Provider) -> None:
    provider.extra = {"scope": f"read access-1 refresh-1 {CLIENT_SECRET}"}
    assert arrive(shop, state=depart(shop)["state"]).granted_scopes == ["read", "***", "***", "***"]


def test_the_echo_reaches_the_service_itself_unchanged(authorised: Grant, provider: Provider) -> None:
    grants.refresh(authorised.pk, stale_version=fresh(authorised).version)
    seen: Seen = provider.asked()[-1]
    assert seen.form["refresh_token"] == "refresh-1"
