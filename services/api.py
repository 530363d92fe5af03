"""Services over the API. Changing and deleting them touches connections, and is in ``connections.api``."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status

from api.description import may_fail
from api.pages import Paging, page
from people.actor import Actor, from_request
from people.errors import FreshSignInNeeded
from services import clients, definition, operations
from services.callback import callback_url
from services.errors import LinkNameRetired, LinkNameTaken, NoBuilder, NotYourService, ServiceNotFound
from services.models import Service, ServiceAuth
from services.schemas import ClientIn, ServiceIn, ServiceList, ServiceOut
from vault.secret import Secret

router = Router(tags=["services"])


@router.get("/services", response=ServiceList, url_name="services")
def list_services(
    request: HttpRequest,
    paging: Query[Paging],
    kind: Literal["default", "custom"] | None = None,
    q: Annotated[str, Query(description="Words of the name, the link name or what it is known as.")] = "",
    category: Annotated[str, Query(description="A category, as services have it.")] = "",
) -> dict[str, Any]:
    """The catalogue and the custom services, by name."""
    actor = from_request(request)
    found = operations.find_services(actor=actor, kind=kind, q=q, category=category)
    rows, following = page(found, limit=paging.limit, cursor=paging.cursor, order=("name", "id"))
    return {"items": [as_json(service, actor) for service in rows], "next": following}


@router.post(
    "/services",
    response={201: ServiceOut},
    url_name="services",
    openapi_extra=may_fail(LinkNameTaken, LinkNameRetired, NoBuilder, FreshSignInNeeded),
)
def create_service(request: HttpRequest, data: ServiceIn) -> Status[dict[str, Any]]:
    """Make a custom service."""
    actor = from_request(request)
    return Status(201, as_json(operations.create_service(actor=actor, data=data.root), actor))


@router.get(
    "/services/{link_name}", response=ServiceOut, url_name="service", openapi_extra=may_fail(ServiceNotFound)
)
def get_service(request: HttpRequest, link_name: str) -> dict[str, Any]:
    """One service."""
    actor = from_request(request)
    return as_json(operations.get_service(actor=actor, link_name=link_name), actor)


@router.put(
    "/services/{link_name}/client",
    response=ServiceOut,
    url_name="service-client",
    openapi_extra=may_fail(ServiceNotFound, NotYourService, FreshSignInNeeded),
)
def set_client(request: HttpRequest, link_name: str, data: ClientIn) -> dict[str, Any]:
    """Enter the app that is registered with a service."""
    actor = from_request(request)
    service = operations.get_service(actor=actor, link_name=link_name)
    operations.set_client(
        actor=actor,
        service=service,
        auth_name=data.auth,
        client_id=data.client_id,
        client_secret=Secret(data.client_secret) if data.client_secret else None,
        private_key=Secret(data.private_key) if data.private_key else None,
    )
    return as_json(operations.get_service(actor=actor, link_name=link_name), actor)


def as_json(service: Service, actor: Actor) -> dict[str, Any]:
    """The contract's shape and what is known besides; never a secret."""
    told = definition.describe(service)
    takers = [auth for auth in service.auths.all() if clients.takes_client(auth)]
    if operations.may_set_client(actor, service):
        _add_client_ids(told, list(service.auths.all()))
    return told | {
        "kind": service.kind,
        "category": service.category,
        "docs_url": service.docs_url,
        "callback_url": callback_url(service),
        "needs_client": bool(takers),
        "has_client": bool(takers) and all(clients.default_of(auth) for auth in takers),
        "created_by": service.created_by.email if service.created_by else None,
        "may_edit": operations.may_edit(actor, service),
    }


def _add_client_ids(told: dict[str, Any], auths: list[ServiceAuth]) -> None:
    """Ids are no secrets, yet only for those who may change them."""
    for entry, auth in zip(told.get("auth", [told]), auths, strict=True):
        row = clients.default_of(auth)
        if row:
            name = clients.id_field(auth)
            entry[auth.auth_type] = {**entry[auth.auth_type], name: row.client_id}
