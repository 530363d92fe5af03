"""How much connections are used, drawn for the pages that list or delete them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import template
from django.utils import timezone

from connections.models import Connection
from invoke import usage
from people.actor import from_request

register = template.Library()
WIDTH, HEIGHT, LEAST = 92.0, 24.0, 1.5  # of the drawing; an hour without a call is still a mark


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the drawing."""

    x: float
    y: float
    height: float
    is_idle: bool


@register.simple_tag(takes_context=True)
def calls_by_hour(context: Mapping[str, Any], connections: Iterable[Connection]) -> dict[UUID, usage.Day]:
    """The last 24 hours of each connection, in one query for all."""
    actor = from_request(context["request"])
    return usage.by_hour(actor=actor, connections=connections, now=timezone.now())


@register.filter
def day_of(days: Mapping[UUID, usage.Day], connection: Connection) -> usage.Day:
    """A connection's own day."""
    return days.get(connection.pk, usage.Day())


@register.inclusion_tag("invoke/parts/spark.html")
def spark(day: usage.Day) -> dict[str, Any]:
    """A bar for each hour, the highest as high as the drawing."""
    highest, step = max(day.hours) or 1, WIDTH / len(day.hours)
    heights = [max(LEAST, (HEIGHT - 2) * calls / highest) for calls in day.hours]
    bars = [
        Bar(round(index * step, 1), round(HEIGHT - height, 1), round(height, 1), is_idle=calls == 0)
        for index, (height, calls) in enumerate(zip(heights, day.hours, strict=True))
    ]
    return {"bars": bars, "total": day.total}


@register.inclusion_tag("invoke/parts/used_lately.html", takes_context=True)
def used_lately(context: Mapping[str, Any], connection: Connection) -> dict[str, Any]:
    """Who called a connection within the last month."""
    actor = from_request(context["request"])
    return {"users": usage.users_lately(actor=actor, connection=connection, now=timezone.now())}
