"""Where a service's token answer holds what, and how long what it holds is good."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.auth_types import token_answer
from services.auth_types.base import Answer, Tokens
from services.auth_types.errors import TokenAnswerRefused
from services.auth_types.oauth2_config import OAuth2Config

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def parse(body: Any, *facts: str, **config: Any) -> Tokens:
    block = OAuth2Config(token_url="https://a.example.com/token", **config).model_dump()
    return token_answer.parse(block, Answer(200, body=json.dumps(body).encode()), facts)


def held(tokens: Tokens) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in tokens.secrets.items()}


def test_finds_each_member_where_the_service_puts_it() -> None:
    tokens = parse(
        {"data": {"t": {"at": "A"}, "rt": "R"}, "meta": {"ttl": 60, "granted": "a,b"}},
        token_fields={
            "access_token": "data.t.at",
            "refresh_token": "data.rt",
            "expires_in": "meta.ttl",
            "scope": "meta.granted",
        },
    )
    assert held(tokens) == {"access_token": "A", "refresh_token": "R"}
    assert (tokens.expires_in, tokens.scopes) == (60, ("a", "b"))


@pytest.mark.parametrize(
    "where",
    [
        {"token_path": "authed_user.access_token"},
        {"token_fields": {"access_token": "authed_user.access_token"}},
    ],
)
@pytest.mark.parametrize(
    "nested", [{}, {"authed_user": {}}, {"authed_user": {"access_token": ""}}, {"authed_user": None}]
)
def test_takes_the_standard_members_where_the_nested_place_is_empty(
    where: dict[str, Any], nested: dict[str, Any]
) -> None:
    """Slack's answer to a refresh (docs.slack.dev/authentication/using-token-rotation, November 2026)."""
    top = {"access_token": "U2", "refresh_token": "R2", "expires_in": 43200, "scope": "x,y"}
    tokens = parse({"ok": True, **top, **nested}, **where)
    assert held(tokens) == {"access_token": "U2", "refresh_token": "R2"}
    assert (tokens.expires_in, tokens.scopes) == (43200, ("x", "y"))


def test_what_stands_beside_a_nested_token_goes_before_the_top() -> None:
    tokens = parse(
        {
            "access_token": "bot",
            "refresh_token": "bots",
            "expires_in": 1,
            "authed_user": {"access_token": "U", "refresh_token": "R"},
        },
        token_path="authed_user.access_token",
    )
    assert held(tokens) == {"access_token": "U", "refresh_token": "R"}
    assert tokens.expires_in == 1


def test_a_nested_token_that_is_not_one_is_refused_and_not_passed_over() -> None:
    with pytest.raises(TokenAnswerRefused):
        parse({"access_token": "A", "data": {"access_token": "a\nb"}}, token_path="data.access_token")


def test_leads_into_lists() -> None:
    assert held(parse({"tokens": [{"v": "A"}]}, token_fields={"access_token": "tokens.0.v"})) == {
        "access_token": "A"
    }


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-27T13:00:00Z",
        "2026-11-27T14:00:00+01:00",
        "2026-11-27T13:00:00",
        "2026-11-27 13:00:00.250",
        1795784400,
        "1795784400",
        1795784400000,
        1795784400.5,
    ],
)
def test_a_date_of_expiry_tells_how_long_a_token_lasts(said: Any) -> None:
    tokens = parse({"access_token": "A", "ends": said}, token_fields={"expires_at": "ends"})
    assert tokens.life_s(NOW) == 3600


@pytest.mark.parametrize("said", [None, "", 0, "0", "2026-11-27T11:59:59Z", -5])
def test_a_date_that_is_no_later_than_now_says_nothing(said: Any) -> None:
    assert parse({"access_token": "A", "ends": said}, token_fields={"expires_at": "ends"}).life_s(NOW) is None


@pytest.mark.parametrize("said", ["soon", [], {}, "2026-13-01", 1e300, "٣"])
def test_refuses_a_date_of_expiry_that_is_none(said: Any) -> None:
    with pytest.raises(TokenAnswerRefused, match="expires_at"):
        parse({"access_token": "A", "ends": said}, token_fields={"expires_at": "ends"})


def test_a_date_of_expiry_is_looked_for_only_where_the_service_is_known_to_say_one() -> None:
    assert parse({"access_token": "A", "expires_at": "whenever"}).life_s(NOW) is None
    assert (
        parse(
            {"access_token": "A", "expires_at": 1795784400}, token_fields={"expires_at": "data.ends"}
        ).life_s(NOW)
        == 3600
    )


def test_seconds_go_before_a_date_and_no_life_is_longer_than_can_be_stored() -> None:
    both = {"access_token": "A", "expires_in": 60, "ends": "9999-12-31T00:00:00Z"}
    assert parse(both, token_fields={"expires_at": "ends"}).life_s(NOW) == 60
    del both["expires_in"]
    life_s = parse(both, token_fields={"expires_at": "ends"}).life_s(NOW)
    assert life_s is not None
    assert timedelta(seconds=life_s) == timedelta(days=3650)


@pytest.mark.parametrize("life", [0, "0", 0.4])
def test_a_life_of_nothing_is_an_unknown_one(life: Any) -> None:
    assert parse({"access_token": "A", "expires_in": life}).life_s(NOW) is None


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("read+write", ("read", "write")),
        ("read write+all", ("read", "write", "all")),
        ("user+email", ("user+email",)),
    ],
)
def test_takes_apart_scopes_that_are_joined_by_a_plus(said: str, names: tuple[str, ...]) -> None:
    """As they stand in an address; a scope that is called so stays whole."""
    assert parse({"access_token": "A", "scope": said}, scopes=[{"name": "user+email"}]).scopes == names


def test_tells_the_facts_that_are_asked_for_and_no_others() -> None:
    body = {
        "access_token": "A",
        "instance_url": "https://x.example",
        "id": 7,
        "list": [{"a": "b"}],
        "yes": True,
        "none": None,
    }
    tokens = parse(body, "instance_url", "id", "list.0.a", "yes", "none", "list", "absent.deep")
    assert tokens.facts == {"instance_url": "https://x.example", "id": "7", "list.0.a": "b"}


@pytest.mark.parametrize(
    "config",
    [
        {"token_fields": {"refresh_token": "a..b"}},
        {"token_fields": {"refresh_token": "a b"}},
        {"token_fields": {"token_type": "a"}},
        {"token_fields": "access_token"},
        {"token_path": "data.token", "token_fields": {"access_token": "data.other"}},
        {"token_request": "xml"},
        {"client_auth": "private_key_jwt"},
        {"client_auth": "tls"},
    ],
)
def test_refuses_a_block_that_makes_no_sense(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="OAuth2Config"):
        OAuth2Config(token_url="https://a.example.com/token", **config)


def test_one_place_may_be_named_twice() -> None:
    config = {"token_path": "data.token", "token_fields": {"access_token": "data.token"}}
    assert held(parse({"data": {"token": "A"}}, **config)) == {"access_token": "A"}
