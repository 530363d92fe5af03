"""Who may do what, everywhere: every URL and method against every kind of person and token (checklist I1).

A row is five outcomes, for: anonymous, stranger, teammate, owner, administrator. A token of the stranger's
fares like the stranger at the API and like nobody on pages; an expired token fares like nobody.
A URL without a row fails, and so does a method that answers without one.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from connections import oauth, operations
from connections.models import Access, ApiToken, Connection
from people.actor import Actor
from people.models import User
from services import operations as service_operations
from tests.conftest import Script, SignIn

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
API = "/api/v1/"
OUTCOMES = {401: "1", 403: "3", 404: "4", 405: "5", 410: "0"}

# + goes through, whatever comes of it · > to the sign-in page · 1 401 · 3 403 · 4 404 · 5 405 · 0 410
ROWS = {
    # Open to all; one-time links that are over
    "GET /healthz": "+++++",
    "GET /readyz": "+++++",
    "GET /accounts/login/": "+++++",
    "POST /accounts/login/": "+++++",
    "PUT /accounts/login/": "+++++",  # Django's FormView takes PUT for POST, with the same check of CSRF
    "PATCH /accounts/login/": "5++++",  # signed in already: leads on to the pages
    "DELETE /accounts/login/": "5++++",
    "GET /accounts/logout/": ">++++",
    "POST /accounts/logout/": ">>>>>",  # and that is where it leads
    "GET /accounts/password/reset/": "+++++",
    "POST /accounts/password/reset/": "+++++",
    "GET /accounts/signup/": "33333",
    "GET /welcome/{token}/": "00000",
    "POST /welcome/{token}/": "00000",
    "GET /set-password/{token}/": "00000",
    "POST /set-password/{token}/": "00000",
    # Whoever is signed in
    "GET /": ">++++",
    "GET /accounts/reauthenticate/": ">++++",
    "POST /accounts/reauthenticate/": ">++++",
    "PUT /accounts/reauthenticate/": ">++++",
    "GET /accounts/password/change/": ">++++",
    "POST /accounts/password/change/": ">++++",
    "PUT /accounts/password/change/": ">++++",
    "GET /connections/": ">++++",
    "GET /services/": ">++++",
    "GET /services/{link_name}/": ">++++",
    "GET /tokens/": ">++++",
    "GET /tokens/new/": ">++++",
    "POST /tokens/new/": ">++++",
    "POST /tokens/{token_id}/revoke/": ">44++",
    "GET /activity/": ">++++",
    "GET /audit/": ">++++",
    "GET /docs/": ">++++",
    "GET /docs/{page}/": ">++++",
    "GET /api/docs": ">++++",
    # Builders
    "GET /connections/new/": ">33++",
    "GET /connections/new/{service}/": ">33++",
    "POST /connections/new/{service}/": ">33++",
    "GET /services/new/": ">33++",
    "POST /services/new/": ">33++",
    # A connection: who sees it, who uses it, who may change it
    "GET /connections/{link_name}/": ">4+++",
    "POST /connections/{link_name}/test/": ">4+++",
    "GET /connections/{link_name}/connect/": ">43++",
    "POST /connections/{link_name}/connect/": ">43++",
    "GET /connections/{link_name}/edit/": ">43++",
    "POST /connections/{link_name}/edit/": ">43++",
    "GET /connections/{link_name}/revoke/": ">43++",
    "POST /connections/{link_name}/revoke/": ">43++",
    "GET /connections/{link_name}/switch/": ">43++",
    "POST /connections/{link_name}/switch/": ">43++",
    "POST /connections/{link_name}/disable/": ">43++",
    "POST /connections/{link_name}/enable/": ">43++",
    "GET /connections/{link_name}/delete/": ">43++",
    "POST /connections/{link_name}/delete/": ">43++",
    "GET /authorize/{token}/": ">33+3",
    "POST /authorize/{token}/": ">33+3",
    "GET /oauth/callback/{service}": "+++++",
    "POST /oauth/callback/{service}": "+++++",
    "PUT /oauth/callback/{service}": "+++++",
    "PATCH /oauth/callback/{service}": "+++++",
    "DELETE /oauth/callback/{service}": "+++++",
    # A custom service: its creator and administrators
    "GET /services/{link_name}/client/": ">33++",
    "POST /services/{link_name}/client/": ">33++",
    "GET /services/{link_name}/edit/": ">33++",
    "POST /services/{link_name}/edit/": ">33++",
    "GET /services/{link_name}/delete/": ">33++",
    "POST /services/{link_name}/delete/": ">33++",
    "GET /services/{link_name}/copy/": ">33++",
    "POST /services/{link_name}/copy/": ">33++",
    "POST /services/{link_name}/hide/": ">333+",
    "GET /services/{link_name}/newer/": ">333+",
    "POST /services/{link_name}/newer/": ">333+",
    # Administrators
    "GET /people/": ">333+",
    "GET /people/new/": ">333+",
    "POST /people/new/": ">333+",
    "GET /people/{person_id}/": ">333+",
    "POST /people/{person_id}/": ">333+",
    "POST /people/{person_id}/password-link/": ">333+",
    # The API
    "GET /api/v1/": "44444",
    **{f"{method} /api/v1/openapi.json": "+++++" for method in METHODS},  # read-only, whatever the method
    "GET /api/v1/people": "1333+",
    "POST /api/v1/people": "1333+",
    "PATCH /api/v1/people/{person_id}": "1333+",
    "GET /api/v1/audit": "1++++",
    "GET /api/v1/services": "1++++",
    "POST /api/v1/services": "133++",
    "GET /api/v1/services/{link_name}": "1++++",
    "PATCH /api/v1/services/{link_name}": "133++",
    "DELETE /api/v1/services/{link_name}": "133++",
    "PUT /api/v1/services/{link_name}/client": "133++",
    "GET /api/v1/connections": "1++++",
    "POST /api/v1/connections": "133++",
    "GET /api/v1/connections/{link_name}": "14+++",
    "PATCH /api/v1/connections/{link_name}": "143++",
    "DELETE /api/v1/connections/{link_name}": "143++",
    "POST /api/v1/connections/{link_name}/connect": "143++",
    "POST /api/v1/connections/{link_name}/revoke": "143++",
    "POST /api/v1/connections/{link_name}/test": "14+++",
    "GET /api/v1/connections/{link_name}/calls": "14+++",
    "GET /api/v1/connections/{link_name}/snippets": "14+++",
    "GET /api/v1/tokens": "1++++",
    "POST /api/v1/tokens": "1++++",
    "DELETE /api/v1/tokens/{token_id}": "144++",
}
SERVICE = {
    "name": "Desk",
    "auth_type": "api_key",
    "param_type": "header",
    "base_url": "https://desk.invalid/api",
    "test": {"method": "GET", "path": "/me"},
    "api_key": {"params": [{"key": "X-Key"}]},
}
OAUTH2 = {
    "authorize_url": "https://shop.invalid/authorize",
    "token_url": "https://shop.invalid/token",
    "client_id": "an-app",
    "client_secret": "a-secret",
}
CREDENTIALS = {"credentials": {"X-Key": "a-key"}}
# What is sent where an empty body would be turned away before anybody asks who sends it.
BODIES: dict[str, Any] = {
    "POST /api/v1/people": {"email": "new@example.com", "role": "member"},
    "PATCH /api/v1/people/{person_id}": {"role": "member"},
    "POST /api/v1/services": SERVICE | {"link_name": "another"},
    "PATCH /api/v1/services/{link_name}": {"name": "Help desk"},
    "PUT /api/v1/services/{link_name}/client": {"client_id": "another-app", "client_secret": "s"},
    "POST /api/v1/connections": {"service": "desk", "name": "Another", "link_name": "another"} | CREDENTIALS,
    "PATCH /api/v1/connections/{link_name}": {"name": "Help desk"},
    "POST /api/v1/connections/{link_name}/connect": CREDENTIALS,
    "POST /api/v1/tokens": {"name": "another", "scopes": ["invoke"]},
}
ASKS: dict[str, str] = {"DELETE /api/v1/connections/{link_name}": "confirm=desk"}
Ask = Callable[[str, str, Any], HttpResponse]


def patterns(found: Any, before: str = "/") -> Iterator[str]:
    """Every address of the resolver, written as in ROWS; the practice provider asks nobody to sign in."""
    for entry in found:
        text = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, text)
        elif isinstance(entry, URLPattern) and not text.startswith("/practice/"):
            yield text


URLS = sorted(set(patterns(get_resolver().url_patterns)))


@pytest.fixture
def values(owner: User, teammate: User, stranger: User, make_script: Callable[..., Script]) -> dict[str, str]:
    """The owner's world: two services, two connections that the teammate may use, and a token."""
    actor = Actor.of(owner)
    shop = SERVICE | {"name": "Shop", "link_name": "shop", "auth_type": "oauth2", "oauth2": OAUTH2}
    del shop["api_key"]
    service_operations.create_service(actor=actor, data=SERVICE | {"link_name": "desk"})
    service_operations.create_service(actor=actor, data=shop)
    for link_name, credentials in (("desk", CREDENTIALS), ("shop", {})):
        asked = {"service": link_name, "name": link_name, "link_name": link_name}
        made = operations.create_connection(actor=actor, data=asked | credentials)
        Access.objects.create(connection=made, user=teammate, can_use=True)
    link = oauth.link(actor=actor, connection=Connection.objects.get(link_name="shop"), for_user=owner)
    return {
        "link_name": "desk",
        "service": "desk",
        "token": link.rstrip("/").rpartition("/")[2],
        "token_id": str(make_script(owner).token.pk),
        "person_id": str(stranger.pk),
        "page": "first-call",
    }


@pytest.fixture
def everybody(
    owner: User,
    administrator: User,
    teammate: User,
    stranger: User,
    signed_in: SignIn,
    make_script: Callable[..., Script],
) -> dict[str, Client]:
    """By who they are, in the order of a row, and then the two tokens."""
    expired = make_script(owner, name="expired")
    ApiToken.objects.filter(pk=expired.token.pk).update(expires_at=timezone.now() - timedelta(days=1))
    return {
        "anonymous": Client(),
        "stranger": signed_in(stranger),
        "teammate": signed_in(teammate),
        "owner": signed_in(owner),
        "administrator": signed_in(administrator),
        "foreign token": Client(headers=make_script(stranger, name="foreign").headers),
        "expired token": Client(headers=expired.headers),
    }


def outcome(client: Client, method: str, url: str, values: dict[str, str], body: Any = None) -> str:
    """What comes of asking, undone afterwards."""
    asked = ASKS.get(f"{method} {url}", "")
    address = url.format(**_linked(url, values)) + (f"?{asked}" if asked else "")
    is_api = url.startswith(API)
    with transaction.atomic():
        if is_api or method not in {"GET", "POST"}:
            content = {"data": body or {}, "content_type": "application/json"} if method != "GET" else {}
            answer = getattr(client, method.lower())(address, **content)
        else:
            answer = getattr(client, method.lower())(address)
        transaction.set_rollback(True)
    if answer.status_code == 302 and answer["Location"].startswith("/accounts/login/"):
        return ">"
    if answer.status_code >= 500:
        return f"!{answer.status_code}"
    return OUTCOMES.get(answer.status_code, "+")


def _linked(url: str, values: dict[str, str]) -> dict[str, str]:
    """An OAuth app is set on the service that has one."""
    return values | {"link_name": "shop"} if "/client" in url else values


def expected(row: str, url: str) -> str:
    """The five outcomes and the two tokens'."""
    if url.startswith(API):
        return row + row[1] + row[0]
    return row + row[0] * 2


@pytest.mark.parametrize("url", URLS)
def test_every_address_has_a_row(url: str) -> None:
    assert [method for method in METHODS if f"{method} {url}" in ROWS], f"{url} has no row in the matrix"


def test_every_row_has_an_address() -> None:
    assert {row.split(" ", 1)[1] for row in ROWS} - set(URLS) == set()


@pytest.mark.parametrize("row", ROWS)
def test_who_may(row: str, values: dict[str, str], everybody: dict[str, Client]) -> None:
    method, url = row.split(" ", 1)
    found = {who: outcome(client, method, url, values, BODIES.get(row)) for who, client in everybody.items()}
    assert found == dict(zip(everybody, expected(ROWS[row], url), strict=True))


@pytest.mark.parametrize("url", URLS)
def test_other_methods_are_refused(url: str, values: dict[str, str], everybody: dict[str, Client]) -> None:
    for method in METHODS:
        if f"{method} {url}" not in ROWS:
            found = {who: outcome(client, method, url, values) for who, client in everybody.items()}
            assert set(found.values()) <= {"5", "4", ">", "1"}, f"{method}: {found}"
