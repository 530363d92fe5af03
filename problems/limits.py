"""How many of a kind may be under way at once in this process, for each key."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from problems import AppError

IN_ALL = "all"  # the key of what is counted for all together


class Limits:
    """Counts what is under way, for each key and in all. Threads and the loop may share it.

    ``error`` makes what is raised where a key has no place left, ``full`` where nobody has.
    """

    def __init__(
        self,
        most: int,
        error: Callable[[], AppError],
        *,
        most_in_all: int = sys.maxsize,
        full: Callable[[], AppError] | None = None,
    ) -> None:
        self._most = most
        self._most_in_all = most_in_all
        self._error = error
        self._full = full or error
        self._lock = threading.Lock()
        self._in_all = 0
        self._under_way: dict[str, int] = {}

    @contextmanager
    def held(self, *keys: str | None) -> Iterator[None]:
        """A place, and one for each key."""
        wanted = [key for key in keys if key]
        self._enter(wanted)
        try:
            yield
        finally:
            self._leave(wanted)

    def _enter(self, keys: list[str]) -> None:
        with self._lock:
            if self._in_all >= self._most_in_all:
                raise self._full()
            if any(self._under_way.get(key, 0) >= self._most for key in keys):
                raise self._error()
            self._in_all += 1
            for key in keys:
                self._under_way[key] = self._under_way.get(key, 0) + 1

    def _leave(self, keys: list[str]) -> None:
        with self._lock:
            self._in_all -= 1
            for key in keys:
                left = self._under_way[key] - 1
                if left:
                    self._under_way[key] = left
                else:
                    del self._under_way[key]
