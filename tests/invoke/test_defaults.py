"""What goes out where the caller does not say it, and what the caller's cookies do."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.conf import settings
from oauthlib.oauth1 import SignatureOnlyEndpoint

from invoke import bodies, headers, operations
from people.actor import Actor
from tests.invoke.conftest import Desk, Gateway
from tests.invoke.test_placement import CONSUMER, Validator
from tests.invoke.upstream import Upstream, answer

VERSIONED: dict[str, Any] = {
    "default_headers": {"Notion-Version": "2022-06-28"},
    "default_query": {"api-version": "1 a"},
}


def test_defaults_go_out_where_the_caller_has_none(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(service=VERSIONED)
    gateway.get("/invoke/desk/x?b=1")
    assert upstream.last.target == "/api/v1/x?b=1&api-version=1+a"
    assert upstream.last.headers_named("Notion-Version") == ["2022-06-28"]


@pytest.mark.parametrize("name", ["Notion-Version", "notion-version", "Notion_Version"])
@pytest.mark.parametrize("key", ["api-version", "%61pi-version", "API-Version"])
def test_the_callers_own_go_before_defaults(
    gateway: Gateway, desk: Desk, upstream: Upstream, name: str, key: str
) -> None:
    desk.connection(service=VERSIONED)
    gateway.get(f"/invoke/desk/x?{key}=2", headers={name: "2025-09-03"})
    assert upstream.last.target == f"/api/v1/x?{key}=2"
    assert [value for header, value in upstream.last.headers if "version" in header.lower()] == ["2025-09-03"]


def test_what_is_fixed_goes_before_both(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(service=VERSIONED | {"headers": {"X-Org": "7"}, "query": {"org": "7"}})
    gateway.get("/invoke/desk/x?org=8", headers={"X-Org": "8"})
    assert parse_qsl(urlsplit(upstream.last.target).query) == [("api-version", "1 a"), ("org", "7")]
    assert upstream.last.headers_named("X-Org") == ["7"]


def test_a_task_chooses_its_version_too(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(service=VERSIONED)
    gateway.task(connection="desk", url="/x")
    assert upstream.last.header("Notion-Version") == "2022-06-28"
    told = {"headers": {"Notion-Version": "2025-09-03"}, "parameters": {"api-version": "2"}}
    gateway.task(connection="desk", url="/x", **told)
    assert upstream.last.target == "/api/v1/x?api-version=2"
    assert upstream.last.headers_named("Notion-Version") == ["2025-09-03"]


def test_a_test_request_has_the_services_defaults_over_ours(desk: Desk, upstream: Upstream) -> None:
    made = desk.connection(
        service={"test": {"method": "GET", "path": "/me"}, "default_headers": {"Accept": "text/csv"}}
    )
    operations.test_connection(actor=Actor.of(desk.owner), connection=made)
    assert upstream.last.headers_named("Accept") == ["text/csv"]
    assert upstream.last.headers_named("User-Agent") == ["Switchboard"]


def test_a_signature_covers_the_defaults(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    """And, judged by oauthlib, needs no token (RFC 5849 3.1)."""
    desk.connection(auth="oauth1", client=CONSUMER, secrets={}, service=VERSIONED)
    assert gateway.get("/invoke/desk/x?q=a%2Bb").status == 200
    seen = upstream.last
    assert "oauth_token=" not in (seen.header("Authorization") or "")
    assert "api-version=1+a" in seen.target
    valid, _ = SignatureOnlyEndpoint(Validator()).validate_request(
        f"{upstream.url}{seen.target}", seen.method, seen.body.decode(), dict(seen.headers)
    )
    assert valid


def test_basic_goes_out_with_an_empty_user_name(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(auth="basic", secrets={"password": "pat"})
    assert gateway.get("/invoke/desk/x").status == 200
    assert upstream.last.header("Authorization") == "Basic " + base64.b64encode(b":pat").decode()


# --- Cookies -------------------------------------------------------------------------------------------
SET = [("Set-Cookie", "SAP_SESSIONID=1; path=/; HttpOnly"), ("set-cookie", "b=2"), ("X-CSRF-Token", "t")]


def test_cookies_stay_where_they_are_unless_the_service_wants_them(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    upstream.says(answer(200, b"", SET))
    got = gateway.get("/invoke/desk/x", headers={"Cookie": "SAP_SESSIONID=1"})
    assert upstream.last.header("Cookie") is None
    assert [name for name, _ in got.headers if "cookie" in name.lower()] == []


def test_cookies_are_handed_on_and_told_where_the_service_wants_them(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(service={"cookies": "pass"})
    upstream.says(answer(200, b"", [*SET, ("Switchboard-Set-Cookie", "forged=1")]))
    got = gateway.get("/invoke/desk/x", headers={"Cookie": "SAP_SESSIONID=1; b=2"})
    assert upstream.last.headers_named("Cookie") == ["SAP_SESSIONID=1; b=2"]
    told = [value for name, value in got.headers if name.lower() == "switchboard-set-cookie"]
    assert told == ["SAP_SESSIONID=1; path=/; HttpOnly", "b=2"]
    assert got.header("Set-Cookie") is None


def test_our_own_cookies_never_leave(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    """A page of ours, or a browser that somebody is signed in with, sends them along by itself."""
    desk.connection(service={"cookies": "pass"})
    ours = f"{settings.SESSION_COOKIE_NAME}=secret-1; {settings.CSRF_COOKIE_NAME} = secret-2"
    gateway.get("/invoke/desk/x", headers={"Cookie": f"a=1;{ours}; b=2"})
    assert upstream.last.headers_named("Cookie") == ["a=1; b=2"]
    gateway.get("/invoke/desk/x", headers={"Cookie": ours})
    assert upstream.last.header("Cookie") is None
    gateway.task(connection="desk", url="/x", headers={"Cookie": f"{ours}; c=3"})
    assert upstream.last.headers_named("Cookie") == ["c=3"]


def test_a_task_is_told_the_cookies_with_its_details(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(service={"cookies": "pass"})
    upstream.says(answer(200, b"ok", SET[:1]))
    got = gateway.task(connection="desk", url="/x", detailed=True)
    assert got.json["responseHeader"]["switchboard-set-cookie"] == SET[0][1]
    assert "set-cookie" not in got.json["responseHeader"]


def test_a_cookie_that_carries_the_credential_is_not_the_callers(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    block = {"params": [{"key": "Cookie", "prefix": "sid="}]}
    desk.connection(block=block, secrets={"Cookie": "s3cret"}, service={"cookies": "pass"})
    gateway.get("/invoke/desk/x", headers={"Cookie": "sid=evil"})
    assert upstream.last.headers_named("Cookie") == ["sid=s3cret"]


def test_a_cookie_that_is_named_for_the_hop_ends_there() -> None:
    pairs = [("Connection", "cookie"), ("Cookie", "a=1")]
    assert headers.of_caller(pairs, frozenset(), own_cookies=frozenset()) == []


def test_what_an_empty_query_lacks_is_everything() -> None:
    assert bodies.lacking("", {"a": "1"}) == [("a", "1")]
    assert bodies.lacking("a", {"a": "1"}) == []
    assert json.dumps(headers.lacking([], {"A": "1"})) == '[["A", "1"]]'
