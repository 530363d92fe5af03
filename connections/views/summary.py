"""A connection's page: what it is, how it stands, how to call it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from connections import access, grants, rows, variables
from connections.models import Connection
from connections.status import Status
from connections.views import connecting
from people.actor import Actor, from_request
from services import operations as service_operations
from services import target
from services.errors import VariableMissing


@require_safe
def summary(request: HttpRequest, link_name: str) -> HttpResponse:
    """Everything that is known of a connection, and never a secret."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    return render(request, "connections/summary.html", context_of(actor, connection))


def context_of(actor: Actor, connection: Connection) -> dict[str, Any]:
    """What the page and its parts show."""
    (row,) = rows.of([connection], actor)
    is_mine = connection.created_by_id == actor.id
    return {
        "connection": connection,
        "service": connection.auth.service,
        "row": row,
        "way": connecting.way_of(connection),
        "list": "internal" if connection.is_internal else "mine" if is_mine else "shared",
        "is_mine": is_mine,
        "audience": access.audience_of(connection),
        "may_use": access.may_use(actor, connection),
        "may_edit": access.may_edit(actor, connection),
        "may_connect": access.may_connect(actor, connection),
        "may_set_client": service_operations.may_set_client(actor, connection.auth.service),
        "missing_scopes": _missing_scopes(connection, row.status.granted_scopes),
        "is_due": _is_due(row.status),
        "hosts": _hosts(connection, row.status),
        "variables": variables.of(connection, row.status.grant),
    }


def _is_due(stands: Status) -> bool:
    """Will the next call find the access token over, or about to be, and refresh it?"""
    grant = stands.grant
    return grant is not None and grant.is_renewable and grants.needs_refresh(grant, timezone.now())


def _missing_scopes(connection: Connection, granted: list[str]) -> list[str]:
    """Asked for and not given; a service that says nothing gave what was asked."""
    return [scope for scope in connection.scopes if scope not in granted] if granted else []


def _hosts(connection: Connection, stands: Status) -> tuple[str, ...]:
    """Where calls may go; with the variables' names where a value is missing."""
    try:
        return target.of(connection.auth, variables.of(connection, stands.grant)).hosts
    except VariableMissing:
        return tuple(connection.auth.service.hosts)
