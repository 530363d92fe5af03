from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.auth_types import get
from services.auth_types.base import Answer, ClientKeys, Flow, Unsigned
from services.auth_types.errors import CallbackIncomplete, ConsentRefused, TokenAnswerRefused
from tests.services.auth_types.driving import drive
from vault.secret import Secret

OAUTH1 = get("oauth1")
ENDPOINTS = {
    "request_token_url": "https://api.example.com/request_token",
    "authorize_url": "https://api.example.com/authorize?lang=en",
    "access_token_url": "https://api.example.com/access_token",
}
CONFIG: dict[str, Any] = OAUTH1.Config.model_validate(ENDPOINTS).model_dump()
FLOW = Flow(CONFIG, ClientKeys("consumer", Secret("secret")), "https://us.example/oauth/callback/x")
TEMPORARY = b"oauth_token=temp&oauth_token_secret=temp_secret&oauth_callback_confirmed=true"
HELD = {"token": Secret("temp"), "token_secret": Secret("temp_secret")}
BACK = {"oauth_token": "temp", "oauth_verifier": "verifier"}


def test_fetches_temporary_credentials_and_sends_the_person_on() -> None:
    consent, (sent,) = drive(OAUTH1.begin(FLOW), Answer(200, body=TEMPORARY))
    assert (sent.method, sent.url, sent.form) == ("POST", CONFIG["request_token_url"], None)
    assert 'oauth_callback="https%3A%2F%2Fus.example' in dict(sent.headers)["Authorization"]
    assert parse_qs(urlsplit(consent.url).query) == {"lang": ["en"], "oauth_token": ["temp"]}
    assert consent.state == "temp"
    assert consent.secrets == HELD


@pytest.mark.parametrize(
    "body",
    [
        b"oauth_token=temp&oauth_token_secret=s",
        b"oauth_token=temp&oauth_token_secret=s&oauth_callback_confirmed=false",
        b"oauth_token=&oauth_token_secret=s&oauth_callback_confirmed=true",
        b"oauth_token=a%0Ab&oauth_token_secret=s&oauth_callback_confirmed=true",
        b"<html>oauth_token=temp</html>",
        b"",
        b"\xff\xfe",
    ],
)
def test_refuses_an_odd_answer_to_the_first_leg(body: bytes) -> None:
    with pytest.raises(TokenAnswerRefused):
        drive(OAUTH1.begin(FLOW), Answer(200, body=body))


def test_takes_an_unconfirmed_callback_where_the_service_never_confirms_it() -> None:
    flow = replace(FLOW, config={**CONFIG, "require_callback_confirmed": False})
    consent, _ = drive(
        OAUTH1.begin(flow), Answer(200, body=b"oauth_token=temp&oauth_token_secret=temp_secret")
    )
    assert consent.secrets == HELD
    with pytest.raises(CallbackIncomplete):  # the verifier is required all the same
        drive(OAUTH1.complete(flow, HELD, {"oauth_token": "temp"}))


@pytest.mark.parametrize("status", [302, 400, 401, 500])
def test_says_when_the_first_leg_is_refused(status: int) -> None:
    with pytest.raises(TokenAnswerRefused, match=str(status)):
        drive(OAUTH1.begin(FLOW), Answer(status, body=TEMPORARY))


def test_swaps_the_verifier_for_a_token() -> None:
    tokens, (sent,) = drive(
        OAUTH1.complete(FLOW, HELD, BACK), Answer(200, body=b"oauth_token=t&oauth_token_secret=ts&user_id=7")
    )
    assert 'oauth_verifier="verifier"' in dict(sent.headers)["Authorization"]
    assert tokens.secrets == {"token": Secret("t"), "token_secret": Secret("ts")}
    assert tokens.expires_in is None


def test_a_token_without_its_own_secret_is_a_token() -> None:
    tokens, _ = drive(
        OAUTH1.complete(FLOW, HELD, BACK), Answer(200, body=b"oauth_token=t&oauth_token_secret=")
    )
    assert tokens.secrets["token_secret"].reveal() == ""


@pytest.mark.parametrize(
    "params",
    [{}, {"oauth_token": "other", "oauth_verifier": "v"}, {"oauth_token": "temp", "oauth_verifier": ""}],
)
def test_refuses_a_callback_that_does_not_fit_before_anything_is_sent(params: dict[str, str]) -> None:
    with pytest.raises(CallbackIncomplete):
        drive(OAUTH1.complete(FLOW, HELD, params))


def test_knows_a_refused_consent() -> None:
    assert OAUTH1.state_in({"denied": "temp"}) == "temp"
    with pytest.raises(ConsentRefused):
        drive(OAUTH1.complete(FLOW, HELD, {"denied": "temp"}))


def test_hands_on_the_facts_of_the_answer() -> None:
    body = b"oauth_token=t&oauth_token_secret=ts&screen_name=ada&user_id=7"
    tokens, _ = drive(
        OAUTH1.complete(replace(FLOW, facts=("user_id", "absent")), HELD, BACK), Answer(200, body=body)
    )
    assert tokens.facts == {"user_id": "7"}


def test_signs_without_a_token_for_the_consumer_alone() -> None:
    """RFC 5849 3.1."""
    ((_, header),) = OAUTH1.place(
        CONFIG, OAUTH1.param_types[0], FLOW.client, {}, Unsigned("GET", "https://api.example.com/")
    ).headers
    assert "oauth_signature=" in header
    assert "oauth_token=" not in header


def test_asks_for_tokens_where_the_service_hands_them_out_on_a_page() -> None:
    config = OAUTH1.Config().model_dump()
    assert not OAUTH1.needs_consent(config)
    asked = [(field.key, field.is_required) for field in OAUTH1.fields(config)]
    assert asked == [("token", False), ("token_secret", False)]
    assert OAUTH1.needs_consent(CONFIG)
    assert OAUTH1.fields(CONFIG) == ()


def test_wants_all_three_endpoints_or_none() -> None:
    with pytest.raises(ValueError, match="all three"):
        OAUTH1.Config.model_validate({"authorize_url": "https://api.example.com/authorize"})


def test_plaintext_wants_https_everywhere() -> None:
    config = {**CONFIG, "signature_method": "PLAINTEXT"}
    param_type = OAUTH1.param_types[0]
    assert not OAUTH1.config_problems(config, param_type, "https://api.example.com")
    assert "signature_method" in OAUTH1.config_problems(config, param_type, "http://10.0.0.1")
