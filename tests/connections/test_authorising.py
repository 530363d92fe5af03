"""Entering credentials, revoking them, and what is kept of them."""

import pytest
from django.db import connection as database

from connections import grants, operations
from connections.errors import AuthorizationRequired, NotForYou
from connections.models import Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import AuditEvent, User
from problems import ConfirmationRequired, ReconnectNeeded
from services.models import Service
from tests.connections.conftest import MakeConnection, events, fresh, secrets_of
from tests.connections.provider import Provider
from vault.errors import Unsealable

pytestmark = pytest.mark.django_db

NEW = {"X-Api-Key": "k-secret-2", "X-Tenant": "t-secret-2"}


def active(connection: Connection) -> Grant:
    return Grant.objects.get(connection=connection, state=Grant.State.ACTIVE)


def test_stores_credentials_sealed(keyed: Connection) -> None:
    grant = active(keyed)
    assert secrets_of(grant) == {"X-Api-Key": "k-secret-1", "X-Tenant": "t-secret-1"}
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM connections_grant")
        assert b"k-secret-1" not in b"".join(
            bytes(value)
            for row in cursor.fetchall()
            for value in row
            if isinstance(value, bytes | memoryview)
        )
    assert "secret-1" not in str(list(AuditEvent.objects.values()))


def test_replaces_credentials_and_wipes_the_old(keyed: Connection, owner: User) -> None:
    before = active(keyed)
    operations.connect(actor=Actor.of(owner), connection=keyed, credentials=NEW)
    assert secrets_of(active(keyed)) == NEW
    assert (fresh(before).state, fresh(before).secrets) == (Grant.State.ENDED, None)


def test_asks_a_session_for_a_fresh_sign_in_before_it_replaces_credentials(
    keyed: Connection, owner: User
) -> None:
    with pytest.raises(ConfirmationRequired):
        operations.connect(actor=Actor(user=owner, is_fresh=False), connection=keyed, credentials=NEW)
    assert secrets_of(active(keyed))["X-Api-Key"] == "k-secret-1"


def test_takes_first_credentials_without_a_fresh_sign_in(
    key_service: Service, make_connection: MakeConnection, owner: User
) -> None:
    connection = make_connection("keyed")
    stale = Actor(user=owner, is_fresh=False)
    operations.connect(actor=stale, connection=connection, credentials=NEW)
    assert status_of(connection, stale).is_connected


def test_gives_an_owners_connection_no_credentials_of_others(
    key_service: Service, make_connection: MakeConnection, stranger: User
) -> None:
    shared = make_connection("keyed", audience="everyone")
    with pytest.raises(NotForYou):
        operations.connect(actor=Actor.of(stranger), connection=shared, credentials=NEW)


def test_keeps_each_users_credentials_apart(
    key_service: Service, make_connection: MakeConnection, owner: User, teammate: User
) -> None:
    shared = make_connection("keyed", credentials_of="login_user", credentials=NEW)
    stands = status_of(shared, Actor.of(teammate))
    assert stands.code is Code.NOT_CONNECTED
    assert stands.authorized_as == ""
    operations.connect(actor=Actor.of(teammate), connection=shared, credentials=NEW)
    assert status_of(shared, Actor.of(teammate)).is_connected
    operations.revoke_connection(actor=Actor.of(teammate), connection=shared)
    assert status_of(shared, Actor.of(teammate)).code is Code.REVOKED
    assert status_of(shared, Actor.of(owner)).is_connected


def test_answers_oauth_with_a_page_of_ours(shop: Connection, owner: User) -> None:
    address = operations.connect(actor=Actor.of(owner), connection=shop)
    assert address.startswith("http://localhost:8000/authorize/")


# --- F1, F2 ---------------------------------------------------------------------------------------------
def test_refuses_a_credential_moved_to_another_row(
    keyed: Connection, make_connection: MakeConnection
) -> None:
    other = make_connection("keyed", link_name="other", credentials=NEW)
    Grant.objects.filter(connection=other).update(secrets=active(keyed).secrets)
    with pytest.raises(Unsealable):
        grants.open_secrets(active(other))
    assert events()[-1] == "grant.unseal_failed"


def test_refuses_an_old_credential_put_back_into_its_own_row(authorised: Grant) -> None:
    old = fresh(authorised).secrets
    refreshed = grants.refresh(authorised.pk, stale_version=authorised.version)
    Grant.objects.filter(pk=authorised.pk).update(secrets=old)
    with pytest.raises(Unsealable):
        grants.open_secrets(fresh(refreshed))


@pytest.mark.parametrize(
    "stored", [b"", b"S", b"plain text", b'{"X-Api-Key": "k"}', b"S\x01\x02t1" + b"x" * 60]
)
def test_refuses_what_was_never_sealed(keyed: Connection, stored: bytes) -> None:
    Grant.objects.filter(connection=keyed).update(secrets=stored)
    with pytest.raises(Unsealable):
        grants.open_secrets(active(keyed))


# --- Revoking (A15) -------------------------------------------------------------------------------------
def test_tells_the_service_and_wipes(authorised: Grant, provider: Provider, owner: User) -> None:
    outcome = operations.revoke_connection(actor=Actor.of(owner), connection=authorised.connection)
    assert outcome.is_confirmed is True
    assert [request.form["token"] for request in provider.asked("/revoke")] == ["refresh-1", "access-1"]
    assert (fresh(authorised).state, fresh(authorised).secrets) == (Grant.State.ENDED, None)
    assert status_of(authorised.connection, Actor.of(owner)).code is Code.REVOKED
    assert events()[-1] == "grant.revoked"


def test_wipes_although_the_service_did_not_confirm(
    authorised: Grant, provider: Provider, owner: User
) -> None:
    provider.revoke_status = 500
    outcome = operations.revoke_connection(actor=Actor.of(owner), connection=authorised.connection)
    assert outcome.is_confirmed is False
    assert fresh(authorised).secrets is None


def test_says_that_a_key_has_nobody_to_tell(keyed: Connection, owner: User) -> None:
    outcome = operations.revoke_connection(actor=Actor.of(owner), connection=keyed)
    assert outcome.is_confirmed is None


def test_revokes_nothing_where_there_is_nothing(shop: Connection, owner: User) -> None:
    with pytest.raises(AuthorizationRequired):
        operations.revoke_connection(actor=Actor.of(owner), connection=shop)


# --- A test that the service refuses ----------------------------------------------------------------------
def test_marks_a_refused_credential_with_its_reason(keyed: Connection, owner: User) -> None:
    grant = active(keyed)
    assert grants.need_reconnect(grant, "The service answered 401 to the test.")
    assert events()[-1] == "grant.reconnect_needed"
    stands = status_of(keyed, Actor.of(owner))
    assert (stands.code, stands.reason) == (
        Code.RECONNECT_NEEDED,
        "The service answered 401 to the test.",
    )
    with pytest.raises(ReconnectNeeded):
        grants.refresh(grant.pk)
    operations.connect(actor=Actor.of(owner), connection=keyed, credentials=NEW)
    assert status_of(keyed, Actor.of(owner)).is_connected


def test_leaves_a_new_grant_alone_when_an_old_one_was_refused(keyed: Connection, owner: User) -> None:
    old = active(keyed)
    operations.connect(actor=Actor.of(owner), connection=keyed, credentials=NEW)
    assert not grants.need_reconnect(old, "too late")
    assert status_of(keyed, Actor.of(owner)).is_connected
