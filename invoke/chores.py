"""What the worker does here: records of calls are kept for CALLS_KEPT_DAYS."""

import threading
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from invoke.models import Call
from people import clearing, ids

log = structlog.get_logger(__name__)


def purge_calls(now: datetime, stop: threading.Event) -> None:
    """Records that are old enough, found by their keys, which begin with the time."""
    if not settings.CALLS_KEPT_DAYS:
        return
    oldest_kept = ids.first_of(now - timedelta(days=settings.CALLS_KEPT_DAYS))
    if cleared := clearing.clear(Call.objects.filter(pk__lt=oldest_kept), stop):
        log.info("worker.calls_purged", count=cleared)


CHORES = (purge_calls,)
