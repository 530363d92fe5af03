"""Parts for connection pages, taken by name: a connection's snippets, its latest calls, their number."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django import template
from django.utils import timezone

from connections.models import Connection
from invoke import operations, snippets
from invoke.models import Call
from people.actor import from_request

register = template.Library()
RECENT = 8


@register.inclusion_tag("invoke/parts/snippets.html")
def snippets_of(connection: Connection) -> dict[str, Any]:
    """Code to paste in every language, one below the other; ``segment.js`` makes tabs of them."""
    return {"snippets": snippets.snippets(connection)}


@register.inclusion_tag("invoke/parts/recent_calls.html", takes_context=True)
def recent_calls(context: Mapping[str, Any], connection: Connection) -> dict[str, Any]:
    """The latest calls of a connection, as far as the signed-in person may see them."""
    actor = from_request(context["request"])
    rows = operations.calls(actor=actor, connection=connection).order_by("-id")[:RECENT]
    return {"calls": list(rows), "connection": connection}


@register.simple_tag(takes_context=True)
def calls_24h(context: Mapping[str, Any], connections: Iterable[Connection]) -> dict[object, int]:
    """How many calls each connection had in the last day, in one query; ``{{ counts|of:connection.pk }}``."""
    actor = from_request(context["request"])
    since = timezone.now() - timedelta(days=1)
    return operations.calls_since(actor=actor, connections=list(connections), since=since)


@register.filter
def of(counts: Mapping[object, int], key: object) -> int:
    """The number for a key, 0 where there is none."""
    return counts.get(key, 0)


@register.filter
def verdict(call: Call) -> str:
    """The word for ``parts/status.html``: how the call went."""
    if call.code:
        return "bad"
    if call.status < 400:
        return "good" if call.status >= 200 else "idle"
    return "bad"


@register.filter
def outcome(call: Call) -> str:
    """The words beside it: the service's status, or what stopped the call."""
    said = str(call.status or "under way")
    if call.code:
        said = f"{said} · {call.code}" if call.status else call.code
    return f"{said} · refreshed" if call.refreshed else said
