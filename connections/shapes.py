"""Connections and API tokens as the contract's JSON."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from connections import access, oauth, status, variables
from connections.models import ApiToken, Connection
from connections.status import Status
from people.actor import Actor
from people.models import User
from services.callback import callback_url


def as_json(connection: Connection, actor: Actor) -> dict[str, Any]:
    """One connection as it stands for the asker. Never a secret."""
    return listed([connection], actor)[0]


def listed(connections: Sequence[Connection], actor: Actor) -> list[dict[str, Any]]:
    """The same for many, with one query for all that they stand on."""
    statuses = status.statuses_of(connections, actor)
    waiting = [row for row in connections if status.consent_is_due(row, statuses[row.pk])]
    theirs = access.connectable(actor, waiting)
    return [_as_json(row, actor, statuses[row.pk], may_authorise=row.pk in theirs) for row in connections]


def _as_json(connection: Connection, actor: Actor, stands: Status, *, may_authorise: bool) -> dict[str, Any]:
    auth = connection.auth
    link = oauth.link(actor=actor, connection=connection, for_user=actor.user) if may_authorise else None
    return {
        "link_name": connection.link_name,
        "name": connection.name,
        "service": auth.service.link_name,
        "service_name": auth.service.name,
        "auth": auth.name,
        "auth_type": auth.auth_type,
        "scopes": connection.scopes,
        "variables": variables.of(connection, stands.grant),
        "credentials_of": connection.credentials_of,
        "audience": access.audience_of(connection),
        "disabled": connection.is_disabled,
        "status": stands.code.value,
        "status_reason": stands.reason,
        "expires_at": stands.expires_at,
        "authorized_as": stands.authorized_as or None,
        "granted_scopes": stands.granted_scopes,
        "created_by": connection.created_by.email,
        "created_at": connection.created_at,
        "callback_url": callback_url(auth.service),
        "authorize_url": link,
        "shared_as": status.shared_as(connection, actor, stands) or None,
        "made_by": connection.made_by or None,
        "rules": connection.rules,
    }


def tokens_as_json(rows: Iterable[ApiToken], actor: Actor) -> list[dict[str, Any]]:
    """API tokens, with link names and e-mail addresses in place of ids."""
    asked = list(rows)
    link_names = _link_names(asked, actor)
    emails = _emails(asked)
    return [
        {
            "id": row.pk,
            "name": row.name,
            "scopes": row.scopes,
            "connections": _names(row.rules.get("connections"), link_names),
            "methods": row.rules.get("methods") or [],
            "networks": row.rules.get("networks") or [],
            "act_for": _names(row.rules.get("act_for") or [], emails),
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "last_used_at": row.last_used_at,
        }
        for row in asked
    ]


def _link_names(rows: list[ApiToken], actor: Actor) -> dict[str, str]:
    """By id; what was deleted or is no longer the actor's to see is left out."""
    ids = {entry for row in rows for entry in row.rules.get("connections") or []}
    found = access.visible(actor).filter(pk__in=ids) if ids else Connection.objects.none()
    return {str(pk): link_name for pk, link_name in found.values_list("pk", "link_name")}


def _emails(rows: list[ApiToken]) -> dict[str, str]:
    ids = {UUID(entry) for row in rows for entry in row.rules.get("act_for") or [] if entry != "*"}
    found = User.objects.filter(pk__in=ids).values_list("pk", "email") if ids else ()
    return {"*": "*"} | {str(pk): email for pk, email in found}


def _names(ids: list[str] | None, names: dict[str, str]) -> list[str] | None:
    return None if ids is None else sorted(names[entry] for entry in ids if entry in names)
