"""Parts for connection pages, taken by name: a connection's snippets and its latest calls."""

from collections.abc import Mapping
from datetime import datetime
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
def snippets_of(connection: Connection, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Code to paste in every language, one below the other; ``segment.js`` makes tabs of them."""
    return {"snippets": snippets.snippets(connection, variables)}


@register.inclusion_tag("invoke/parts/recent_calls.html", takes_context=True)
def recent_calls(context: Mapping[str, Any], connection: Connection) -> dict[str, Any]:
    """The latest calls of a connection, as far as the signed-in person may see them."""
    actor = from_request(context["request"])
    rows = operations.calls(actor=actor, connection=connection).order_by("-id")[:RECENT]
    return {"calls": list(rows), "connection": connection}


@register.filter
def ago(at: datetime, now: datetime | None = None) -> str:
    """How long ago, in its largest unit: ``12 s ago``, ``4 min ago``, ``1 h ago``, ``3 d ago``."""
    seconds = max(0, round(((now or timezone.now()) - at).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


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
