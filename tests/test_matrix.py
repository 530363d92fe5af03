"""Who may do what, everywhere: every URL and method against every kind of person and token (checklist I1).

A row is seven outcomes, for: anonymous, stranger, rival (who makes things of their own), viewer (who sees the
owner's connections and may not use them), teammate (who uses them), owner, administrator. At the API an
eighth follows: an administrator's token that is narrowed to the connection asked about. The other tokens
follow from the row: a stranger's and an administrator's fare like themselves, an expired one like nobody, and
an administrator's that is narrowed to another connection finds none here. On pages every token is nobody.
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
from people.models import Role, User
from services import operations as service_operations
from tests import trail_order
from tests.conftest import Script, SignIn

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
API = "/api/v1/"
OUTCOMES = {401: "1", 403: "3", 404: "4", 405: "5", 410: "0"}
ONE_CONNECTION = "/connections/{link_name}"
PEOPLE = ("stranger", "rival", "viewer", "teammate", "owner", "administrator")

# + goes through, whatever comes of it · > to the sign-in page · 1 401 · 3 403 · t 403, the token may not ·
# 4 404 · 5 405 · 0 410
ROWS = {
    # Open to all; one-time links that are over
    "GET /healthz": "+++++++",
    "GET /readyz": "+++++++",
    "GET /accounts/login/": "+++++++",
    "POST /accounts/login/": "+++++++",
    "PUT /accounts/login/": "+++++++",  # Django's FormView takes PUT for POST, with the same check of CSRF
    "PATCH /accounts/login/": "5++++++",  # signed in already: leads on to the pages
    "DELETE /accounts/login/": "5++++++",
    "GET /accounts/logout/": ">++++++",
    "POST /accounts/logout/": ">>>>>>>",  # and that is where it leads
    "GET /accounts/password/reset/": "+++++++",
    "POST /accounts/password/reset/": "+++++++",
    "GET /accounts/signup/": "3333333",
    "GET /welcome/{token}/": "0000000",
    "POST /welcome/{token}/": "0000000",
    "GET /set-password/{token}/": "0000000",
    "POST /set-password/{token}/": "0000000",
    # Whoever is signed in
    "GET /": ">++++++",
    "GET /accounts/reauthenticate/": ">++++++",
    "POST /accounts/reauthenticate/": ">++++++",
    "PUT /accounts/reauthenticate/": ">++++++",
    "GET /accounts/password/change/": ">++++++",
    "POST /accounts/password/change/": ">++++++",
    "PUT /accounts/password/change/": ">++++++",
    "GET /connections/": ">++++++",
    "GET /services/": ">++++++",
    "GET /services/{link_name}/": ">++++++",
    "GET /tokens/": ">++++++",
    "GET /tokens/new/": ">++++++",
    "POST /tokens/new/": ">++++++",
    "POST /tokens/{token_id}/revoke/": ">4444++",
    "GET /activity/": ">++++++",
    "GET /audit/": ">++++++",
    "GET /docs/": ">++++++",
    "GET /docs/{page}/": ">++++++",
    "GET /api/docs": ">++++++",
    # Builders
    "GET /connections/new/": ">3+33++",
    "GET /connections/new/{service}/": ">3+33++",
    "POST /connections/new/{service}/": ">3+33++",
    "GET /services/new/": ">3+33++",
    "POST /services/new/": ">3+33++",
    # A connection: who sees it, who uses it, who may change it
    "GET /connections/{link_name}/": ">44++++",
    "POST /connections/{link_name}/test/": ">44++++",
    "GET /connections/{link_name}/connect/": ">4433++",
    "POST /connections/{link_name}/connect/": ">4433++",
    "GET /connections/{link_name}/edit/": ">4433++",
    "POST /connections/{link_name}/edit/": ">4433++",
    "GET /connections/{link_name}/switch/": ">4433++",
    "POST /connections/{link_name}/switch/": ">4433++",
    "GET /connections/{link_name}/revoke/": ">4433++",
    "POST /connections/{link_name}/revoke/": ">4433++",
    "POST /connections/{link_name}/disable/": ">4433++",
    "POST /connections/{link_name}/enable/": ">4433++",
    "GET /connections/{link_name}/delete/": ">4433++",
    "POST /connections/{link_name}/delete/": ">4433++",
    "GET /authorize/{token}/": ">3333+3",
    "POST /authorize/{token}/": ">3333+3",
    "GET /oauth/callback/{service}": "+++++++",
    "POST /oauth/callback/{service}": "+++++++",
    "PUT /oauth/callback/{service}": "+++++++",
    "PATCH /oauth/callback/{service}": "+++++++",
    "DELETE /oauth/callback/{service}": "+++++++",
    # A custom service: its creator and administrators
    "GET /services/{link_name}/client/": ">3333++",
    "POST /services/{link_name}/client/": ">3333++",
    "GET /services/{link_name}/edit/": ">3333++",
    "POST /services/{link_name}/edit/": ">3333++",
    "GET /services/{link_name}/delete/": ">3333++",
    "POST /services/{link_name}/delete/": ">3333++",
    "GET /services/{link_name}/copy/": ">3+33++",
    "POST /services/{link_name}/copy/": ">3+33++",
    "POST /services/{link_name}/hide/": ">33333+",
    "GET /services/{link_name}/newer/": ">33333+",
    "POST /services/{link_name}/newer/": ">33333+",
    # Administrators
    "GET /people/": ">33333+",
    "GET /people/new/": ">33333+",
    "POST /people/new/": ">33333+",
    "GET /people/{person_id}/": ">33333+",
    "POST /people/{person_id}/": ">33333+",
    "POST /people/{person_id}/password-link/": ">33333+",
    # The API
    "GET /api/v1/": "4444444",
    **{f"{method} /api/v1/openapi.json": "+++++++" for method in METHODS},  # read-only, whatever the method
    "GET /api/v1/people": "133333+t",
    "POST /api/v1/people": "133333+t",
    "PATCH /api/v1/people/{person_id}": "133333+t",
    "GET /api/v1/audit": "1++++++t",
    "GET /api/v1/services": "1++++++t",
    "POST /api/v1/services": "13+33++t",
    "GET /api/v1/services/{link_name}": "1++++++t",
    "PATCH /api/v1/services/{link_name}": "13333++t",
    "DELETE /api/v1/services/{link_name}": "13333++t",
    "PUT /api/v1/services/{link_name}/client": "13333++t",
    "GET /api/v1/connections": "1+++++++",
    "POST /api/v1/connections": "13+33++t",
    "GET /api/v1/connections/{link_name}": "144+++++",
    "PATCH /api/v1/connections/{link_name}": "14433+++",
    "DELETE /api/v1/connections/{link_name}": "14433+++",
    "POST /api/v1/connections/{link_name}/connect": "14433+++",
    "POST /api/v1/connections/{link_name}/revoke": "14433+++",
    "POST /api/v1/connections/{link_name}/test": "1443++++",
    "GET /api/v1/connections/{link_name}/calls": "144+++++",
    "GET /api/v1/connections/{link_name}/snippets": "144+++++",
    "GET /api/v1/tokens": "1+++++++",
    "POST /api/v1/tokens": "1+++++++",
    "DELETE /api/v1/tokens/{token_id}": "14444++4",
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
def rival(make_person: Callable[..., User]) -> User:
    return make_person("rival@example.com", Role.BUILDER)


@pytest.fixture
def viewer(make_person: Callable[..., User]) -> User:
    return make_person("viewer@example.com")


@pytest.fixture
def values(
    owner: User,
    rival: User,
    viewer: User,
    teammate: User,
    stranger: User,
    make_script: Callable[..., Script],
) -> dict[str, str]:
    """The owner's world: two services, two connections that others see or use, and a token; and beside it
    the rival's, with names that begin alike."""
    actor = Actor.of(owner)
    shop = SERVICE | {"name": "Shop", "link_name": "shop", "auth_type": "oauth2", "oauth2": OAUTH2}
    del shop["api_key"]
    service_operations.create_service(actor=actor, data=SERVICE | {"link_name": "desk"})
    service_operations.create_service(actor=actor, data=shop)
    for link_name, credentials in (("desk", CREDENTIALS), ("shop", {})):
        asked = {"service": link_name, "name": link_name, "link_name": link_name}
        made = operations.create_connection(actor=actor, data=asked | credentials)
        Access.objects.create(connection=made, user=teammate, can_use=True)
        Access.objects.create(connection=made, user=viewer, can_use=False)
    theirs = {"service": "deskpro", "name": "deskpro", "link_name": "deskpro"} | CREDENTIALS
    service_operations.create_service(actor=Actor.of(rival), data=SERVICE | {"link_name": "deskpro"})
    operations.create_connection(actor=Actor.of(rival), data=theirs)
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
def everybody(request: pytest.FixtureRequest, values: dict[str, str], signed_in: SignIn) -> dict[str, Client]:
    """By who they are, in the order of a row, and then the tokens."""
    people: dict[str, User] = {name: request.getfixturevalue(name) for name in PEOPLE}
    make_script: Callable[..., Script] = request.getfixturevalue("make_script")
    administrator = people["administrator"]
    expired = make_script(people["owner"], name="expired")
    ApiToken.objects.filter(pk=expired.token.pk).update(expires_at=timezone.now() - timedelta(days=1))
    tokens = {
        "foreign token": make_script(people["stranger"]),
        "expired token": expired,
        "administrator's token": make_script(administrator),
        "narrowed to it": make_script(administrator, connections=["desk"]),
        "narrowed to another": make_script(administrator, connections=["shop"]),
    }
    return (
        {"anonymous": Client()}
        | {name: signed_in(person) for name, person in people.items()}
        | {name: Client(headers=script.headers) for name, script in tokens.items()}
    )


def outcome(client: Client, method: str, url: str, values: dict[str, str], body: Any = None) -> str:
    """What comes of asking, undone afterwards."""
    asked = ASKS.get(f"{method} {url}", "")
    address = url.format(**_linked(url, values)) + (f"?{asked}" if asked else "")
    is_api = url.startswith(API)
    with trail_order.around():
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
    if answer.status_code == 403 and is_api and answer.json()["code"] == "token_not_allowed":
        return "t"
    return OUTCOMES.get(answer.status_code, "+")


def _linked(url: str, values: dict[str, str]) -> dict[str, str]:
    """An OAuth app is set on the service that has one."""
    return values | {"link_name": "shop"} if "/client" in url else values


def expected(row: str, url: str) -> str:
    """Everybody's outcomes: the row's, and those of the tokens."""
    people, narrowed = row[:7], row[7:] or row[6]
    if not url.startswith(API):
        return people + row[0] * 5
    elsewhere = "4" if narrowed == "+" and ONE_CONNECTION in url else narrowed
    return people + row[1] + row[0] + row[6] + narrowed + elsewhere


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
