"""Section B: a token is refreshed once, kept while it is good, and given up only for good reason."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connections as databases
from django.utils import timezone

from connections import exchanges, grants
from connections.errors import AuthorizationRequired, RefreshUnavailable
from connections.grants import renewal
from connections.models import Connection, Grant
from people.models import AuditEvent, User
from services.auth_types.errors import GrantDead
from tests.connections.conftest import (
    MakeConnection,
    MakeService,
    events,
    fresh,
    oauth_definition,
    round_trip,
    secrets_of,
)
from tests.connections.provider import Provider, Said

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def no_sleep(seconds: float) -> None:
    raise AssertionError("Nobody should have to wait here.")


def expire(grant: Grant, **by: float) -> Grant:
    """As if the token ran out in ``by``; at once where nothing is said."""
    Grant.objects.filter(pk=grant.pk).update(expires_at=timezone.now() + timedelta(**by))
    return fresh(grant)


# --- When -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("lifetime_s", "left_s", "is_due"),
    [
        (3600, 61, False),
        (3600, 59, True),
        (100, 11, False),
        (100, 9, True),
        (5, 1, False),
        (5, 0, True),
        (3600, -1, True),
        (None, 59, True),
    ],
)
def test_refreshes_when_a_tenth_or_a_minute_is_left(
    lifetime_s: int | None, left_s: int, is_due: bool
) -> None:
    assert grants.ends_soon(left_s, lifetime_s) is is_due


def test_never_refreshes_what_does_not_expire() -> None:
    assert not grants.needs_refresh(Grant(secrets=b"sealed"), timezone.now())


def test_leaves_a_token_that_is_good_alone(authorised: Grant, provider: Provider) -> None:
    assert grants.refresh(authorised.pk, sleep=no_sleep).version == authorised.version
    assert provider.refreshes() == 0


# --- B1 -------------------------------------------------------------------------------------------------
def test_refreshes_a_token_that_ran_out(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    grant = grants.refresh(authorised.pk, sleep=no_sleep)
    assert secrets_of(grant) == {"access_token": "access-2", "refresh_token": "refresh-2"}
    assert grant.version == authorised.version + 1
    assert (grant.claimed_by, grant.claimed_until) == ("", None)
    assert events()[-1] == "grant.refreshed"


def test_refreshes_after_a_refusal_only_the_token_that_was_refused(
    authorised: Grant, provider: Provider
) -> None:
    refused = fresh(authorised).version
    grants.refresh(authorised.pk, stale_version=refused, sleep=no_sleep)
    again = grants.refresh(authorised.pk, stale_version=refused, sleep=no_sleep)
    assert provider.refreshes() == 1
    assert again.version == refused + 1


@pytest.mark.django_db(transaction=True)
def test_asks_the_service_once_for_many_callers(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    versions = together(8, lambda: grants.refresh(authorised.pk).version)
    assert provider.refreshes() == 1
    assert set(versions) == {authorised.version + 1}


def test_lets_a_claim_outlast_the_exchange() -> None:
    assert grants.LEASE.total_seconds() > exchanges.GRANT_S + exchanges.DEADLINE_S


# --- B2 -------------------------------------------------------------------------------------------------
def test_asks_for_a_person_when_the_grant_is_dead(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    provider.current = "somebody-else-rotated-it"
    with pytest.raises(AuthorizationRequired, match="invalid_grant"):
        grants.refresh(authorised.pk, sleep=no_sleep)
    with pytest.raises(AuthorizationRequired):
        grants.refresh(authorised.pk, sleep=no_sleep)
    grant = fresh(authorised)
    assert grant.health == Grant.Health.RECONNECT_NEEDED
    assert provider.refreshes() == 1
    assert events()[-1] == "grant.refresh_failed"


def test_uses_what_another_stored_while_the_service_said_no(authorised: Grant, provider: Provider) -> None:
    """The holder of an old claim stored after all: the row decides, not the refusal."""
    expire(authorised)
    held = fresh(authorised)

    def stored_meanwhile() -> None:
        row = fresh(authorised)
        row.version += 1
        row.secrets = grants.seal(row, grants.open_secrets(held))
        row.expires_at = timezone.now() + HOUR
        row.save()

    dead = GrantDead("invalid_grant")
    claimed = renewal._load(authorised.pk)
    stored_meanwhile()
    assert renewal._dead(claimed, dead).version == claimed.version + 1
    assert fresh(authorised).health == Grant.Health.OK


@pytest.mark.parametrize(
    "said",
    [
        Said(500, {"error": "server_error"}),
        Said(503, b"<html>Busy</html>"),
        Said(429, {}),
        Said(200, b"not a token"),
        Said(403, b"<!doctype html>Blocked", {"Content-Type": "text/html"}),
    ],
    ids=["500", "503", "429", "rubbish", "a wall"],
)
def test_keeps_the_grant_when_the_endpoint_fails(authorised: Grant, provider: Provider, said: Said) -> None:
    expire(authorised)
    provider.say(said)
    with pytest.raises(RefreshUnavailable) as failed:
        grants.refresh(authorised.pk, sleep=no_sleep)
    assert failed.value.status == 503
    assert int(failed.value.headers()["Retry-After"]) >= 1
    grant = fresh(authorised)
    assert (grant.health, grant.claimed_by) == (Grant.Health.OK, "")
    assert secrets_of(grant)["refresh_token"] == "refresh-1"


def test_uses_the_old_token_while_it_is_good(authorised: Grant, provider: Provider) -> None:
    expire(authorised, seconds=30)
    provider.say(Said(500, {}))
    assert grants.refresh(authorised.pk, sleep=no_sleep).version == authorised.version
    assert grants.refresh(authorised.pk, sleep=no_sleep).version == authorised.version
    assert provider.refreshes() == 1


def test_waits_as_long_as_the_service_asks(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    provider.say(Said(429, {}, {"Retry-After": "120"}))
    now = timezone.now()
    with pytest.raises(RefreshUnavailable) as failed:
        grants.refresh(authorised.pk, now=now, sleep=no_sleep)
    assert failed.value.headers()["Retry-After"] == "120"
    with pytest.raises(RefreshUnavailable):
        grants.refresh(authorised.pk, now=now + timedelta(seconds=119), sleep=no_sleep)
    assert provider.refreshes() == 1
    grants.refresh(authorised.pk, now=now + timedelta(seconds=120), sleep=no_sleep)
    assert provider.refreshes() == 2


def test_makes_no_storm_over_ten_minutes(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    provider.say(*[Said(500, {})] * 600)
    now = timezone.now()
    for second in range(600):
        with pytest.raises(RefreshUnavailable):
            grants.refresh(authorised.pk, now=now + timedelta(seconds=second), sleep=no_sleep)
    assert 3 <= provider.refreshes() <= 20


def test_goes_on_as_before_once_the_endpoint_is_back(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    provider.say(Said(500, {}))
    with pytest.raises(RefreshUnavailable):
        grants.refresh(authorised.pk, sleep=no_sleep)
    grant = grants.refresh(authorised.pk, now=timezone.now() + HOUR, sleep=no_sleep)
    assert (grant.failures, grant.retry_at, grant.reason) == (0, None, "")


# --- B3 -------------------------------------------------------------------------------------------------
def test_keeps_a_refresh_token_that_the_answer_leaves_out(authorised: Grant, provider: Provider) -> None:
    provider.rotates = False
    expire(authorised)
    grant = grants.refresh(authorised.pk, sleep=no_sleep)
    assert secrets_of(grant) == {"access_token": "access-2", "refresh_token": "refresh-1"}


# --- B4 -------------------------------------------------------------------------------------------------
def test_tries_anew_after_a_holder_died(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    abandon(authorised, until=timezone.now() - timedelta(seconds=1))
    assert secrets_of(grants.refresh(authorised.pk, sleep=no_sleep))["access_token"] == "access-2"


def test_says_that_a_refresh_was_cut_short_after_the_service_rotated(
    authorised: Grant, provider: Provider
) -> None:
    expire(authorised)
    provider.current = "rotated-before-the-crash"
    abandon(authorised, until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(AuthorizationRequired, match="cut short"):
        grants.refresh(authorised.pk, sleep=no_sleep)
    assert "cut short" in fresh(authorised).reason
    assert "cut short" in AuditEvent.objects.latest("sequence").detail


def abandon(grant: Grant, *, until: datetime) -> None:
    """As a process leaves a row that died during its refresh."""
    Grant.objects.filter(pk=grant.pk).update(claimed_by="first-dead", claimed_until=until)


# --- B5 -------------------------------------------------------------------------------------------------
def test_waits_for_another_no_longer_than_the_exchange_may_take(
    authorised: Grant, provider: Provider
) -> None:
    expire(authorised)
    abandon(authorised, until=timezone.now() + HOUR)
    waited: list[float] = []
    with pytest.raises(RefreshUnavailable) as failed:
        grants.refresh(authorised.pk, sleep=waited.append)
    assert 0 < sum(waited) < grants.WAIT_S
    assert int(failed.value.headers()["Retry-After"]) >= 1
    assert provider.refreshes() == 0


def test_takes_what_the_holder_stored_while_waiting(authorised: Grant) -> None:
    expire(authorised)
    abandon(authorised, until=timezone.now() + HOUR)

    def holder_ends(seconds: float) -> None:
        Grant.objects.filter(pk=authorised.pk).update(
            claimed_by="", claimed_until=None, expires_at=timezone.now() + HOUR
        )

    assert grants.refresh(authorised.pk, sleep=holder_ends).claimed_by == ""


def test_sends_the_old_token_rather_than_wait(authorised: Grant) -> None:
    expire(authorised, seconds=30)
    abandon(authorised, until=timezone.now() + HOUR)
    assert grants.refresh(authorised.pk, sleep=no_sleep).version == authorised.version


# --- The rest -------------------------------------------------------------------------------------------
def test_asks_for_a_person_when_a_token_without_refresh_token_ran_out(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    provider.current = "so that none is handed out"
    provider.rotates = False
    make_service("brief", **oauth_definition(provider))
    grant = round_trip(make_connection("brief"))
    assert grant.is_renewable is False
    assert grants.refresh(grant.pk, stale_version=grant.version, sleep=no_sleep).version == grant.version
    expire(grant)
    with pytest.raises(AuthorizationRequired, match="no refresh token"):
        grants.refresh(grant.pk, sleep=no_sleep)


def test_fetches_the_first_token_of_client_credentials(
    robot: Connection, provider: Provider, owner: User
) -> None:
    grant = grants.current(robot, owner)
    assert grant is not None
    assert provider.seen == []
    assert secrets_of(grants.refresh(grant.pk, sleep=no_sleep)) == {"access_token": "access-1"}
    assert provider.asked()[0].form["grant_type"] == "client_credentials"
    assert provider.asked()[0].form["scope"] == "read"


def test_fetches_client_credentials_anew_when_they_ran_out(
    robot: Connection, provider: Provider, owner: User
) -> None:
    grant = grants.current(robot, owner)
    assert grant is not None
    expire(grants.refresh(grant.pk, sleep=no_sleep))
    assert secrets_of(grants.refresh(grant.pk, sleep=no_sleep)) == {"access_token": "access-2"}


@pytest.mark.django_db(transaction=True)
def test_fetches_client_credentials_once_for_many_callers(
    robot: Connection, provider: Provider, owner: User
) -> None:
    grant = grants.current(robot, owner)
    assert grant is not None
    together(6, lambda: grants.refresh(grant.pk).version)
    assert len(provider.asked()) == 1


def together(number: int, act: Callable[[], int]) -> list[int]:
    """What ``number`` threads get who all act at once."""
    ready, results = threading.Barrier(number), list[int]()

    def run() -> None:
        try:
            ready.wait()
            results.append(act())
        finally:
            databases.close_all()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == number
    return results
