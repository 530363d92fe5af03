"""G2 to G6, E5: who may call what, judged anew at every call; and what happens to those who guess."""

import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from connections.models import Access, ApiToken, Connection
from people.models import Role, User
from tests.invoke.conftest import Desk, Gateway, Got, Recorded
from tests.invoke.upstream import Seen, Upstream, answer, echo

PAST, FUTURE = datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC) + timedelta(hours=1)


def is_made(got: Got) -> bool:
    return got.header("Switchboard-Source") == "upstream"


# --- G3: where the token is read from --------------------------------------------------------------
def test_a_token_outside_the_authorization_header_is_refused(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    token, gateway.token = gateway.token, ""
    tries = [
        gateway.get(f"/invoke/desk/x?token={token}&access_token={token}"),
        gateway.get("/invoke/desk/x", headers={"Cookie": f"token={token}"}),
        gateway.get("/invoke/desk/x", headers={"X-Api-Key": token}),
        gateway.get("/invoke/desk/x", headers={"Authorization": f"Basic {token}"}),
        gateway.get("/invoke/desk/x", headers={"Authorization": token}),
        gateway.send(
            "POST",
            "/invoke/desk/x",
            f"access_token={token}".encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        ),
        gateway.get("/invoke/desk/x"),
    ]
    assert {(got.status, got.code) for got in tries} == {(401, "unauthenticated")}
    assert all((got.header("WWW-Authenticate") or "").startswith("Bearer") for got in tries)
    assert upstream.seen == []


def test_unknown_expired_and_revoked_tokens_read_the_same(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    """G6: one text for all, also for the token of somebody who was disabled."""
    desk.connection()
    revoked, gone = desk.token(), desk.token()
    ApiToken.objects.filter(pk=desk.token_row(revoked).pk).update(revoked_at=PAST)
    ApiToken.objects.filter(pk=desk.token_row(gone).pk).delete()
    good = gateway.token
    wrong_secret = good[:22] + "".join(reversed(good[22:]))
    bodies = set()
    for token in (revoked, gone, desk.token(expires_at=PAST), wrong_secret, good[:-1], "swb_", "x"):
        got = gateway.get("/invoke/desk/x", token=token)
        assert (got.status, got.code) == (401, "unauthenticated")
        bodies.add(got.body)
    assert len(bodies) == 1
    assert upstream.seen == []


# --- G2, G4: rights now ----------------------------------------------------------------------------
def test_a_token_that_is_revoked_stops_at_the_next_call(gateway: Gateway, desk: Desk) -> None:
    desk.connection()
    assert is_made(gateway.get("/invoke/desk/x"))
    ApiToken.objects.update(revoked_at=datetime.now(UTC))
    assert gateway.get("/invoke/desk/x").code == "unauthenticated"


def test_a_person_who_is_disabled_stops_at_the_next_call(gateway: Gateway, desk: Desk) -> None:
    desk.connection()
    assert is_made(gateway.get("/invoke/desk/x"))
    User.objects.update(is_active=False)
    assert gateway.get("/invoke/desk/x").code == "unauthenticated"


def test_an_owner_who_loses_the_connection_gets_a_404_at_the_next_call(
    gateway: Gateway, desk: Desk, teammate: User
) -> None:
    made = desk.connection()
    desk.share(made, teammate)
    token = desk.token(teammate)
    assert is_made(gateway.get("/invoke/desk/x", token=token))
    Access.objects.all().delete()
    got = gateway.get("/invoke/desk/x", token=token)
    assert (got.status, got.code) == (404, "connection_not_found")


def test_a_foreign_connection_reads_like_one_that_is_not_there(
    gateway: Gateway, desk: Desk, stranger: User
) -> None:
    desk.connection()
    token = desk.token(stranger)
    foreign, absent = (
        gateway.get("/invoke/desk/x", token=token),
        gateway.get("/invoke/nothing/x", token=token),
    )
    assert (foreign.status, foreign.body) == (404, absent.body)


@pytest.mark.parametrize("link_name", ["", "Desk", "des%6B", "1", "a" * 51, "desk%00", "d'--", "ünicode"])
def test_a_name_that_is_none_is_not_found(gateway: Gateway, desk: Desk, link_name: str) -> None:
    desk.connection()
    got = gateway.raw(
        f"GET /invoke/{link_name}/x HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {gateway.token}\r\nConnection: close\r\n\r\n".encode()
    )
    assert got.split(b" ")[1] in {b"404", b"400"}


def test_a_connection_shared_with_everyone_may_be_called_by_anybody_here(
    gateway: Gateway, desk: Desk, stranger: User
) -> None:
    desk.share(desk.connection(), None)
    assert is_made(gateway.get("/invoke/desk/x", token=desk.token(stranger)))


def test_a_right_to_edit_alone_is_no_right_to_use(gateway: Gateway, desk: Desk, teammate: User) -> None:
    """I2: the rights are separate."""
    Access.objects.create(connection=desk.connection(), user=teammate, can_use=False, can_edit=True)
    assert gateway.get("/invoke/desk/x", token=desk.token(teammate)).code == "connection_not_found"


def test_an_administrator_uses_only_what_includes_them(
    gateway: Gateway, desk: Desk, administrator: User
) -> None:
    made = desk.connection()
    token = desk.token(administrator)
    assert gateway.get("/invoke/desk/x", token=token).code == "connection_not_found"
    desk.share(made, administrator)
    assert is_made(gateway.get("/invoke/desk/x", token=token))


def test_an_internal_connection_is_for_administrators_only(
    gateway: Gateway, desk: Desk, administrator: User, teammate: User
) -> None:
    made = desk.connection(made_by="switchboard", rules={"methods": ["GET"]})
    desk.share(made, None)
    assert gateway.get("/invoke/desk/x", token=desk.token(teammate)).code == "connection_not_found"
    assert is_made(gateway.get("/invoke/desk/x", token=desk.token(administrator)))
    got = gateway.send("POST", "/invoke/desk/x", b"", token=desk.token(administrator))
    assert (got.status, got.code) == (403, "method_not_allowed")


def test_our_own_api_is_called_by_tokens_that_manage_everything(
    gateway: Gateway, desk: Desk, upstream: Upstream, administrator: User
) -> None:
    own = {"is_builtin": True, "base_url": "{public_url}/api/v1", "hosts": ["{public_url}"]}
    made = desk.connection(service=own, made_by="switchboard", rules={"methods": ["GET"]}, grant={})
    desk.share(made, None)
    both, here = ["invoke", "manage"], [str(made.pk)]
    for token in (
        desk.token(administrator),
        desk.token(administrator, connections=here),
        desk.token(administrator, scopes=both, connections=here),
    ):
        got = gateway.get("/invoke/desk/people", token=token)
        assert (got.status, got.code) == (403, "token_not_allowed")
    wide = gateway.get("/invoke/desk/people", token=desk.token(administrator, scopes=both))
    assert wide.code == "authorization_required", "its rights suffice: there is no credential here"
    gets = desk.token(administrator, scopes=both, methods=["GET"])
    assert gateway.get("/invoke/desk/people", token=gets).code == "authorization_required"


# --- G2, C10: what a token is narrowed to ----------------------------------------------------------
def test_a_token_without_the_invoke_scope_calls_nothing(gateway: Gateway, desk: Desk) -> None:
    desk.connection()
    assert gateway.get("/invoke/desk/x", token=desk.token(scopes=["manage"])).code == "token_not_allowed"


def test_a_token_reaches_the_connections_it_is_narrowed_to(gateway: Gateway, desk: Desk) -> None:
    one, _ = desk.connection("one"), desk.connection("two")
    token = desk.token(connections=[str(one.pk)])
    assert is_made(gateway.get("/invoke/one/x", token=token))
    assert gateway.get("/invoke/two/x", token=token).code == "token_not_allowed"
    assert gateway.get("/invoke/one/x", token=desk.token(connections=[])).code == "token_not_allowed"


def test_a_token_uses_the_methods_it_is_narrowed_to(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    token = desk.token(methods=["GET", "HEAD"])
    assert gateway.send("DELETE", "/invoke/desk/x", token=token).code == "token_not_allowed"
    assert upstream.seen == []
    assert is_made(gateway.get("/invoke/desk/x", token=token, headers={"X-HTTP-Method-Override": "DELETE"}))
    assert upstream.last.header("X-HTTP-Method-Override") is None


def test_a_method_override_passes_where_no_method_is_forbidden(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    gateway.get("/invoke/desk/x", headers={"X-HTTP-Method-Override": "DELETE"})
    assert upstream.last.header("X-HTTP-Method-Override") == "DELETE"


def test_a_token_works_from_the_networks_it_is_narrowed_to(
    gateway: Gateway, desk: Desk, settings: Settings
) -> None:
    desk.connection()
    away, here = desk.token(networks=["10.0.0.0/8"]), desk.token(networks=["10.0.0.0/8", "127.0.0.0/8"])
    assert is_made(gateway.get("/invoke/desk/x", token=here))
    spoofed = gateway.get("/invoke/desk/x", token=away, headers={"X-Forwarded-For": "10.1.1.1"})
    assert spoofed.code == "token_not_allowed"
    settings.TRUSTED_PROXY_COUNT = 1
    assert is_made(
        gateway.get("/invoke/desk/x", token=away, headers={"X-Forwarded-For": "8.8.8.8, 10.1.1.1"})
    )
    assert (
        gateway.get("/invoke/desk/x", token=away, headers={"X-Forwarded-For": "10.1.1.1, 8.8.8.8"}).code
        == "token_not_allowed"
    )


def test_a_connection_allows_the_methods_and_paths_it_is_narrowed_to(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    """C10; nothing of the credential is opened before: there is no grant here to open."""
    desk.connection(rules={"methods": ["GET"], "paths": ["/api/v1/tickets"]}, grant={})
    assert gateway.send("POST", "/invoke/desk/tickets", b"").code == "method_not_allowed"
    for path in ("/contacts", "/ticketsx", "/tickets%2f..%2fcontacts", ""):
        assert gateway.get(f"/invoke/desk{path}").code in {"path_not_allowed", "invalid_request"}
    assert gateway.get("/invoke/desk/tickets/1").code == "authorization_required"
    assert upstream.seen == []


def test_a_connection_that_is_switched_off_is_not_called(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    Connection.objects.update(is_disabled=True)
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (409, "connection_disabled")
    assert upstream.seen == []


# --- Each user's own credentials -------------------------------------------------------------------
@pytest.fixture
def own(desk: Desk, teammate: User) -> Connection:
    """A connection on which everybody has their own key."""
    made = desk.connection(credentials_of="login_user", secrets={"X-Api-Key": "the owner's"})
    desk.share(made, None)
    desk.grant(made, {"X-Api-Key": "the teammate's"}, user=teammate)
    return made


def test_a_call_runs_on_its_tokens_owners_own_credential(
    gateway: Gateway, desk: Desk, upstream: Upstream, own: Connection, teammate: User, stranger: User
) -> None:
    gateway.get("/invoke/desk/x")
    assert upstream.last.header("X-Api-Key") == "the owner's"
    gateway.get("/invoke/desk/x", token=desk.token(teammate))
    assert upstream.last.header("X-Api-Key") == "the teammate's"
    got = gateway.get("/invoke/desk/x", token=desk.token(stranger))
    assert (got.status, got.code) == (409, "authorization_required")
    assert got.json["authorize_url"].startswith("http://localhost:8000/")
    assert len(upstream.seen) == 2


def test_a_token_acts_for_those_it_holds_the_right_for(
    gateway: Gateway,
    desk: Desk,
    upstream: Upstream,
    own: Connection,
    administrator: User,
    teammate: User,
    stranger: User,
    recorded: Recorded,
) -> None:
    named = {"Switchboard-User": "Teammate@Example.com"}
    cases: tuple[tuple[dict[str, Any], bool], ...] = (
        ({}, False),
        ({"act_for": [str(stranger.pk)]}, False),
        ({"act_for": [str(teammate.pk)]}, True),
        ({"act_for": ["*"]}, True),
    )
    for rules, allowed in cases:
        got = gateway.get("/invoke/desk/x", headers=named, token=desk.token(administrator, **rules))
        assert is_made(got) is allowed, rules
        if not allowed:
            assert got.code == "token_not_allowed"
    assert upstream.last.header("X-Api-Key") == "the teammate's"
    assert recorded(4)[-1].user == teammate.email


def test_a_right_to_act_for_others_ends_with_its_owners_role(
    gateway: Gateway, desk: Desk, own: Connection, administrator: User, teammate: User
) -> None:
    named = {"Switchboard-User": teammate.email}
    token = desk.token(administrator, act_for=["*"])
    bots = desk.token(desk.owner, act_for=["*"], act_for_by="operator")
    User.objects.filter(pk=administrator.pk).update(role=Role.BUILDER)
    assert gateway.get("/invoke/desk/x", headers=named, token=token).code == "token_not_allowed"
    assert is_made(gateway.get("/invoke/desk/x", headers=named, token=bots))


def test_nobody_acts_for_a_person_who_is_unknown_or_disabled(
    gateway: Gateway, desk: Desk, own: Connection, administrator: User, teammate: User
) -> None:
    token = desk.token(administrator, act_for=["*"])
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    answers = [
        gateway.get("/invoke/desk/x", headers={"Switchboard-User": email}, token=token)
        for email in (teammate.email, "nobody@example.com")
    ]
    assert {got.code for got in answers} == {"token_not_allowed"}
    assert answers[0].body == answers[1].body


def test_naming_oneself_needs_no_right(gateway: Gateway, desk: Desk, own: Connection) -> None:
    assert is_made(gateway.get("/invoke/desk/x", headers={"Switchboard-User": desk.owner.email}))


# --- G5: guessing ----------------------------------------------------------------------------------
def test_guessing_tokens_is_answered_by_429_and_good_tokens_still_work(gateway: Gateway, desk: Desk) -> None:
    desk.connection()
    codes = [gateway.get("/invoke/desk/x", token=f"swb_{number}").status for number in range(62)]
    assert codes == [401] * 60 + [429] * 2
    got = gateway.get("/invoke/desk/x", token="swb_x", headers={"X-Forwarded-For": "9.9.9.9"})
    assert (got.status, got.code) == (429, "rate_limited")
    assert int(got.header("Retry-After") or 0) >= 1
    assert is_made(gateway.get("/invoke/desk/x"))


def test_a_call_without_any_token_is_no_guess(gateway: Gateway, desk: Desk) -> None:
    assert {gateway.get("/invoke/desk/x", token="").status for _ in range(70)} == {401}


# --- E5: concurrency -------------------------------------------------------------------------------
def test_hanging_calls_of_one_token_hold_up_nobody_else(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection("one")
    desk.connection("two")
    release = threading.Event()

    def hang(seen: Seen, _: socket.socket) -> bytes:
        if "/slow" in seen.target:
            release.wait(20)
        return echo(seen, _)

    upstream.script = hang
    greedy = desk.token()
    limited: list[Got] = []
    threads = [
        threading.Thread(target=lambda: limited.append(gateway.get("/invoke/one/slow", token=greedy)))
        for _ in range(128)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert upstream.arrived.acquire(timeout=20)
    over = gateway.get("/invoke/one/x", token=greedy)
    assert (over.status, over.code) == (429, "rate_limited")
    assert over.header("Retry-After") == "1"
    assert gateway.get("/invoke/one/x").code == "rate_limited", "the connection is full for everybody"
    assert is_made(gateway.get("/invoke/two/x"))
    assert gateway.get("/healthz").status == 200
    release.set()
    for thread in threads:
        thread.join(20)
    assert {got.status for got in limited} == {200}
    upstream.says(answer(200, b"1"))
    assert is_made(gateway.get("/invoke/one/x", token=greedy))
