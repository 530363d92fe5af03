"""requests' transport, with our own way of opening a connection and a target that is sent as it was given."""

import socket
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from outbound.dialling import tls_context
from outbound.guard import Destination

Dial = Callable[[], socket.socket]


class GuardedAdapter(HTTPAdapter):
    """One exchange with one destination, over the connection that ``dial`` opens.

    It knows no proxy, no environment, no retry and no pool. What ``dial`` raises passes through.
    """

    def __init__(self, destination: Destination, *, dial: Dial, ca_file: str) -> None:
        super().__init__()
        self._pool = _pool(destination, dial, ca_file)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The way to the destination, whatever requests reads in its URL."""
        return self._pool

    def close(self) -> None:
        """End the connection."""
        self._pool.close()

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the context verifies, against the CAs that the operator chose."""


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, dial: Dial, destination: Destination, **options: Any) -> None:
        super().__init__(*args, **options)
        self._dial = dial
        self._destination = destination

    def _new_conn(self) -> socket.socket:
        return self._dial()

    def putrequest(self, method: str, *_: Any, **__: Any) -> None:
        """The exact target: urllib3 spells percent-encoding its own way, and signatures cover ours."""
        super().putrequest(method, self._destination.target, skip_host=True, skip_accept_encoding=True)
        self.putheader("Host", self._destination.origin.netloc)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _pool(destination: Destination, dial: Dial, ca_file: str) -> HTTPConnectionPool:
    given: dict[str, Any] = {"dial": dial, "destination": destination}
    if destination.scheme == "http" or destination.is_builtin:  # our own listener speaks plain http
        return _Pool(destination.host, destination.port, **given)
    return _TlsPool(destination.host, destination.port, ssl_context=tls_context(ca_file), **given)
