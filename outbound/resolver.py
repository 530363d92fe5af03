"""Names to addresses, with the number of look-ups bounded.

``getaddrinfo`` takes no timeout, so a look-up runs in a thread of its own that nobody has to wait for, and
that may be stuck for half a minute. A name is looked up once at a time however many ask. Those that find no
thread free wait for their turn, as long as their callers do.

The threads are shared out by domain, since names below one cost nothing: a domain has as many as are free,
and a quarter of all at most. Name servers that hang hold up the calls to their own names only, until there
are as many such domains as threads.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from ipaddress import ip_address

from outbound.errors import UpstreamUnreachable
from outbound.policy import Address

Lookup = Callable[[str], Iterable[str]]
Addresses = tuple[Address, ...]

MOST = 256
MOST_OF_A_DOMAIN = MOST // 4
# What countries sell domains below: as many belong to `co.uk` as to `com`.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"})


def system_lookup(host: str) -> list[str]:
    """The addresses that the operating system knows for a host, best first. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def domain_of(host: str) -> str:
    """The part of a name that somebody has paid for, as far as its form tells."""
    labels = host.split(".")
    is_below_a_country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _REGISTRIES
    return ".".join(labels[-3 if is_below_a_country else -2 :])


@dataclass(slots=True, eq=False)
class _Search:
    """A look-up, under way or waiting. ``callers``: how many wait for what it finds."""

    host: str
    domain: str
    callers: int = 0
    found: "Future[Addresses]" = field(default_factory=Future)


class Resolver:
    """``await resolver(host)``: its addresses. Cancelled at the caller's deadline; nothing is cached."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._searches: dict[str, _Search] = {}  # under way and waiting, by host
        self._waiting: dict[str, dict[str, _Search]] = {}  # by domain, oldest first
        self._running: Counter[str] = Counter()  # by domain
        self._free = MOST

    async def __call__(self, host: str) -> Addresses:
        """Raises UpstreamUnreachable where the name has no address."""
        search = self._join(host)
        try:
            return await asyncio.wrap_future(search.found)
        except (OSError, ValueError):  # ValueError: a name that no DNS query can hold
            raise UpstreamUnreachable from None
        finally:
            self._leave(search)

    def _join(self, host: str) -> _Search:
        with self._lock:
            search = self._searches.get(host)
            if search is None:
                search = self._searches[host] = _Search(host, domain_of(host))
                search.found.set_running_or_notify_cancel()  # no caller can cancel it for the others
                self._waiting.setdefault(search.domain, {})[host] = search
            search.callers += 1
        self._start_waiting()
        return search

    def _leave(self, search: _Search) -> None:
        """What nobody waits for any more needs no turn."""
        with self._lock:
            search.callers -= 1
            is_waiting = self._waiting.get(search.domain, {}).get(search.host) is search
            if is_waiting and not search.callers:
                self._take(search)
                del self._searches[search.host]

    def _take(self, search: _Search) -> None:
        """Out of those that wait."""
        del self._waiting[search.domain][search.host]
        if not self._waiting[search.domain]:
            del self._waiting[search.domain]

    def _start_waiting(self) -> None:
        while search := self._next():
            thread = threading.Thread(target=self._work, args=(search,), name="lookup", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system has none left
                self._end(search)
                search.found.set_exception(OSError(str(error)))

    def _next(self) -> _Search | None:
        """The oldest of the domain that has the fewest threads, if it may have another."""
        with self._lock:
            domain = min(self._waiting, key=self._running.__getitem__, default=None)
            if domain is None or self._running[domain] >= min(MOST_OF_A_DOMAIN, self._free):
                return None
            search = next(iter(self._waiting[domain].values()))
            self._take(search)
            self._running[domain] += 1
            self._free -= 1
            return search

    def _work(self, search: _Search) -> None:
        try:
            addresses = tuple(dict.fromkeys(ip_address(text) for text in self._lookup(search.host)))
        except (OSError, ValueError) as error:
            self._end(search)
            search.found.set_exception(error)
        else:
            self._end(search)
            search.found.set_result(addresses)
        self._start_waiting()

    def _end(self, search: _Search) -> None:
        with self._lock:
            del self._searches[search.host]
            self._free += 1
            self._running[search.domain] -= 1
            if not self._running[search.domain]:
                del self._running[search.domain]


RESOLVER = Resolver()
