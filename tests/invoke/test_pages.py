"""The activity page, the test button, the API about calls: who sees what, and nothing of anybody else's."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from connections.models import Connection
from invoke.models import Call
from invoke.templatetags import invoke_parts
from people.models import User
from tests.conftest import Script, SignIn
from tests.invoke.conftest import Desk
from tests.invoke.upstream import Upstream, answer

FIELDS = {
    *("id", "at", "connection", "token", "user", "method", "host", "path", "status", "duration_ms"),
    *("request_bytes", "response_bytes", "attempts", "refreshed", "code"),
}


@pytest.fixture
def desk(db: None, owner: User, upstream: Upstream) -> Desk:
    return Desk(owner, upstream)


def call(connection: Connection, user: User, **fields: Any) -> Call:
    values = {
        "connection_id": connection.pk,
        "connection": connection.link_name,
        "user_id": user.pk,
        "user": user.email,
        "method": "GET",
        "host": "api.example.com",
        "path": "/v1/tickets",
        "status": 200,
    }
    return Call.objects.create(**(values | fields))


@pytest.fixture
def calls(desk: Desk, owner: User, teammate: User, stranger: User) -> dict[str, Call]:
    shared, foreign = desk.connection("shared"), desk.connection("foreign", created_by=stranger)
    desk.share(shared, teammate)
    return {
        "owners": call(shared, owner, path="/v1/of-owner"),
        "teammates": call(shared, teammate, path="/v1/of-teammate", status=404, method="POST"),
        "strangers": call(foreign, stranger, path="/v1/of-stranger", code="upstream_timeout", status=504),
    }


def seen(client: Client, query: str = "") -> set[str]:
    page = client.get(f"/activity/{query}").content.decode()
    return {who for who in ("owners", "teammates", "strangers") if f"/v1/of-{who.removesuffix('s')}" in page}


# --- I4 ---------------------------------------------------------------------------------------------
def test_everybody_sees_their_own_calls_and_those_of_what_they_look_after(
    calls: dict[str, Call],
    signed_in: SignIn,
    owner: User,
    teammate: User,
    stranger: User,
    administrator: User,
) -> None:
    assert seen(signed_in(owner)) == {"owners", "teammates"}
    assert seen(signed_in(teammate)) == {"teammates"}
    assert seen(signed_in(stranger)) == {"strangers"}
    assert seen(signed_in(administrator)) == {"owners", "teammates", "strangers"}


def test_filters_reveal_nothing_foreign(calls: dict[str, Call], signed_in: SignIn, teammate: User) -> None:
    client = signed_in(teammate)
    for query in ("?connection=foreign", "?person=stranger", "?outcome=5", "?outcome=ours", "?method=GET"):
        assert seen(client, query) <= {"teammates"}
    assert "foreign" not in client.get("/activity/").content.decode()


def test_filters_narrow_what_is_listed(
    calls: dict[str, Call], signed_in: SignIn, administrator: User
) -> None:
    client = signed_in(administrator)
    assert seen(client, "?connection=foreign") == {"strangers"}
    assert seen(client, "?outcome=4") == {"teammates"}
    assert seen(client, "?outcome=ours") == {"strangers"}
    assert seen(client, "?method=POST") == {"teammates"}
    assert seen(client, "?person=OWNER") == {"owners"}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert seen(client, f"?since={tomorrow}") == set()
    assert "Nothing fits" in client.get(f"/activity/?since={tomorrow}").content.decode()


def test_a_filter_that_is_wrong_is_told_and_narrows_nothing(
    calls: dict[str, Call], signed_in: SignIn, administrator: User
) -> None:
    client = signed_in(administrator)
    for query in ("?since=yesterday", "?outcome=7", "?method=BREW", "?connection=nothing"):
        page = client.get(f"/activity/{query}")
        assert page.status_code == 200
        assert 'role="alert"' in page.content.decode()
        assert seen(client, query) == {"owners", "teammates", "strangers"}


def test_a_long_list_goes_on_where_it_ended(desk: Desk, signed_in: SignIn, owner: User) -> None:
    made = desk.connection()
    for number in range(60):
        call(made, owner, path=f"/v1/number-{number:02}")
    client = signed_in(owner)
    first = client.get("/activity/?method=GET").content.decode()
    assert "number-59" in first
    assert "number-09" not in first
    older = first.partition('class="pages"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "method=GET" in older
    second = client.get(f"/activity/{older}").content.decode()
    assert "number-09" in second
    assert "number-59" not in second
    assert client.get("/activity/?cursor=nonsense").status_code == 302


def test_an_empty_list_says_what_to_do(signed_in: SignIn, stranger: User) -> None:
    page = signed_in(stranger).get("/activity/").content.decode()
    assert "No calls yet" in page
    assert 'href="/connections/"' in page


def test_what_a_service_or_caller_wrote_is_shown_as_text(desk: Desk, signed_in: SignIn, owner: User) -> None:
    call(desk.connection(), owner, path="/<script>alert(1)</script>")
    page = signed_in(owner).get("/activity/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


# --- The API ----------------------------------------------------------------------------------------
def test_the_api_lists_calls_newest_first_a_page_at_a_time(
    desk: Desk, client: Client, owner: User, script: Script
) -> None:
    made = desk.connection()
    made_calls = [call(made, owner) for _ in range(3)]
    first = client.get("/api/v1/connections/desk/calls?limit=2", headers=script.headers).json()
    assert [entry["id"] for entry in first["items"]] == [str(made_calls[2].pk), str(made_calls[1].pk)]
    assert set(first["items"][0]) == FIELDS
    rest = client.get(
        f"/api/v1/connections/desk/calls?limit=2&cursor={first['next']}", headers=script.headers
    ).json()
    assert ([entry["id"] for entry in rest["items"]], rest["next"]) == ([str(made_calls[0].pk)], None)


def test_the_api_shows_nothing_of_a_foreign_connection(
    desk: Desk, client: Client, stranger: User, make_script: Callable[..., Script]
) -> None:
    call(desk.connection(), desk.owner)
    headers = make_script(stranger).headers
    for method, tail in (("get", "calls"), ("get", "snippets"), ("post", "test")):
        got = getattr(client, method)(f"/api/v1/connections/desk/{tail}", headers=headers)
        assert (got.status_code, got.json()["code"]) == (404, "connection_not_found")


def test_the_api_gives_snippets(desk: Desk, client: Client, script: Script) -> None:
    desk.connection()
    items = client.get("/api/v1/connections/desk/snippets", headers=script.headers).json()["items"]
    assert [entry["language"] for entry in items] == [
        "deluge",
        "deluge_in_zoho",
        "curl",
        "python",
        "javascript",
        "json",
    ]
    assert {frozenset(entry) for entry in items} == {frozenset({"language", "title", "code"})}


@pytest.mark.django_db(transaction=True)
def test_the_api_tests_a_connection(
    desk: Desk, client: Client, script: Script, upstream: Upstream, loopback_allowed: None
) -> None:
    desk.connection(service={"test": {"path": "/me"}})
    upstream.says(answer(401, b""))
    got = client.post("/api/v1/connections/desk/test", headers=script.headers)
    assert got.status_code == 200
    assert {name: got.json()[name] for name in ("ok", "status", "checked")} == {
        "ok": False,
        "status": "reconnect_needed",
        "checked": "call",
    }


# --- The test button --------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_the_test_button_says_what_came_of_it(
    desk: Desk, signed_in: SignIn, owner: User, upstream: Upstream, loopback_allowed: None
) -> None:
    desk.connection(service={"test": {"path": "/me"}})
    client = signed_in(owner)
    answered = client.post("/connections/desk/test/", follow=True)
    assert answered.redirect_chain == [("/connections/desk/", 302)]
    assert "It works." in answered.content.decode()
    assert client.get("/connections/desk/test/").status_code == 405
    assert len(upstream.seen) == 1


@pytest.mark.django_db(transaction=True)
def test_a_test_that_a_rule_forbids_is_told_on_the_page(
    desk: Desk, signed_in: SignIn, owner: User, upstream: Upstream
) -> None:
    desk.connection(service={"test": {"path": "/me"}}, is_disabled=True)
    page = signed_in(owner).post("/connections/desk/test/", follow=True)
    assert "This connection is switched off." in page.content.decode()
    assert upstream.seen == []


def test_the_test_button_needs_a_csrf_token(desk: Desk, signed_in: SignIn, owner: User) -> None:
    """H5."""
    desk.connection()
    assert signed_in(owner, enforce_csrf_checks=True).post("/connections/desk/test/").status_code == 403


def test_the_connections_page_shows_code_and_calls(
    desk: Desk, signed_in: SignIn, owner: User, teammate: User
) -> None:
    made = desk.connection("tickets")
    desk.share(made, teammate)
    call(made, owner, path="/v1/recent")
    page = signed_in(owner).get("/connections/tickets/").content.decode()
    assert "/v1/recent" in page
    assert "http://localhost:8000/invoke/tickets" in page
    assert "/v1/recent" not in signed_in(teammate).get("/connections/tickets/").content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7200, "2 h ago"),
        (90000, "1 d ago"),
    ],
)
def test_how_long_ago_is_told_in_one_unit(seconds: int, words: str) -> None:
    now = datetime.now(UTC)
    assert invoke_parts.ago(now - timedelta(seconds=seconds), now) == words


def test_calls_are_json_and_hold_no_secret(desk: Desk, client: Client, owner: User, script: Script) -> None:
    call(desk.connection(), owner)
    text = client.get("/api/v1/connections/desk/calls", headers=script.headers).content.decode()
    assert "canary" not in text
    assert json.loads(text)["items"][0]["path"] == "/v1/tickets"
