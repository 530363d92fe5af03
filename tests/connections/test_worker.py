"""The background loop, a round at a time."""

import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone
from structlog.testing import capture_logs

from connections import grants, links, operations, worker
from connections.models import Connection, Grant
from people import installation
from people.actor import Actor
from people.models import SetupLink, Throttle
from tests.connections.conftest import depart, fresh, round_trip, secrets_of, while_asked
from tests.connections.provider import Provider, Said
from vault import keyring

pytestmark = pytest.mark.django_db

GOES_ON = threading.Event()


def expire(grant: Grant, **by: float) -> None:
    Grant.objects.filter(pk=grant.pk).update(expires_at=timezone.now() + timedelta(**by))


@pytest.mark.django_db(transaction=True)
def test_refreshes_what_is_about_to_run_out(authorised: Grant) -> None:
    expire(authorised, seconds=30)
    worker.refresh_ahead(timezone.now(), GOES_ON)
    assert secrets_of(authorised)["access_token"] == "access-2"


def test_leaves_the_rest_alone(authorised: Grant, provider: Provider) -> None:
    worker.refresh_ahead(timezone.now(), GOES_ON)
    expire(authorised)
    for held_back in (
        {"health": Grant.Health.RECONNECT_NEEDED},
        {"health": Grant.Health.OK, "is_renewable": False},
        {"is_renewable": True, "retry_at": timezone.now() + timedelta(minutes=1)},
        {"retry_at": None, "claimed_until": timezone.now() + timedelta(minutes=1)},
    ):
        Grant.objects.filter(pk=authorised.pk).update(**held_back)
        assert worker.due(timezone.now()) == []
    Connection.objects.update(is_disabled=True)
    Grant.objects.filter(pk=authorised.pk).update(claimed_until=None)
    assert worker.due(timezone.now()) == []
    Connection.objects.update(is_disabled=False)
    assert worker.due(timezone.now()) == [authorised.pk]
    assert provider.refreshes() == 0


@pytest.mark.django_db(transaction=True)
def test_goes_on_past_a_grant_that_fails(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    provider.say(Said(500, {}))
    worker.refresh_ahead(timezone.now(), GOES_ON)
    assert fresh(authorised).failures == 1


def test_wipes_a_round_trip_that_never_came_back(shop: Connection) -> None:
    depart(shop)
    worker.lapse_flows(timezone.now() + timedelta(minutes=9), GOES_ON)
    assert Grant.objects.get().flow_secrets
    worker.lapse_flows(timezone.now() + timedelta(minutes=11), GOES_ON)
    lapsed = Grant.objects.get()
    assert (lapsed.state, lapsed.flow_secrets, lapsed.ended_reason) == (Grant.State.ENDED, None, "lapsed")


def test_forgets_a_used_link_only_once_it_has_lapsed(shop: Connection) -> None:
    depart(shop)
    now = timezone.now()
    worker.lapse_flows(now + links.LIFE, GOES_ON)
    assert Grant.objects.exists()
    worker.lapse_flows(now + worker.TRACES_KEPT + timedelta(minutes=1), GOES_ON)
    assert not Grant.objects.exists()


def test_forgets_grants_that_were_replaced_and_keeps_what_explains_the_status(authorised: Grant) -> None:
    """A grant that was revoked says so on the connection's page, however long ago that was."""
    shop = authorised.connection
    round_trip(shop)
    operations.revoke_connection(actor=Actor.of(shop.created_by), connection=shop)
    worker.lapse_flows(timezone.now() + links.LIFE, GOES_ON)
    assert Grant.objects.count() == 2
    worker.lapse_flows(timezone.now() + timedelta(days=900), GOES_ON)
    assert list(Grant.objects.values_list("ended_reason", flat=True)) == ["revoked"]


def test_leaves_an_active_grant_when_a_new_round_trip_lapses(authorised: Grant) -> None:
    depart(authorised.connection)
    worker.lapse_flows(timezone.now() + timedelta(days=9), GOES_ON)
    assert secrets_of(authorised)["access_token"] == "access-1"


def test_purges_sessions_links_and_counters_that_are_over() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now + timedelta(days=1))
    Throttle.objects.create(scope="token", key="old", window_start=now - timedelta(days=1), count=1)
    Throttle.objects.create(scope="token", key="new", window_start=now, count=1)
    for token, expires_at in (("old", now - timedelta(seconds=1)), ("new", now + timedelta(hours=1))):
        SetupLink.objects.create(
            kind=SetupLink.Kind.FIRST_RUN, token_hash=token, expires_at=expires_at, used_at=now
        )
    worker.purge(now, GOES_ON)
    assert list(SetupLink.objects.values_list("token_hash", flat=True)) == ["new"]
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
    assert list(Throttle.objects.values_list("key", flat=True)) == ["new"]


class Pauses(threading.Event):
    """Stops after some rounds, and remembers how long each pause would have been."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds, self.pauses = rounds, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0)
        if len(self.pauses) == self.rounds:
            self.set()
        return self.is_set()


def run(rounds: int, *chores: Callable[[datetime, threading.Event], None]) -> tuple[list[float], list[str]]:
    stop = Pauses(rounds)
    with capture_logs() as logged:
        worker.run(stop, chores=chores)
    return stop.pauses, [entry["event"] for entry in logged]


def test_says_once_that_the_database_is_away_and_waits_longer_each_time() -> None:
    def away(now: datetime, stop: threading.Event) -> None:
        raise OperationalError("no such server")

    pauses, logged = run(5, away)
    assert pauses == [20, 40, 60, 60, 60]
    assert logged == ["worker.started", "worker.database_away", "worker.stopped"]


def test_is_prompt_again_once_the_database_is_back() -> None:
    rounds: list[int] = []

    def away_at_first(now: datetime, stop: threading.Event) -> None:
        rounds.append(1)
        if len(rounds) < 3:
            raise OperationalError("no such server")

    assert run(4, away_at_first)[0] == [20, 40, 10, 10]


def test_goes_on_after_a_chore_that_broke() -> None:
    done: list[str] = []

    def broken(now: datetime, stop: threading.Event) -> None:
        raise ZeroDivisionError

    def good(now: datetime, stop: threading.Event) -> None:
        done.append("good")

    pauses, logged = run(2, broken, good)
    assert done == ["good", "good"]
    assert pauses == [10, 10]
    assert logged.count("worker.chore_failed") == 2


@pytest.mark.django_db(transaction=True)
def test_stops_where_its_keys_are_not_the_databases(
    authorised: Grant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.check_key()
    expire(authorised)
    settings.CREDENTIAL_KEYS = keyring.new_entry("another")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # they are the test runner's
    with pytest.raises(CommandError, match="not the keys that this database was sealed with"):
        call_command("worker")
    assert fresh(authorised).failures == 0


@pytest.mark.django_db
def test_waits_at_its_end_for_the_refreshes_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(worker, "run", lambda *_, **__: done.append("ran"))
    monkeypatch.setattr(grants.REFRESHES, "finish", lambda: done.append("waited"))
    call_command("worker")
    assert done == ["ran", "waited"]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_share_what_is_due(authorised: Grant, provider: Provider) -> None:
    """While one has asked for a new token, the other finds nothing to do, and clears away beside it."""
    expire(authorised)
    depart(authorised.connection)
    later = timezone.now() + timedelta(minutes=11)

    def other() -> None:
        assert worker.due(timezone.now()) == []
        worker.lapse_flows(later, GOES_ON)

    while_asked(provider, other)
    assert worker.do_round(later, GOES_ON)
    assert provider.refreshes() == 1
    assert sorted(Grant.objects.values_list("state", "ended_reason")) == [("active", ""), ("ended", "lapsed")]


@pytest.mark.django_db(transaction=True)
def test_stops_between_two_grants(authorised: Grant, provider: Provider) -> None:
    expire(authorised)
    stopped = threading.Event()
    stopped.set()
    worker.refresh_ahead(timezone.now(), stopped)
    assert provider.refreshes() == 0


def test_is_only_a_convenience(authorised: Grant) -> None:
    """B6: without a worker the call itself refreshes."""
    expire(authorised)
    assert secrets_of(grants.refresh(authorised.pk))["access_token"] == "access-2"
