"""A call whose connection, or person, is deleted while it goes on: not found, and no traceback."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections as databases

from connections.errors import ConnectionNotFound
from connections.models import Access, ApiToken, Connection, Grant
from invoke import resolve, trail
from invoke.asks import Caller
from invoke.reader import read_now
from invoke.resolve import Row
from people.audit_events import Event
from people.models import AuditEvent, User
from tests.invoke.conftest import Desk, Gateway, Recorded
from tests.invoke.upstream import Seen, Upstream, answer

CLIENT = {"client_id": "app", "client_secret": "app secret"}


@pytest.fixture
def made(desk: Desk, upstream: Upstream) -> Connection:
    """A connection whose access token is over."""
    return desk.connection(
        auth="oauth2",
        block={"authorize_url": f"{upstream.url}/authorize", "token_url": f"{upstream.url}/token"},
        secrets={"access_token": "token-0", "refresh_token": "refresh-0"},
        client=CLIENT,
        grant={"expires_at": datetime.now(UTC) - timedelta(seconds=5), "lifetime_s": 3600},
    )


@pytest.fixture
def row(made: Connection, desk: Desk) -> Row:
    """What a call on it has read."""
    return read_now(resolve.params(Caller(user_id=desk.owner.pk), made.link_name))


def test_a_connection_that_is_deleted_while_a_call_refreshes_it_is_not_found(
    gateway: Gateway,
    made: Connection,
    upstream: Upstream,
    recorded: Recorded,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def delete_it(seen: Seen, _: socket.socket) -> bytes:
        try:
            made.delete()
        finally:
            databases.close_all()
        return answer(400, b'{"error": "invalid_grant"}', {"Content-Type": "application/json"})

    upstream.script = delete_it
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (404, "connection_not_found")
    assert "authorize_url" not in got.json
    call = recorded()[0]
    assert (call.status, call.code) == (404, "connection_not_found")
    assert "call.error" not in caplog.text
    assert "Traceback" not in caplog.text


def test_nobody_is_sent_to_authorise_what_is_gone(row: Row, made: Connection) -> None:
    assert "/authorize/" in trail.authorize_url(row)
    made.delete()
    with pytest.raises(ConnectionNotFound):
        trail.authorize_url(row)


def test_nobody_is_sent_to_authorise_for_a_person_who_is_gone(
    desk: Desk, made: Connection, make_person: Callable[..., User]
) -> None:
    person = make_person("gone@example.com")
    Connection.objects.update(credentials_of="login_user")
    Grant.objects.all().delete()
    desk.share(made)
    row = read_now(resolve.params(Caller(user_id=person.pk), made.link_name))
    assert "/authorize/" in trail.authorize_url(row)
    person.delete()
    with pytest.raises(ConnectionNotFound):
        trail.authorize_url(row)


def test_a_call_that_was_stopped_is_audited_whatever_is_gone(row: Row, made: Connection) -> None:
    pk = made.pk
    made.delete()
    Access.objects.all().delete()
    ApiToken.objects.all().delete()
    trail.tell(Event.EGRESS_BLOCKED, row._replace(owner_id=str(pk)), "127.0.0.1", "host_not_allowed")
    event = AuditEvent.objects.get(event=Event.EGRESS_BLOCKED)
    assert (event.target, event.actor) == (f"connection:{pk}", "")
