"""The managing API: connections, API tokens, and what changes services that connections stand on."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Status

from api.description import may_fail
from api.pages import Paging, page
from connections import access, operations, shapes
from connections.api_auth import NARROWED
from connections.errors import (
    ActingForOthers,
    AuthorizationRequired,
    ClientMissing,
    ConnectionDisabled,
    ConnectionNotFound,
    EndpointBusy,
    LinkNameRetired,
    LinkNameTaken,
    NoBuilder,
    NotForYou,
    NothingToEnter,
    NotYourConnection,
    RetargetUnconfirmed,
    ServiceInUse,
    TokenNotFound,
    WideningUnconfirmed,
)
from connections.models import Connection
from connections.schemas import (
    AuthorizeOut,
    ConnectIn,
    ConnectionIn,
    ConnectionList,
    ConnectionOut,
    ConnectionPatch,
    Listed,
    NewTokenOut,
    RevokedOut,
    TokenIn,
    TokenList,
)
from people.actor import from_request
from people.errors import FreshSignInNeeded
from problems import ValidationFailed
from services import api as services_api
from services import operations as services_operations
from services import search
from services.errors import NotYourService, ServiceFixed, ServiceNotFound
from services.schemas import ServiceOut, ServicePatch

router = Router(tags=["connections"])
as_json = shapes.as_json
LISTS = {"mine": access.mine, "shared": access.shared, "internal": access.internal}
REVOKED = {
    True: "Revoked here, and the service confirmed it.",
    False: "Revoked here. The service did not confirm it: end the access there as well.",
    None: "Revoked here. The service has no address to be told at.",
}
ORDER = ("name", "id")


# --- Connections --------------------------------------------------------------------------------------
@router.get("/connections", response=ConnectionList, url_name="connections", auth=NARROWED)
def list_connections(request: HttpRequest, query: Query[Listed]) -> dict[str, Any]:
    """Connections by list, by name."""
    actor = from_request(request)
    if query.list not in LISTS:
        raise ValidationFailed.of("list", f"Choose one of {', '.join(LISTS)}.")
    found = _matching(LISTS[query.list](actor), query.q).prefetch_related("access", "auth__clients")
    rows, following = page(found, limit=query.limit, cursor=query.cursor, order=ORDER)
    return {"items": shapes.listed(rows, actor), "next": following}


@router.post(
    "/connections",
    response={201: ConnectionOut},
    url_name="connections",
    openapi_extra=may_fail(LinkNameTaken, LinkNameRetired, NoBuilder),
)
def create_connection(request: HttpRequest, data: ConnectionIn) -> Status[dict[str, Any]]:
    """Make a connection; `authorize_url` says where to authorise it."""
    actor = from_request(request)
    given = data.model_dump(exclude_unset=True)
    connection = operations.create_connection(actor=actor, data=given)
    return Status(201, as_json(connection, actor))


@router.get(
    "/connections/{link_name}",
    response=ConnectionOut,
    url_name="connection",
    openapi_extra=may_fail(ConnectionNotFound),
    auth=NARROWED,
)
def get_connection(request: HttpRequest, link_name: str) -> dict[str, Any]:
    """One connection, as it stands for the asker."""
    actor = from_request(request)
    return as_json(access.get(actor=actor, link_name=link_name), actor)


@router.patch(
    "/connections/{link_name}",
    response=ConnectionOut,
    url_name="connection",
    openapi_extra=may_fail(ConnectionNotFound, NotYourConnection),
    auth=NARROWED,
)
def change_connection(request: HttpRequest, link_name: str, data: ConnectionPatch) -> dict[str, Any]:
    """Change what is given; changed scopes or variables need consent again."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    given = data.model_dump(exclude_unset=True)
    connection = operations.change_connection(actor=actor, connection=connection, data=given)
    return as_json(connection, actor)


@router.delete(
    "/connections/{link_name}",
    response={204: None},
    url_name="connection",
    openapi_extra=may_fail(ConnectionNotFound, NotYourConnection, EndpointBusy),
    auth=NARROWED,
)
def delete_connection(request: HttpRequest, link_name: str) -> Status[None]:
    """Delete it with all it holds."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    operations.delete_connection(actor=actor, connection=connection, confirm=link_name)
    return Status(204, None)


@router.post(
    "/connections/{link_name}/connect",
    response=ConnectionOut | AuthorizeOut,
    url_name="connect",
    openapi_extra=may_fail(
        ConnectionNotFound,
        NotForYou,
        ClientMissing,
        ConnectionDisabled,
        NothingToEnter,
        FreshSignInNeeded,
        EndpointBusy,
    ),
    auth=NARROWED,
)
def connect(request: HttpRequest, link_name: str, data: ConnectIn | None = None) -> dict[str, Any]:
    """Key and basic: `credentials` in, the connection out. OAuth: `authorize_url` out."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    credentials = data.credentials if data else None
    authorize_url = operations.connect(actor=actor, connection=connection, credentials=credentials)
    return {"authorize_url": authorize_url} if authorize_url else as_json(connection, actor)


@router.post(
    "/connections/{link_name}/revoke",
    response=RevokedOut,
    url_name="revoke",
    openapi_extra=may_fail(ConnectionNotFound, NotForYou, AuthorizationRequired, EndpointBusy),
    auth=NARROWED,
)
def revoke(request: HttpRequest, link_name: str) -> dict[str, Any]:
    """Wipe the grant here and tell the service; `confirmed` says whether it agreed."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    outcome = operations.revoke_connection(actor=actor, connection=connection)
    told = {"confirmed": outcome.is_confirmed, "detail": REVOKED[outcome.is_confirmed]}
    return as_json(connection, actor) | told


# --- API tokens ---------------------------------------------------------------------------------------
@router.get("/tokens", response=TokenList, url_name="tokens", auth=NARROWED)
def list_tokens(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The asker's API tokens, newest first."""
    actor = from_request(request)
    rows, following = page(operations.find_tokens(actor=actor), limit=paging.limit, cursor=paging.cursor)
    return {"items": shapes.tokens_as_json(rows, actor), "next": following}


@router.post(
    "/tokens",
    response={201: NewTokenOut},
    url_name="tokens",
    openapi_extra=may_fail(ActingForOthers, FreshSignInNeeded),
    auth=NARROWED,
)
def create_token(request: HttpRequest, data: TokenIn) -> Status[dict[str, Any]]:
    """Make an API token; its text is in this answer and nowhere else."""
    actor = from_request(request)
    row, secret = operations.create_token(actor=actor, **data.model_dump())
    return Status(201, shapes.tokens_as_json([row], actor)[0] | {"token": secret.reveal()})


@router.delete(
    "/tokens/{token_id}",
    response={204: None},
    url_name="token",
    openapi_extra=may_fail(TokenNotFound),
    auth=NARROWED,
)
def revoke_token(request: HttpRequest, token_id: UUID) -> Status[None]:
    """Revoke a token and those made with it."""
    operations.revoke_token(actor=from_request(request), token_id=token_id)
    return Status(204, None)


# --- Services that connections stand on -----------------------------------------------------------
# On the router of the room below: one address answers all its methods from one router.
@services_api.router.patch(
    "/services/{link_name}",
    response=ServiceOut,
    url_name="service",
    openapi_extra=may_fail(
        ServiceNotFound, ServiceFixed, NotYourService, RetargetUnconfirmed, WideningUnconfirmed
    ),
)
def change_service(request: HttpRequest, link_name: str, data: ServicePatch) -> dict[str, Any]:
    """Change a custom service; where credentials would go anywhere new it needs `confirm`."""
    actor = from_request(request)
    service = services_operations.get_service(actor=actor, link_name=link_name)
    operations.change_service(actor=actor, service=service, data=data.root)
    return services_api.as_json(services_operations.get_service(actor=actor, link_name=link_name), actor)


@services_api.router.delete(
    "/services/{link_name}",
    response={204: None},
    url_name="service",
    openapi_extra=may_fail(
        ServiceNotFound, ServiceFixed, NotYourService, ServiceInUse(connections=["storefront"])
    ),
)
def delete_service(request: HttpRequest, link_name: str) -> Status[None]:
    """Delete a custom service that no connection uses."""
    actor = from_request(request)
    service = services_operations.get_service(actor=actor, link_name=link_name)
    operations.delete_service(actor=actor, service=service)
    return Status(204, None)


def _matching(connections: QuerySet[Connection], q: str) -> QuerySet[Connection]:
    """Every word stands in the name, the link name or the service's name."""
    for word in search.words_of(q):
        connections = connections.filter(
            Q(name__icontains=word) | Q(link_name__icontains=word) | Q(auth__service__name__icontains=word)
        )
    return connections
