"""The call path's HTTP client. The control plane's is ``session``; both dial through the same guard.

Bytes pass as they are: no redirect is followed, no cookie kept, nothing decoded, no header added but the
framing's own. What a peer does wrong comes back as one of ``outbound.errors``, never as a library's.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from outbound import guard
from outbound import hosts as names
from outbound.connector import Connector, StaleConnection, WatchedPeer
from outbound.errors import (
    ResponseTooLarge,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from outbound.guard import Destination
from outbound.policy import Policy, policy
from outbound.resolver import RESOLVER, Resolver
from outbound.sendable import Pairs, check_method, sendable

Body = AsyncIterable[bytes] | bytes | None

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PROPFIND", "REPORT", "SEARCH", "QUERY"})
MAX_HEADERS = 128
MAX_HEADER_BYTES = 16 * 1024
PIECE_BYTES = 64 * 1024

_WITHOUT_BODY = frozenset({204, 304})  # their Content-Length tells of another answer's (RFC 9110 8.6)


@dataclass(slots=True)
class Reply:
    """The head of an answer; ``headers`` as they came. Valid inside the ``async with`` that opened it."""

    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    content_length: int | None
    _content: aiohttp.StreamReader = field(repr=False)
    _max_bytes: int

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises ResponseTooLarge, or UpstreamInvalid where it breaks off."""
        left = self._max_bytes
        try:
            async for piece in self._content.iter_any():
                left -= len(piece)
                if left < 0:
                    raise ResponseTooLarge
                yield piece
        except (aiohttp.ClientError, OSError):
            raise UpstreamInvalid from None


class Client:
    """Connections to services, pooled by origin. Belongs to the event loop that it was started in."""

    def __init__(self, *, rules: Policy | None = None, resolver: Resolver = RESOLVER) -> None:
        self._rules = rules or policy()
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def start(self) -> None:
        """Make the pools: one for services, one for our own listener; neither can stand in for the other."""
        for is_builtin in (False, True):
            connector = Connector(rules=self._rules, resolver=self._resolver, is_builtin=is_builtin)
            self._sessions[is_builtin] = _session(connector)

    async def close(self) -> None:
        """End every connection at once."""
        for session in self._sessions.values():
            await session.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Pairs,
        body: Body,
        destination: Destination,
        deadline: float,
        max_bytes: int,
    ) -> AsyncIterator[Reply]:
        """Send a request and hand over the head of its answer.

        ``url`` must have the destination's origin; its percent-encoding is kept. Header values go out as
        UTF-8. A streamed body is chunked unless ``headers`` say its Content-Length. ``deadline`` is in the
        loop's time and covers everything up to the end of the block; ``max_bytes`` counts on the wire.

        Raises UpstreamTimeout, UpstreamUnreachable, UpstreamInvalid, ResponseTooLarge, AddressNotAllowed,
        HostNotAllowed, UnsendableRequest, or whatever ``body`` raised.
        """
        request = self._request(method, url, headers, body, destination)
        timer = asyncio.timeout_at(deadline)
        try:
            async with timer:
                response = await self._send(request)
                try:
                    yield _reply(response, max_bytes)
                finally:
                    response.close()  # back to the pool already where it was read to its end
        except TimeoutError:
            if timer.expired():
                raise UpstreamTimeout from None
            raise

    def _request(
        self, method: str, url: str, headers: Pairs, body: Body, destination: Destination
    ) -> "_Request":
        check_method(method)
        is_builtin = destination.is_builtin
        netloc = destination.origin.netloc
        sent = guard.signed(destination, url, rules=self._rules)
        pairs = sendable(headers, keeps_length=not isinstance(body, bytes | None))
        if isinstance(body, bytes) and len(body) > PIECE_BYTES:  # aiohttp takes large ones in pieces only
            pairs.append(("Content-Length", str(len(body))))
            body = _pieces(body)
        data = body if isinstance(body, bytes | None) else _Upload(body)
        if is_builtin:
            host, port = self._rules.listener
            pairs.append(("Host", netloc))
            return _Request(method, f"http://{names.join(host, port)}{sent.target}", pairs, data, is_builtin)
        return _Request(method, sent.url, pairs, data, is_builtin)

    async def _send(self, request: "_Request") -> aiohttp.ClientResponse:
        session = self._sessions[request.is_builtin]
        try:
            try:
                return await request.by(session)
            except StaleConnection:
                if not request.is_repeatable:
                    raise
                return await request.by(session)
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError):
            raise UpstreamInvalid from None
        except (aiohttp.ClientError, aiohttp.EofStream, OSError):
            raise request.upload_error or UpstreamUnreachable from None


@dataclass(frozen=True, slots=True)
class _Request:
    """What goes to aiohttp, once or twice."""

    method: str
    url: str = field(repr=False)
    headers: list[tuple[str, str]] = field(repr=False)
    body: "bytes | _Upload | None" = field(repr=False)
    is_builtin: bool

    @property
    def is_repeatable(self) -> bool:
        return self.method in IDEMPOTENT and not isinstance(self.body, _Upload)

    @property
    def upload_error(self) -> Exception | None:
        return self.body.error if isinstance(self.body, _Upload) else None

    async def by(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        return await session.request(
            self.method,
            URL(self.url, encoded=True),
            headers=self.headers,
            data=self.body,
            allow_redirects=False,
        )


class _PlainRequest(aiohttp.ClientRequest):
    """No header but those that are given: no User-Agent, Accept or Content-Type of aiohttp's."""

    _skip_auto_headers = CIMultiDict({"Content-Type": None})

    def update_auto_headers(self, skip_auto_headers: Iterable[str] | None) -> None:
        """Nothing (and nothing copied on every call to find that out)."""


class _Upload:
    """A body on its way out, which remembers what it failed with: aiohttp tells only that it did."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = pieces
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield piece
        except Exception as error:
            self.error = error
            raise


def _session(connector: Connector) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        request_class=_PlainRequest,
        timeout=aiohttp.ClientTimeout(),  # none: the deadline is the caller's
        trust_env=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )
    session._retry_connection = False  # noqa: SLF001 — it would send again what a server has seen already
    return session


def _reply(response: aiohttp.ClientResponse, max_bytes: int) -> Reply:
    if not 200 <= response.status <= 599:
        raise UpstreamInvalid("The service answered with a status that HTTP does not know.")
    length = response.content_length
    has_body = response.method != "HEAD" and response.status not in _WITHOUT_BODY
    if has_body and length is not None and length > max_bytes:
        raise ResponseTooLarge
    if response.connection is not None and isinstance(response.connection.protocol, WatchedPeer):
        response.connection.protocol.wire_cap = guard.wire_cap(max_bytes)
    return Reply(
        status=response.status,
        reason=response.reason or "",
        headers=response.raw_headers,
        content_length=length,
        _content=response.content,
        _max_bytes=max_bytes,
    )


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]
