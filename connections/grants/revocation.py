"""Ending a grant on purpose: wiped here first, then told to the service, whatever it answers."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.db import transaction

import problems
from connections import exchanges
from connections.exchanges import ServiceSide
from connections.grants import store
from connections.models import Grant
from people import audit
from people.actor import Actor
from people.audit_events import Event
from vault import Secret

log = structlog.get_logger(__name__)
TELL_S = 5.0  # for one service to hear of it
TELL_ALL_S = 15.0  # for all of them, where a connection that many people authorised is deleted


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is needed to tell a service, once the row is wiped."""

    side: ServiceSide
    secrets: dict[str, Secret]

    @classmethod
    def of(cls, grant: Grant) -> "Revocation | None":
        """``None`` where there is nothing to tell: no tokens, or no way to open or send them."""
        try:
            secrets = store.open_secrets(grant)
            if not secrets:
                return None
            return cls(exchanges.service_side(grant.connection, client=grant.client), secrets)
        except problems.AppError as error:
            log.warning("grant.revocation_not_told", connection=grant.connection.link_name, code=error.code)
            return None


@dataclass(frozen=True, slots=True)
class Outcome:
    """``is_confirmed``: did the service agree? ``None`` where it has no address to be told at."""

    is_confirmed: bool | None


def revoke(grant: Grant, *, actor: Actor) -> Outcome:
    """Wipe the grant and what would take its place, then tell the service (RFC 7009)."""
    told = Revocation.of(grant)
    is_deaf = told is not None and "revoke_url" not in told.side.auth_type.urls(told.side.target.config)
    with transaction.atomic():
        if store.end_all(store.of(grant.connection, grant.user), "revoked"):
            target = f"connection:{grant.connection.link_name}"
            audit.record(Event.GRANT_REVOKED, actor=actor, target=target, user=grant.user.email)
    if told is None or is_deaf:
        return Outcome(is_confirmed=None)
    return Outcome(is_confirmed=tell_services([told]))


def tell_services(revocations: Iterable[Revocation]) -> bool:
    """Ask each service to forget its tokens; did all confirm? No error of theirs undoes anything here."""
    ends_at = time.monotonic() + TELL_ALL_S
    confirmed = [_tell(revocation, ends_at) for revocation in revocations]
    return bool(confirmed) and all(confirmed)


def _tell(revocation: Revocation, ends_at: float) -> bool:
    side = revocation.side
    deadline_s = min(TELL_S, max(0.0, ends_at - time.monotonic()))
    try:
        return exchanges.drive(
            side, side.auth_type.revoke(side.flow, revocation.secrets), deadline_s=deadline_s
        )
    except problems.AppError as error:
        log.warning("grant.revocation_not_confirmed", code=error.code)
        return False
