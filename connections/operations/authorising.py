"""Giving a connection its credential, and taking it away."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from connections import access, exchanges, grants, oauth
from connections.errors import ClientMissing, ConnectionDisabled, NothingToEnter
from connections.models import Connection, Grant
from connections.operations import internal
from connections.status import lacks_client
from people import audit
from people.actor import Actor
from people.audit_events import Event
from problems import ValidationFailed
from problems.limits import IN_ALL
from services import auth_types, clients
from services.auth_types import credentials as entered


def connect(*, actor: Actor, connection: Connection, credentials: Mapping[str, Any] | None = None) -> str:
    """Connect, or connect again. The address where the actor authorises; empty where it is connected now.

    Raises ValidationFailed for ``credentials.<key>``, NotForYou, ClientMissing, ConnectionDisabled.
    """
    _require_connectable(actor, connection)
    auth_type = auth_types.get(connection.auth.auth_type)
    if connection.is_internal:
        actor.require_fresh()
        internal.remint(actor=actor, connection=connection)
        return ""
    if auth_type.is_automatic(connection.auth.config):
        store_automatic(actor=actor, connection=connection)
        return ""
    is_redirect = auth_type.needs_consent(connection.auth.config)
    if credentials is not None or not is_redirect:
        set_credentials(actor=actor, connection=connection, credentials=credentials or {})
        return ""
    if lacks_client(connection):
        raise ClientMissing
    return oauth.link(actor=actor, connection=connection, for_user=actor.user)


def set_credentials(*, actor: Actor, connection: Connection, credentials: Mapping[str, Any]) -> Grant:
    """Store entered credentials as the active grant. Replacing live ones asks for a fresh sign-in."""
    _require_connectable(actor, connection)
    auth_type = auth_types.get(connection.auth.auth_type)
    if not auth_type.fields(connection.auth.config):
        raise NothingToEnter
    secrets = entered.parse(auth_type, connection.auth.config, credentials)
    if not secrets and not auth_type.takes_nothing:
        raise ValidationFailed.of("credentials", "Enter at least one value.")
    if grants.current(connection, actor.user):
        actor.require_fresh()
    with transaction.atomic():
        grant = _new_grant(actor, access.lock(connection))
        grants.store(grant, secrets=secrets, is_renewable=False)
        audit.record(Event.CREDENTIAL_SET, actor=actor, target=_target(connection), keys=sorted(secrets))
    return grant


def store_automatic(*, actor: Actor, connection: Connection) -> None:
    """The grant that the client alone obtains; the first call fetches its token."""
    if lacks_client(connection):
        raise ClientMissing
    with transaction.atomic():
        grant = _new_grant(actor, access.lock(connection))
        grant.requested_scopes = connection.scopes
        grants.store(grant, secrets=None)
        audit.record(Event.CREDENTIAL_SET, actor=actor, target=_target(connection), keys=[])


def revoke_connection(*, actor: Actor, connection: Connection) -> grants.Outcome:
    """Wipe the grant and tell the service. The asker's own where each has their own.

    Raises AuthorizationRequired where there is nothing to revoke, EndpointBusy.
    """
    access.require_connect(actor, connection)
    with exchanges.WAITERS.held(IN_ALL):
        outcome = grants.revoke(connection, actor.user, actor=actor)
    if connection.is_internal:
        internal.revoke_tokens(actor=actor)
    return outcome


def _new_grant(actor: Actor, connection: Connection) -> Grant:
    return Grant(connection=connection, user=actor.user, client=clients.default_of(connection.auth))


def _require_connectable(actor: Actor, connection: Connection) -> None:
    access.require_connect(actor, connection)
    if connection.is_disabled:
        raise ConnectionDisabled


def _target(connection: Connection) -> str:
    return f"connection:{connection.link_name}"
