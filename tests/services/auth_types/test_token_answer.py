import json
from typing import Any

import pytest

from services.auth_types import token_answer
from services.auth_types.base import Answer, Tokens
from services.auth_types.errors import TokenAnswerRefused
from services.auth_types.oauth2_config import OAuth2Config
from vault.secret import Secret

CONFIG = OAuth2Config(token_url="https://a.example.com/token").model_dump()


def parse(body: Any, **config: str) -> Tokens:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return token_answer.parse(CONFIG | config, Answer(200, body=raw))


def test_reads_a_plain_answer() -> None:
    tokens = parse(
        {
            "access_token": "at",
            "refresh_token": "rt",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "a b",
        }
    )
    assert tokens == Tokens(
        {"access_token": Secret("at"), "refresh_token": Secret("rt")}, expires_in=3600, scopes=("a", "b")
    )


def test_reads_a_form_whatever_the_content_type() -> None:
    assert parse(b"access_token=at&scope=repo%2Cuser&token_type=bearer").scopes == ("repo", "user")


def test_reads_a_nested_token_and_what_stands_beside_it() -> None:
    tokens = parse(
        {
            "ok": True,
            "token_type": "bot",
            "authed_user": {"access_token": "xoxp", "scope": "x,y", "expires_in": 60},
        },
        token_path="authed_user.access_token",
    )
    assert tokens.secrets["access_token"].reveal() == "xoxp"
    assert (tokens.scopes, tokens.expires_in) == (("x", "y"), 60)


@pytest.mark.parametrize(
    "token", ["", None, [], {}, 5, True, "a\nb", "a\x00b", "\ttoken", "tökén", "a" * 20000, "\ud800"]
)
def test_refuses_a_token_that_is_not_one(token: Any) -> None:
    with pytest.raises(TokenAnswerRefused):
        parse({"access_token": token, "token_type": "Bearer"})


@pytest.mark.parametrize("refresh_token", [[], 5, "a\nb", {"a": 1}, False])
def test_refuses_an_odd_refresh_token(refresh_token: Any) -> None:
    with pytest.raises(TokenAnswerRefused):
        parse({"access_token": "at", "refresh_token": refresh_token})


@pytest.mark.parametrize("refresh_token", [None, ""])
def test_an_empty_refresh_token_is_none(refresh_token: Any) -> None:
    assert "refresh_token" not in parse({"access_token": "at", "refresh_token": refresh_token}).secrets


@pytest.mark.parametrize("expires_in", [-1, "-1", "soon", [], {}, True, "1e3", "3600s", "٣", "9" * 30])
def test_refuses_a_life_that_is_not_seconds(expires_in: Any) -> None:
    with pytest.raises(TokenAnswerRefused, match="expires_in"):
        parse({"access_token": "at", "expires_in": expires_in})


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3600, 3600),
        ("3600", 3600),
        (3599.6, 3599),
        (0, None),
        ("0", None),
        (None, None),
        ("", None),
        (10**15, 315360000),
    ],
)
def test_takes_seconds_as_number_or_digits(expires_in: Any, seconds: int | None) -> None:
    assert parse({"access_token": "at", "expires_in": expires_in}).expires_in == seconds


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_refuses_numbers_that_are_none(number: str) -> None:
    if number == "1e999":
        assert parse(b'{"access_token": "at", "expires_in": 1e999}').expires_in == 315360000
        return
    with pytest.raises(TokenAnswerRefused):
        parse(f'{{"access_token": "at", "expires_in": {number}}}'.encode())


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "Zoho-oauthtoken", "user", "bot", None])
def test_takes_the_token_types_of_vendors(token_type: Any) -> None:
    assert parse({"access_token": "at", "token_type": token_type}).secrets["access_token"]


@pytest.mark.parametrize("token_type", ["mac", "MAC", [], {}, 5, "bea\nrer", "bärer"])
def test_refuses_token_types_that_it_does_not_speak(token_type: Any) -> None:
    with pytest.raises(TokenAnswerRefused):
        parse({"access_token": "at", "token_type": token_type})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b'"access_token"',
        b"<html><body>access_token=at</body></html>",
        b'{"access_token": "at"',
        b"\xff\xfe\x00",
        b"[" * 200000,
        b'{"a":' * 200000,
        b'{"access_token": "at", "a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b"access_token=a&access_token=b",
        b"access_token",
        b'{"access_token": "' + b"a" * (1 << 20) + b'"}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_refuses_rubbish(body: bytes) -> None:
    with pytest.raises(TokenAnswerRefused):
        parse(body)


@pytest.mark.parametrize(
    ("scope", "separator", "names"),
    [
        ("a b", " ", ("a", "b")),
        ("a,b", " ", ("a", "b")),
        ("a, b", ",", ("a", "b")),
        ("a|b", "|", ("a", "b")),
        ("a a", " ", ("a",)),
        (["a", "b"], " ", ("a", "b")),
        ("", " ", None),
        (None, " ", None),
        (5, " ", None),
    ],
)
def test_reads_granted_scopes_in_the_services_way(
    scope: Any, separator: str, names: tuple[str, ...] | None
) -> None:
    assert parse({"access_token": "at", "scope": scope}, scope_separator=separator).scopes == names


def test_tells_the_error_of_a_refusal_dressed_as_success_and_nothing_else_of_it() -> None:
    with pytest.raises(TokenAnswerRefused) as raised:
        parse({"error": "bad_verification_code", "error_description": "It\nlapsed", "hint": "canary"})
    assert "bad_verification_code" in raised.value.message
    assert "It lapsed" in raised.value.message
    assert "canary" not in str(raised.value.as_problem())


def test_trims_what_an_endpoint_says() -> None:
    with pytest.raises(TokenAnswerRefused) as raised:
        parse({"error": "x" * 500, "error_description": "<script>" + "y" * 5000 + "\u202e"})
    assert len(raised.value.message) < 400
    assert "\u202e" not in raised.value.message
