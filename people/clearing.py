"""Deleting what is over: many rows, and nobody held up by it."""

import threading
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

BATCH = 500
BATCHES = 100  # then others have a turn
BREATH_S = 0.02  # between two of them, for whoever waits to write


def clear(rows: QuerySet[Any], stop: threading.Event) -> int:
    """Delete rows, batch by batch in the order of their keys, but for those that somebody holds; how many."""
    cleared = 0
    for _ in range(BATCHES):
        size = _clear_batch(rows)
        cleared += size
        if size < BATCH or stop.wait(BREATH_S):
            break
    return cleared


def _clear_batch(rows: QuerySet[Any]) -> int:
    with transaction.atomic():
        free = rows.order_by("pk").select_for_update(skip_locked=True)
        keys = list(free.values_list("pk", flat=True)[:BATCH])
        QuerySet[Any](rows.model).filter(pk__in=keys).delete()
    return len(keys)
