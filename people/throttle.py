"""Guessing is counted in the database, for all processes alike.

A window slides: it is cut into slices, and every slice that reaches into the last ``window_s`` seconds
counts, so that no stretch of that length ever holds more than ``limit``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db.models import F
from django.utils import timezone

import problems
from people.models import Throttle
from vault import digest

SLICES = 10
KEPT = timedelta(hours=1)


class TooManyFailures(problems.Throttled):
    """Guessed too often for now (429)."""

    message = "Too many attempts."
    hint = "Wait a few minutes, then try again."


@dataclass(frozen=True, slots=True)
class Window:
    """``limit`` failures of one key within ``window_s`` seconds, looked at from ``now``."""

    scope: str
    key: str
    limit: int
    window_s: int
    now: datetime

    @property
    def slice_s(self) -> float:
        return self.window_s / SLICES

    def slice_start(self) -> datetime:
        seconds = self.now.timestamp() // self.slice_s * self.slice_s
        return datetime.fromtimestamp(seconds, tz=self.now.tzinfo)

    def slices(self) -> list[tuple[datetime, int]]:
        """The counted slices that still matter, oldest first."""
        since = self.now - timedelta(seconds=self.window_s + self.slice_s)
        rows = Throttle.objects.filter(scope=self.scope, key=self.key, window_start__gt=since)
        return list(rows.order_by("window_start").values_list("window_start", "count"))

    def refuse_over(self, allowed: int) -> None:
        """Raises TooManyFailures when more than ``allowed`` are counted; says when there is room again."""
        slices = self.slices()
        total = sum(count for _, count in slices)
        if total <= allowed:
            return
        frees_at = self.now
        for start, count in slices:
            frees_at = start + timedelta(seconds=self.window_s + self.slice_s)
            total -= count
            if total < self.limit:
                break
        raise TooManyFailures(retry_after=max(1, ceil((frees_at - self.now).total_seconds())))


def check(scope: str, key: str, *, limit: int, window_s: int = 300, now: datetime | None = None) -> None:
    """Raises TooManyFailures when ``limit`` failures are counted already. Counts nothing."""
    _window(scope, key, limit, window_s, now).refuse_over(limit - 1)


def failed(scope: str, key: str, *, limit: int, window_s: int = 300, now: datetime | None = None) -> None:
    """Count a failure. Raises TooManyFailures when it is one over the limit.

    Called before a guess is looked at, it is a reservation that any number of processes cannot get
    around together; ``give_back`` returns it when the guess was right.
    """
    window = _window(scope, key, limit, window_s, now)
    _add(window, 1)
    window.refuse_over(limit)


def give_back(scope: str, key: str, *, window_s: int = 300, now: datetime | None = None) -> None:
    """Take back one failure that was counted in advance and did not happen."""
    _add(_window(scope, key, 0, window_s, now), -1)


def forget(scope: str, key: str) -> None:
    """Forget the failures of a key."""
    Throttle.objects.filter(scope=scope, key=digest(key)).delete()


def _window(scope: str, key: str, limit: int, window_s: int, now: datetime | None) -> Window:
    return Window(scope, digest(key), limit, window_s, now or timezone.now())


def _add(window: Window, number: int) -> None:
    start = window.slice_start()
    row = Throttle.objects.filter(scope=window.scope, key=window.key, window_start=start)
    if number < 0:
        row = row.filter(count__gt=0)
    if row.update(count=F("count") + number) or number < 0:
        return
    Throttle.objects.filter(window_start__lt=window.now - KEPT).delete()
    new = Throttle(scope=window.scope, key=window.key, window_start=start)
    Throttle.objects.bulk_create([new], ignore_conflicts=True)
    row.update(count=F("count") + number)
