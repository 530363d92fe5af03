"""A grant's row: sealed when written, opened when used, wiped when it ends."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

import vault
from connections.errors import AuthorizationRequired
from connections.models import Connection, Grant
from people import audit
from people.actor import Actor
from people.audit_events import Event
from people.models import User
from services import auth_types
from services.auth_types.base import Tokens
from services.auth_types.errors import ClientRefused
from services.models import OAuthClient
from vault import Secret
from vault.errors import Unsealable

TABLE = "grant"
LEASE = timedelta(seconds=45)  # of a row whose service is asked: its answer's deadline, and time to store it
GOOD_FOR_S = 2  # a token that lasts this much longer can still be sent
LEAST_S = 60  # a token is refreshed when less than this, or a tenth of its life, is left
LIVE = Q(state__in=[Grant.State.PENDING, Grant.State.ACTIVE])
# Written over whatever leaves the active or pending state.
WIPED = {
    "secrets": None,
    "flow_secrets": None,
    "state_hash": "",
    "session_hash": "",
    "claimed_by": "",
    "claimed_until": None,
    "retry_at": None,
}


def seal(grant: Grant, secrets: Mapping[str, Secret], *, field: str = "secrets") -> bytes:
    """The sealed form for this row at its present version: raise ``version`` first."""
    text = json.dumps({name: secret.reveal() for name, secret in secrets.items()})
    return vault.seal(text, table=TABLE, row_id=grant.pk, field=field, version=grant.version)


def open_secrets(grant: Grant) -> dict[str, Secret]:
    """The credential; empty where none was fetched yet. Raises Unsealable, and audits that."""
    return _open(grant, grant.secrets, "secrets")


def open_flow_secrets(grant: Grant) -> dict[str, Secret]:
    """What finishes a round trip under way. Raises Unsealable, and audits that."""
    return _open(grant, grant.flow_secrets, "flow_secrets")


def current(connection: Connection, user: User) -> Grant | None:
    """The active grant that calls of this person run on."""
    related = ("client", "connection__auth__service", "user")
    return of(connection, user).filter(state=Grant.State.ACTIVE).select_related(*related).first()


def of(connection: Connection, user: User) -> QuerySet[Grant]:
    """What was ever granted for the calls of this person: their own, or the connection's."""
    whose = Q(is_owner=False, user=user) if connection.is_per_user else Q(is_owner=True)
    return Grant.objects.filter(whose, connection=connection)


def store(
    grant: Grant,
    *,
    secrets: Mapping[str, Secret] | None,
    tokens: Tokens | None = None,
    is_renewable: bool = True,
    now: datetime | None = None,
) -> Grant:
    """Make a grant the active one of its connection and user, in the caller's transaction, which holds the
    connection; the one before it is ended and wiped.

    It is new, or the row of a round trip. Without ``secrets`` it is there, and the first call fetches them;
    empty ones are a credential that holds nothing.
    """
    grant.is_owner = not grant.connection.is_per_user
    end_all(of(grant.connection, grant.user).filter(state=Grant.State.ACTIVE), "replaced")
    for name, value in WIPED.items():
        setattr(grant, name, value)
    grant.state, grant.health, grant.reason, grant.failures = Grant.State.ACTIVE, Grant.Health.OK, "", 0
    grant.version += 1
    grant.secrets = None if secrets is None else seal(grant, secrets)
    grant.is_renewable = is_renewable
    set_life(grant, tokens, now or timezone.now())
    grant.save()
    return grant


def set_life(grant: Grant, tokens: Tokens | None, at: datetime) -> None:
    """When it was had, how long it lasts, and what the service says it covers."""
    grant.obtained_at = at
    grant.lifetime_s = tokens.life_s(at) if tokens else None
    grant.expires_at = None if grant.lifetime_s is None else at + timedelta(seconds=grant.lifetime_s)
    if tokens and tokens.scopes is not None:
        grant.granted_scopes = list(tokens.scopes)


def end(grant: Grant, reason: str) -> bool:
    """End a grant and wipe what it held; was it this call that did?"""
    return bool(end_all(Grant.objects.filter(pk=grant.pk), reason))


def end_all(grants: QuerySet[Grant], reason: str) -> int:
    """End every live one of ``grants``; both sealed columns go. How many were ended.

    The rows are locked in the order of their ids, so that two who end the same ones wait for one another.
    """
    with transaction.atomic():
        return _locked(grants.filter(LIVE)).update(
            state=Grant.State.ENDED, ended_reason=reason, version=F("version") + 1, **WIPED
        )


def need_reconnect(
    grant: Grant,
    reason: str,
    *,
    health: Grant.Health = Grant.Health.RECONNECT_NEEDED,
    actor: Actor | None = None,
    event: Event = Event.RECONNECT_NEEDED,
) -> bool:
    """Mark that only a person can help, unless somebody connected again meanwhile; did it hold?"""
    with transaction.atomic():
        held = Grant.objects.filter(pk=grant.pk, state=Grant.State.ACTIVE, version=grant.version).update(
            health=health,
            reason=reason[:300],
            claimed_by="",
            claimed_until=None,
            retry_at=None,
        )
        if held:
            target = f"connection:{grant.connection.link_name}"
            audit.record(event, actor=actor, target=target, reason=reason[:300])
    return bool(held)


def heal(client: OAuthClient) -> None:
    """An app was entered anew: what its service refused for the app's sake may be tried again.

    What the app alone obtains is obtained by this one from now on.
    """
    refused = Grant.objects.filter(
        state=Grant.State.ACTIVE, health=Grant.Health.CLIENT_REFUSED, connection__auth=client.auth_id
    )
    automatic = auth_types.get(client.auth.auth_type).is_automatic(client.auth.config)
    _locked(refused if automatic else refused.filter(client=client)).update(
        client=client, health=Grant.Health.OK, reason="", failures=0, retry_at=None
    )


def require_health(health: str | None, reason: str) -> None:
    """Raises AuthorizationRequired or ClientRefused where the service has said no for good."""
    if health == Grant.Health.RECONNECT_NEEDED:
        raise AuthorizationRequired(reason)
    if health == Grant.Health.CLIENT_REFUSED:
        raise ClientRefused(reason)


def needs_refresh(grant: Grant, now: datetime) -> bool:
    """Is less than a tenth of its life, at most 60 s, left? Or was it never fetched?"""
    if grant.secrets is None:
        return True
    if grant.expires_at is None:
        return False
    return ends_soon((grant.expires_at - now).total_seconds(), grant.lifetime_s)


def ends_soon(left_s: float, lifetime_s: int | None) -> bool:
    """The same from plain values."""
    return left_s <= 0 or left_s < min(LEAST_S, (lifetime_s or LEAST_S * 10) / 10)


def active_of(connections: Iterable[Connection]) -> QuerySet[Grant]:
    """The active grants of some connections."""
    return Grant.objects.filter(connection__in=list(connections), state=Grant.State.ACTIVE)


def _locked(grants: QuerySet[Grant]) -> QuerySet[Grant]:
    """Those that there are now, held in the order of their ids to the end of the transaction."""
    held = grants.order_by("pk").select_for_update(of=("self",))
    return Grant.objects.filter(pk__in=list(held.values_list("pk", flat=True)))


def _open(grant: Grant, blob: bytes | memoryview | None, field: str) -> dict[str, Secret]:
    if blob is None:
        return {}
    try:
        text = vault.unseal(bytes(blob), table=TABLE, row_id=grant.pk, field=field, version=grant.version)
    except Unsealable:
        target = f"connection:{grant.connection.link_name}"
        audit.record(Event.UNSEAL_FAILED, actor=None, target=target, grant=str(grant.pk), field=field)
        raise
    return {name: Secret(value) for name, value in json.loads(text.reveal()).items()}
