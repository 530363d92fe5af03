"""The control plane's way out: one exchange, waited for. OAuth endpoints, tests, identity look-ups.

It drives the call path's client, so that there is one guard, one deadline and one parser. The loop runs in a
thread of its own, since the thread that asks may have a loop already.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from outbound import guard
from outbound.client import RESOLVER, Client, Pairs
from outbound.encoding import ACCEPT_ENCODING, decoded
from outbound.guard import Destination
from outbound.policy import Policy, policy
from outbound.resolver import Resolver

USER_AGENT = ("User-Agent", "Switchboard")


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
    exchange = _exchange(
        Client(rules=rules, resolver=resolver),
        destination,
        method=method,
        headers=_completed(headers),
        body=body,
        deadline_s=deadline_s,
        max_bytes=max_bytes,
    )
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbound") as thread:
        return thread.submit(asyncio.run, exchange).result()


async def _exchange(
    client: Client,
    destination: Destination,
    *,
    method: str,
    headers: Pairs,
    body: bytes | None,
    deadline_s: float,
    max_bytes: int,
) -> Reply:
    deadline = asyncio.get_running_loop().time() + deadline_s
    async with (
        client,
        client.open(
            method,
            destination.url,
            headers=headers,
            body=body,
            destination=destination,
            deadline=deadline,
            max_bytes=max_bytes,
        ) as reply,
    ):
        raw = b"".join([piece async for piece in reply.iter_bytes()])
    lowered = _joined(reply.headers)
    body_read = decoded(raw, lowered.get("content-encoding", ""), max_bytes=max_bytes)
    return Reply(reply.status, lowered, body_read)


def _completed(headers: Pairs) -> Pairs:
    """With our encodings, and our name where they have none: GitHub and others refuse the nameless."""
    given = tuple((name, value) for name, value in headers if name.lower() != "accept-encoding")
    is_named = any(name.lower() == "user-agent" for name, _ in given)
    return (*given, *(() if is_named else (USER_AGENT,)), ("Accept-Encoding", ACCEPT_ENCODING))


def _joined(headers: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
