"""What a failed call leaves behind or needs from Django: audit events, and where a person authorises.

Runs in threads, on the way of failures only; a call that works pays nothing for it.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections as databases

from connections import api_auth, oauth
from connections.errors import ConnectionNotFound
from connections.models import Connection
from invoke.errors import DatabaseUnavailable
from invoke.resolve import Row, plan_of
from people import audit, throttle
from people.actor import Actor
from people.addresses import throttle_key
from people.audit_events import Event
from people.models import User

log = structlog.get_logger(__name__)
T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run Django code in a thread, whose connections are closed after. Raises DatabaseUnavailable."""

    def run() -> T:
        try:
            return work()
        except DatabaseError as error:
            log.warning("call.database_away", error=type(error).__name__)
            raise DatabaseUnavailable from None
        finally:
            databases.close_all()

    return await asyncio.to_thread(run)


def count_bad_token(ip: str) -> None:
    """A token that was no good. Raises Throttled when there were too many from this address."""
    throttle.failed("token", throttle_key(ip), limit=api_auth.GUESSES)


def tell(event: Event, row: Row, ip: str, code: str) -> None:
    """An audit event about a call that was stopped. A script that tries on and on does not fill the trail:
    the activity list has each of its calls."""
    if not audit.may_repeat(event, key=str(_id(row))):
        return
    user = _person(row.owner_id)
    actor = Actor(user=user, token_name=row.token_name or "", ip=ip) if user else None
    link_name = Connection.objects.filter(pk=_id(row)).values_list("link_name", flat=True).first()
    audit.record(event, actor=actor, target=f"connection:{link_name or _id(row)}", ip=ip, code=code)


def _id(row: Row) -> UUID:
    return UUID(row.connection_id)


def _person(pk: str | None) -> User | None:
    return User.objects.filter(pk=UUID(pk)).first() if pk else None


def authorize_url(row: Row) -> str:
    """The page of ours where the person whose authorisation is missing can give it.

    Raises ConnectionNotFound where the connection, or one of the two people, was deleted meanwhile.
    """
    connection = Connection.objects.select_related("auth", "created_by").filter(pk=_id(row)).first()
    asker = _person(row.owner_id)
    if connection is None or asker is None:
        raise ConnectionNotFound
    target = plan_of(row).target
    if not target.auth_type.needs_consent(target.config):
        return f"{settings.PUBLIC_URL}/connections/{connection.link_name}/"
    for_user = _person(row.person_id) if connection.is_per_user else connection.created_by
    if for_user is None:
        raise ConnectionNotFound
    return oauth.link(actor=Actor.of(asker), connection=connection, for_user=for_user)
