"""Refreshes that are refused, and those that a 401 asks for."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connections import grants
from connections.models import Connection, Grant
from connections.status import status_of
from people.actor import Actor
from people.models import User
from services import operations as services_operations
from services.auth_types.errors import ClientRefused
from tests.connections.conftest import fresh, secrets_of
from tests.connections.provider import Provider, Said
from tests.connections.test_refresh import expire, no_sleep
from vault import Secret

pytestmark = pytest.mark.django_db


# --- By the app ------------------------------------------------------------------------------------------
def test_an_app_that_is_refused_is_the_administrators_to_mend(
    authorised: Grant, provider: Provider, owner: User
) -> None:
    expire(authorised)
    provider.say(Said(401, {"error": "invalid_client", "error_description": "No such app"}))
    for _ in range(2):
        with pytest.raises(ClientRefused, match="No such app") as refused:
            grants.refresh(authorised.pk, sleep=no_sleep)
        assert (refused.value.status, refused.value.code) == (409, "client_refused")
    assert provider.refreshes() == 1
    shop = Connection.objects.get()
    told = status_of(shop, Actor.of(owner))
    assert (told.code, "No such app" in told.reason) == ("reconnect_needed", True)
    set_client(owner, shop, "our-app", "a-better-secret")
    assert status_of(shop, Actor.of(owner)).code == "connected"
    assert secrets_of(grants.refresh(authorised.pk, sleep=no_sleep))["access_token"] == "access-2"
    assert provider.asked()[-1].form["client_secret"] == "a-better-secret"


def test_another_app_does_not_heal_what_was_granted_to_the_former(
    authorised: Grant, provider: Provider, owner: User
) -> None:
    expire(authorised)
    provider.say(Said(401, {"error": "invalid_client"}))
    with pytest.raises(ClientRefused):
        grants.refresh(authorised.pk, sleep=no_sleep)
    set_client(owner, authorised.connection, "another-app", "its-secret")
    assert fresh(authorised).health == Grant.Health.CLIENT_REFUSED


def set_client(owner: User, connection: Connection, client_id: str, secret: str) -> None:
    services_operations.set_client(
        actor=Actor.of(owner),
        service=connection.auth.service,
        client_id=client_id,
        client_secret=Secret(secret),
    )


def test_another_app_serves_client_credentials_that_were_refused(
    robot: Connection, provider: Provider, owner: User
) -> None:
    grant = grants.current(robot, owner)
    assert grant is not None
    provider.say(Said(401, {"error": "invalid_client"}))
    with pytest.raises(ClientRefused):
        grants.refresh(grant.pk, sleep=no_sleep)
    set_client(owner, robot, "another-app", "its-secret")
    assert secrets_of(grants.refresh(grant.pk, sleep=no_sleep)) == {"access_token": "access-1"}
    assert provider.asked()[-1].form["client_id"] == "another-app"


# --- After a 401 ----------------------------------------------------------------------------------------
def test_refreshes_for_a_401_once_a_minute(authorised: Grant, provider: Provider) -> None:
    now, stale = timezone.now(), fresh(authorised).version
    again = grants.refresh(authorised.pk, now=now, stale_version=stale, sleep=no_sleep)
    assert again.version == stale + 1
    later = now + timedelta(seconds=59)
    assert grants.refresh(authorised.pk, now=later, stale_version=again.version).version == again.version
    assert provider.refreshes() == 1
    later = now + timedelta(seconds=60)
    assert grants.refresh(authorised.pk, now=later, stale_version=again.version).version == again.version + 1


def test_a_refresh_that_no_401_caused_does_not_count(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    ahead = grants.refresh(authorised.pk, sleep=no_sleep)
    assert grants.refresh(authorised.pk, stale_version=ahead.version).version == ahead.version + 1


def test_a_token_that_ran_out_is_refreshed_however_lately_a_401_came(authorised: Grant) -> None:
    again = grants.refresh(authorised.pk, stale_version=fresh(authorised).version)
    expire(again)
    assert grants.refresh(authorised.pk, stale_version=again.version).version == again.version + 1
