"""What is over is cleared away bit by bit, and nothing that somebody holds."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from people import clearing
from people.models import Throttle

pytestmark = pytest.mark.django_db

GOES_ON = threading.Event()

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


def test_clears_many_rows_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "BATCH", 3)
    now = timezone.now()
    rows = [
        Throttle(scope="token", key=str(number), window_start=now - timedelta(days=1), count=1)
        for number in range(8)
    ]
    Throttle.objects.bulk_create(rows)
    sizes: list[int] = []

    def look(execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith("DELETE"):
            sizes.append(len(params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        assert clearing.clear(Throttle.objects.all(), GOES_ON) == 8
    assert sizes == [3, 3, 2]
    assert not Throttle.objects.exists()


def test_leaves_the_rest_for_the_next_round_when_it_is_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "BATCH", 3)
    now, stopped = timezone.now(), threading.Event()
    stopped.set()
    for number in range(8):
        Throttle.objects.create(scope="s", key=str(number), window_start=now - timedelta(days=1), count=1)
    assert clearing.clear(Throttle.objects.all(), stopped) == 3
    monkeypatch.setattr(clearing, "BATCHES", 1)
    assert clearing.clear(Throttle.objects.all(), GOES_ON) == 3
    assert Throttle.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_passes_over_what_somebody_holds() -> None:
    now = timezone.now()
    for key in ("free", "held"):
        Throttle.objects.create(scope="s", key=key, window_start=now - timedelta(days=1), count=1)
    with transaction.atomic(), ThreadPoolExecutor(1) as thread:
        Throttle.objects.select_for_update().get(key="held")
        cleared = thread.submit(_in_thread, lambda: clearing.clear(Throttle.objects.all(), GOES_ON))
        assert cleared.result(10) == 1
    assert [row.key for row in Throttle.objects.all()] == ["held"]


def _in_thread(work: Callable[[], int]) -> int:
    try:
        return work()
    finally:
        connections.close_all()
