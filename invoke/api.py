"""The API's part about calls: those of a connection, its snippets, its test."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema

from api.description import may_fail
from api.pages import Paging, page
from connections import access, grants
from connections.api_auth import NARROWED
from connections.errors import ConnectionNotFound, EndpointBusy, NotYourConnection
from invoke import operations, snippets
from invoke.errors import TooManyTests
from invoke.models import Call
from people.actor import from_request

router = Router(tags=["calls"])


class CallOut(Schema):
    """A call as the contract has it; ``path`` is without its query."""

    id: UUID
    at: datetime
    connection: str
    token: str
    user: str
    method: str
    host: str
    path: str
    status: int
    duration_ms: int
    request_bytes: int
    response_bytes: int
    attempts: int
    refreshed: bool
    code: str


class CallList(Schema):
    """A page of calls, newest first."""

    items: list[CallOut]
    next: str | None


class SnippetOut(Schema):
    """A piece of code, ready to paste."""

    language: str
    title: str
    code: str


class SnippetList(Schema):
    """All of them."""

    items: list[SnippetOut]
    next: str | None = None


class TestOut(Schema):
    """What a test found; ``ok`` is null where nothing could be proved."""

    ok: bool | None
    status: str
    checked: str | None
    detail: str


@router.get(
    "/connections/{link_name}/calls",
    response=CallList,
    summary="Calls of a connection",
    openapi_extra=may_fail(ConnectionNotFound),
    auth=NARROWED,
)
def list_calls(request: HttpRequest, link_name: str, paging: Query[Paging]) -> dict[str, Any]:
    """The calls that you may see, newest first."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    rows: tuple[list[Call], str | None] = page(
        operations.calls(actor=actor, connection=connection), limit=paging.limit, cursor=paging.cursor
    )
    return {"items": rows[0], "next": rows[1]}


@router.get(
    "/connections/{link_name}/snippets",
    response=SnippetList,
    summary="Code to call it",
    openapi_extra=may_fail(ConnectionNotFound),
    auth=NARROWED,
)
def list_snippets(request: HttpRequest, link_name: str) -> dict[str, Any]:
    """Ready to paste, with this server's address and the link name filled in."""
    actor = from_request(request)
    connection = access.get(actor=actor, link_name=link_name)
    grant = grants.current(connection, actor.user)
    return {"items": snippets.snippets(connection, grant.variables if grant else None)}


@router.post(
    "/connections/{link_name}/test",
    response=TestOut,
    summary="Test a connection",
    openapi_extra=may_fail(ConnectionNotFound, NotYourConnection, TooManyTests, EndpointBusy),
    auth=NARROWED,
)
def test(request: HttpRequest, link_name: str) -> operations.TestResult:
    """Send the service's test request; without one, refresh where that can be done."""
    actor = from_request(request)
    return operations.test_connection(actor=actor, connection=access.get(actor=actor, link_name=link_name))
