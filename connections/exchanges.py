"""Talking to a service's own endpoints: an auth type says what to ask, this module asks it.

Never inside a transaction. Addresses come from the service's record, are checked again at every use,
and nothing else is dialled.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from connections.models import Connection
from outbound import guard, session
from outbound.errors import HostNotAllowed
from services import operations as services_operations
from services import target
from services.auth_types.base import Answer, AuthType, Exchange, Flow
from services.callback import callback_url
from services.models import OAuthClient
from services.target import Target

T = TypeVar("T")
DEADLINE_S = 8.0  # for a whole exchange; those who wait for a refresh wait less (grants.renewal)
MAX_BYTES = 1 << 20
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class ServiceSide:
    """A connection's service, filled in, as the auth type wants it."""

    auth_type: AuthType
    target: Target
    flow: Flow

    def endpoint_hosts(self) -> tuple[str, ...]:
        """The hosts of the service's endpoints."""
        return tuple(guard.host_of(url) for url in self.auth_type.urls(self.target.config).values())


def service_side(
    connection: Connection, *, client: OAuthClient | None = None, scopes: list[str] | None = None
) -> ServiceSide:
    """Everything a round trip's fixed side holds; ``client``: the app that a grant was made with."""
    auth = connection.auth
    filled = target.of(auth, connection.variables)
    flow = Flow(
        config=filled.config,
        client=services_operations.client_of(auth, client),
        callback_url=callback_url(auth.service),
        scopes=tuple(connection.scopes if scopes is None else scopes),
    )
    return ServiceSide(auth_type=filled.auth_type, target=filled, flow=flow)


def drive(
    side: ServiceSide, exchanges: Generator[Exchange, Answer, T], *, deadline_s: float = DEADLINE_S
) -> T:
    """Run an auth type's generator to its end. Raises what it raises, and what ``outbound`` raises."""
    ends_at = time.monotonic() + deadline_s
    try:
        exchange = next(exchanges)
        while True:
            exchange = exchanges.send(_ask(side, exchange, max(0.0, ends_at - time.monotonic())))
    except StopIteration as finished:
        result: T = finished.value
        return result


def _ask(side: ServiceSide, exchange: Exchange, deadline_s: float) -> Answer:
    is_builtin = side.target.is_builtin
    try:
        guard.check_definition_url(exchange.url, is_builtin=is_builtin)
        hosts = side.endpoint_hosts()
    except ValueError as error:
        raise HostNotAllowed(str(error)) from None
    headers = exchange.headers
    body = None
    if exchange.form is not None:
        headers = (*headers, ("Content-Type", FORM))
        body = urlencode(exchange.form).encode()
    reply = session.send(
        exchange.method,
        exchange.url,
        headers=headers,
        body=body,
        hosts=hosts,
        is_builtin=is_builtin,
        deadline_s=deadline_s,
        max_bytes=MAX_BYTES,
    )
    return Answer(status=reply.status, headers=dict(reply.headers), body=reply.body)
