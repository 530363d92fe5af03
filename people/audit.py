"""The audit trail: appended in the transaction of the act it tells of, and chained by hash."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from people.actor import Actor
from people.audit_events import Event
from people.audit_triggers import gate_open
from people.models import AuditEvent

__all__ = ["FIRST_HASH", "chain_hash", "first_broken", "gate_open", "record", "retention"]

FIRST_HASH = "0" * 64
_LOCK = 0x5C8B  # one writer at a time, so that the chain has no forks


def record(event: Event, *, actor: Actor | None, target: str = "", ip: str = "", **detail: Any) -> AuditEvent:
    """Append an event, in the caller's transaction. ``detail`` is JSON: facts, never secrets."""
    with transaction.atomic():
        _lock_the_chain()
        last = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash").first()
        sequence, prev_hash = last or (0, FIRST_HASH)
        row = AuditEvent(
            sequence=sequence + 1,
            at=timezone.now(),
            event=event.value,
            actor_id=actor.id if actor else None,
            actor=actor.user.email if actor else "",
            token=actor.token_name if actor else "",
            target=_printable(target)[:200],
            ip=(actor.ip if actor else "") or ip,
            request_id=actor.request_id if actor else "",
            detail=json.dumps(detail, sort_keys=True, separators=(",", ":")),
            prev_hash=prev_hash,
        )
        row.hash = chain_hash(row)
        row.save(force_insert=True)
    return row


def chain_hash(row: AuditEvent) -> str:
    """SHA-256 over the previous row's hash and this row's canonical JSON."""
    told = {
        "id": str(row.pk),
        "sequence": row.sequence,
        "at": _canonical_time(row.at),
        "event": row.event,
        "actor_id": str(row.actor_id or ""),
        "actor": row.actor,
        "token": row.token,
        "target": row.target,
        "ip": row.ip,
        "request_id": row.request_id,
        "detail": row.detail,
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{row.prev_hash}{text}".encode()).hexdigest()


def first_broken() -> AuditEvent | None:
    """The first row whose hash, or whose place in the chain, is not what it was when it was written."""
    prev_hash, sequence = FIRST_HASH, 0
    may_lack_a_head = AuditEvent.objects.filter(event=Event.RETENTION_APPLIED).exists()
    for row in AuditEvent.objects.order_by("sequence").iterator():
        is_first_kept = may_lack_a_head and sequence == 0
        linked = is_first_kept or (row.prev_hash == prev_hash and row.sequence == sequence + 1)
        if not linked or row.hash != chain_hash(row):
            return row
        prev_hash, sequence = row.hash, row.sequence
    return None


@contextmanager
def retention(*, actor: Actor | None, before: datetime) -> Iterator[None]:
    """The one way to delete audit events: a transaction that says so in the trail itself.

    ``with retention(actor=actor, before=before): AuditEvent.objects.filter(at__lt=before).delete()``
    """
    with transaction.atomic():
        record(Event.RETENTION_APPLIED, actor=actor, before=_canonical_time(before))
        with gate_open():
            yield


def _lock_the_chain() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _canonical_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
