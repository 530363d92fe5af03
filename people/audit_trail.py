"""Reading the audit trail: administrators read everything, everybody else what they did themselves."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime

from people.actor import Actor
from people.audit_events import Event
from people.models import AuditEvent
from problems import ValidationFailed

ORDER = ("-sequence",)
EXACT = {"event": "event", "actor": "actor__iexact", "target": "target"}


def visible(actor: Actor) -> QuerySet[AuditEvent]:
    """The events that this person may read; through a narrowed token none."""
    events = AuditEvent.objects.none() if actor.is_narrowed else AuditEvent.objects.all()
    return events if actor.is_administrator else events.filter(actor_id=actor.id)


def find_events(*, actor: Actor, filters: Mapping[str, str]) -> QuerySet[AuditEvent]:
    """Events by ``event``, ``actor`` (e-mail address), ``target`` and ``since``; empty filters do not narrow.

    Raises ValidationFailed for an event that does not exist or a time that is none.
    """
    events = visible(actor)
    for name, look_up in EXACT.items():
        if value := filters.get(name, "").strip():
            events = events.filter(**{look_up: value})
    if (event := filters.get("event", "").strip()) and event not in Event.values:
        raise ValidationFailed.of("event", "There is no such event.")
    if since := filters.get("since", "").strip():
        events = events.filter(at__gte=_time(since))
    return events


def as_json(event: AuditEvent) -> dict[str, Any]:
    """The contract's audit event."""
    return {
        "id": event.pk,
        "at": event.at,
        "event": event.event,
        "actor": event.actor,
        "token": event.token,
        "target": event.target,
        "ip": event.ip,
        "request_id": event.request_id,
    }


def _time(text: str) -> datetime:
    try:
        at = parse_datetime(text) or parse_date(text)
        instant = _in_utc(at) if at else None
    except (ValueError, OverflowError):
        instant = None
    if not instant:
        raise ValidationFailed.of(
            "since", "Write a day or a time, such as 2026-11-25 or 2026-11-25T08:00:00Z."
        )
    return instant


def _in_utc(at: date) -> datetime:
    """The instant; a day begins at midnight, and a time without a zone is UTC's. Raises OverflowError."""
    if not isinstance(at, datetime):
        return datetime(at.year, at.month, at.day, tzinfo=UTC)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
