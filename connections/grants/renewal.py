"""One refresh at a time, whatever process asks.

A refresh is claimed by a conditional UPDATE: one row changed is yours. The row is read again after the
claim, the service is asked outside any transaction, and the answer is stored only over the version
that was used for it. A claim lasts longer than the exchange may; one that ran out is anybody's.
"""

import math
import random
import secrets as randomness
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

import problems
from connections import exchanges, variables
from connections.errors import AuthorizationRequired, RefreshUnavailable
from connections.grants import persistence, revocation, store
from connections.models import Grant
from people import audit
from people.audit_events import Event
from services.auth_types.base import Tokens
from services.auth_types.errors import ClientRefused, EndpointUnavailable, GrantDead

log = structlog.get_logger(__name__)

POLL_S = 0.1
POLLS = 60  # six seconds: less than a caller waits
LONGEST_PAUSE_S = 300
REFUSED_FOR = timedelta(minutes=1)  # a 401 has a token refreshed once, and not again so soon

Clock = Callable[[], datetime]


def refresh(
    grant_id: UUID,
    *,
    now: datetime | None = None,
    stale_version: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Grant:
    """The grant with a token that is good to send; asks the service only where that is needed.

    ``stale_version``: the version whose token the service has just refused. A grant that cannot be
    refreshed, and is not over, comes back as it is. Raises AuthorizationRequired, RefreshUnavailable.
    """
    clock: Clock = (lambda: now) if now else timezone.now
    for _ in range(POLLS):
        grant = _load(grant_id)
        if not _is_due(grant, clock(), stale_version):
            return grant
        if not grant.is_renewable:
            return _unrenewable(grant, clock())
        if _must_pause(grant, clock()):
            return _old_or_wait(grant, clock(), stale_version)
        if _claim(grant, clock()):
            return _renew(_load(grant_id), clock, stale_version)
        if _is_good(grant, clock(), stale_version):
            return grant
        exchanges.release_database()
        sleep(POLL_S)
    raise RefreshUnavailable(
        "Somebody else’s refresh of this connection is taking long.", retry_after=math.ceil(POLLS * POLL_S)
    )


def _load(grant_id: UUID) -> Grant:
    related = ("connection__auth__service", "connection__created_by", "client", "user")
    grant = Grant.objects.select_related(*related).filter(pk=grant_id).first()
    if grant is None or grant.state != Grant.State.ACTIVE:
        raise AuthorizationRequired
    store.require_health(grant.health, grant.reason)
    return grant


def _is_due(grant: Grant, now: datetime, stale_version: int | None) -> bool:
    if grant.version == stale_version and not _was_refused_lately(grant, now):
        return True
    return store.needs_refresh(grant, now)


def _was_refused_lately(grant: Grant, now: datetime) -> bool:
    """Then it is not the token that the 401 is about, and asking for more would have the account locked."""
    return grant.refused_at is not None and grant.refused_at > now - REFUSED_FOR


def _is_good(grant: Grant, now: datetime, stale_version: int | None) -> bool:
    """May the token that we hold still be sent, while a new one is not to be had?"""
    if grant.secrets is None or grant.version == stale_version:
        return False
    return grant.expires_at is None or grant.expires_at > now + timedelta(seconds=store.GOOD_FOR_S)


def _unrenewable(grant: Grant, now: datetime) -> Grant:
    """Without a refresh token the access token serves to its end, and then a person is needed."""
    if grant.expires_at is None or grant.expires_at > now:
        return grant
    reason = "The access token ran out, and the service gave no refresh token."
    if store.need_reconnect(grant, reason, event=Event.GRANT_REFRESH_FAILED):
        raise AuthorizationRequired(reason)
    return _load(grant.pk)


def _must_pause(grant: Grant, now: datetime) -> bool:
    return grant.retry_at is not None and grant.retry_at > now


def _old_or_wait(grant: Grant, now: datetime, stale_version: int | None) -> Grant:
    if _is_good(grant, now, stale_version):
        return grant
    retry_at = grant.retry_at or now
    raise RefreshUnavailable(retry_after=max(1, math.ceil((retry_at - now).total_seconds())))


def _claim(grant: Grant, now: datetime) -> bool:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return bool(
        Grant.objects.filter(
            free,
            pk=grant.pk,
            state=Grant.State.ACTIVE,
            health=Grant.Health.OK,
            version=grant.version,
            claimed_by=grant.claimed_by,
        ).update(claimed_by=_claim_name(grant), claimed_until=now + store.LEASE)
    )


def _claim_name(grant: Grant) -> str:
    """Says whose claim it is, and whether an earlier one was left behind: its holder died at work."""
    mark = "again" if grant.claimed_by else "first"
    return f"{mark}-{randomness.token_hex(8)}"


def _renew(grant: Grant, clock: Clock, stale_version: int | None) -> Grant:
    """The holder of the claim asks the service, and stores or releases."""
    if not _is_due(grant, clock(), stale_version):
        _release(grant)
        return grant
    claimed_s = time.monotonic()
    try:
        held = store.open_secrets(grant)
        side = exchanges.service_side(
            grant.connection,
            client=grant.client,
            scopes=grant.requested_scopes or None,
            variables=grant.variables,
        )
        asking = side.auth_type.refresh(side.flow, held)
        tokens = exchanges.drive(side, asking, secrets=held.values(), deadline_s=exchanges.GRANT_S)
    except GrantDead as error:
        return _dead(grant, error)
    except ClientRefused as error:
        return _client_refused(grant, error)
    except problems.AppError as error:
        _fail(grant, error, clock())
        if not isinstance(error, problems.UpstreamFailed | problems.Unavailable | problems.FlowFailed):
            raise
        return _old_or_wait(_load(grant.pk), clock(), stale_version)
    grant.is_renewable = side.auth_type.can_refresh(side.target.config, tokens.secrets)
    values = _stored(grant, tokens, clock())
    if grant.version - 1 == stale_version:
        values["refused_at"] = clock()
    if not persistence.insist(lambda: _keep(grant, values), claimed_s=claimed_s):
        revocation.give_back(grant, side, tokens.secrets)
    return _load(grant.pk)


def _stored(grant: Grant, tokens: Tokens, now: datetime) -> dict[str, Any]:
    """The row's new values."""
    grant.version += 1
    grant.secrets = store.seal(grant, tokens.secrets)
    grant.variables = variables.after_refresh(grant, tokens)
    store.set_life(grant, tokens, now)
    return {
        "version": grant.version,
        "secrets": grant.secrets,
        "obtained_at": grant.obtained_at,
        "lifetime_s": grant.lifetime_s,
        "expires_at": grant.expires_at,
        "granted_scopes": grant.granted_scopes,
        "variables": grant.variables,
        "is_renewable": grant.is_renewable,
        "claimed_by": "",
        "claimed_until": None,
        "retry_at": None,
        "failures": 0,
        "reason": "",
    }


def _keep(grant: Grant, values: Mapping[str, Any]) -> bool:
    """Store the new tokens over the version that they came from, and nothing else; are they in their row?"""
    row = Grant.objects.filter(pk=grant.pk, state=Grant.State.ACTIVE)
    with transaction.atomic():
        if row.filter(version=values["version"] - 1).update(**values):
            audit.record(Event.GRANT_REFRESHED, actor=None, target=_target(grant))
            return True
    return row.filter(secrets=values["secrets"]).exists()  # by a commit whose answer was lost


def _dead(grant: Grant, error: GrantDead) -> Grant:
    """``invalid_grant``: the row decides. Changed meanwhile: use it; unchanged: a person is needed."""
    reason = error.message
    if grant.claimed_by.startswith("again"):
        reason = f"An earlier refresh was cut short, and its refresh token is used up. {reason}"
    if store.need_reconnect(grant, reason, event=Event.GRANT_REFRESH_FAILED):
        raise AuthorizationRequired(reason)
    return _load(grant.pk)


def _client_refused(grant: Grant, error: ClientRefused) -> Grant:
    """``invalid_client``: nobody's consent helps, and every try is one more failure of the app's."""
    health, event = Grant.Health.CLIENT_REFUSED, Event.GRANT_REFRESH_FAILED
    if store.need_reconnect(grant, error.message, health=health, event=event):
        raise error
    return _load(grant.pk)


def _fail(grant: Grant, error: problems.AppError, now: datetime) -> None:
    """Keep what we hold, and pause: longer each time, and as long as the service asks."""
    failures = min(grant.failures + 1, 30)
    pause_s = min(LONGEST_PAUSE_S, 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter
    if isinstance(error, EndpointUnavailable):
        pause_s = max(pause_s, error.retry_after)
    with transaction.atomic():
        held = Grant.objects.filter(pk=grant.pk, claimed_by=grant.claimed_by, version=grant.version).update(
            claimed_by="",
            claimed_until=None,
            retry_at=now + timedelta(seconds=pause_s),
            failures=failures,
            reason=f"The last refresh failed: {error.message}"[:300],
        )
        if held:
            audit.record(
                Event.GRANT_REFRESH_FAILED, actor=None, target=_target(grant), code=error.code, tries=failures
            )
    log.warning("grant.refresh_failed", connection=grant.connection.link_name, code=error.code)


def _release(grant: Grant) -> None:
    Grant.objects.filter(pk=grant.pk, claimed_by=grant.claimed_by).update(claimed_by="", claimed_until=None)


def _target(grant: Grant) -> str:
    return f"connection:{grant.connection.link_name}"
