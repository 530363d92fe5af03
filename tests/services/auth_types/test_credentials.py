from typing import Any

import pytest

from problems import ValidationFailed
from services.auth_types import credentials, get

API_KEY = get("api_key")
CONFIG = {"params": [{"key": "X-Api-Key", "display_name": "API key", "prefix": ""}]}


def errors_of(auth_type: str, config: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as raised:
        credentials.parse(get(auth_type), config, given)
    return {error["field"]: error["message"] for error in raised.value.errors}


def test_takes_what_is_asked_for() -> None:
    parsed = credentials.parse(API_KEY, CONFIG, {"X-Api-Key": "abc"})
    assert parsed["X-Api-Key"].reveal() == "abc"


def test_names_the_credential_that_is_missing() -> None:
    assert errors_of("api_key", CONFIG, {}) == {"credentials.X-Api-Key": "Enter the API key."}


def test_refuses_a_credential_that_is_not_asked_for() -> None:
    assert "credentials.other" in errors_of("api_key", CONFIG, {"X-Api-Key": "a", "other": "b"})


@pytest.mark.parametrize(
    "value", ["a\r\nX: y", "a\x00", "\x1b[31m", "a\u2028b", " padded ", "a" * 9000, 5, ["a"]]
)
def test_refuses_a_key_that_no_request_should_carry(value: Any) -> None:
    assert "credentials.X-Api-Key" in errors_of("api_key", CONFIG, {"X-Api-Key": value})


@pytest.mark.parametrize("username", ["a\x00b", "a\r\nb", "a:b"])
def test_refuses_a_user_name_that_cannot_be_sent(username: str) -> None:
    assert "credentials.username" in errors_of("basic", {}, {"username": username, "password": "p"})


def test_lets_a_password_be_absent_or_padded() -> None:
    assert "password" not in credentials.parse(get("basic"), {}, {"username": "ada"})
    parsed = credentials.parse(get("basic"), {}, {"username": "ada", "password": " pass "})
    assert parsed["password"].reveal() == " pass "


def test_lets_a_user_name_be_absent_or_empty() -> None:
    for given in ({"password": "pat"}, {"username": "", "password": "pat"}):
        assert set(credentials.parse(get("basic"), {}, given)) == {"password"}


def test_a_token_secret_belongs_to_a_token() -> None:
    config = get("oauth1").Config().model_dump()
    assert credentials.parse(get("oauth1"), config, {"token": "", "token_secret": ""}) == {}
    assert set(credentials.parse(get("oauth1"), config, {"token": "t"})) == {"token"}
    assert "credentials.token" in errors_of("oauth1", config, {"token_secret": "s"})


def test_never_quotes_the_value_in_an_error() -> None:
    assert "canary" not in str(errors_of("api_key", CONFIG, {"X-Api-Key": "canary\n"}))
