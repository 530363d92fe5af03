"""Two acts at once, at every moment at which they can meet: no luck, and no sleeping."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection as database
from django.db import connections as databases

from problems import AppError

ENDS_WITHIN_S = 30
LOOKS_EVERY_S = 0.01
IS_WAITING_AFTER_S = 0.05  # on SQLite, which keeps no list of who waits
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
MOST_STATEMENTS = 200

Act = Callable[[], object]
Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act: what it returned, or the error of ours that it ended with."""

    value: object = None
    error: AppError | None = None


def every_meeting(prepare: Callable[[], tuple[Act, Act]]) -> Iterator[tuple[Outcome, Outcome]]:
    """Both outcomes when the second act begins before the first statement of the first, the second one, …

    It then runs until it is over, or waits for what the first one holds. ``prepare`` makes everything anew.
    Raises whatever ended either of them and is no error of ours.
    """
    for moment in range(1, MOST_STATEMENTS):
        first, second = prepare()
        met = _met(moment, first, second)
        if met is None:
            return
        yield met
    raise AssertionError(f"More than {MOST_STATEMENTS} statements.")


def _met(moment: int, first: Act, second: Act) -> tuple[Outcome, Outcome] | None:
    """``None`` where the first act has no such statement."""
    others: list[Future[Outcome]] = []
    seen = 0

    def counted(execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        nonlocal seen
        seen += 1
        if seen == moment:
            others.append(thread.submit(_elsewhere, second))
            _let_it_come_far(others[0])
        return execute(sql, params, many, context)

    with ThreadPoolExecutor(1) as thread:
        with database.execute_wrapper(counted):
            outcome = _outcome(first)
        return (outcome, others[0].result(ENDS_WITHIN_S)) if others else None


def _outcome(act: Act) -> Outcome:
    try:
        return Outcome(act())
    except AppError as error:
        return Outcome(error=error)


def _elsewhere(act: Act) -> Outcome:
    try:
        return _outcome(act)
    finally:
        databases.close_all()


def _let_it_come_far(other: Future[Outcome]) -> None:
    if database.vendor == "sqlite":
        wait([other], IS_WAITING_AFTER_S)
        return
    settings = database.get_connection_params()
    wanted = {name: settings[name] for name in ("dbname", "user", "host", "port") if name in settings}
    with psycopg.connect(**wanted, autocommit=True) as looking:
        while not wait([other], LOOKS_EVERY_S).done:
            found = looking.execute(WAITING).fetchone()
            if found and found[0]:
                return
