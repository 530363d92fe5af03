"""Talking to a service's own endpoints: an auth type says what to ask, this module asks it.

Never inside a transaction. Addresses come from the service's record, are checked again at every use,
and nothing else is dialled.
"""

import json
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, cast
from urllib.parse import urlencode

from django.db import connection as database

import problems
from connections.errors import EndpointBusy
from connections.models import Connection
from outbound import guard, session
from outbound.errors import HostNotAllowed
from problems.limits import Limits
from services import failures, sources, target
from services import operations as services_operations
from services.auth_types.base import Answer, AuthType, Exchange, Flow, Tokens
from services.callback import callback_url
from services.models import OAuthClient
from services.target import Target
from vault import Blanker, Secret

T = TypeVar("T")
# Whoever waits for the network on a page holds one of its places: never more than half of them do.
WAITERS = Limits(16, EndpointBusy)
DEADLINE_S = 8.0  # for an exchange that loses nothing when it is given up
GRANT_S = 30.0  # for one that uses up a code or a refresh token: its answer is the only way on
MAX_BYTES = 1 << 20
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
# Of what is sent to an endpoint, all that is no secret; whatever else comes back is blanked.
PUBLIC = frozenset({"grant_type", "response_type", "client_id", "redirect_uri", "scope", "token_type_hint"})


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
    connection: Connection,
    *,
    client: OAuthClient | None = None,
    scopes: list[str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> ServiceSide:
    """Everything a round trip's fixed side holds; ``client``: the app that a grant was made with.

    ``variables``: what the service has told so far; what it has not told yet stays between its braces.
    """
    auth = connection.auth
    filled = target.of(auth, connection.variables | dict(variables or {}), sources.later_names(auth))
    flow = Flow(
        config=filled.config,
        client=services_operations.client_of(auth, client),
        callback_url=callback_url(auth.service),
        scopes=tuple(connection.scopes if scopes is None else scopes),
        facts=sources.facts_of(auth),
        meaning=partial(failures.meaning, auth.service.meta.get("failures", [])),
    )
    return ServiceSide(auth_type=filled.auth_type, target=filled, flow=flow)


def with_variables(side: ServiceSide, connection: Connection, variables: Mapping[str, str]) -> ServiceSide:
    """The same, once the service has told more; nothing is read for it."""
    auth = connection.auth
    filled = target.of(auth, connection.variables | dict(variables), sources.later_names(auth))
    return replace(side, target=filled, flow=replace(side.flow, config=filled.config))


def drive(
    side: ServiceSide,
    exchanges: Generator[Exchange, Answer, T],
    *,
    secrets: Iterable[Secret] = (),
    deadline_s: float = DEADLINE_S,
) -> T:
    """Run an auth type's generator to its end. Raises what it raises, and what ``outbound`` raises.

    No database connection is held meanwhile. What the service repeats of ``secrets``, or of anything that it
    was sent, is blanked in errors and scopes.
    """
    ends_at = time.monotonic() + deadline_s
    hidden = [*secrets, *secrets_of(side)]
    release_database()
    try:
        exchange = next(exchanges)
        while True:
            hidden += _secrets_in(exchange)
            exchange = exchanges.send(_ask(side, exchange, max(0.0, ends_at - time.monotonic())))
    except StopIteration as finished:
        result: T = finished.value
        return cast("T", _without(side, result, hidden)) if isinstance(result, Tokens) else result
    except problems.AppError as error:
        blank = Blanker(hidden)
        error.message, error.hint = blank(error.message), blank(error.hint)
        error.args = (error.message,)
        raise


def release_database() -> None:
    """Give this thread's database connection back for as long as the network is waited for."""
    if not database.in_atomic_block:  # which only tests wrap around this
        database.close()


def secrets_of(side: ServiceSide) -> Iterator[Secret]:
    """The app's own."""
    client = side.flow.client
    if client is not None:
        yield from filter(None, (client.client_secret, client.private_key))


def _secrets_in(exchange: Exchange) -> Iterator[Secret]:
    """What is sent, less what is known to be public: a parameter nobody thought of counts as a secret."""
    for name, value in exchange.form or ():
        if name not in PUBLIC:
            yield Secret(value)
    for name, value in exchange.headers:
        if name == "Authorization":
            yield Secret(value.partition(" ")[2])


def _without(side: ServiceSide, tokens: Tokens, hidden: list[Secret]) -> Tokens:
    """The tokens, their scopes less whatever secret the service wrote there, and the facts that are none."""
    own = [*tokens.secrets.values(), *secrets_of(side)]
    of_exchange, of_answer = Blanker([*hidden, *own]), Blanker(own)
    scopes = tokens.scopes and tuple(map(of_exchange, tokens.scopes))
    facts = {path: text for path, text in tokens.facts.items() if of_answer(text) == text}
    return replace(tokens, scopes=scopes, facts=facts)


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
        headers = (*headers, ("Content-Type", JSON if exchange.is_json else FORM))
        body = (json.dumps(dict(exchange.form)) if exchange.is_json else urlencode(exchange.form)).encode()
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
