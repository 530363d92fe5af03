"""Making, changing and deleting connections."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from connections import access, details, exchanges, grants
from connections.details import Details
from connections.errors import (
    DeleteUnconfirmed,
    LinkNameRetired,
    LinkNameTaken,
    NoBuilder,
    TokenNotAllowed,
)
from connections.models import Access, Connection, Grant
from connections.operations import authorising, internal
from connections.status import lacks_client
from people import audit
from people.actor import Actor
from people.audit_events import Event
from problems.limits import IN_ALL
from services import auth_types
from services import operations as services_operations
from services.models import RetiredLinkName

_KIND = RetiredLinkName.Kind.CONNECTION


@audit.atomic()
def create_connection(*, actor: Actor, data: Mapping[str, Any]) -> Connection:
    """A connection from the contract's JSON, with its credentials where they came along.

    Raises TokenNotAllowed, NoBuilder, ValidationFailed, LinkNameTaken, LinkNameRetired.
    """
    if actor.is_narrowed:
        raise TokenNotAllowed("This API token is narrowed to certain connections, so it makes no new one.")
    if not actor.is_builder:
        raise NoBuilder
    services_operations.lock_service(data.get("service"))
    asked = details.parse(actor=actor, data=data)
    _claim_link_name(actor, asked.link_name)
    connection = _insert(actor, asked)
    set_audience(connection, asked.audience)
    _first_credential(actor, connection, asked)
    audit.record(
        Event.CONNECTION_CREATED,
        actor=actor,
        target=_target(connection),
        service=connection.auth.service.link_name,
        scopes=asked.scopes,
        credentials_of=asked.credentials_of,
        audience=asked.audience,
    )
    return connection


@audit.atomic()
def change_connection(*, actor: Actor, connection: Connection, data: Mapping[str, Any]) -> Connection:
    """PATCH. Changed scopes or variables end the grants, and consent is asked again."""
    access.require_edit(actor, connection)
    connection = access.lock(connection)
    asked = details.parse_change(connection=connection, data=data)
    changed = [name for name, value in asked.items() if value != _present(connection, name)]
    for name in set(changed) & {"name", "scopes", "variables"}:
        setattr(connection, name, asked[name])
    connection.save()
    if "audience" in changed:
        set_audience(connection, asked["audience"])
    if "disabled" in changed:
        _set_disabled(actor, connection, is_disabled=asked["disabled"])
    told = [name for name in changed if name != "disabled"]
    if told:
        audit.record(Event.CONNECTION_CHANGED, actor=actor, target=_target(connection), fields=told)
    for name in ("scopes", "variables"):
        if name in changed:
            _end_grants(actor, connection, f"{name}_changed")
    return connection


def switch_choice(*, actor: Actor, connection: Connection, variable: str, choice: str) -> Connection:
    """Set one variable and keep the others. Raises ValidationFailed, NotYourConnection."""
    asked = {each["name"] for each in connection.auth.service.variables}
    kept = {name: value for name, value in connection.variables.items() if name in asked}
    data = {"variables": kept | {variable: choice}}
    return change_connection(actor=actor, connection=connection, data=data)


def disable(*, actor: Actor, connection: Connection) -> Connection:
    """Switch it off: calls are refused, and what it holds stays."""
    return change_connection(actor=actor, connection=connection, data={"disabled": True})


def enable(*, actor: Actor, connection: Connection) -> Connection:
    """Switch it on again."""
    return change_connection(actor=actor, connection=connection, data={"disabled": False})


def delete_connection(*, actor: Actor, connection: Connection, confirm: str) -> None:
    """Delete it with all it holds, and tell the service. ``confirm`` is its link name, as it was typed.

    Raises NotYourConnection, DeleteUnconfirmed, EndpointBusy.
    """
    access.require_edit(actor, connection)
    if confirm.strip() != connection.link_name:
        raise DeleteUnconfirmed
    with exchanges.WAITERS.held(IN_ALL):
        grants.tell_services(_delete(actor, connection))


def _delete(actor: Actor, connection: Connection) -> list[grants.Revocation]:
    """What the service is to be told then."""
    with audit.atomic():
        connection = access.lock(connection)
        told = grants.Revocation.of_all(connection)
        if connection.is_internal:
            internal.revoke_tokens(actor=actor)
        RetiredLinkName.objects.update_or_create(
            kind=_KIND, link_name=connection.link_name, defaults={"owner_id": connection.created_by_id}
        )
        service = connection.auth.service.link_name
        grants.end_all(Grant.objects.filter(connection=connection), "deleted")  # in order: a cascade has none
        connection.delete()
        audit.record(Event.CONNECTION_DELETED, actor=actor, target=_target(connection), service=service)
    return told


def set_audience(connection: Connection, audience: str) -> None:
    """Who may use it besides its creator."""
    everyone = Access.objects.filter(connection=connection, user=None)
    if audience == "private":
        everyone.delete()
    elif not everyone.exists():
        Access.objects.create(connection=connection, user=None)


def _insert(actor: Actor, asked: Details) -> Connection:
    try:
        with transaction.atomic():
            return Connection.objects.create(
                auth=asked.auth,
                name=asked.name,
                link_name=asked.link_name,
                created_by=actor.user,
                credentials_of=asked.credentials_of,
                scopes=asked.scopes,
                variables=asked.variables,
            )
    except IntegrityError:
        raise LinkNameTaken from None


def _claim_link_name(actor: Actor, link_name: str) -> None:
    if Connection.objects.filter(link_name=link_name).exists():
        raise LinkNameTaken
    retired = RetiredLinkName.objects.filter(kind=_KIND, link_name=link_name)
    if retired.exclude(owner_id=actor.id).exists():
        raise LinkNameRetired
    retired.delete()


def _first_credential(actor: Actor, connection: Connection, asked: Details) -> None:
    is_automatic = auth_types.get(asked.auth.auth_type).is_automatic(asked.auth.config)
    if asked.credentials is not None:
        authorising.set_credentials(actor=actor, connection=connection, credentials=asked.credentials)
    elif is_automatic and not lacks_client(connection):
        authorising.store_automatic(actor=actor, connection=connection)


def _present(connection: Connection, name: str) -> Any:
    match name:
        case "audience":
            return access.audience_of(connection)
        case "disabled":
            return connection.is_disabled
        case _:
            return getattr(connection, name)


def _set_disabled(actor: Actor, connection: Connection, *, is_disabled: bool) -> None:
    connection.is_disabled = is_disabled
    connection.save(update_fields=["is_disabled", "updated_at"])
    event = Event.CONNECTION_DISABLED if is_disabled else Event.CONNECTION_ENABLED
    audit.record(event, actor=actor, target=_target(connection))


def _end_grants(actor: Actor, connection: Connection, reason: str) -> None:
    if grants.end_all(Grant.objects.filter(connection=connection), reason):
        audit.record(Event.GRANT_ENDED, actor=actor, target=_target(connection), reason=reason)
    is_automatic = auth_types.get(connection.auth.auth_type).is_automatic(connection.auth.config)
    if is_automatic and not lacks_client(connection):
        authorising.store_automatic(actor=actor, connection=connection)


def _target(connection: Connection) -> str:
    return f"connection:{connection.link_name}"
