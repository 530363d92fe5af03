"""Watches every transaction of a test: once it has appended to the audit trail, it locks nothing else.

The trail has one writer at a time. A transaction that held it while it waited for a row could meet one that
holds the row and waits for the trail, and PostgreSQL would end one of them.
"""

import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.transaction import Atomic

from people.models import AuditAnchor, AuditEvent

TRAIL = (AuditEvent._meta.db_table, AuditAnchor._meta.db_table)
LOCKS = ("INSERT", "UPDATE", "DELETE", "MERGE")

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


class Transactions:
    """How deep each connection is in transactions of the code's own, and whether it has told the trail."""

    def __init__(self) -> None:
        self.late: list[str] = []  # what was locked too late, and by whom
        self._depth: dict[int, int] = {}
        self._has_told: dict[int, bool] = {}

    def begin(self, connection: BaseDatabaseWrapper) -> None:
        self._depth[id(connection)] = self._depth.get(id(connection), 0) + 1

    def end(self, connection: BaseDatabaseWrapper) -> None:
        self._depth[id(connection)] -= 1
        if not self._depth[id(connection)]:
            self._has_told[id(connection)] = False

    def watch(self, connection: BaseDatabaseWrapper, **_: Any) -> None:
        if self._look not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._look)

    def _look(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        key = id(context["connection"])
        if self._depth.get(key) and (sql.lstrip().startswith(LOCKS) or " FOR UPDATE" in sql):
            if any(table in sql for table in TRAIL):
                self._has_told[key] = self._has_told.get(key, False) or "INSERT" in sql
            elif self._has_told.get(key):
                where = "".join(traceback.format_stack(limit=30))
                self.late.append(f"After the audit trail was told:\n{sql}\n{where}")
        return execute(sql, params, many, context)


def around() -> Atomic:
    """A transaction of the test's own, around those of the code."""
    atomic = transaction.atomic()
    atomic._from_testcase = True  # type: ignore[attr-defined]
    return atomic


@contextmanager
def watching() -> Generator[Transactions]:
    """Watch all connections, those of other threads too, until the block ends."""
    watched = Transactions()
    with pytest.MonkeyPatch.context() as patch:
        enter, leave = Atomic.__enter__, Atomic.__exit__

        def begin(atomic: Any) -> None:
            enter(atomic)
            if not atomic._from_testcase:
                watched.begin(transaction.get_connection(atomic.using))

        def end(atomic: Any, *error: Any) -> None:
            if not atomic._from_testcase:
                watched.end(transaction.get_connection(atomic.using))
            leave(atomic, *error)

        patch.setattr(Atomic, "__enter__", begin)
        patch.setattr(Atomic, "__exit__", end)
        connection_created.connect(watched.watch, weak=False, dispatch_uid="trail_order")
        for connection in connections.all():
            watched.watch(connection)
        yield watched
        connection_created.disconnect(dispatch_uid="trail_order")
