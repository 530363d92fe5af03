"""How much connections are used, and by whom: for their lists and before they are deleted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Max
from django.db.models.functions import TruncHour

from connections.models import Connection
from invoke import operations
from people.actor import Actor

HOURS = 24
LATELY = timedelta(days=30)
MOST_USERS = 10


@dataclass(frozen=True, slots=True)
class Day:
    """Calls in the last 24 hours, the oldest hour first."""

    hours: tuple[int, ...] = (0,) * HOURS

    @property
    def total(self) -> int:
        return sum(self.hours)


@dataclass(frozen=True, slots=True)
class User:
    """Who called, with which token (empty: from a page), how often, and when last."""

    email: str
    token: str
    calls: int
    last_at: datetime


def by_hour(*, actor: Actor, connections: Iterable[Connection], now: datetime) -> dict[UUID, Day]:
    """The last day of each connection, as far as the actor may see its calls; in one query."""
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    ids = [connection.pk for connection in connections]
    hours = {pk: [0] * HOURS for pk in ids}
    counted: Any = (
        operations.calls(actor=actor)
        .filter(connection_id__in=ids, at__gte=since)
        .annotate(hour=TruncHour("at"))
        .order_by()
        .values("connection_id", "hour")
        .annotate(calls=Count("id"))
    )
    for row in counted:
        index = min(HOURS - 1, int((row["hour"] - since) / timedelta(hours=1)))
        hours[row["connection_id"]][index] += row["calls"]
    return {pk: Day(tuple(numbers)) for pk, numbers in hours.items()}


def users_lately(*, actor: Actor, connection: Connection, now: datetime) -> list[User]:
    """Who called it within a month, the latest first."""
    found: Any = (
        operations.calls(actor=actor, connection=connection)
        .filter(at__gte=now - LATELY)
        .order_by()
        .values("user", "token")
        .annotate(calls=Count("id"), last_at=Max("at"))
        .order_by("-last_at")
    )
    return [User(row["user"], row["token"], row["calls"], row["last_at"]) for row in found[:MOST_USERS]]
