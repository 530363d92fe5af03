"""A database that fails after the service has answered: what it gave is stored all the same."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections
from django.db import connection as database

from connections import exchanges, grants, key_rotation, operations
from connections.errors import EndpointBusy
from connections.grants import persistence
from connections.models import Connection, Grant
from connections.oauth import ROUND_TRIPS
from people.actor import Actor
from problems.limits import IN_ALL
from tests.connections.conftest import arrive, depart, events, fresh, secrets_of, while_asked
from tests.connections.provider import Provider
from tests.connections.test_database_away import Execute
from vault import keyring

pytestmark = pytest.mark.django_db(transaction=True)


class AwayFor:
    """A database that fails as often as it is told to, from when it is told to."""

    def __init__(self, times: int, *, at: str) -> None:
        self.times, self.at, self.failed = times, at, 0

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith(self.at) and self.failed < self.times:
            self.failed += 1
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistence, "PAUSE_S", 0.0)


def test_stores_a_refreshed_token_once_the_database_is_back(authorised: Grant, provider: Provider) -> None:
    stale = fresh(authorised).version
    with database.execute_wrapper(away := AwayFor(3, at='INSERT INTO "people_auditevent"')):
        grants.refresh(authorised.pk, stale_version=stale)
    assert away.failed == 3
    assert secrets_of(authorised) == {"access_token": "access-2", "refresh_token": "refresh-2"}
    assert provider.refreshes() == 1
    assert events().count("grant.refreshed") == 1


def test_stores_a_consent_once_the_database_is_back(shop: Connection, provider: Provider) -> None:
    state = depart(shop)["state"]
    with database.execute_wrapper(away := AwayFor(3, at='INSERT INTO "people_auditevent"')):
        grant = arrive(shop, state=state)
    assert away.failed == 3
    assert secrets_of(grant)["refresh_token"] == "refresh-1"
    assert Grant.objects.get().state == Grant.State.ACTIVE
    assert events().count("grant.flow_finished") == 1


def test_gives_up_when_the_claim_is_over(
    authorised: Grant, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistence, "WITHIN_S", 0.0)
    stale = fresh(authorised).version
    with (
        database.execute_wrapper(AwayFor(99, at='INSERT INTO "people_auditevent"')),
        pytest.raises(OperationalError),
    ):
        grants.refresh(authorised.pk, stale_version=stale)
    assert fresh(authorised).version == stale


@pytest.mark.parametrize("of", ["refresh", "consent"])
def test_meets_its_own_commit_whose_answer_was_lost(
    shop: Connection, provider: Provider, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    grant = arrive(shop, state=depart(shop)["state"])
    state, stale, lost = depart(shop)["state"], fresh(grant).version, list[str]()
    backend: Any = type(connections["default"])
    commit = backend._commit

    def commit_and_lose(self: Any) -> None:
        commit(self)
        if provider.issued == 2 and not lost:
            lost.append("the answer")
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(backend, "_commit", commit_and_lose)
    if of == "refresh":
        grants.refresh(grant.pk, stale_version=stale)
    else:
        arrive(shop, state=state)
    assert lost
    active = Grant.objects.get(state=Grant.State.ACTIVE)
    assert secrets_of(active)["refresh_token"] == "refresh-2"
    assert provider.asked("/revoke") == []


# --- The two databases, really ------------------------------------------------------------------------------
@pytest.fixture
def interrupt() -> Generator[Callable[[], Callable[[], None]]]:
    """Takes the database away from everybody here; what it returns gives it back."""
    held: list[sqlite3.Connection] = []

    def lock() -> Callable[[], None]:
        settings: dict[str, Any] = database.settings_dict
        if database.vendor == "postgresql":
            with closing(psycopg.connect(_conninfo(settings), autocommit=True)) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            return lambda: None
        locked = sqlite3.connect(settings["NAME"], isolation_level=None, check_same_thread=False)
        locked.execute("BEGIN IMMEDIATE")
        held.append(locked)
        return locked.close

    yield lock
    for each in held:
        each.close()


def _conninfo(settings: dict[str, Any]) -> str:
    return f"postgres://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


@pytest.mark.parametrize("of", ["refresh", "consent"])
def test_stores_what_came_while_the_database_was_locked_or_its_backend_died(
    shop: Connection,
    provider: Provider,
    interrupt: Callable[[], Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
    of: str,
) -> None:
    grant = arrive(shop, state=depart(shop)["state"])
    state, stale = depart(shop)["state"], fresh(grant).version
    give_back: list[Callable[[], None]] = []
    tries: list[float] = []

    def pause(seconds: float) -> None:
        tries.append(seconds)
        give_back.pop()()

    monkeypatch.setattr(persistence, "sleep", pause)
    monkeypatch.setitem(
        database.settings_dict["OPTIONS"], "timeout", 0.1
    )  # of SQLite's patience; of a pool's
    while_asked(provider, lambda: give_back.append(interrupt()))
    if of == "refresh":
        grants.refresh(grant.pk, stale_version=stale)
    else:
        arrive(shop, state=state)
    assert secrets_of(Grant.objects.get(state=Grant.State.ACTIVE))["refresh_token"] == "refresh-2"
    assert bool(tries) is (database.vendor == "sqlite")  # no connection was held for the other to break


# --- What else may happen meanwhile -----------------------------------------------------------------------
def test_keeps_a_consent_while_keys_are_rotated(shop: Connection, provider: Provider, settings: Any) -> None:
    state = depart(shop)["state"]
    settings.CREDENTIAL_KEYS = f"{keyring.new_entry('k9')},{settings.CREDENTIAL_KEYS}"
    while_asked(provider, key_rotation.rotate)
    assert arrive(shop, state=state).state == Grant.State.ACTIVE


def test_holds_no_database_connection_while_a_service_is_asked(shop: Connection, provider: Provider) -> None:
    ours, held, state = connections["default"], list[object](), depart(shop)["state"]
    while_asked(provider, lambda: held.append(ours.connection))
    arrive(shop, state=state)
    assert held == [None]


def test_uses_no_state_up_where_many_wait_for_the_service(shop: Connection, provider: Provider) -> None:
    state, key = depart(shop)["state"], f"at {shop.auth_id}"
    with ROUND_TRIPS.held(*[key] * 8), pytest.raises(EndpointBusy) as refused:
        arrive(shop, state=state)
    assert (refused.value.status, refused.value.headers()["Retry-After"]) == (503, "5")
    assert provider.asked() == []
    assert arrive(shop, state=state).state == Grant.State.ACTIVE


def test_uses_no_state_up_where_one_person_or_everybody_waits_for_much(
    shop: Connection, provider: Provider
) -> None:
    """Whoever waits for the network on a page holds a place of those that all pages share."""
    state = depart(shop)["state"]
    own, everybody = f"by {shop.created_by_id}", IN_ALL
    with ROUND_TRIPS.held(*[own] * 8), pytest.raises(EndpointBusy):
        arrive(shop, state=state)
    with exchanges.WAITERS.held(*[everybody] * 16), pytest.raises(EndpointBusy):
        arrive(shop, state=state)
    assert provider.asked() == []
    assert arrive(shop, state=state).state == Grant.State.ACTIVE


@pytest.mark.parametrize(
    "end",
    [
        operations.revoke_connection,
        partial(operations.delete_connection, confirm="storefront"),
    ],
)
def test_ends_nothing_where_everybody_waits_for_much(
    shop: Connection, provider: Provider, end: Callable[..., object]
) -> None:
    arrive(shop, state=depart(shop)["state"])
    actor = Actor.of(shop.created_by)
    with exchanges.WAITERS.held(*[IN_ALL] * 16), pytest.raises(EndpointBusy):
        end(actor=actor, connection=shop)
    assert Grant.objects.get().state == Grant.State.ACTIVE
    assert provider.asked("/revoke") == []
