"""Records of calls are kept for as long as the setting says."""

import threading
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from invoke import chores
from invoke.models import Call
from invoke.recorder import Record, store
from people import clearing, ids

pytestmark = pytest.mark.django_db

GOES_ON = threading.Event()


def called(at: datetime) -> UUID:
    """The id of a call of that time, recorded as calls are."""
    key = UUID(int=ids.first_of(at).int | ids.uuid7().int & (1 << 80) - 1)
    store([Record(id=key, at=at.timestamp(), status=200, method="GET")])
    return key


def test_purges_what_is_older_than_ninety_days_and_nothing_else() -> None:
    now = timezone.now()
    old = [called(now - timedelta(days=days)) for days in (400, 91, 90.001)]
    kept = [called(now - timedelta(days=days)) for days in (89.999, 1, 0)]
    chores.purge_calls(now, GOES_ON)
    assert list(Call.objects.order_by("id").values_list("pk", flat=True)) == kept
    assert not set(old) & set(Call.objects.values_list("pk", flat=True))


@pytest.mark.parametrize(("days", "left"), [(0, 2), (7, 1)])
def test_keeps_for_as_long_as_the_setting_says(settings: Settings, days: int, left: int) -> None:
    settings.CALLS_KEPT_DAYS = days
    now = timezone.now()
    called(now - timedelta(days=8))
    called(now - timedelta(days=6))
    chores.purge_calls(now, GOES_ON)
    assert Call.objects.count() == left


def test_never_deletes_more_than_a_batch_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "BATCH", 2)
    now = timezone.now()
    for _ in range(5):
        called(now - timedelta(days=100))
    with CaptureQueriesContext(connection) as asked:
        chores.purge_calls(now, GOES_ON)
    deletes = [query["sql"] for query in asked if query["sql"].startswith("DELETE")]
    assert [sql.count(",") + 1 for sql in deletes] == [2, 2, 1]
    assert not Call.objects.exists()


def test_what_is_old_is_found_by_its_key() -> None:
    old = Call.objects.filter(pk__lt=ids.first_of(timezone.now())).order_by("pk").values_list("pk")[:500]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = old.explain()
    assert "invoke_call_pkey" in plan or "sqlite_autoindex_invoke_call" in plan, plan
