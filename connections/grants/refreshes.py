"""The refreshes under way in this process: each in a thread, once for all who wait for it.

Whoever waits may stop waiting; the exchange goes on, since its answer may be the only way on. A process that
is told to stop ends when they have.
"""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.db import connections as databases

from connections.errors import RefreshUnavailable
from connections.grants import renewal
from connections.models import Grant

MOST = 64
MOST_OF_AN_ENDPOINT = 8  # one that hangs holds up its own refreshes, and nobody else's
WAIT_S = 8.0  # how long a caller waits
RETRY_AFTER_S = 5

Refresh = Callable[[UUID, int | None], Grant]
Key = tuple[UUID, int | None]


@dataclass(slots=True, eq=False)
class _Job:
    key: Key
    endpoint: str
    future: "Future[Grant]" = field(default_factory=Future)


class Refreshes:
    """``start()`` one, or join the one under way. Those that find no room wait for their turn."""

    def __init__(self, refresh: Refresh | None = None) -> None:
        self._refresh = refresh or _refresh
        self._threads = ThreadPoolExecutor(MOST, thread_name_prefix="refresh")
        self._lock = threading.Lock()
        self._jobs: dict[Key, _Job] = {}  # under way, and waiting
        self._waiting: list[_Job] = []
        self._of_endpoint: Counter[str] = Counter()

    def start(self, grant_id: UUID, *, endpoint: str, stale_version: int | None = None) -> "Future[Grant]":
        """The grant with a token that is good to send. The future raises what ``grants.refresh`` raises.

        ``endpoint``: the address that will be asked, which has a share of the threads.
        """
        key = (grant_id, stale_version)
        with self._lock:
            job = self._jobs.get(key)
            if job is not None:
                return job.future
            job = self._jobs[key] = _Job(key, endpoint)
            job.future.set_running_or_notify_cancel()  # no waiter can cancel it for the others
            self._waiting.append(job)
        self._run_waiting()
        return job.future

    def wait(self, grant_id: UUID, *, endpoint: str, stale_version: int | None = None) -> Grant:
        """The same for code without an event loop, as long as a caller waits. Raises RefreshUnavailable."""
        try:
            return self.start(grant_id, endpoint=endpoint, stale_version=stale_version).result(WAIT_S)
        except TimeoutError:
            raise takes_long() from None

    def finish(self) -> None:
        """Wait for what is under way, at most as long as a claim lasts; what has not begun is refused."""
        with self._lock:
            refused, self._waiting = self._waiting, []
            for job in refused:
                del self._jobs[job.key]
            under_way = [job.future for job in self._jobs.values()]
        for job in refused:
            job.future.set_exception(takes_long())
        wait(under_way)

    def _run_waiting(self) -> None:
        """Start those that have room, oldest first."""
        for job in self._take_waiting():
            running = self._threads.submit(self._refresh, *job.key)
            running.add_done_callback(partial(self._leave, job))

    def _take_waiting(self) -> list[_Job]:
        taken: list[_Job] = []
        with self._lock:
            for job in list(self._waiting):
                is_full = self._of_endpoint.total() >= MOST
                if not is_full and self._of_endpoint[job.endpoint] < MOST_OF_AN_ENDPOINT:
                    self._waiting.remove(job)
                    self._of_endpoint[job.endpoint] += 1
                    taken.append(job)
        return taken

    def _leave(self, job: _Job, done: "Future[Grant]") -> None:
        with self._lock:
            del self._jobs[job.key]
            self._of_endpoint[job.endpoint] -= 1
            self._of_endpoint += Counter()  # drops the zeros
        error = done.exception()
        if error is None:
            job.future.set_result(done.result())
        else:
            job.future.set_exception(error)
        self._run_waiting()


def takes_long() -> RefreshUnavailable:
    """For who stops waiting."""
    return RefreshUnavailable(
        "The service’s token endpoint takes long to answer; the refresh goes on behind this.",
        retry_after=RETRY_AFTER_S,
    )


def _refresh(grant_id: UUID, stale_version: int | None) -> Grant:
    try:
        return renewal.refresh(grant_id, stale_version=stale_version)
    finally:
        databases.close_all()


REFRESHES = Refreshes()
