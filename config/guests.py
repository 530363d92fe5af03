"""How many connections each address holds open, in this process."""

from collections import Counter
from functools import lru_cache

from people import addresses


class Guests:
    """Counts connections by where they come from; nothing is held for addresses that have none."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def enter(self, peer: str, most: int) -> bool:
        """Is there room for one more? Then it is counted, until it leaves."""
        key = _key(peer)
        if self._open[key] >= most:
            return False
        self._open[key] += 1
        return True

    def leave(self, peer: str) -> None:
        """One that entered is closed."""
        key = _key(peer)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]


@lru_cache(maxsize=4096)
def _key(peer: str) -> str:
    """One IPv6 client holds a /64 whole; an IPv4 address is itself, whatever the socket's family."""
    return addresses.throttle_key(addresses.client_ip(peer, [], 0))
