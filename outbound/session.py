"""The control plane's way out: one exchange, waited for. OAuth endpoints, identity look-ups.

``requests`` carries it, over a connection that the call path's guard has dialled. Its ``Session`` is not
used: it reads the environment, and unzips whole redirects.
"""

import asyncio
import functools
import re
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.client import HTTPException, RemoteDisconnected

from requests import PreparedRequest, RequestException, Response
from requests.exceptions import InvalidHeader
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError, ProtocolError

from outbound import guard
from outbound.adapter import GuardedAdapter
from outbound.deadline import Deadline
from outbound.dialling import dial, dial_ourselves
from outbound.encoding import ACCEPT_ENCODING, decoded
from outbound.errors import ResponseTooLarge, UpstreamInvalid, UpstreamTimeout, UpstreamUnreachable
from outbound.guard import Destination
from outbound.policy import Policy, policy
from outbound.resolver import RESOLVER, Resolver
from outbound.sendable import Pairs, check_method, sendable

USER_AGENT = ("User-Agent", "Switchboard")
PIECE_BYTES = 64 * 1024
_LENGTH = re.compile(r"[0-9]{1,18}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Header names in lower case, repeated ones joined by commas; the body is decoded."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def send(  # noqa: PLR0913 — each by its name
    method: str,
    url: str,
    *,
    headers: Pairs = (),
    body: bytes | None = None,
    hosts: Sequence[str],
    is_builtin: bool = False,
    deadline_s: float,
    max_bytes: int = 1 << 20,
    rules: Policy | None = None,
    resolver: Resolver = RESOLVER,
) -> Reply:
    """Send a request and read its answer to the end. A redirect is an answer.

    ``deadline_s`` covers name look-up, connecting, TLS, headers and body; ``max_bytes`` bounds the answer on
    the wire and once more decoded. Raises HostNotAllowed, AddressNotAllowed, UnsendableRequest, or a leaf of
    UpstreamFailed.
    """
    rules = rules or policy()
    destination = guard.destination(url, hosts=hosts, is_builtin=is_builtin, rules=rules)
    request = _prepared(method, destination, headers, body)
    with Deadline(deadline_s) as deadline:
        dialled = functools.partial(_dialled, destination, deadline, rules, resolver)
        adapter = GuardedAdapter(
            destination, dial=dialled, ca_file=rules.ca_file, wire_cap=guard.wire_cap(max_bytes)
        )
        with closing(adapter), closing(_sent(adapter, request)) as response:
            reply = _read(response, max_bytes)
    body_read = decoded(reply.body, reply.headers.get("content-encoding", ""), max_bytes=max_bytes)
    return replace(reply, body=body_read)


def _prepared(method: str, destination: Destination, headers: Pairs, body: bytes | None) -> PreparedRequest:
    check_method(method)
    pairs = sendable(_completed(headers), keeps_length=False)
    if body is not None:
        pairs.append(("Content-Length", str(len(body))))
    request = PreparedRequest()
    request.method, request.url, request.body = method, destination.url, body
    request.headers = HTTPHeaderDict(  # type: ignore[assignment]  # repeated names stay apart
        (name, value.encode().decode("latin-1")) for name, value in pairs
    )
    return request


def _completed(headers: Pairs) -> Pairs:
    """With our encodings, and our name where they have none: GitHub and others refuse the nameless."""
    given = tuple((name, value) for name, value in headers if name.lower() != "accept-encoding")
    is_named = any(name.lower() == "user-agent" for name, _ in given)
    return (*given, *(() if is_named else (USER_AGENT,)), ("Accept-Encoding", ACCEPT_ENCODING))


def _dialled(
    destination: Destination, deadline: Deadline, rules: Policy, resolver: Resolver
) -> socket.socket:
    """A connection that the guard has opened, in a thread of its own: the one that asks may have a loop."""

    async def dial_in_time() -> socket.socket:
        async with asyncio.timeout(deadline.seconds_left):
            if destination.is_builtin:
                return await dial_ourselves(rules=rules, resolver=resolver)
            return await dial(destination.origin, rules=rules, resolver=resolver)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="dial") as thread:
        try:
            connection = thread.submit(asyncio.run, dial_in_time()).result()
        except TimeoutError:
            raise UpstreamTimeout from None
    connection.setblocking(True)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are two writes
    deadline.watch(connection)
    return connection


def _sent(adapter: GuardedAdapter, request: PreparedRequest) -> Response:
    try:
        return adapter.send(request, stream=True)
    except (RequestException, HTTPError, OSError) as error:
        raise UpstreamInvalid if _is_garbled(error) else UpstreamUnreachable from None


def _read(response: Response, max_bytes: int) -> Reply:
    headers = {name.lower(): _text(value) for name, value in response.headers.items()}
    _check_head(response.status_code, headers)
    if (response.raw.length_remaining or 0) > max_bytes:  # 0 where no body follows (HEAD, 204, 304)
        raise ResponseTooLarge
    pieces: list[bytes] = []
    left = max_bytes
    try:
        for piece in response.raw.stream(PIECE_BYTES, decode_content=False):
            left -= len(piece)
            if left < 0:
                raise ResponseTooLarge
            pieces.append(piece)
    except (HTTPError, OSError, ValueError):  # ValueError: a chunk of less than no bytes
        raise UpstreamInvalid from None
    return Reply(response.status_code, headers, b"".join(pieces))


def _check_head(status: int, headers: Mapping[str, str]) -> None:
    """What http.client lets through."""
    if not 200 <= status <= 599:
        raise UpstreamInvalid("The service answered with a status that HTTP does not know.")
    length = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(length) or any(map(_CONTROL.search, headers.values())):
        raise UpstreamInvalid


def _text(value: str) -> str:
    """http.client reads bytes as Latin-1; what is sent is UTF-8."""
    return value.encode("latin-1").decode("utf-8", "replace")


def _is_garbled(error: BaseException) -> bool:
    """Did something answer that is not HTTP? Read below what urllib3 and requests made of it."""
    cause: object = error
    while isinstance(cause, RequestException | ProtocolError):
        if isinstance(cause, InvalidHeader):
            return True
        cause = cause.args[-1] if cause.args else None
    return isinstance(cause, HTTPException) and not isinstance(cause, RemoteDisconnected)
