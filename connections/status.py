"""How a connection stands for the one who asks: in words, and without opening a secret."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from connections.models import Connection, Grant
from people.actor import Actor
from services import auth_types, clients


class Code(StrEnum):
    """The contract's words."""

    CONNECTED = "connected"
    NOT_CONNECTED = "not_connected"
    RECONNECT_NEEDED = "reconnect_needed"
    REVOKED = "revoked"
    DISABLED = "disabled"

    @property
    def label(self) -> str:
        """The words on the screen."""
        return self.value.replace("_", " ").capitalize()


# Why a grant ended, as far as it still explains something; `replaced`, `refused` and `lapsed` do not.
ENDINGS = {
    "revoked": "The authorisation was revoked.",
    "scopes_changed": "The scopes were changed, so consent is needed again.",
    "variables_changed": "The variables were changed, so it has to be connected again.",
    "service_changed": "The service’s hosts or endpoints were changed, so it has to be connected again.",
}


@dataclass(frozen=True, slots=True)
class Status:
    """``grant`` is the active one, where there is one."""

    code: Code
    reason: str = ""
    grant: Grant | None = None

    @property
    def label(self) -> str:
        return self.code.label

    @property
    def expires_at(self) -> datetime | None:
        return self.grant.expires_at if self.grant else None

    @property
    def authorized_as(self) -> str:
        return self.grant.authorized_as if self.grant else ""

    @property
    def granted_scopes(self) -> list[str]:
        return self.grant.granted_scopes if self.grant else []

    @property
    def is_connected(self) -> bool:
        return self.code is Code.CONNECTED


def status_of(connection: Connection, actor: Actor, *, now: datetime | None = None) -> Status:
    """The status of one connection: the asker's own where each user has their own."""
    return statuses_of([connection], actor, now=now)[connection.pk]


def statuses_of(
    connections: Iterable[Connection], actor: Actor, *, now: datetime | None = None
) -> dict[UUID, Status]:
    """The status of each, with one query for all."""
    asked = list(connections)
    told = Q(state=Grant.State.ACTIVE) | Q(state=Grant.State.ENDED, ended_reason__in=ENDINGS)
    whose = Q(is_owner=True, connection__credentials_of="owner") | Q(
        is_owner=False, user=actor.id, connection__credentials_of="login_user"
    )
    latest: dict[UUID, Grant] = {}
    grants = Grant.objects.filter(told, whose, connection__in=asked).select_related("user")
    for grant in grants.order_by("created_at", "id"):
        before = latest.get(grant.connection_id)
        if before is None or before.state != Grant.State.ACTIVE:
            latest[grant.connection_id] = grant
    at = now or timezone.now()
    return {connection.pk: _status(connection, latest.get(connection.pk), at) for connection in asked}


def consent_is_due(connection: Connection, status: Status) -> bool:
    """Is there somebody to be sent to the service?"""
    if status.code in {Code.CONNECTED, Code.DISABLED}:
        return False
    auth = connection.auth
    is_redirect = auth_types.get(auth.auth_type).needs_consent(auth.config)
    return is_redirect and not lacks_client(connection)


def lacks_client(connection: Connection) -> bool:
    """Does the service still need an app before anybody can be sent there?"""
    return clients.takes_client(connection.auth) and clients.default_of(connection.auth) is None


def shared_as(connection: Connection, actor: Actor, status: Status) -> str:
    """How somebody else's connection is shared with the asker: the contract's word, empty for one's own."""
    if connection.created_by_id == actor.id or connection.is_internal:
        return ""
    if not connection.is_per_user:
        return "owner_account"
    grant = status.grant
    is_mine = grant is not None and grant.health == Grant.Health.OK
    return "authorized" if is_mine else "waiting"


def _status(connection: Connection, grant: Grant | None, now: datetime) -> Status:
    active = grant if grant and grant.state == Grant.State.ACTIVE else None
    if connection.is_disabled:
        return Status(Code.DISABLED, "It was switched off.", active)
    if active:
        return _active_status(active, now)
    if grant is None:
        return Status(Code.NOT_CONNECTED, _first_reason(connection))
    code = Code.REVOKED if grant.ended_reason == "revoked" else Code.NOT_CONNECTED
    return Status(code, ENDINGS[grant.ended_reason])


def _active_status(grant: Grant, now: datetime) -> Status:
    if grant.health != Grant.Health.OK:
        return Status(Code.RECONNECT_NEEDED, grant.reason, grant)
    is_over = grant.expires_at is not None and grant.expires_at <= now
    if is_over and not grant.is_renewable:
        reason = "The access token ran out, and the service gave no refresh token."
        return Status(Code.RECONNECT_NEEDED, reason, grant)
    return Status(Code.CONNECTED, grant.reason, grant)


def _first_reason(connection: Connection) -> str:
    if lacks_client(connection):
        return "The service needs its OAuth app first: client ID and secret, on the service’s page."
    if auth_types.get(connection.auth.auth_type).fields(connection.auth.config):
        return "No credentials have been entered yet."
    return "You have not authorised it yet." if connection.is_per_user else "Nobody has authorised it yet."
