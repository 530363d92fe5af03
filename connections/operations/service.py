"""Changing and deleting services that connections may stand on."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from connections import access, grants
from connections.errors import RetargetUnconfirmed, ServiceInUse, WideningUnconfirmed
from connections.models import Connection, Grant
from people import audit
from people.actor import Actor
from people.audit_events import Event
from services import loader, target
from services import operations as services_operations
from services.changes import Change, compare
from services.errors import NotYourService, ServiceUpToDate
from services.models import Service


@audit.atomic()
def change_service(*, actor: Actor, service: Service, data: Mapping[str, Any]) -> Change:
    """PATCH a custom service. In use, sending credentials elsewhere, or to further places, needs ``confirm``.

    Raises ValidationFailed, RetargetUnconfirmed, WideningUnconfirmed, ConfirmationRequired.
    """
    used_by = _locked_users(service)
    service = services_operations.get_service(actor=actor, link_name=service.link_name)
    change = services_operations.plan_change(actor=actor, service=service, data=data)
    if used_by:
        change.require_nothing_fixed()
        _require_confirmation(actor, service, change, used_by=used_by, confirm=data.get("confirm"))
    applied = services_operations.apply_change(
        actor=actor, service=service, data=data, is_in_use=bool(used_by)
    )
    _bring_along(actor, used_by, change)
    return applied


@audit.atomic()
def take_over_newer(*, actor: Actor, service: Service, confirm: str) -> Change:
    """Bring an outdated default service to what the catalogue says. The grants that stand on it end where
    that sends credentials elsewhere, and stay where it adds places.

    Raises NotYourService, ServiceUpToDate, RetargetUnconfirmed, WideningUnconfirmed, ConfirmationRequired.
    """
    if not actor.is_administrator:
        raise NotYourService("Only an administrator takes over what the catalogue says of a service in use.")
    used_by = _locked_users(service)
    service = services_operations.get_service(actor=actor, link_name=service.link_name)
    entry = loader.newer(service)
    if entry is None:
        raise ServiceUpToDate
    change = compare(service, entry.defined)
    _require_confirmation(actor, service, change, used_by=used_by, confirm=confirm)
    loader.take_over(service, entry)
    services_operations.record_change(actor=actor, service=service, change=change)
    _bring_along(actor, used_by, change)
    return change


@audit.atomic()
def delete_service(*, actor: Actor, service: Service) -> None:
    """Delete a custom service that nothing uses. Raises ServiceInUse with ``connections``."""
    services_operations.lock_service(service.link_name)
    service = services_operations.get_service(actor=actor, link_name=service.link_name)
    used_by = _connections_of(service).count()
    if used_by and services_operations.may_edit(actor, service):
        seen = access.visible(actor).filter(auth__service=service).order_by("link_name")
        named = list(seen.values_list("link_name", flat=True))
        raise ServiceInUse(connections=named, hint="" if len(named) == used_by else ServiceInUse.others)
    services_operations.remove(actor=actor, service=service)


def _locked_users(service: Service) -> list[Connection]:
    """The connections that use it. They and the service are held, in this order everywhere, to the end of the
    transaction: none is made, and none gets a credential, while its hosts change."""
    services_operations.lock_service(service.link_name)
    return list(_connections_of(service).order_by("pk").select_for_update(of=("self",)))


def _connections_of(service: Service) -> QuerySet[Connection]:
    return Connection.objects.filter(auth__service=service)


def _require_confirmation(
    actor: Actor, service: Service, change: Change, *, used_by: list[Connection], confirm: Any
) -> None:
    """The service's link name, typed, and a fresh sign-in, where credentials would go anywhere new."""
    if not change.moves_credentials:
        return
    if confirm != service.link_name:
        if change.is_retargeted:
            raise RetargetUnconfirmed
        ending = _ended_by(change, actor, used_by).exclude(state=Grant.State.ENDED)
        message = WideningUnconfirmed.message_for_others if ending.exists() else ""
        raise WideningUnconfirmed(message, added=change.additions)
    actor.require_fresh()


def _ended_by(change: Change, actor: Actor, used_by: list[Connection]) -> QuerySet[Grant]:
    """The grants that a change ends: all, where it sends credentials elsewhere. For further places those of
    other people, unless an administrator says so: whoever made the service could otherwise have what they
    entrusted to it sent to a host of their own."""
    standing = Grant.objects.filter(connection__in=used_by)
    if change.is_retargeted:
        return standing
    if change.is_widened and not actor.is_administrator:
        return standing.exclude(user=actor.id)
    return standing.none()


def _bring_along(actor: Actor, used_by: list[Connection], change: Change) -> None:
    """What a change to a service does to the connections that use it."""
    if not change.moves_credentials:
        return
    ending = _ended_by(change, actor, used_by)
    for connection in used_by:
        _refill(connection, change.defined.variables)
        if grants.end_all(ending.filter(connection=connection), "service_changed"):
            told = f"connection:{connection.link_name}"
            audit.record(Event.GRANT_ENDED, actor=actor, target=told, reason="service_changed")


def _refill(connection: Connection, variables: list[dict[str, Any]]) -> None:
    """What follows a choice is stored beside it: as the service has it now."""
    values = dict(connection.variables)
    for variable in variables:
        if variable["name"] in values:
            values |= target.values_of(variable, values[variable["name"]])
    if values != connection.variables:
        connection.variables = values
        connection.save(update_fields=["variables", "updated_at"])
