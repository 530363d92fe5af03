"""Who asks the API: an ``Authorization`` header means bearer only, otherwise the session with CSRF."""

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja.utils import check_csrf

from connections import tokens
from connections.errors import CsrfFailed, TokenNotAllowed, Unauthenticated
from connections.models import ApiToken
from people import addresses, sessions, throttle
from people.actor import Actor

SCOPE = "manage"
NOTED_EVERY = timedelta(minutes=1)
SCHEME = "bearer"
GUESSES = 60  # bad tokens from an address within five minutes


def authenticate(request: HttpRequest) -> Actor:
    """The actor of an API request, also left on ``request.actor``. Raises Unauthenticated and NotAllowed.

    Refuses a token that is narrowed to connections: an operation that is open to those, too, says so by
    ``auth=authenticate_narrowed``.
    """
    actor = authenticate_narrowed(request)
    if actor.is_narrowed:
        raise TokenNotAllowed("This API token is narrowed to certain connections, and manages nothing else.")
    return actor


def authenticate_narrowed(request: HttpRequest) -> Actor:
    """The same for what a narrowed token may ask: its own connections, and tokens no wider than itself."""
    header = request.headers.get("Authorization")
    return _of_session(request) if header is None else _of_token(request, header)


NARROWED = authenticate_narrowed  # open to tokens that are narrowed to connections, too


def actor_of_token(token: ApiToken, *, ip: str, request_id: str = "") -> Actor:
    """A person through their token, no wider than it."""
    narrowed = token.rules.get("connections")
    return Actor(
        user=token.user,
        token_id=token.pk,
        token_name=token.name,
        connection_ids=None if narrowed is None else frozenset(UUID(entry) for entry in narrowed),
        ip=ip,
        request_id=request_id,
    )


def is_within(ip: str, networks: list[str]) -> bool:
    """Is the address in one of the networks? Also where none narrows."""
    return not networks or addresses.is_within(ip, networks)


def _of_session(request: HttpRequest) -> Actor:
    actor = sessions.actor_of(request)
    if actor is None:
        raise Unauthenticated
    request.actor = actor  # type: ignore[attr-defined]  # known from here on, whatever they may
    if check_csrf(request) is not None:
        raise CsrfFailed
    return actor


def _of_token(request: HttpRequest, header: str) -> Actor:
    ip = sessions.ip_of(request)
    scheme, _, text = header.partition(" ")
    parsed = tokens.parse(text.strip()) if scheme.lower() == SCHEME else None
    token = tokens.find(parsed) if parsed else None
    if token is None:
        throttle.failed("token", addresses.throttle_key(ip), limit=GUESSES)
        raise Unauthenticated
    actor = actor_of_token(token, ip=ip, request_id=getattr(request, "id", ""))
    request.actor = actor  # type: ignore[attr-defined]
    _check_rules(token, request.method or "", ip)
    _note_use(token)
    return actor


def _check_rules(token: ApiToken, method: str, ip: str) -> None:
    if SCOPE not in token.scopes:
        raise TokenNotAllowed("This API token has no `manage` scope: it calls services, and manages nothing.")
    methods = token.rules.get("methods") or []
    if methods and method not in methods:
        raise TokenNotAllowed(f"This API token is narrowed to {', '.join(methods)}.")
    if not is_within(ip, token.rules.get("networks") or []):
        raise TokenNotAllowed("This API token may not be used from your network address.")


def _note_use(token: ApiToken) -> None:
    """Written at most once a minute, so that reading through the API writes next to nothing."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - NOTED_EVERY:
        tokens.touch({token.pk: now})
