"""What people do with calls: look at those they may see, and test a connection."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from connections import access, exchanges, grants, status, variables
from connections.errors import NotYourConnection
from connections.models import ApiToken, Connection, Grant
from invoke import headers, paths, runtime
from invoke.asks import Ask, Caller
from invoke.errors import TooManyTests
from invoke.models import Call
from invoke.recorder import Record
from outbound.client import Reply
from people import audit
from people.actor import Actor
from people.audit_events import Event
from problems import ReconnectNeeded, Unavailable, UpstreamFailed
from problems.limits import IN_ALL, Limits
from services import auth_types, sources, target
from services.auth_types.errors import ClientRefused
from services.target import Target

UNAUTHORIZED = 401
OURS = {"Accept": "application/json, */*;q=0.5", "User-Agent": "Switchboard"}  # where a service has none
_TESTS = Limits(4, TooManyTests)  # of a person, and of a connection
STATUS_CLASSES = {"2": "2xx", "3": "3xx", "4": "4xx", "5": "5xx"}


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a test found. ``ok``: ``None`` where nothing could be proved; ``status``: the connection's now.

    ``checked``: ``call`` by the service's test request, ``token`` by a refresh, ``None`` by neither.
    """

    __test__ = False  # not pytest's

    ok: bool | None
    status: str
    checked: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Search:
    """Which calls to look at; an empty field narrows nothing. ``outcome``: a first digit, or ``ours``."""

    connection: str = ""
    outcome: str = ""
    method: str = ""
    person: str = ""
    since: datetime | None = None


def calls(
    *, actor: Actor, connection: Connection | None = None, search: Search | None = None
) -> QuerySet[Call]:
    """The calls that the actor may see: their own, and those of connections that they may edit."""
    found = Call.objects.all()
    if not access.administers(actor):
        found = found.filter(_own(actor))
    if actor.connection_ids is not None:
        found = found.filter(connection_id__in=actor.connection_ids)
    if connection is not None:
        found = found.filter(connection_id=connection.pk)
    return _narrowed(found, search) if search else found


def _own(actor: Actor) -> Q:
    editable = Q(created_by=actor.id) | Q(access__user=actor.id, access__can_edit=True)
    return (
        Q(user_id=actor.id)
        | Q(token_id__in=ApiToken.objects.filter(user=actor.id).values("pk"))
        | Q(connection_id__in=Connection.objects.filter(editable).values("pk"))
    )


def _narrowed(found: QuerySet[Call], search: Search) -> QuerySet[Call]:
    if search.connection:
        found = found.filter(connection=search.connection)
    if search.outcome == "ours":
        found = found.exclude(code="")
    elif search.outcome:
        first = int(search.outcome) * 100
        found = found.filter(status__gte=first, status__lt=first + 100)
    if search.method:
        found = found.filter(method=search.method)
    if search.person:
        found = found.filter(user__icontains=search.person)
    if search.since:
        found = found.filter(at__gte=search.since)
    return found


# --- Testing a connection -------------------------------------------------------------------------
def test_connection(*, actor: Actor, connection: Connection) -> TestResult:
    """Send the service's test request; without one, refresh where that can be done.

    Audited before the credential is used. A refusal (401) makes the connection ``reconnect_needed``.
    Raises NotYourConnection, TooManyTests, EndpointBusy.
    """
    if not (access.may_use(actor, connection) or access.may_edit(actor, connection)):
        raise NotYourConnection
    with (
        _TESTS.held(f"by {actor.id}", f"of {connection.pk}"),
        exchanges.WAITERS.held(IN_ALL),
    ):
        return _test(actor, connection)


def _test(actor: Actor, connection: Connection) -> TestResult:
    with transaction.atomic():
        audit.record(Event.CONNECTION_TESTED, actor=actor, target=f"connection:{connection.link_name}")
    try:
        side = _side_of(actor, connection)
        if side.test.get("path"):
            return _by_call(actor, connection, side)
        return _by_refresh(actor, connection, side)
    except (ReconnectNeeded, ClientRefused, UpstreamFailed, Unavailable) as error:
        if error.code == "database_unavailable":
            raise
        return _result(actor, connection, ok=False, checked=_checked(error), detail=error.message)


test_connection.__test__ = False  # type: ignore[attr-defined]  # not pytest's


def _checked(error: Exception) -> str | None:
    if isinstance(error, ReconnectNeeded):
        return None
    return "call" if isinstance(error, UpstreamFailed) else "token"


def _side_of(actor: Actor, connection: Connection) -> Target:
    """The service as this person's calls find it; what a token tells of it is fetched with the first one."""
    grant = grants.current(connection, actor.user)
    later = sources.later_names(connection.auth)
    side = target.of(connection.auth, variables.of(connection, grant), later)
    if not later or grant is None or grant.secrets is not None:
        return side
    fetched = grants.REFRESHES.wait(grant.pk, endpoint=_endpoint_of(connection))
    return target.of(connection.auth, variables.of(connection, fetched), later)


def _by_call(actor: Actor, connection: Connection, side: Target) -> TestResult:
    asked = side.test
    host, path, query = paths.from_task(asked["path"])
    ask = Ask(
        link_name=connection.link_name,
        method=asked.get("method", "GET").upper(),
        path=path,
        query=query,
        host=host,
        headers=tuple(headers.lacking(side.default_headers.items(), OURS)),
    )
    caller = Caller(user_id=actor.id, ip=actor.ip)
    record = Record.of(caller, ask)

    async def deliver(reply: Reply) -> None:
        record.status = reply.status

    runtime.call_now(caller, ask, record, deliver, is_test=True)
    if record.status == UNAUTHORIZED:
        return _refused(actor, connection)
    ok = 200 <= record.status < 400
    if ok:
        _mark_recovered(actor, connection)
    detail = f"{ask.method} {record.path} was answered with {record.status}."
    return _result(actor, connection, ok=ok, checked="call", detail=detail)


def _refused(actor: Actor, connection: Connection) -> TestResult:
    detail = "The service refused the credential (401): connect again."
    grant = grants.current(connection, actor.user)
    if grant is not None:
        grants.need_reconnect(grant, detail, actor=actor)
    return _result(actor, connection, ok=False, checked="call", detail=detail)


def _mark_recovered(actor: Actor, connection: Connection) -> None:
    """A credential that the service takes again needs no reconnecting."""
    grant = grants.current(connection, actor.user)
    if grant is not None and grant.health != Grant.Health.OK:
        Grant.objects.filter(pk=grant.pk, version=grant.version).update(health=Grant.Health.OK, reason="")


def _by_refresh(actor: Actor, connection: Connection, side: Target) -> TestResult:
    grant = grants.current(connection, actor.user)
    if grant is None:
        raise ReconnectNeeded
    if not side.auth_type.can_refresh(side.config, grants.open_secrets(grant)):
        detail = "Stored, unproven: this service has no test request."
        return _result(actor, connection, ok=None, checked=None, detail=detail)
    Grant.objects.filter(pk=grant.pk).update(refused_at=None)  # it is asked for, and not for a 401's sake
    endpoint = _endpoint_of(connection)
    grants.REFRESHES.wait(grant.pk, endpoint=endpoint, stale_version=grant.version)
    return _result(actor, connection, ok=True, checked="token", detail="The access token was refreshed.")


def _endpoint_of(connection: Connection) -> str:
    """What shares refreshes out, its variables left open: one service is one endpoint."""
    auth = connection.auth
    return auth_types.get(auth.auth_type).refresh_url(auth.config)


def _result(
    actor: Actor, connection: Connection, *, ok: bool | None, checked: str | None, detail: str
) -> TestResult:
    code = status.status_of(connection, actor).code
    return TestResult(ok=ok, status=str(code), checked=checked, detail=detail)
