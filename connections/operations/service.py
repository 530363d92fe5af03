"""Changing and deleting services that connections may stand on."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from connections import grants
from connections.errors import RetargetUnconfirmed, ServiceInUse
from connections.models import Connection, Grant
from people import audit
from people.actor import Actor
from people.audit_events import Event
from services import loader
from services import operations as services_operations
from services.changes import Change, compare
from services.errors import NotYourService, ServiceUpToDate
from services.models import Service


@transaction.atomic
def change_service(*, actor: Actor, service: Service, data: Mapping[str, Any]) -> Change:
    """PATCH a custom service. Sending credentials elsewhere needs ``confirm``, and ends the live grants.

    Raises ValidationFailed, RetargetUnconfirmed, ConfirmationRequired.
    """
    used_by = _locked_users(service)
    service = services_operations.get_service(actor=actor, link_name=service.link_name)
    change = services_operations.plan_change(actor=actor, service=service, data=data)
    if used_by:
        change.require_nothing_fixed()
        if change.is_retargeted:
            _require_confirmation(actor, service, data)
    ended = _end_grants(used_by) if change.is_retargeted else []
    applied = services_operations.apply_change(
        actor=actor, service=service, data=data, is_in_use=bool(used_by)
    )
    _tell_ended(actor, ended)
    return applied


@transaction.atomic
def take_over_newer(*, actor: Actor, service: Service, confirm: str) -> None:
    """Bring an outdated default service to what the catalogue says; the grants that stand on it end.

    Raises NotYourService, ServiceUpToDate, RetargetUnconfirmed, ConfirmationRequired.
    """
    if not actor.is_administrator:
        raise NotYourService("Only an administrator takes over what the catalogue says of a service in use.")
    used_by = _locked_users(service)
    service = services_operations.get_service(actor=actor, link_name=service.link_name)
    entry = loader.newer(service)
    if entry is None:
        raise ServiceUpToDate
    _require_confirmation(actor, service, {"confirm": confirm})
    change = compare(service, entry.defined)
    loader.take_over(service, entry)
    ended = _end_grants(used_by)
    audit.record(
        Event.SERVICE_RETARGETED,
        actor=actor,
        target=f"service:{service.link_name}",
        fields=list(change.fields),
        hosts=service.hosts,
    )
    _tell_ended(actor, ended)


@transaction.atomic
def delete_service(*, actor: Actor, service: Service) -> None:
    """Delete a custom service that nothing uses. Raises ServiceInUse with ``connections``."""
    services_operations.lock_service(service.link_name)
    service = services_operations.get_service(actor=actor, link_name=service.link_name)
    used_by = _connections_of(service).order_by("link_name").values_list("link_name", flat=True)
    if used_by and services_operations.may_edit(actor, service):
        raise ServiceInUse(connections=list(used_by))
    services_operations.remove(actor=actor, service=service)


def _locked_users(service: Service) -> list[Connection]:
    """The connections that use it. They and the service are held, in this order everywhere, to the end of the
    transaction: none is made, and none gets a credential, while its hosts change."""
    services_operations.lock_service(service.link_name)
    return list(_connections_of(service).order_by("pk").select_for_update(of=("self",)))


def _connections_of(service: Service) -> QuerySet[Connection]:
    return Connection.objects.filter(auth__service=service)


def _require_confirmation(actor: Actor, service: Service, data: Mapping[str, Any]) -> None:
    if data.get("confirm") != service.link_name:
        raise RetargetUnconfirmed
    actor.require_fresh()


def _end_grants(used_by: list[Connection]) -> list[Connection]:
    """End what was granted for where the credentials went; those that had something to end."""
    return [
        connection
        for connection in used_by
        if grants.end_all(Grant.objects.filter(connection=connection), "service_changed")
    ]


def _tell_ended(actor: Actor, ended: list[Connection]) -> None:
    for connection in ended:
        target = f"connection:{connection.link_name}"
        audit.record(Event.GRANT_ENDED, actor=actor, target=target, reason="service_changed")
