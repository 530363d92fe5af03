"""How many calls may be in flight at once, per token and per connection, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from invoke.errors import TooManyCalls

RETRY_AFTER_S = 1


class Limits:
    """Counts what is in flight; nothing is held for keys that have none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_flight: dict[str, int] = {}

    @contextmanager
    def held(self, *keys: str | None) -> Iterator[None]:
        """A place for each key. Raises TooManyCalls where one has none left."""
        wanted = [key for key in keys if key]
        if any(self._in_flight.get(key, 0) >= self._most for key in wanted):
            raise TooManyCalls(retry_after=RETRY_AFTER_S)
        for key in wanted:
            self._in_flight[key] = self._in_flight.get(key, 0) + 1
        try:
            yield
        finally:
            for key in wanted:
                self._leave(key)

    def _leave(self, key: str) -> None:
        left = self._in_flight[key] - 1
        if left:
            self._in_flight[key] = left
        else:
            del self._in_flight[key]
