"""What would hold up the loop, done beside it: by a thread for what is short and one for what is long.

Two, and no more: Python runs one at a time, and each that waits its turn costs the loop some of its own.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from invoke.errors import TooMuchAtOnce

T = TypeVar("T")
AT_ONCE_BYTES = 16 * 1024  # done by the loop itself: a few milliseconds at most
SHORT_BYTES = 1024 * 1024
MOST_WAITING = 256
MOST_WAITING_BYTES = 256 * 1024 * 1024


class Aside:
    """Two queues that are bounded together, by how much waits and how large it is."""

    def __init__(self, *, most: int = MOST_WAITING, most_bytes: int = MOST_WAITING_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: list[int] = []
        self._lock = threading.Lock()
        self._short = ThreadPoolExecutor(1, thread_name_prefix="aside-short")
        self._long = ThreadPoolExecutor(1, thread_name_prefix="aside-long")

    async def do(self, work: Callable[[], T], size: int, *, may_refuse: bool = True) -> T:
        """Do it, at once where ``size`` bytes are few. Raises TooMuchAtOnce, and what the work raises.

        ``may_refuse``: not where the service has acted already, since its answer would be lost.
        """
        if size <= AT_ONCE_BYTES:
            return work()
        self._take(size, may_refuse=may_refuse)
        future = (self._short if size <= SHORT_BYTES else self._long).submit(work)
        future.add_done_callback(lambda _: self._give(size))
        return await asyncio.wrap_future(future)

    def _take(self, size: int, *, may_refuse: bool) -> None:
        with self._lock:
            is_full = len(self._waiting) >= self._most or sum(self._waiting) + size > self._most_bytes
            if is_full and may_refuse:
                raise TooMuchAtOnce
            self._waiting.append(size)

    def _give(self, size: int) -> None:
        with self._lock:
            self._waiting.remove(size)


do = Aside().do
