"""Testing a connection: the service's own request, a refresh, or nothing that proves it."""

import socket
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, connections
from pytest_django import Settings

from connections import exchanges
from connections.errors import ConnectionDisabled, EndpointBusy, NotYourConnection
from connections.models import Connection, Grant
from invoke import operations, runtime
from invoke.errors import TooManyCalls, TooManyTests
from invoke.models import Call
from outbound.errors import AddressNotAllowed, HostNotAllowed
from people import audit
from people.actor import Actor
from people.models import AuditEvent, User
from problems.limits import IN_ALL
from tests.invoke.conftest import KEY, Desk
from tests.invoke.test_refresh import CLIENT, Provider
from tests.invoke.upstream import Seen, Upstream, answer

pytestmark = [pytest.mark.usefixtures("loopback_allowed")]
TESTED = {"test": {"method": "GET", "path": "/me?fields=id"}}


@pytest.fixture
def desk(transactional_db: None, owner: User, upstream: Upstream) -> Desk:
    """Rows alone: no gateway is needed."""
    return Desk(owner, upstream)


def run(connection: Connection, user: User | None = None) -> operations.TestResult:
    return operations.test_connection(actor=Actor.of(user or connection.created_by), connection=connection)


def test_sends_the_services_test_request_signed_like_any_call(desk: Desk, upstream: Upstream) -> None:
    """C5."""
    made = desk.connection(service=TESTED)
    result = run(made)
    assert (result.ok, result.status, result.checked) == (True, "connected", "call")
    assert (upstream.last.target, upstream.last.header("X-Api-Key")) == ("/api/v1/me?fields=id", KEY)
    call = Call.objects.get()
    assert (call.connection, call.user, call.status, call.path) == (
        "desk",
        desk.owner.email,
        200,
        "/api/v1/me",
    )


def test_a_refusal_makes_the_connection_reconnect_needed(desk: Desk, upstream: Upstream) -> None:
    made = desk.connection(service=TESTED)
    upstream.says(answer(401, b"no"))
    result = run(made)
    assert (result.ok, result.status, result.checked) == (False, "reconnect_needed", "call")
    assert "401" in result.detail
    assert Grant.objects.get().reason


def test_a_credential_that_works_again_is_connected_again(desk: Desk, upstream: Upstream) -> None:
    made = desk.connection(service=TESTED, grant={"health": "reconnect_needed", "reason": "401"})
    assert run(made).status == "connected"
    assert Grant.objects.get().reason == ""


@pytest.mark.parametrize("status", [403, 404, 500])
def test_another_status_is_told_and_changes_nothing(desk: Desk, upstream: Upstream, status: int) -> None:
    made = desk.connection(service=TESTED)
    upstream.says(answer(status, b"secret body"))
    result = run(made)
    assert (result.ok, result.status) == (False, "connected")
    assert str(status) in result.detail
    assert "secret body" not in result.detail


def test_a_service_that_does_not_answer_is_told(desk: Desk) -> None:
    made = desk.connection(service={**TESTED, "base_url": "http://127.0.0.1:9", "hosts": ["127.0.0.1:9"]})
    result = run(made)
    assert (result.ok, result.status, result.checked) == (False, "connected", "call")


def test_keys_without_a_test_request_are_stored_and_unproven(desk: Desk, upstream: Upstream) -> None:
    result = run(desk.connection())
    assert (result.ok, result.status, result.checked) == (None, "connected", None)
    assert upstream.seen == []


def test_oauth_without_a_test_request_is_refreshed(desk: Desk, upstream: Upstream) -> None:
    upstream.script = provider = Provider()
    made = desk.connection(
        auth="oauth2",
        block={"authorize_url": f"{upstream.url}/authorize", "token_url": f"{upstream.url}/token"},
        secrets={"access_token": "token-0", "refresh_token": "refresh-0"},
        client=CLIENT,
        grant={"expires_at": datetime.now(UTC) + timedelta(hours=1), "lifetime_s": 3600},
    )
    result = run(made)
    assert (result.ok, result.status, result.checked, provider.refreshes) == (True, "connected", "token", 1)
    provider.token_answer = answer(400, b'{"error": "invalid_grant"}', {"Content-Type": "application/json"})
    assert (run(made).ok, run(made).status) == (False, "reconnect_needed")


def test_nobodys_connection_is_not_connected(desk: Desk, upstream: Upstream) -> None:
    result = run(desk.connection(service=TESTED, grant={}))
    assert (result.ok, result.status, result.checked) == (False, "not_connected", None)
    assert upstream.seen == []


def test_a_test_keeps_to_the_guard(desk: Desk, upstream: Upstream) -> None:
    """C5."""
    one = desk.connection("one", service={"test": {"path": "http://localhost:1/me"}})
    with pytest.raises(HostNotAllowed):
        run(one)
    two = desk.connection("two", service={**TESTED, "base_url": "https://10.0.0.1", "hosts": ["10.0.0.1"]})
    with pytest.raises(AddressNotAllowed):
        run(two)
    three = desk.connection("three", service=TESTED, is_disabled=True)
    with pytest.raises(ConnectionDisabled):
        run(three)
    assert upstream.seen == []


def test_a_test_is_audited_before_the_credential_is_used(
    desk: Desk, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """J1: the event cannot be written, nothing is sent."""
    made = desk.connection(service=TESTED)
    run(made)
    assert AuditEvent.objects.filter(event="connection.tested", target="connection:desk").count() == 1

    def refuse(*_: object, **__: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(audit, "record", refuse)
    with pytest.raises(DatabaseError):
        run(made)
    assert len(upstream.seen) == 1


def test_who_may_edit_or_use_may_test_and_nobody_else(
    desk: Desk, upstream: Upstream, administrator: User, teammate: User, stranger: User
) -> None:
    made = desk.connection(service=TESTED)
    desk.share(made, teammate)
    assert run(made, administrator).ok
    assert Call.objects.get().user == administrator.email
    assert run(made, teammate).ok
    with pytest.raises(NotYourConnection):
        run(made, stranger)


def test_strict_records_stand_before_a_test_is_sent(
    desk: Desk, upstream: Upstream, settings: Settings
) -> None:
    settings.CALL_RECORDS = "strict"
    made = desk.connection(service=TESTED)
    seen: list[int] = []

    def look(request: Seen, _: socket.socket) -> bytes:
        seen.append(Call.objects.count())
        connection.close()
        return answer(200)

    upstream.script = look
    assert run(made).ok
    assert (seen, Call.objects.get().status) == ([1], 200)


def test_tests_leave_places_for_everybody_else(desk: Desk, upstream: Upstream) -> None:
    """A slow service holds a page for each test of it: there are never many of one person or connection."""
    made = desk.connection(service=TESTED)
    places = operations._TESTS
    with places.held(*[f"of {made.pk}"] * 4), pytest.raises(TooManyTests) as refused:
        run(made)
    assert (refused.value.status, refused.value.headers()["Retry-After"]) == (429, "5")
    with places.held(*[f"by {desk.owner.pk}"] * 4), pytest.raises(TooManyTests):
        run(made)
    with exchanges.WAITERS.held(*[IN_ALL] * 16), pytest.raises(EndpointBusy):
        run(made)
    assert upstream.seen == []
    assert run(made).ok


def test_tests_count_among_the_calls_of_a_connection(
    desk: Desk, upstream: Upstream, settings: Settings
) -> None:
    made = desk.connection(service=TESTED)
    calls = runtime._limits(settings.CALL_MAX_IN_FLIGHT)
    key = str(made.pk) if connection.vendor == "postgresql" else made.pk.hex
    with calls.held(*[key] * settings.CALL_MAX_IN_FLIGHT), pytest.raises(TooManyCalls):
        run(made)
    assert upstream.seen == []


def test_a_test_holds_no_database_connection_while_the_service_is_asked(
    desk: Desk, upstream: Upstream
) -> None:
    made, ours, held = desk.connection(service=TESTED), connections["default"], list[object]()

    def look(seen: Seen, _: object) -> bytes:
        held.append(ours.connection)
        return answer(200, b"{}")

    upstream.script = look
    assert run(made).ok
    assert held == [None]
