"""Calls to addresses that the service told: each person's own, and with the first token where need be."""

import json
from typing import Any

import pytest

from connections import grants
from connections.models import Connection, Grant
from invoke import operations
from people.actor import Actor
from people.models import User
from services.models import Service
from tests.invoke.conftest import Desk, Gateway, Recorded
from tests.invoke.upstream import Seen, Upstream, answer

CLIENT = {"client_id": "app", "client_secret": "app secret"}
REALM = {"name": "realm", "label": "Company", "pattern": r"\d+", "from": "token.company"}


def told(upstream: Upstream, **fields: Any) -> dict[str, Any]:
    """The columns of a service whose address holds the company."""
    base = {
        "base_url": f"{upstream.url}/v3/{{realm}}",
        "variables": [REALM],
        "headers": {"X-Realm": "{realm}"},
    }
    return base | fields


class Issuer:
    """A token endpoint that tells the company, and an API."""

    def __init__(self, company: Any) -> None:
        self.company = company
        self.issued = 0

    def __call__(self, seen: Seen, _: object) -> bytes:
        if seen.target != "/token":
            return answer(200, b"{}")
        self.issued += 1
        said = {"access_token": f"token-{self.issued}", "company": self.company, "expires_in": 3600}
        return answer(200, json.dumps(said).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def automatic(desk: Desk, upstream: Upstream) -> Connection:
    """Client credentials: nothing was fetched, so nothing is known."""
    upstream.script = Issuer(42)
    block = {"grant_type": "client_credentials", "token_url": f"{upstream.url}/token"}
    made = desk.connection(auth="oauth2", block=block, client=CLIENT, service=told(upstream), grant={})
    row = Grant(connection=made, user=desk.owner, client=made.auth.clients.get())
    grants.store(row, secrets=None)
    return made


def test_a_call_goes_where_the_grant_says(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(service=told(upstream), grant={"variables": {"realm": "7"}})
    assert gateway.get("/invoke/desk/x").status == 200
    assert (upstream.last.target, upstream.last.header("X-Realm")) == ("/v3/7/x", "7")


def test_each_user_has_their_own(gateway: Gateway, desk: Desk, upstream: Upstream, teammate: User) -> None:
    made = desk.connection(
        service=told(upstream), credentials_of="login_user", grant={"variables": {"realm": "7"}}
    )
    desk.grant(made, {"X-Api-Key": "theirs"}, teammate, variables={"realm": "8"})
    desk.share(made)
    gateway.get("/invoke/desk/x")
    gateway.get("/invoke/desk/x", token=desk.token(teammate))
    assert [seen.target for seen in upstream.seen] == ["/v3/7/x", "/v3/8/x"]


def test_what_the_service_told_goes_before_what_was_entered(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(service=told(upstream), variables={"realm": "1"}, grant={"variables": {"realm": "7"}})
    gateway.get("/invoke/desk/x")
    assert upstream.last.target == "/v3/7/x"


def test_it_is_read_anew_for_every_call(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(service=told(upstream), grant={"variables": {"realm": "7"}})
    gateway.get("/invoke/desk/x")
    Grant.objects.update(variables={"realm": "9"})
    gateway.get("/invoke/desk/x")
    assert [seen.target for seen in upstream.seen] == ["/v3/7/x", "/v3/9/x"]


def test_before_anybody_authorised_that_is_what_is_missing(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(service=told(upstream), grant={})
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (409, "authorization_required")
    assert "realm" not in got.json["detail"]
    assert upstream.seen == []


def test_a_grant_without_it_asks_to_connect_again(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(service=told(upstream))
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (409, "authorization_required")
    assert "realm" in got.json["detail"]
    assert upstream.seen == []


def test_the_first_token_tells_it_before_the_first_call_goes_out(
    gateway: Gateway, automatic: Connection, upstream: Upstream, recorded: Recorded
) -> None:
    assert gateway.get("/invoke/desk/x").status == 200
    assert gateway.get("/invoke/desk/y").status == 200
    assert [seen.target for seen in upstream.seen] == ["/token", "/v3/42/x", "/v3/42/y"]
    assert upstream.seen[1].header("Authorization") == "Bearer token-1"
    first, second = recorded(2)
    assert (first.refreshed, second.refreshed, first.path) == (True, False, "/v3/42/x")


@pytest.mark.parametrize("company", [None, "", "none", "../x"])
def test_a_first_token_that_does_not_tell_it_makes_no_call(
    gateway: Gateway, automatic: Connection, upstream: Upstream, company: Any
) -> None:
    upstream.script = Issuer(company)
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (409, "authorization_required")
    assert [seen.target for seen in upstream.seen] == ["/token"]


def test_a_test_fetches_what_its_path_needs(
    gateway: Gateway, automatic: Connection, upstream: Upstream, desk: Desk
) -> None:
    Service.objects.update(test={"method": "GET", "path": "/company/{realm}"})
    automatic.auth.service.refresh_from_db()
    result = operations.test_connection(actor=Actor.of(desk.owner), connection=automatic)
    assert (result.ok, result.checked) == (True, "call")
    assert upstream.last.target == "/v3/42/company/42"


def test_a_test_says_that_nobody_has_authorised(
    desk: Desk, upstream: Upstream, loopback_allowed: None
) -> None:
    made = desk.connection(service=told(upstream, test={"method": "GET", "path": "/{realm}"}), grant={})
    result = operations.test_connection(actor=Actor.of(desk.owner), connection=made)
    assert (result.ok, result.checked) == (False, None)
    assert upstream.seen == []
