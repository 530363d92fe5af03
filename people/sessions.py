"""The person behind a browser session: who, from where, and how lately they signed in."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from people import addresses
from people.actor import Actor, from_request


def actor_of(request: HttpRequest) -> Actor | None:
    """The signed-in person, or None. Reads the session and nothing from the Authorization header."""
    user = request.user
    if not user.is_authenticated:
        return None
    return Actor(
        user=user, is_fresh=is_fresh(request), ip=ip_of(request), request_id=getattr(request, "id", "")
    )


def ip_of(request: HttpRequest) -> str:
    """Where the request comes from, through as many proxies as are ours."""
    forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return addresses.client_ip(
        request.META.get("REMOTE_ADDR", ""),
        [forwarded_for] if forwarded_for else [],
        settings.TRUSTED_PROXY_COUNT,
    )


def is_fresh(request: HttpRequest, *, now: float | None = None) -> bool:
    """Whether this session proved who it is within the last five minutes.

    allauth's own check takes a person without a password for fresh; this one does not.
    """
    oldest = (time.time() if now is None else now) - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(record["at"] >= oldest for record in records)


def fresh_sign_in_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For a page whose form needs a fresh sign-in: asks before anything is typed into it."""

    @wraps(view)
    def asked_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        from_request(request).require_fresh()
        return view(request, *args, **kwargs)

    return asked_first
