"""Call records: in batches, each a group commit, or strictly one before its credential leaves.

``batched``: a record is durable within half a second. ``strict``: it is inserted before anything is
sent, and the call is refused where that fails; what came of it follows in the next batch. It follows whatever
became of the caller meanwhile, and of the answer to the first insert.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from django.db import Error as DatabaseError
from django.db import connection, transaction

from connections import tokens
from invoke import redact
from invoke.asks import Ask, Caller
from invoke.errors import DatabaseUnavailable
from invoke.resolve import Row
from people.ids import uuid7
from problems.database import DATABASE_AWAY

log = structlog.get_logger(__name__)

FLUSH_EVERY_S = 0.4
MOST_KEPT = 20_000  # while the database is away; the oldest go first, and are counted in the log
_BATCH = 500
TABLE = "invoke_call"


@dataclass(slots=True)
class Record:
    """One call as it goes on. Becomes a Call row."""

    id: UUID = field(default_factory=uuid7)
    at: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)
    row: Row | None = None
    link_name: str = ""
    method: str = ""
    host: str = ""
    path: str = ""
    ip: str = ""
    status: int = 0
    duration_ms: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    attempts: int = 0
    refreshed: bool = False
    code: str = ""

    @classmethod
    def of(cls, caller: Caller, ask: Ask) -> "Record":
        """The record of a call that begins now."""
        return cls(link_name=ask.link_name, method=ask.method, path=ask.path, ip=caller.ip)

    def end(self) -> None:
        """The call is over."""
        self.duration_ms = round((time.perf_counter() - self.started) * 1000)

    @property
    def called_at(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def columns(self) -> dict[str, Any]:
        """The row, as both databases take it but for ``at``: ids are hex digits.

        A connection that the caller may not use is named by what they wrote, and not by its id.
        """
        row = self.row
        return {
            "id": self.id.hex,
            "at": self.called_at,
            "connection_id": _hex(row.connection_id) if row and row.owner_may_use else None,
            "token_id": _hex(row.token_id) if row else None,
            "user_id": _hex(row.person_id or row.owner_id) if row else None,
            "connection": redact.printable(self.link_name, 50),
            "token": (row.token_name or "") if row else "",
            "user": (row.person_email or row.owner_email or "") if row else "",
            "method": redact.printable(self.method, 20),
            "host": redact.host(self.host),
            "path": redact.path(self.path),
            "ip": self.ip,
            **self.outcome(),
        }

    def outcome(self) -> dict[str, Any]:
        """What is known at the end only."""
        return {
            "status": self.status,
            "duration_ms": self.duration_ms,
            "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes,
            "attempts": self.attempts,
            "refreshed": self.refreshed,
            "code": self.code,
        }


_OUTCOME = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in Record().outcome())


def _hex(text: str | None) -> str | None:
    return text.replace("-", "") if text else None


class Keeper(Protocol):
    """What an engine tells its calls to."""

    async def begin(self, record: Record) -> None:
        """Before the credential is opened."""
        ...

    def add(self, record: Record) -> None:
        """The call is over."""
        ...

    async def stop(self) -> None:
        """No more calls come."""
        ...


class Held:
    """Keeps records for whoever made the one call: they store it themselves, by their own connection."""

    async def begin(self, record: Record) -> None:
        """It was stored beforehand, where it must be."""

    def add(self, record: Record) -> None:
        """Whoever made the call holds the record."""

    async def stop(self) -> None:
        """Nothing is kept."""


class Recorder:
    """Keeps records until the next flush, which runs in a thread with a Django connection of its own."""

    def __init__(self, *, is_strict: bool, write: Callable[[list[Record]], None] | None = None) -> None:
        self.is_strict = is_strict
        self._write = write or store
        self._waiting: list[Record] = []
        self._dropped = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="record")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to flush, twice a second and more."""
        self._task = asyncio.create_task(self._flush_for_ever())

    async def begin(self, record: Record) -> None:
        """In strict mode the record is durable when this returns. Raises DatabaseUnavailable."""
        if not self.is_strict:
            return
        try:
            await self._in_thread(lambda: self._write([record]))
        except DatabaseError as error:
            log.warning("call.record_refused", error=type(error).__name__)
            raise DatabaseUnavailable from None

    def add(self, record: Record) -> None:
        """The call is over: its record goes out with the next flush."""
        self._waiting.append(record)
        if len(self._waiting) > MOST_KEPT:
            del self._waiting[0]
            self._dropped += 1

    async def flush(self) -> None:
        """Write what is waiting; what the database does not take now stays for the next time."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            await self._in_thread(lambda: self._write(batch))
        except DATABASE_AWAY as error:
            self._keep(batch)
            log.warning("call.records_wait", waiting=len(self._waiting), error=type(error).__name__)
            return
        except DatabaseError as error:  # trying again would never end, and hold up what comes after
            self._dropped += len(batch)
            log.warning("call.records_refused", error=type(error).__name__)
        if self._dropped:
            log.error("call.records_lost", count=self._dropped)
            self._dropped = 0

    def _keep(self, batch: list[Record]) -> None:
        kept = batch + self._waiting
        self._dropped += max(0, len(kept) - MOST_KEPT)
        self._waiting = kept[-MOST_KEPT:]

    async def stop(self) -> None:
        """Flush a last time and end the thread."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush()
        if self._waiting:
            log.error("call.records_lost", count=len(self._waiting))
        await self._in_thread(_close)
        self._thread.shutdown()

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await asyncio.shield(self.flush())

    def _in_thread(self, work: Callable[[], None]) -> Awaitable[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _close() -> None:
    connection.close()  # this thread's own


def store(records: list[Record]) -> None:
    """Insert the new records, tell the others' outcome, and when tokens were used. Raises DatabaseError."""
    try:
        with transaction.atomic():
            for start in range(0, len(records), _BATCH):
                _insert(records[start : start + _BATCH])
            tokens.touch(_last_uses(records))
    except DatabaseError:
        if not connection.in_atomic_block:
            connection.close()  # a fresh one may work where this one is broken
        raise


def _insert(records: list[Record]) -> None:
    """One statement by hand: the ORM's costs many times as much a row, and every call has one.

    A row that is there already gets its outcome: it was stored before its credential left, or by a commit
    whose answer was lost.
    """
    insert = _insert_into_postgres if connection.vendor == "postgresql" else _insert_into_sqlite
    insert([record.columns() for record in records])


def _insert_into_postgres(rows: list[dict[str, Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in rows[0])
    rows = [{**row, "at": row["at"].isoformat()} for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{TABLE}, %s) "  # noqa: S608 -- our own names
            f"ON CONFLICT (id) DO UPDATE SET {_OUTCOME}",
            [json.dumps(rows)],
        )


def _insert_into_sqlite(rows: list[dict[str, Any]]) -> None:
    names = ", ".join(f'"{name}"' for name in rows[0])
    places = ", ".join(["(" + ", ".join(["%s"] * len(rows[0])) + ")"] * len(rows))
    for row in rows:
        row["at"] = connection.ops.adapt_datetimefield_value(row["at"])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} ({names}) VALUES {places} ON CONFLICT (id) DO UPDATE SET {_OUTCOME}",  # noqa: S608 -- our own names
            [value for row in rows for value in row.values()],
        )


def _last_uses(records: list[Record]) -> dict[UUID, datetime]:
    """When each token that proved good was last used."""
    last: dict[UUID, datetime] = {}
    for record in records:
        if record.row is None or record.row.token_id is None or record.code == "unauthenticated":
            continue
        token_id, at = UUID(record.row.token_id), record.called_at
        last[token_id] = max(at, last.get(token_id, at))
    return last
