"""The round trip of a consent: a link, our page, the service's page, and back.

Whoever starts it finishes it: state is bound to person, session, connection and service, lasts ten
minutes, and is consumed by the first answer that names it, good or bad.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone

import problems
from connections import (
    access,
    account_place,
    exchanges,
    grants,
    identity,
    links,
    refusals,
    status,
    variables,
)
from connections.errors import (
    ClientMissing,
    ConnectionDeleted,
    ConnectionDisabled,
    ConnectionNotFound,
    EndpointBusy,
    FlowOvertaken,
    LinkNotYours,
    LinkSpent,
    ParameterRepeated,
    ServiceUnreachable,
    StateExpired,
    StateUnknown,
    WrongPersonReturned,
    WrongServiceReturned,
)
from connections.exchanges import ServiceSide
from connections.links import Link
from connections.models import Connection, Grant
from people import audit
from people.actor import Actor
from people.audit_events import Event
from people.models import User
from problems.limits import IN_ALL, Limits
from services import auth_types, clients, sources
from services.auth_types.base import Consent, Tokens
from vault import Secret, digest

LASTS = timedelta(minutes=10)
TOLD = 100  # scopes, in the audit trail
SAID = frozenset({"error", "error_description", "error_uri", "iss", "scope"})  # the rest may be a secret
# Round trips that wait for one service, or are one person's, in this process.
ROUND_TRIPS = Limits(8, EndpointBusy)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes next, by 303."""

    url: str


@dataclass(frozen=True, slots=True)
class Pending:
    """What the page behind a link shows before anybody continues."""

    connection: Connection
    asked_by: User | None
    scopes: list[str]
    lapses_at: datetime
    provider_host: str
    provider_origin: str
    link_hash: str


def single(params: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A query's parameters, each of which may come once. Raises ParameterRepeated."""
    if any(len(values) > 1 for values in params.values()):
        raise ParameterRepeated
    return {name: values[0] for name, values in params.items() if values}


# --- Before -----------------------------------------------------------------------------------------
def link(*, actor: Actor, connection: Connection, for_user: User) -> str:
    """An address at which ``for_user`` can authorise. Writes nothing; judged again when it is used."""
    return links.make(connection_id=connection.pk, user_id=for_user.pk, asked_by_id=actor.id)


def pending(*, actor: Actor, token: str, now: datetime | None = None) -> Pending:
    """What a link asks of the actor. Raises LinkSpent (410), LinkNotYours (403), ConnectionNotFound."""
    found, connection = _open_link(actor, token, now)
    side = exchanges.service_side(connection)
    origin = urlsplit(side.auth_type.urls(side.target.config).get("authorize_url", ""))
    return Pending(
        connection=connection,
        asked_by=User.objects.filter(pk=found.asked_by_id).first(),
        scopes=connection.scopes,
        lapses_at=found.lapses_at,
        provider_host=origin.netloc,
        provider_origin=f"{origin.scheme}://{origin.netloc}",
        link_hash=found.link_hash,
    )


def begin_link(*, actor: Actor, token: str, session_key: str, now: datetime | None = None) -> Redirect:
    """Use a link up and go to the service. Raises what ``pending`` and ``begin`` raise."""
    found, connection = _open_link(actor, token, now)
    return begin(
        actor=actor, connection=connection, session_key=session_key, link_hash=found.link_hash, now=now
    )


def begin(
    *,
    actor: Actor,
    connection: Connection,
    session_key: str,
    link_hash: str = "",
    now: datetime | None = None,
) -> Redirect:
    """Start a round trip. The grant that is there stays until a new one comes back."""
    _require_startable(actor, connection)
    with _held(actor, connection):
        grant = _claim_link(actor, connection, link_hash, now or timezone.now())
        try:
            side = exchanges.service_side(connection, client=grant.client)
            consent = exchanges.drive(side, side.auth_type.begin(side.flow))
        except problems.AppError as error:
            grant.delete()  # nothing came of it, so the link is as good as before
            raise _flow_error(error) from error
    with transaction.atomic():
        _await_answer(grant, consent, session_key)
        audit.record(Event.FLOW_STARTED, actor=actor, target=_target(grant), scopes=grant.requested_scopes)
    return Redirect(consent.url)


@contextmanager
def _held(actor: Actor, connection: Connection) -> Iterator[None]:
    """A place among those who wait for a service. Raises EndpointBusy, with nothing used up."""
    with (
        ROUND_TRIPS.held(f"at {connection.auth_id}", f"by {actor.id}"),
        exchanges.WAITERS.held(IN_ALL),
    ):
        yield


def _open_link(actor: Actor, token: str, now: datetime | None) -> tuple[Link, Connection]:
    found = links.read(token, now=now)
    if found.user_id != actor.id:
        raise LinkNotYours
    if Grant.objects.filter(link_hash=found.link_hash).exists():
        raise LinkSpent
    connection = access.visible(actor).filter(pk=found.connection_id).first()
    if connection is None:
        raise ConnectionNotFound
    _require_startable(actor, connection)
    return found, connection


def _require_startable(actor: Actor, connection: Connection) -> None:
    access.require_connect(actor, connection)
    if connection.is_disabled:
        raise ConnectionDisabled
    if status.lacks_client(connection):
        raise ClientMissing


def _claim_link(actor: Actor, connection: Connection, link_hash: str, now: datetime) -> Grant:
    """The pending row; of two who use one link at the same instant, one gets it."""
    try:
        with transaction.atomic():
            return Grant.objects.create(
                connection=connection,
                user=actor.user,
                client=clients.default_of(connection.auth),
                is_owner=not connection.is_per_user,
                requested_scopes=connection.scopes,
                link_hash=link_hash,
                lapses_at=now + LASTS,
            )
    except IntegrityError:
        raise LinkSpent from None


def _await_answer(grant: Grant, consent: Consent, session_key: str) -> None:
    """Keep what must come back and what finishes it, unless the connection changed meanwhile."""
    used = grant.version
    grant.version += 1
    waiting = Grant.objects.filter(pk=grant.pk, state=Grant.State.PENDING, version=used).update(
        version=grant.version,
        flow_secrets=grants.seal(grant, consent.secrets, field="flow_secrets"),
        state_hash=digest(consent.state),
        session_hash=digest(session_key),
    )
    if not waiting:
        raise FlowOvertaken


# --- Back -------------------------------------------------------------------------------------------
def complete(
    *,
    actor: Actor,
    service_link_name: str | None,
    params: Mapping[str, str],
    session_key: str,
    now: datetime | None = None,
) -> Grant:
    """Finish a round trip with what the service sent back. Whatever is refused stores nothing.

    ``service_link_name``: whose callback it came to; ``None`` where one serves all. Raises FlowFailed, and
    what says that a person or the operator has something to do first (ReconnectNeeded, Misconfigured).
    """
    at = now or timezone.now()
    grant = _waiting(params)
    if grant is None:
        raise _unknown(actor)
    with _held(actor, grant.connection):
        if not _consume(grant, at):
            raise _unknown(actor)
        try:
            _check_bindings(grant, actor, service_link_name, session_key, at)
            return _finish(grant, params, actor, at)
        except problems.AppError as error:
            _refuse(grant, actor, error)
            if not isinstance(error, WrongPersonReturned | ConnectionDeleted):
                error.extra.setdefault("connection", grant.connection.link_name)
            raise


def _unknown(actor: Actor) -> StateUnknown:
    if audit.may_repeat(Event.FLOW_REFUSED, key=str(actor.id)):
        audit.record(Event.FLOW_REFUSED, actor=actor, reason="state_unknown")
    return StateUnknown()


def _waiting(params: Mapping[str, str]) -> Grant | None:
    """The round trip that the answer names."""
    for auth_type in auth_types.ALL:
        state = auth_type.state_in(params)
        if not state:
            continue
        found = Grant.objects.filter(
            state_hash=digest(state), state=Grant.State.PENDING, connection__auth__auth_type=auth_type.name
        )
        related = ("connection__auth__service", "connection__created_by", "client", "user")
        if grant := found.select_related(*related).first():
            return grant
    return None


def _consume(grant: Grant, now: datetime) -> bool:
    """Take it, so that no second answer gets it, and hold it: nobody seals it anew or lapses it meanwhile."""
    taken = Grant.objects.filter(pk=grant.pk, state_hash=grant.state_hash, version=grant.version)
    return taken.update(state_hash="", claimed_until=now + grants.LEASE) == 1


def _check_bindings(
    grant: Grant, actor: Actor, service_link_name: str | None, session_key: str, now: datetime
) -> None:
    if grant.user_id != actor.id:
        raise WrongPersonReturned
    if grant.session_hash != digest(session_key):
        raise StateUnknown
    if service_link_name is not None and grant.connection.auth.service.link_name != service_link_name:
        raise WrongServiceReturned
    if grant.lapses_at is None or grant.lapses_at <= now:
        raise StateExpired
    _require_wanted(grant.connection, actor)


def _require_wanted(connection: Connection, actor: Actor) -> None:
    if connection.is_disabled or not access.may_connect(actor, connection):
        raise FlowOvertaken


def _finish(grant: Grant, params: Mapping[str, str], actor: Actor, now: datetime) -> Grant:
    """Swap the answer for tokens and store them, whatever it takes; what is not stored is given back."""
    claimed_s = time.monotonic()
    tokens, side = _exchange(grant, params)
    try:
        side = _take_facts(grant, tokens, side)
        identity.note(grant, side, tokens.secrets)
        stored, replaced = grants.insist(
            lambda: _keep(copy(grant), tokens, side, actor, now), claimed_s=claimed_s
        )
    except problems.AppError:
        grants.give_back(grant, side, tokens.secrets)
        raise
    grants.tell_services(replaced)
    return stored


def _exchange(grant: Grant, params: Mapping[str, str]) -> tuple[Tokens, ServiceSide]:
    """Ask the service for tokens, outside any transaction."""
    try:
        secrets = grants.open_flow_secrets(grant)
        side = exchanges.service_side(grant.connection, client=grant.client, scopes=grant.requested_scopes)
        public = SAID | sources.callback_names(grant.connection.auth)
        hidden = [*secrets.values(), *(Secret(text) for name, text in params.items() if name not in public)]
        refusals.check(params, [*hidden, *exchanges.secrets_of(side)])
        account_place.require_same(grant.connection, params)
        grant.variables = variables.of_callback(grant.connection.auth, params)
        side = exchanges.with_variables(side, grant.connection, grant.variables)
        asking = side.auth_type.complete(side.flow, secrets, params)
        return exchanges.drive(side, asking, secrets=hidden, deadline_s=exchanges.GRANT_S), side
    except problems.AppError as error:
        raise _flow_error(error) from error


def _take_facts(grant: Grant, tokens: Tokens, side: ServiceSide) -> ServiceSide:
    """Note what the token answer says of the variables; the service with all of them filled in."""
    grant.variables = grant.variables | variables.of_tokens(grant.connection.auth, tokens)
    return exchanges.with_variables(side, grant.connection, grant.variables)


def _keep(
    grant: Grant, tokens: Tokens, side: ServiceSide, actor: Actor, now: datetime
) -> tuple[Grant, list[grants.Revocation]]:
    """The new grant takes the old one's place, all at once, unless the connection changed meanwhile.

    And what is to be told of the old one, where it was of another app or account.
    """
    with transaction.atomic():
        try:
            connection = access.lock(grant.connection)
        except ConnectionNotFound:
            raise ConnectionDeleted from None
        row = Grant.objects.select_for_update().get(pk=grant.pk)
        if (row.state, row.version) == (Grant.State.ACTIVE, grant.version + 1):
            return row, []  # by a commit whose answer was lost
        _require_wanted(connection, actor)
        if (row.state, row.version) != (Grant.State.PENDING, grant.version):
            raise FlowOvertaken
        former = grants.current(connection, grant.user)
        replaced = former and grants.replaces_another(grant, former) and grants.Revocation.of(former)
        grant.connection = connection
        is_renewable = side.auth_type.can_refresh(side.target.config, tokens.secrets)
        grants.store(grant, secrets=tokens.secrets, tokens=tokens, is_renewable=is_renewable, now=now)
        audit.record(
            Event.FLOW_FINISHED, actor=actor, target=_target(grant), scopes=grant.granted_scopes[:TOLD]
        )
    return grant, [replaced] if replaced else []


def _refuse(grant: Grant, actor: Actor, error: problems.AppError) -> None:
    is_mismatch = isinstance(error, WrongPersonReturned)
    event = Event.FLOW_USER_MISMATCH if is_mismatch else Event.FLOW_REFUSED
    with transaction.atomic():
        grants.end(grant, "refused")
        audit.record(event, actor=actor, target=_target(grant), reason=type(error).__name__)


def _flow_error(error: problems.AppError) -> problems.AppError:
    """Told as a failed round trip, unless it is one, or a person or operator has something to do."""
    if isinstance(error, problems.FlowFailed | problems.Misconfigured | problems.ReconnectNeeded):
        return error
    hint = "" if isinstance(error, problems.UpstreamFailed) else error.hint  # theirs speaks of calls
    return ServiceUnreachable(f"{error.message} Nothing was stored.", hint=hint)


def _target(grant: Grant) -> str:
    return f"connection:{grant.connection.link_name}"
