"""The audit trail: appended in the transaction of the act it tells of, and chained by hash.

Where it ends stands in the one row of ``AuditAnchor``, and in the log of every process that serves.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils import timezone

from people import throttle
from people.actor import Actor
from people.audit_events import Event
from people.audit_triggers import gate_open
from people.models import AuditAnchor, AuditEvent

__all__ = [
    "FIRST_HASH",
    "anchor",
    "atomic",
    "chain_hash",
    "first_broken",
    "gate_open",
    "may_repeat",
    "record",
    "retention",
    "tell_anchor",
]

log = structlog.get_logger("switchboard.audit")

FIRST_HASH = "0" * 64
REPEATS = 20  # of an event that somebody can bring about on and on, in five minutes
_LOCK = 0x5C8B  # one writer at a time, so that the chain has no forks; taken after every other lock


@dataclass(frozen=True, slots=True)
class End:
    """The newest event: what the next one follows."""

    sequence: int
    hash: str


NOTHING = End(0, FIRST_HASH)
_last_told: End | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the trail is not as it was written, and what is wrong there."""

    sequence: int
    reason: str


class _Act(threading.local):
    """The events of this thread's transaction, in their order; None outside ``atomic``."""

    events: list[AuditEvent] | None = None


_act = _Act()


@contextmanager
def atomic() -> Iterator[None]:
    """A transaction that appends its events to the trail at its end, whenever they were recorded.

    The chain has one writer at a time. One who held it and then waited for a row could meet another who holds
    the row and waits for the chain. A block that raises takes its events along, inside another one, too.
    """
    outer, events = _act.events, list[AuditEvent]()
    with transaction.atomic():
        _act.events = events
        try:
            yield
        finally:
            _act.events = outer
        if outer is None:
            _append(events)
        else:
            outer += events


def record(event: Event, *, actor: Actor | None, target: str = "", ip: str = "", **detail: Any) -> AuditEvent:
    """Append an event, in the caller's transaction: the last thing it does, unless ``atomic`` sees to that.

    ``detail`` is JSON: facts, never secrets.
    """
    row = AuditEvent(
        event=event.value,
        actor_id=actor.id if actor else None,
        actor=actor.user.email if actor else "",
        token=actor.token_name if actor else "",
        target=_printable(target)[:200],
        ip=(actor.ip if actor else "") or ip,
        request_id=actor.request_id if actor else "",
        detail=json.dumps(detail, sort_keys=True, separators=(",", ":")),
    )
    if _act.events is None:
        _append([row])
    else:
        _act.events.append(row)
    return row


def _append(events: list[AuditEvent]) -> None:
    if not events:
        return
    with transaction.atomic():
        _lock_the_chain()
        end = _end()
        for row in events:
            row.sequence, row.at, row.prev_hash = end.sequence + 1, timezone.now(), end.hash
            row.hash = chain_hash(row)
            row.save(force_insert=True)
            end = End(row.sequence, row.hash)
        _move_anchor(end)


def may_repeat(event: Event, *, key: str) -> bool:
    """May an event that somebody can bring about on and on be told once more? Counts it.

    At most 20 of a kind in five minutes for one ``key``. Ask outside transactions: the count is kept locked
    to the end of one, and the chain must be the last that is.
    """
    try:
        throttle.failed(f"audit.{event}", key, limit=REPEATS)
    except throttle.TooManyFailures:
        return False
    return True


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


def anchor() -> End | None:
    """Where the trail ends by what was kept beside it; ``None`` where that is gone."""
    row = AuditAnchor.objects.first()
    return End(row.sequence, row.hash) if row else None


def tell_anchor() -> None:
    """Write to the log where the trail ends, where this process has not told it yet."""
    end = anchor()
    if end and end != _last_told:
        _tell(end)


def _tell(end: End) -> None:
    """Whoever cuts the trail and moves the anchor cannot take this line back."""
    global _last_told  # noqa: PLW0603 -- one a process, as the log is
    _last_told = end
    log.info("audit.anchor", sequence=end.sequence, hash=end.hash)


def first_broken() -> Broken | None:
    """The first place where the trail is not what was written: a row that was changed, or rows that are gone.

    Rows may be gone from its beginning, as far as the latest retention says.
    """
    kept, seen = anchor(), _head()
    for row in AuditEvent.objects.order_by("sequence").iterator():
        if (row.prev_hash, row.sequence) != (seen.hash, seen.sequence + 1) or row.hash != chain_hash(row):
            told = f"{row.event} of {row.at:%Y-%m-%d %H:%M:%S} ({row.pk}) is not as it was written"
            return Broken(row.sequence, f"{told}, or a row before it is missing.")
        seen = End(row.sequence, row.hash)
        if kept and kept.sequence == seen.sequence and kept.hash != seen.hash:
            return Broken(row.sequence, f"{row.event} ({row.pk}) is not the event that the anchor tells of.")
    if kept and kept.sequence > seen.sequence:
        return Broken(seen.sequence + 1, f"it and what followed is missing, up to {kept.sequence}.")
    return None if kept else Broken(seen.sequence, "the anchor, which says where the trail ends, is missing.")


@contextmanager
def retention(*, actor: Actor | None, before: datetime) -> Iterator[None]:
    """The one way to delete audit events: a transaction that says in the trail itself what is gone.

    ``with retention(actor=actor, before=before): AuditEvent.objects.filter(at__lt=before).delete()``
    """
    with transaction.atomic():
        _lock_the_chain()
        with gate_open():
            yield
        gone = _gone()
        record(
            Event.RETENTION_APPLIED,
            actor=actor,
            before=_canonical_time(before),
            through=gone.sequence,
            hash=gone.hash,
        )


def _gone() -> End:
    """The last of the events that are missing from the beginning, as the first that is left tells of it."""
    first = AuditEvent.objects.order_by("sequence").values_list("sequence", "prev_hash").first()
    return End(first[0] - 1, first[1]) if first else _end()


def _head() -> End:
    """What the first row follows, by the latest retention."""
    applied = AuditEvent.objects.filter(event=Event.RETENTION_APPLIED).order_by("-sequence")
    detail = applied.values_list("detail", flat=True).first()
    try:
        told = json.loads(detail or "{}")
    except ValueError:  # it was tampered with, as its own row will say
        return NOTHING
    match told:
        case {"through": int(sequence), "hash": str(last_hash)}:
            return End(sequence, last_hash)
        case _:  # from before retention said what it took, or one that lies
            return NOTHING


def _end() -> End:
    """The newest event by the anchor, or by the table where that is further on."""
    kept = anchor() or NOTHING
    last = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash").first()
    return End(*last) if last and last[0] > kept.sequence else kept


def _move_anchor(end: End) -> None:
    """One that is gone is not made anew: that would cover up what went with it."""
    AuditAnchor.objects.update(sequence=end.sequence, hash=end.hash)
    transaction.on_commit(lambda: _tell(end))


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
