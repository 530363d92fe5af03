"""Access tokens on the call path: renewed before they end, and once after a 401."""

import json
import socket
import threading
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

import vault
from connections import grants
from connections.models import Connection, Grant
from invoke.renewal import is_due
from invoke.resolve import Credential
from people.ids import uuid7
from people.models import AuditEvent
from tests.invoke.conftest import Desk, Gateway, Recorded
from tests.invoke.upstream import Seen, Upstream, answer

CLIENT = {"client_id": "app", "client_secret": "app secret"}


class Provider:
    """A token endpoint that rotates, and an API that takes the newest token only."""

    def __init__(self) -> None:
        self.refreshes = 0
        self.current = "token-0"
        self.token_answer: bytes | None = None
        self.lock = threading.Lock()

    def __call__(self, seen: Seen, _: object) -> bytes:
        if seen.target == "/token":
            return self.token_answer or self._rotate(seen)
        good = seen.header("Authorization") == f"Bearer {self.current}"
        return answer(200 if good else 401, seen.body or b"body")

    def _rotate(self, seen: Seen) -> bytes:
        with self.lock:
            form = parse_qs(seen.body.decode())
            assert form.get("refresh_token", [f"refresh-{self.refreshes}"]) == [f"refresh-{self.refreshes}"]
            self.refreshes += 1
            self.current = f"token-{self.refreshes}"
            told = {
                "access_token": self.current,
                "token_type": "Bearer",
                "expires_in": 3600,
                "refresh_token": f"refresh-{self.refreshes}",
            }
            return answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def provider(upstream: Upstream) -> Provider:
    upstream.script = Provider()
    return upstream.script


@pytest.fixture
def made(desk: Desk, upstream: Upstream, provider: Provider) -> Connection:
    return desk.connection(
        auth="oauth2",
        block={"authorize_url": f"{upstream.url}/authorize", "token_url": f"{upstream.url}/token"},
        secrets={"access_token": "token-0", "refresh_token": "refresh-0"},
        client=CLIENT,
        grant={"expires_at": datetime.now(UTC) + timedelta(hours=1), "lifetime_s": 3600},
    )


def ends_in(seconds: float) -> None:
    Grant.objects.update(expires_at=datetime.now(UTC) + timedelta(seconds=seconds))


def calls_to_the_api(upstream: Upstream) -> int:
    return sum(seen.target != "/token" for seen in upstream.seen)


@pytest.mark.parametrize(
    ("left_s", "lifetime_s", "due"),
    [
        (61, 3600, False),
        (60, 3600, False),
        (59, 3600, True),
        (59, 600, True),
        (61, 600, False),
        (31, 300, False),
        (29, 300, True),
        (-5, 300, True),
        (61, None, False),
        (59, None, True),
    ],
)
def test_a_token_is_due_when_a_tenth_of_its_life_or_a_minute_is_left(
    left_s: int, lifetime_s: int | None, due: bool
) -> None:
    credential = Credential(uuid7(), b"", 1, 1000.0 + left_s, lifetime_s)
    assert is_due(credential, 1000.0) is due


def test_a_token_without_an_end_is_never_due() -> None:
    assert not is_due(Credential(uuid7(), b"", 1, None, None), 1e12)


def test_a_token_about_to_end_is_renewed_before_the_call(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream, recorded: Recorded
) -> None:
    ends_in(20)
    assert gateway.get("/invoke/desk/x").status == 200
    assert (provider.refreshes, calls_to_the_api(upstream)) == (1, 1)
    assert upstream.last.header("Authorization") == "Bearer token-1"
    call = recorded()[0]
    assert (call.refreshed, call.attempts, call.status) == (True, 1, 200)
    assert gateway.get("/invoke/desk/x").status == 200
    assert provider.refreshes == 1


def test_a_401_renews_once_and_sends_the_same_again(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream, recorded: Recorded
) -> None:
    provider.current = "another"
    got = gateway.send("POST", "/invoke/desk/x?a=1", b"the body")
    assert (got.status, got.body) == (200, b"the body")
    assert (provider.refreshes, calls_to_the_api(upstream)) == (1, 2)
    call = recorded()[0]
    assert (call.refreshed, call.attempts, call.status, call.request_bytes) == (True, 2, 200, 8)


def test_a_401_after_the_renewal_is_the_callers_to_see(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream
) -> None:
    api = provider.__class__.__call__
    upstream.script = lambda seen, link: (
        api(provider, seen, link) if seen.target == "/token" else answer(401, b"no")
    )
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.body, got.header("Switchboard-Source")) == (401, b"no", "upstream")
    assert (provider.refreshes, calls_to_the_api(upstream)) == (1, 2)


def test_a_body_too_long_to_keep_is_not_sent_twice_and_the_next_one_passes(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream
) -> None:
    provider.current = "another"
    upload = b"x" * (1024 * 1024 + 1)
    assert gateway.send("POST", "/invoke/desk/x", upload).status == 401
    assert (provider.refreshes, calls_to_the_api(upstream)) == (1, 1)
    assert gateway.send("POST", "/invoke/desk/x", upload).status == 200
    assert provider.refreshes == 1


def test_an_upload_hears_the_401_where_no_token_is_to_be_had(
    gateway: Gateway, made: Connection, provider: Provider
) -> None:
    provider.current = "another"
    provider.token_answer = answer(503, b"")
    got = gateway.send("POST", "/invoke/desk/x", b"x" * (1024 * 1024 + 1))
    assert (got.status, got.header("Switchboard-Source")) == (401, "upstream")


def test_a_service_that_answers_401_for_other_reasons_is_refreshed_for_once(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream
) -> None:
    def scope_mismatch(seen: Seen, link: socket.socket) -> bytes:
        return provider(seen, link) if seen.target == "/token" else answer(401, b"OAUTH_SCOPE_MISMATCH")

    upstream.script = scope_mismatch
    for _ in range(20):
        got = gateway.get("/invoke/desk/x")
        assert (got.status, got.body) == (401, b"OAUTH_SCOPE_MISMATCH")
    assert (provider.refreshes, calls_to_the_api(upstream)) == (1, 21)


def test_an_app_that_is_refused_is_named(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream, recorded: Recorded
) -> None:
    ends_in(-5)
    provider.token_answer = answer(401, b'{"error": "invalid_client"}', {"Content-Type": "application/json"})
    for _ in range(2):
        got = gateway.get("/invoke/desk/x")
        assert (got.status, got.code) == (409, "client_refused")
        assert "authorize_url" not in got.json
    assert (calls_to_the_api(upstream), len(upstream.seen)) == (0, 1)
    assert [call.code for call in recorded(2)] == ["client_refused"] * 2


def test_keys_are_not_renewed_after_a_401(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    upstream.says(answer(401, b"no"))
    assert gateway.get("/invoke/desk/x").status == 401
    assert len(upstream.seen) == 1
    assert gateway.get("/invoke/desk/x").status == 401, "a call changes no status: only a test does"


def test_many_calls_share_one_renewal(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream
) -> None:
    """B1, within this process; across processes it is grants' own test."""
    ends_in(-5)
    got: list[int] = []
    threads = [
        threading.Thread(target=lambda: got.append(gateway.get("/invoke/desk/x").status)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (got, provider.refreshes) == ([200] * 20, 1)


def test_a_dead_grant_asks_for_a_person(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream
) -> None:
    ends_in(-5)
    provider.token_answer = answer(400, b'{"error": "invalid_grant"}', {"Content-Type": "application/json"})
    for _ in range(2):
        got = gateway.get("/invoke/desk/x")
        assert (got.status, got.code) == (409, "authorization_required")
        assert got.json["authorize_url"].startswith("http://localhost:8000/authorize/")
    assert (calls_to_the_api(upstream), len(upstream.seen)) == (0, 1)
    assert Grant.objects.get().health == "reconnect_needed"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_token_endpoint_that_fails_is_named_with_a_time_to_wait(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream, status: int
) -> None:
    ends_in(-5)
    provider.token_answer = answer(status, b"oops secret-page", {"Retry-After": "17"})
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (503, "refresh_unavailable")
    assert int(got.header("Retry-After") or 0) >= 1
    assert b"secret-page" not in got.body
    assert calls_to_the_api(upstream) == 0


def test_a_token_endpoint_that_hangs_is_named_too(
    gateway: Gateway, made: Connection, provider: Provider, upstream: Upstream
) -> None:
    from invoke import gateway as module

    assert module._engine is not None
    module._engine._bounds = type(module._engine._bounds)(1.5, 1 << 20, 1 << 20)
    ends_in(-5)
    release = threading.Event()

    def hang(seen: Seen, _: socket.socket) -> None:
        release.wait(10)

    upstream.script = hang
    got = gateway.get("/invoke/desk/x")
    release.set()
    assert (got.status, got.code) == (503, "refresh_unavailable")


def test_who_waits_for_a_slow_endpoint_is_told_and_what_it_brings_is_stored(
    gateway: Gateway,
    made: Connection,
    provider: Provider,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grants, "WAIT_S", 0.2)
    ends_in(-5)
    release = threading.Event()

    def slow(seen: Seen, link: socket.socket) -> bytes:
        if seen.target == "/token":
            assert release.wait(20)
        return provider(seen, link)

    upstream.script = slow
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code, got.header("Retry-After")) == (503, "refresh_unavailable", "5")
    release.set()
    wait([job.future for job in list(grants.REFRESHES._jobs.values())], timeout=20)
    assert gateway.get("/invoke/desk/x").status == 200
    assert provider.refreshes == 1


def test_a_token_that_is_still_good_serves_while_the_endpoint_is_slow(
    gateway: Gateway,
    made: Connection,
    provider: Provider,
    upstream: Upstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(grants, "WAIT_S", 0.2)
    ends_in(20)
    release = threading.Event()

    def slow(seen: Seen, link: socket.socket) -> bytes:
        if seen.target == "/token":
            assert release.wait(20)
        return answer(200)

    upstream.script = slow
    assert gateway.get("/invoke/desk/x").status == 200
    release.set()


def test_a_good_token_serves_while_the_endpoint_is_away(
    gateway: Gateway, made: Connection, provider: Provider
) -> None:
    ends_in(20)
    provider.token_answer = answer(500, b"")
    assert gateway.get("/invoke/desk/x").status == 200


def test_client_credentials_are_fetched_by_the_first_call(
    gateway: Gateway, desk: Desk, upstream: Upstream, provider: Provider, recorded: Recorded
) -> None:
    made = desk.connection(
        auth="oauth2",
        block={"grant_type": "client_credentials", "token_url": f"{upstream.url}/token"},
        client=CLIENT,
        grant={},
    )
    client = made.auth.clients.get()
    Grant.objects.create(connection=made, user=desk.owner, client=client, state=Grant.State.ACTIVE)
    assert gateway.get("/invoke/desk/x").status == 200
    assert provider.refreshes == 1
    assert recorded()[0].refreshed


def test_without_a_grant_nobody_is_called(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection(auth="oauth2", client=CLIENT, grant={})
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (409, "authorization_required")
    assert got.json["authorize_url"].startswith("http://localhost:8000/authorize/")
    desk.connection("keyed", grant={})
    got = gateway.get("/invoke/keyed/x")
    assert got.json["authorize_url"] == "http://localhost:8000/connections/keyed/"
    assert upstream.seen == []
    assert [call.code for call in recorded(2)] == ["authorization_required"] * 2


def test_a_grant_that_holds_nothing_is_no_grant(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    Grant.objects.update(secrets=None, is_renewable=False)
    assert gateway.get("/invoke/desk/x").code == "authorization_required"
    assert upstream.seen == []


def test_an_ended_grant_is_no_grant(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    Grant.objects.update(state=Grant.State.ENDED)
    assert gateway.get("/invoke/desk/x").code == "authorization_required"
    assert upstream.seen == []


# --- F1, F2: sealed values that do not open --------------------------------------------------------
@pytest.mark.parametrize("harm", ["moved", "cut", "plain", "version"])
def test_a_credential_that_does_not_open_is_never_sent_and_is_audited(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded, harm: str
) -> None:
    desk.connection()
    other = desk.connection("other")
    sealed = bytes(Grant.objects.get(connection=other).secrets or b"")
    harms: dict[str, dict[str, Any]] = {
        "moved": {"secrets": sealed},
        "cut": {"secrets": sealed[:-3]},
        "plain": {"secrets": b'{"X-Api-Key": "plain"}'},
        "version": {"version": 7},
    }
    Grant.objects.filter(connection__link_name="desk").update(**harms[harm])
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (500, "unsealable")
    assert upstream.seen == []
    event = AuditEvent.objects.get(event="grant.unseal_failed")
    assert (event.target, event.actor) == ("connection:desk", desk.owner.email)
    assert recorded()[0].code == "unsealable"


def test_the_gateway_opens_what_grants_seal() -> None:
    row = Grant(version=3)
    row.secrets = grants.seal(row, {"a": vault.Secret("1")})
    assert row.secrets is not None
    assert Credential(row.pk, row.secrets, 3, None, None).open() == grants.open_secrets(row)
