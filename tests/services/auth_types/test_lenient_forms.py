"""Token answers in forms, as browsers would read them: nothing is lost over what nobody needs."""

import pytest

from services.auth_types import token_answer
from services.auth_types.base import Answer
from services.auth_types.errors import TokenAnswerRefused
from services.auth_types.oauth2_config import OAuth2Config

CONFIG = OAuth2Config(token_url="https://a.example.com/token").model_dump()


@pytest.mark.parametrize(
    "body",
    [
        b"access_token=T&token_type=bearer&",
        b"access_token=T&scope",
        b"access_token=T&&scope=a",
        b"&access_token=T",
        "access_token=T&name=Ünal <Ü>".encode(),
        b"access_token=T&x=1&x=2",
    ],
)
def test_reads_a_form_that_is_spelt_carelessly(body: bytes) -> None:
    assert token_answer.parse(CONFIG, Answer(200, body=body)).secrets["access_token"].reveal() == "T"


@pytest.mark.parametrize(
    "body",
    [b"access_token=T&access_token=U", b"<html>access_token=T", b"access_token=T&expires_in=1&expires_in=2"],
)
def test_refuses_a_form_that_says_two_things(body: bytes) -> None:
    with pytest.raises(TokenAnswerRefused):
        token_answer.parse(CONFIG, Answer(200, body=body))


def test_reads_an_oauth1_answer_with_a_name_that_is_not_escaped() -> None:
    body = "oauth_token=t&oauth_token_secret=s&screen_name=Jürgen".encode()
    pairs = token_answer.oauth1_pairs(Answer(200, body=body))
    assert (pairs["oauth_token"], pairs["screen_name"]) == ("t", "Jürgen")
