"""Writing what a service gave and cannot be had again, through a database that fails for a while."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

import structlog
from django.db import connection as database

from connections.grants import store
from problems.database import DATABASE_AWAY

log = structlog.get_logger(__name__)
T = TypeVar("T")

WITHIN_S = store.LEASE.total_seconds() - 1  # of the claim's beginning: before it is anybody's
PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0  # between two tries


def insist(write: Callable[[], T], *, claimed_s: float) -> T:
    """Write what cannot be had again; where the database fails, once more on a fresh connection, and so on.

    ``claimed_s``: when the row was claimed, in ``time.monotonic()``. ``write`` may meet what it wrote itself:
    the answer to a commit can be lost. Raises what the database raised last.
    """
    until_s, pause_s = claimed_s + WITHIN_S, PAUSE_S
    while True:
        try:
            return write()
        except DATABASE_AWAY as error:
            if database.in_atomic_block or monotonic() + pause_s > until_s:
                raise
            log.warning("grant.stored_again", error=type(error).__name__)
            database.close()
        sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
