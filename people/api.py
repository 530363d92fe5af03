"""People and the audit trail in the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status

from api.description import may_fail
from api.pages import Paging, page
from api.schemas import Strict, example, told
from people import audit_trail, operations
from people.actor import from_request
from people.audit_events import Event
from people.errors import AdministratorsOnly, EmailTaken, FreshSignInNeeded, LastAdministrator, PersonNotFound
from people.models import Role, User

router = Router()
EMAIL = told(format="email", maxLength=254)
ROLE: dict[str, Any] = {"enum": Role.values}


def _or_null(**shape: Any) -> dict[str, Any]:
    return told(anyOf=[{"type": "string", **shape}, {"type": "null"}])


class PersonIn(Strict):
    """A new person."""

    model_config = example(email="grace@example.com", role="builder")

    email: str = Field(json_schema_extra=EMAIL)
    role: str = Field(Role.MEMBER.value, json_schema_extra=ROLE)


class PersonChange(Strict):
    """What changes about a person; what is left out stays."""

    model_config = example(role="member", active=False)

    email: str | None = Field(None, json_schema_extra=_or_null(format="email", maxLength=254))
    role: str | None = Field(None, json_schema_extra=_or_null(**ROLE))
    active: bool | None = Field(None, description="May they sign in?")


class Person(Schema):
    """A person."""

    id: UUID
    email: str
    name: str
    role: str
    active: bool
    created_at: datetime
    last_sign_in_at: datetime | None


class NewPerson(Person):
    """A new person; ``setup_url``, shown once, is for you to hand over where no mail goes out."""

    setup_url: str | None = None


class People(Schema):
    """A page of people."""

    items: list[Person]
    next: str | None


class AuditEventOut(Schema):
    """What somebody did."""

    id: UUID
    at: datetime
    event: str
    actor: str
    token: str
    target: str
    ip: str
    request_id: str


class AuditEvents(Schema):
    """A page of events, newest first."""

    items: list[AuditEventOut]
    next: str | None


class AuditFilters(Schema):
    """Each narrows the list; empty ones do not."""

    event: str = Field("", json_schema_extra=told("The event’s name.", enum=["", *Event.values]))
    actor: str = Field("", description="The actor’s e-mail address.")
    target: str = Field("", description="Such as connection:storefront.")
    since: str = Field(
        "",
        description="A day or a time.",
        json_schema_extra={"anyOf": [{"format": "date-time"}, {"format": "date"}, {"maxLength": 0}]},
    )


@router.get(
    "/people",
    response=People,
    tags=["People"],
    summary="List people",
    openapi_extra=may_fail(AdministratorsOnly),
)
def list_people(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Everybody, by e-mail address. For administrators."""
    found = operations.find_people(actor=from_request(request))
    rows, cursor = page(found, limit=paging.limit, cursor=paging.cursor, order=("email",))
    return {"items": [as_json(person) for person in rows], "next": cursor}


@router.post(
    "/people",
    response={201: NewPerson},
    tags=["People"],
    summary="Add a person",
    openapi_extra=may_fail(AdministratorsOnly, EmailTaken, FreshSignInNeeded),
)
def add_person(request: HttpRequest, body: PersonIn) -> Status[dict[str, Any]]:
    """Makes a person. ``setup_url`` lets them set a password, once. For administrators."""
    person, url = operations.add_person(actor=from_request(request), email=body.email, role=body.role)
    return Status(201, as_json(person) | {"setup_url": url or None})


@router.patch(
    "/people/{person_id}",
    response=Person,
    tags=["People"],
    summary="Change a person",
    openapi_extra=may_fail(
        AdministratorsOnly, PersonNotFound, EmailTaken, LastAdministrator, FreshSignInNeeded
    ),
)
def change_person(request: HttpRequest, person_id: UUID, body: PersonChange) -> dict[str, Any]:
    """Changes address, role or whether they may sign in. The last administrator stays one."""
    actor = from_request(request)
    person = operations.get_person(actor=actor, person_id=person_id)
    changed = operations.change_person(
        actor=actor, person=person, email=body.email, role=body.role, active=body.active
    )
    return as_json(changed)


@router.get("/audit", response=AuditEvents, tags=["Audit"], summary="List audit events")
def list_audit(request: HttpRequest, paging: Query[Paging], filters: Query[AuditFilters]) -> dict[str, Any]:
    """Newest first. Administrators see everything, others what they did."""
    events = audit_trail.find_events(actor=from_request(request), filters=filters.dict())
    rows, cursor = page(events, limit=paging.limit, cursor=paging.cursor, order=audit_trail.ORDER)
    return {"items": [audit_trail.as_json(event) for event in rows], "next": cursor}


def as_json(person: User) -> dict[str, Any]:
    """The contract's person."""
    return {
        "id": person.pk,
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "active": person.is_active,
        "created_at": person.created_at,
        "last_sign_in_at": person.last_login,
    }
