"""Ending a grant on purpose: wiped here first, then told to the service, whatever it answers."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

import problems
from connections import access, exchanges
from connections.errors import AuthorizationRequired
from connections.exchanges import ServiceSide
from connections.grants import store
from connections.models import Connection, Grant
from people import audit
from people.actor import Actor
from people.audit_events import Event
from people.models import User
from vault import Secret

log = structlog.get_logger(__name__)
TELL_S = 5.0  # for one service to hear of it
TELL_ALL_S = 15.0  # for all of them, where a connection that many people authorised is deleted


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is needed to tell a service, once the row is wiped.

    ``is_certain``: no refresh is under way that would bring new tokens after these are ended.
    """

    side: ServiceSide
    secrets: Mapping[str, Secret]
    is_certain: bool = True

    @classmethod
    def of(cls, grant: Grant) -> "Revocation | None":
        """``None`` where there is nothing to tell: no tokens, or no way to open or send them."""
        try:
            secrets = store.open_secrets(grant)
            if not secrets:
                return None
            side = exchanges.service_side(grant.connection, client=grant.client, variables=grant.variables)
        except problems.AppError as error:
            log.warning("grant.revocation_not_told", connection=grant.connection.link_name, code=error.code)
            return None
        return cls(side, secrets, is_certain=not _is_claimed(grant))

    @classmethod
    def of_all(cls, connection: Connection) -> "list[Revocation]":
        """What is to be told where a whole connection goes, as it is now. In the caller's transaction."""
        found = [cls.of(grant) for grant in _locked(store.active_of([connection]))]
        return [revocation for revocation in found if revocation]

    @property
    def is_deaf(self) -> bool:
        """Has the service no address to be told at?"""
        return "revoke_url" not in self.side.auth_type.urls(self.side.target.config)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``is_confirmed``: did the service agree? ``None`` where it has no address to be told at."""

    is_confirmed: bool | None


def revoke(connection: Connection, user: User, *, actor: Actor) -> Outcome:
    """Wipe what this person's calls run on and what would take its place, then tell the service (RFC 7009).

    A refresh that is under way meanwhile finds its row ended, and ends what it was given; nothing is
    confirmed then. Raises AuthorizationRequired where there is nothing to revoke, ConnectionNotFound.
    """
    with transaction.atomic():
        connection = access.lock(connection)
        granted = store.of(connection, user)
        grant = _locked(granted.filter(state=Grant.State.ACTIVE)).first()
        if grant is None:
            raise AuthorizationRequired("There is no authorisation to revoke.")
        told = Revocation.of(grant)
        store.end_all(granted, "revoked")
        target = f"connection:{connection.link_name}"
        audit.record(Event.GRANT_REVOKED, actor=actor, target=target, user=grant.user.email)
    if told is None or told.is_deaf:
        return Outcome(is_confirmed=None)
    return Outcome(is_confirmed=tell_services([told]) and told.is_certain)


def give_back(grant: Grant, side: ServiceSide, secrets: Mapping[str, Secret]) -> None:
    """End at the service what it gave and was not stored, for its row is over.

    Left alone where another grant of the same app and account lives on: some services end all of them.
    """
    if not _lives_on(grant):
        is_ended = tell_services([Revocation(side, secrets)])
        log.info("grant.given_back", connection=grant.connection.link_name, is_confirmed=is_ended)


def replaces_another(grant: Grant, former: Grant) -> bool:
    """Is the grant that it takes the place of another app's, or another account's, as far as is known?"""
    if grant.client_id != former.client_id:
        return True
    known = (grant.authorized_as_id, former.authorized_as_id)
    return all(known) and known[0] != known[1]


def _lives_on(grant: Grant) -> bool:
    same_place = Q(connection=grant.connection_id, user=grant.user_id)
    if grant.authorized_as_id:
        is_same = Q(authorized_as_id=grant.authorized_as_id) | (same_place & Q(authorized_as_id=""))
    else:
        is_same = same_place
    living = Grant.objects.filter(is_same, client=grant.client_id, state=Grant.State.ACTIVE)
    return living.exclude(pk=grant.pk).exists()


def _is_claimed(grant: Grant) -> bool:
    return grant.claimed_until is not None and grant.claimed_until > timezone.now()


def _locked(grants: QuerySet[Grant]) -> QuerySet[Grant]:
    related = ("connection__auth__service", "connection__created_by", "client", "user")
    return grants.select_related(*related).select_for_update(of=("self",)).order_by("pk")


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
