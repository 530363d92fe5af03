"""What people do with services. Acts that touch connections too are ``connections.operations``'."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Prefetch, QuerySet

from people import audit
from people.actor import Actor
from people.audit_events import Event
from services import clients, definition, rows, search
from services.auth_types.base import ClientKeys
from services.changes import Change, compare, merged
from services.definition import AuthDefinition, Definition
from services.errors import (
    LinkNameRetired,
    LinkNameTaken,
    NoBuilder,
    NotYourService,
    ServiceFixed,
    ServiceNotFound,
)
from services.models import OAuthClient, RetiredLinkName, Service, ServiceAuth
from services.search import Listed
from services.signals import client_set
from vault.secret import Secret

client_of = clients.client_of


def find_services(
    *,
    actor: Actor,
    kind: str | None = None,
    q: str = "",
    category: str = "",
    include_hidden: bool = False,
) -> QuerySet[Service]:
    """The services to choose from; hidden ones only for administrators who ask."""
    found = _with_auths(Service.objects.filter(is_retired=False))
    if not (include_hidden and actor.is_administrator):
        found = found.filter(is_hidden=False)
    if kind:
        found = found.filter(kind=kind)
    if category:
        found = found.filter(category=category)
    return found.filter(pk__in=_matching(q, found)) if q.strip() else found


def best_first(q: str, services: QuerySet[Service]) -> list[Service]:
    """Services that ``find_services`` found for ``q``, those that are likely meant before the others."""
    places = {pk: place for place, pk in enumerate(_matching(q, services))}
    return sorted(services, key=lambda service: places[service.pk])


def briefly(services: QuerySet[Service]) -> QuerySet[Service]:
    """As much of each as a list shows; ``known_as`` has its aliases. The rest is much more."""
    shown = services.select_related(None).prefetch_related(None).annotate(known_as=F("meta__aliases"))
    return shown.only("name", "link_name", "category", "icon", "kind", "is_hidden", "is_builtin")


def _matching(q: str, services: QuerySet[Service]) -> list[UUID]:
    columns = ("pk", "name", "link_name", "category", "meta__aliases", "meta__rank")
    rows = services.order_by().prefetch_related(None).values_list(*columns)
    listed = [
        Listed(pk, name, link_name, category, aliases or [], rank)
        for pk, name, link_name, category, aliases, rank in rows
    ]
    return search.best_first(q, listed)


def get_service(*, actor: Actor, link_name: str) -> Service:
    """The service of that link name. Raises ServiceNotFound."""
    service = _with_auths(Service.objects.filter(link_name=link_name.replace("\x00", ""))).first()
    if service is None:
        raise ServiceNotFound
    return service


def lock_service(link_name: Any) -> None:
    """Hold a service as it is to the end of the transaction: whoever changes where credentials go, and
    whoever gives it one to send, takes this lock before they look."""
    if isinstance(link_name, str):
        list(Service.objects.select_for_update().filter(link_name=link_name.replace("\x00", "")).values("pk"))


def may_edit(actor: Actor, service: Service) -> bool:
    """May this person change or delete it? Default services nobody may."""
    return service.is_custom and _is_keeper(actor, service)


def may_set_client(actor: Actor, service: Service) -> bool:
    """May this person enter the app that is registered with it?"""
    return not service.is_builtin and _is_keeper(actor, service)


@audit.atomic()
def create_service(*, actor: Actor, data: Mapping[str, Any]) -> Service:
    """A custom service from the contract's JSON. Raises ValidationFailed, LinkNameTaken, LinkNameRetired."""
    if not actor.is_builder:
        raise NoBuilder
    defined = definition.parse(data)
    _claim_link_name(actor, defined.link_name)
    service = Service(link_name=defined.link_name, kind=Service.Kind.CUSTOM, created_by=actor.user)
    try:
        with transaction.atomic():
            rows.store(service, defined)
    except IntegrityError:
        raise LinkNameTaken from None
    rows.store_auths(service, defined)
    audit.record(
        Event.SERVICE_CREATED,
        actor=actor,
        target=_target(service),
        base_url=service.base_url,
        hosts=service.hosts,
        auth_types=[auth.auth_type.name for auth in defined.auths],
        **_pkce_fact(defined),
    )
    _set_clients(actor, service, defined)
    return get_service(actor=actor, link_name=service.link_name)


def copy_service(*, actor: Actor, service: Service, name: str, link_name: str) -> Service:
    """A custom service defined as another is, to be changed from there; the app is not copied.

    Raises ValidationFailed, LinkNameTaken, LinkNameRetired, ServiceFixed, NoBuilder.
    """
    if service.is_builtin:
        raise ServiceFixed("A built-in service is this server’s own and cannot be copied.")
    data = definition.describe(service) | {"name": name, "link_name": link_name}
    return create_service(actor=actor, data=data)


@audit.atomic()
def set_client(
    *,
    actor: Actor,
    service: Service,
    client_id: str,
    client_secret: Secret | None,
    auth_name: str | None = None,
    private_key: Secret | None = None,
) -> OAuthClient:
    """Register an app with a service. Another client id makes a new default beside the old one.

    Without a secret the stored one stays, as long as the client id does. Raises ValidationFailed.
    """
    if not may_set_client(actor, service):
        raise NotYourService("Only an administrator, or the person who made this service, registers its app.")
    actor.require_fresh()
    service = _lock(actor, service)
    auth = clients.auth_for_client(service, auth_name)
    return _register(actor, service, auth, ClientKeys(client_id, client_secret, private_key))


def plan_change(*, actor: Actor, service: Service, data: Mapping[str, Any]) -> Change:
    """What a PATCH would change, with nothing changed yet.

    Raises ValidationFailed, ServiceFixed, NotYourService.
    """
    _require_editor(actor, service)
    return compare(service, definition.parse(merged(service, data)))


@audit.atomic()
def apply_change(
    *, actor: Actor, service: Service, data: Mapping[str, Any], is_in_use: bool = False
) -> Change:
    """Change a custom service. In use, it keeps its ways to authenticate and their wire names."""
    service = _lock(actor, service)
    change = plan_change(actor=actor, service=service, data=data)
    if is_in_use:
        change.require_nothing_fixed()
    if any(auth.client for auth in change.defined.auths):
        actor.require_fresh()
    rows.store(service, change.defined)
    rows.store_auths(service, change.defined)
    _set_clients(actor, service, change.defined)
    if change.fields:
        record_change(actor=actor, service=service, change=change)
    return change


def record_change(*, actor: Actor, service: Service, change: Change) -> None:
    """The audit event of a change, named by what it does to where credentials go."""
    event = Event.SERVICE_CHANGED
    added: dict[str, Any] = {}
    if change.is_retargeted:
        event = Event.SERVICE_RETARGETED
    elif change.is_widened:
        event = Event.SERVICE_WIDENED
        added = {"added_hosts": list(change.added_hosts), "added_values": dict(change.added_values)}
    audit.record(
        event,
        actor=actor,
        target=_target(service),
        fields=list(change.fields),
        hosts=service.hosts,
        **added,
        **_pkce_fact(change.defined),
    )


@audit.atomic()
def remove(*, actor: Actor, service: Service) -> None:
    """Delete a custom service that no connection uses; its link name stays its creator's."""
    service = _lock(actor, service)
    _require_editor(actor, service)
    RetiredLinkName.objects.update_or_create(
        kind=RetiredLinkName.Kind.SERVICE,
        link_name=service.link_name,
        defaults={"owner_id": service.created_by_id},
    )
    audit.record(Event.SERVICE_DELETED, actor=actor, target=_target(service), hosts=service.hosts)
    service.delete()


@audit.atomic()
def set_hidden(*, actor: Actor, service: Service, is_hidden: bool) -> None:
    """Take a default service out of the lists, or put it back. What uses it goes on."""
    if not actor.is_administrator:
        raise NotYourService("Only an administrator hides services.")
    service = _lock(actor, service)
    service.is_hidden = is_hidden
    service.save(update_fields=["is_hidden", "updated_at"])
    audit.record(Event.SERVICE_CHANGED, actor=actor, target=_target(service), is_hidden=is_hidden)


def categories(*, actor: Actor, include_hidden: bool = False) -> list[tuple[str, int]]:
    """The categories of the default services, by name, and how many are in each."""
    found = find_services(actor=actor, kind=Service.Kind.DEFAULT, include_hidden=include_hidden)
    counted = found.exclude(category="").order_by("category").values("category").annotate(number=Count("pk"))
    return [(row["category"], row["number"]) for row in counted]


def _lock(actor: Actor, service: Service) -> Service:
    """The service as it is now, held to the end of the transaction. Raises ServiceNotFound."""
    lock_service(service.link_name)
    return get_service(actor=actor, link_name=service.link_name)


def _with_auths(services: QuerySet[Service]) -> QuerySet[Service]:
    auths = ServiceAuth.objects.order_by("position").prefetch_related("clients")
    return services.select_related("created_by").prefetch_related(Prefetch("auths", auths))


def _is_keeper(actor: Actor, service: Service) -> bool:
    is_maker = service.is_custom and service.created_by_id == actor.id
    return actor.is_administrator or (is_maker and not actor.is_narrowed)


def _require_editor(actor: Actor, service: Service) -> None:
    if not service.is_custom:
        raise ServiceFixed
    if not may_edit(actor, service):
        raise NotYourService


def _claim_link_name(actor: Actor, link_name: str) -> None:
    if Service.objects.filter(link_name=link_name).exists():
        raise LinkNameTaken
    retired = RetiredLinkName.objects.filter(kind=RetiredLinkName.Kind.SERVICE, link_name=link_name)
    if retired.exclude(owner_id=actor.id).exists():
        raise LinkNameRetired
    retired.delete()


def _set_clients(actor: Actor, service: Service, defined: Definition) -> None:
    for auth in defined.auths:
        if auth.client:
            _register(actor, service, service.auths.get(name=auth.name), auth.client)


def _register(actor: Actor, service: Service, auth: ServiceAuth, keys: ClientKeys) -> OAuthClient:
    row = clients.store(
        auth, client_id=keys.client_id, client_secret=keys.client_secret, private_key=keys.private_key
    )
    client_set.send(sender=OAuthClient, client=row)
    audit.record(
        Event.CLIENT_SET, actor=actor, target=_target(service), auth=auth.name, client_id=row.client_id
    )
    return row


def _pkce_fact(defined: Definition) -> dict[str, Any]:
    """PKCE switched off is worth an auditor's eye."""
    off = [auth.name for auth in defined.auths if _is_without_pkce(auth)]
    return {"without_pkce": off} if off else {}


def _is_without_pkce(auth: AuthDefinition) -> bool:
    return auth.config.get("pkce") is False


def _target(service: Service) -> str:
    return f"service:{service.link_name}"
