"""Names to addresses, with the time and the number of look-ups bounded.

``getaddrinfo`` takes no timeout, so a look-up runs in a thread of its own that nobody has to wait for. A name
is looked up once at a time however many ask, and the names below one parent have a share of the threads: a
name server that hangs holds up the calls to its own names only.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from ipaddress import ip_address

from outbound.errors import UpstreamUnreachable
from outbound.policy import Address

Lookup = Callable[[str], Iterable[str]]

MAX_LOOKUPS = 256
MAX_LOOKUPS_BELOW_ONE_PARENT = 64


def system_lookup(host: str) -> list[str]:
    """The addresses that the operating system knows for a host, best first. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Resolver:
    """``await resolver(host)``: its addresses. Cancelled at the caller's deadline; nothing is cached."""

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._running: dict[str, Future[tuple[Address, ...]]] = {}
        self._below: Counter[str] = Counter()

    async def __call__(self, host: str) -> tuple[Address, ...]:
        """Raises UpstreamUnreachable where the name has no address."""
        try:
            return await asyncio.wrap_future(self._started(host))
        except (OSError, ValueError):  # ValueError: a name that no DNS query can hold
            raise UpstreamUnreachable from None

    def _started(self, host: str) -> Future[tuple[Address, ...]]:
        with self._lock:
            if host in self._running:
                return self._running[host]
            parent = _parent(host)
            if len(self._running) >= MAX_LOOKUPS or self._below[parent] >= MAX_LOOKUPS_BELOW_ONE_PARENT:
                raise UpstreamUnreachable
            future: Future[tuple[Address, ...]] = Future()
            future.set_running_or_notify_cancel()  # from here on no waiter can cancel it for the others
            thread = threading.Thread(target=self._work, args=(host, future), name="lookup", daemon=True)
            thread.start()
            self._running[host] = future
            self._below[parent] += 1
        return future

    def _work(self, host: str, future: Future[tuple[Address, ...]]) -> None:
        try:
            addresses = tuple(dict.fromkeys(ip_address(text) for text in self._lookup(host)))
        except (OSError, ValueError) as error:
            self._forget(host)
            future.set_exception(error)
        else:
            self._forget(host)
            future.set_result(addresses)

    def _forget(self, host: str) -> None:
        with self._lock:
            del self._running[host]
            self._below[_parent(host)] -= 1
            self._below += Counter()  # drops the zeros


RESOLVER = Resolver()


def _parent(host: str) -> str:
    return host.partition(".")[2]
