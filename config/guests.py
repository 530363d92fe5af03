"""How many connections each address holds open, in this process."""

from collections import Counter

from people.addresses import throttle_key


class Guests:
    """Counts connections by where they come from; nothing is held for addresses that have none."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def enter(self, peer: str, most: int) -> bool:
        """Is there room for one more? Then it is counted, until it leaves."""
        key = throttle_key(peer)
        if self._open[key] >= most:
            return False
        self._open[key] += 1
        return True

    def leave(self, peer: str) -> None:
        """One that entered is closed."""
        key = throttle_key(peer)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]
