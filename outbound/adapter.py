"""requests' transport, with our own way of opening a connection and a target that is sent as it was given."""

import io
import socket
from collections.abc import Callable
from functools import partial
from http.client import BadStatusLine, HTTPResponse, parse_headers
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from outbound.dialling import tls_context
from outbound.errors import ResponseTooLarge
from outbound.guard import Destination

MAX_INTERIM_ANSWERS = 16
SWITCHING_PROTOCOLS = 101  # nobody asked for it
Dial = Callable[[], socket.socket]


class GuardedAdapter(HTTPAdapter):
    """One exchange with one destination, over the connection that ``dial`` opens.

    It knows no proxy, no environment, no retry and no pool. What ``dial`` raises passes through, and so does
    ResponseTooLarge, after ``wire_cap`` bytes of whatever kind.
    """

    def __init__(self, destination: Destination, *, dial: Dial, ca_file: str, wire_cap: int) -> None:
        super().__init__()
        self._pool = _pool(destination, ca_file, dial=dial, wire_cap=wire_cap)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The way to the destination, whatever requests reads in its URL."""
        return self._pool

    def close(self) -> None:
        """End the connection."""
        self._pool.close()

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the context verifies, against the CAs that the operator chose."""

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """The answer, cookies left unread: over an odd one the standard library warns with a traceback."""
        response = Response()
        response.request, response.raw = req, resp
        response.status_code, response.headers = resp.status, CaseInsensitiveDict(resp.headers)
        return response


class _Connection(HTTPConnection):
    def __init__(
        self, *args: Any, dial: Dial, destination: Destination, wire_cap: int, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._dial = dial
        self._destination = destination
        self.response_class = partial(_MeteredResponse, wire_cap=wire_cap)  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        return self._dial()

    def putrequest(self, method: str, *_: Any, **__: Any) -> None:
        """The exact target: urllib3 spells percent-encoding its own way, and signatures cover ours."""
        super().putrequest(method, self._destination.target, skip_host=True, skip_accept_encoding=True)
        self.putheader("Host", self._destination.origin.netloc)


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _MeteredResponse(HTTPResponse):
    """An answer whose every byte counts: http.client reads a chunk of -1 bytes for as long as more come.

    Interim answers before it are read over.
    """

    def __init__(self, connection: socket.socket, *, wire_cap: int, **options: Any) -> None:
        super().__init__(connection, **options)
        self.fp = io.BufferedReader(_Meter(self.fp.detach(), wire_cap))

    def _read_status(self) -> tuple[str, int, str]:
        """The final answer's, past interim ones (RFC 9110 15.2): http.client knows 100 alone."""
        for _ in range(MAX_INTERIM_ANSWERS):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == SWITCHING_PROTOCOLS:
                return version, status, reason
            parse_headers(self.fp)
        raise BadStatusLine("interim answers without end")


class _Meter(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, most: int) -> None:
        self._raw = raw
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._raw.readinto(buffer) or 0
        self._left -= size
        if self._left < 0:
            raise ResponseTooLarge
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _pool(destination: Destination, ca_file: str, *, dial: Dial, wire_cap: int) -> HTTPConnectionPool:
    given: dict[str, Any] = {"dial": dial, "destination": destination, "wire_cap": wire_cap}
    if destination.scheme == "http" or destination.is_builtin:  # our own listener speaks plain http
        return _Pool(destination.host, destination.port, **given)
    return _TlsPool(destination.host, destination.port, ssl_context=tls_context(ca_file), **given)
