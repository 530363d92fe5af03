"""aiohttp's connection pool, with our own way of opening a connection and a stricter look at the peer."""

import asyncio
import functools
import math
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http import RawResponseMessage
from aiohttp.tracing import Trace

from outbound.dialling import dial, dial_ourselves, tls_context
from outbound.errors import ResponseTooLarge, UpstreamUnreachable
from outbound.hosts import Origin
from outbound.policy import Policy
from outbound.resolver import Resolver

KEEP_ALIVE_S = 15
MAX_INTERIM_ANSWERS = 16


class StaleConnection(aiohttp.ServerDisconnectedError):
    """A pooled connection was closed by the peer before a byte of an answer."""


class Connector(aiohttp.BaseConnector):
    """Connections to services, or, ``is_builtin``, to our own listener. As many as are asked for."""

    def __init__(self, *, rules: Policy, resolver: Resolver, is_builtin: bool) -> None:
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE_S)
        self._is_builtin = is_builtin
        self._rules = rules
        self._resolver = resolver
        self._tls = tls_context(rules.ca_file)
        self._factory = functools.partial(WatchedPeer, self._loop)  # type: ignore[assignment]

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 — aiohttp's signature
    ) -> ResponseHandler:
        """Raises AddressNotAllowed or UpstreamUnreachable; the deadline is the caller's."""
        origin = Origin(req.url.scheme, req.host, req.port or 0)
        if self._is_builtin:
            connection = await dial_ourselves(rules=self._rules, resolver=self._resolver)
        else:
            connection = await dial(origin, rules=self._rules, resolver=self._resolver)
        is_tls = origin.scheme == "https"
        try:
            _, peer = await self._loop.create_connection(
                self._factory,
                sock=connection,
                ssl=self._tls if is_tls else None,
                server_hostname=origin.host if is_tls else None,
            )
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):  # a failed handshake, too
                raise UpstreamUnreachable from None
            raise
        return peer

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        if isinstance(protocol, WatchedPeer):
            protocol.is_idle = True
        super()._release(key, protocol, should_close=should_close)


class WatchedPeer(ResponseHandler):
    """A peer that says nothing unasked, and whose broken connection is never taken for the end of a body."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.is_idle = False
        self.wire_cap: float = math.inf  # until the answer's head, which has bounds of its own
        self._received = 0
        self._requests = 0
        self._answers = 0

    def set_response_params(self, **params: Any) -> None:
        """A request is about to be sent."""
        self.is_idle = False
        self.wire_cap = math.inf
        self._received = 0
        self._requests += 1
        self._answers = 0
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Bytes between two exchanges would be read as the next one's answer: hang up on them.

        And on more than the cap of what is no body and so is counted nowhere else, a chunk's extension say.
        """
        self._received += len(data)
        if self._received > self.wire_cap and self._payload is not None:
            self._payload.set_exception(ResponseTooLarge())
            self.abort()
        elif self.is_idle and data:
            self.abort()
        else:
            super().data_received(data)

    def feed_data(self, data: tuple[RawResponseMessage, aiohttp.StreamReader], size: int = 0) -> None:
        """An answer's head; a flood of interim ones (1xx) is cut off."""
        self._answers += 1
        if self._answers > MAX_INTERIM_ANSWERS:
            self.set_exception(aiohttp.ClientPayloadError("Too many interim answers"))
            if self.transport is not None:
                self.transport.abort()
        else:
            super().feed_data(data, size)

    def close(self) -> None:
        """At once: a peer that takes no more bytes, or no goodbye, would hold the connection for ever."""
        self.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Say apart what was stale, what was cut and what was finished."""
        if self._requests > 1 and not self._answers and not self.is_eof():
            self.set_exception(StaleConnection())
        if exc is not None and self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError("The connection broke"))
        super().connection_lost(exc)
