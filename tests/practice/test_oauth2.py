"""The practice provider's OAuth 2: codes once, PKCE always, refresh tokens that rotate."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client

from practice import clients
from practice.misbehaviour import Misbehaviour
from tests.practice.conftest import APP, CALLBACK

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": APP,
    "redirect_uri": CALLBACK,
    "scope": "profile items.read",
    "state": "a-state",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
OWN = {"client_id": APP, "client_secret": clients.secret_of(APP)}


def consent(provider: Client, button: str = "allow", asked: dict[str, str] = ASKED, **form: str) -> str:
    """Where the browser is sent."""
    answer = provider.post(f"/practice/oauth2/authorize?{urlencode(asked)}", {button: "yes", **form})
    assert answer.status_code == 302
    return answer["Location"]


def code_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["code"][0]


def swap(provider: Client, code: str, **other: str) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | OWN
    return provider.post("/practice/oauth2/token", form | {"code_verifier": VERIFIER} | other)


def refresh(provider: Client, token: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": token} | OWN
    return provider.post("/practice/oauth2/token", form)


def me(provider: Client, token: str) -> Any:
    return provider.get("/practice/api/me", headers={"Authorization": f"Bearer {token}"})


def test_shows_who_asks_for_what(provider: Client) -> None:
    page = provider.get(f"/practice/oauth2/authorize?{urlencode(ASKED)}")
    assert APP in page.text
    assert "Read items" in page.text


def test_gives_a_token_for_a_code(provider: Client) -> None:
    url = consent(provider, account="grace")
    assert dict(parse_qsl(urlsplit(url).query))["state"] == "a-state"
    assert dict(parse_qsl(urlsplit(url).query))["iss"] == "http://localhost:8000/practice"
    answer = swap(provider, code_of(url)).json()
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == (
        "Bearer",
        300,
        "profile items.read",
    )
    said = me(provider, answer["access_token"]).json()
    assert (said["id"], said["scopes"]) == ("grace", ["profile", "items.read"])


def test_says_when_the_person_refuses(provider: Client) -> None:
    params = dict(parse_qsl(urlsplit(consent(provider, "refuse")).query))
    assert (params["error"], params["state"]) == ("access_denied", "a-state")
    assert "code" not in params


@pytest.mark.parametrize(
    "change",
    [{"client_id": "unknown"}, {"redirect_uri": "https://evil.example/cb"}, {"redirect_uri": ""}],
)
def test_sends_nobody_to_an_address_it_does_not_know(provider: Client, change: dict[str, str]) -> None:
    answer = provider.post(f"/practice/oauth2/authorize?{urlencode(ASKED | change)}", {"allow": "yes"})
    assert answer.status_code == 400
    assert "Location" not in answer


@pytest.mark.parametrize("change", [{"code_challenge_method": "plain"}, {"code_challenge": "short"}])
def test_asks_for_pkce_with_s256(provider: Client, change: dict[str, str]) -> None:
    url = consent(provider, asked=ASKED | change)
    assert dict(parse_qsl(urlsplit(url).query))["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("change", "error", "status"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant", 400),
        ({"redirect_uri": f"{CALLBACK}/other"}, "invalid_grant", 400),
        ({"code": "forged"}, "invalid_grant", 400),
        ({"client_secret": "wrong"}, "invalid_client", 401),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
    ],
)
def test_gives_no_token_for(provider: Client, change: dict[str, str], error: str, status: int) -> None:
    code = code_of(consent(provider))
    answer = swap(provider, **({"code": code} | change))
    assert (answer.json()["error"], answer.status_code) == (error, status)


def test_takes_a_code_once_and_ends_the_consent_when_it_comes_again(provider: Client) -> None:
    code = code_of(consent(provider))
    token = swap(provider, code).json()["access_token"]
    assert swap(provider, code).json()["error"] == "invalid_grant"
    assert me(provider, token).status_code == 401


def test_rotates_refresh_tokens_and_ends_the_consent_when_an_old_one_comes(provider: Client) -> None:
    first = swap(provider, code_of(consent(provider))).json()
    second = refresh(provider, first["refresh_token"]).json()
    assert me(provider, second["access_token"]).status_code == 200
    assert refresh(provider, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(provider, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert me(provider, second["access_token"]).status_code == 401


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revokes(provider: Client, kind: str) -> None:
    tokens = swap(provider, code_of(consent(provider))).json()
    assert provider.post("/practice/oauth2/revoke", OWN | {"token": tokens[kind]}).status_code == 200
    assert me(provider, tokens["access_token"]).status_code == 401


def test_revokes_for_clients_that_prove_themselves_only(provider: Client) -> None:
    tokens = swap(provider, code_of(consent(provider))).json()
    wrong = OWN | {"client_secret": "wrong", "token": tokens["access_token"]}
    assert provider.post("/practice/oauth2/revoke", wrong).status_code == 401
    assert me(provider, tokens["access_token"]).status_code == 200


def test_lets_a_client_act_for_itself(provider: Client) -> None:
    pair = base64.b64encode(f"{APP}:{OWN['client_secret']}".encode()).decode()
    answer = provider.post(
        "/practice/oauth2/token",
        {"grant_type": "client_credentials", "scope": "items.read"},
        headers={"Authorization": f"Basic {pair}"},
    ).json()
    assert "refresh_token" not in answer
    assert me(provider, answer["access_token"]).json()["id"] == "robot"


def test_holds_a_token_to_its_scopes(provider: Client) -> None:
    token = swap(provider, code_of(consent(provider))).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert provider.get("/practice/api/items", headers=headers).status_code == 200
    assert provider.post("/practice/api/items", headers=headers).status_code == 403


def test_shortens_the_life_of_tokens_by_a_scope(provider: Client) -> None:
    url = consent(provider, asked=ASKED | {"scope": "profile short_lived no_refresh"})
    answer = swap(provider, code_of(url)).json()
    assert answer["expires_in"] == 5
    assert "refresh_token" not in answer


def test_comes_back_bent_when_asked(provider: Client) -> None:
    params = parse_qs(urlsplit(consent(provider, misbehaviour=Misbehaviour.TWO_CODES)).query)
    assert len(params["code"]) == 2
    params = parse_qs(urlsplit(consent(provider, misbehaviour=Misbehaviour.WRONG_STATE)).query)
    assert params["state"] != ["a-state"]
    assert "iss" not in parse_qs(urlsplit(consent(provider, misbehaviour=Misbehaviour.NO_ISS)).query)


def test_answers_with_a_bent_token_when_asked(provider: Client) -> None:
    def swapped(kind: str) -> Any:
        return swap(provider, code_of(consent(provider, misbehaviour=kind)))

    assert swapped(Misbehaviour.TOKEN_DOWN).status_code == 503
    assert swapped(Misbehaviour.TOKEN_REDIRECT).status_code == 307
    assert swapped(Misbehaviour.TOKEN_NEGATIVE).json()["expires_in"] == -1
    assert swapped(Misbehaviour.FEWER_SCOPES).json()["scope"] == "profile"


def test_fails_the_first_refresh_when_asked(provider: Client) -> None:
    down = swap(provider, code_of(consent(provider, misbehaviour=Misbehaviour.REFRESH_DOWN))).json()
    assert refresh(provider, down["refresh_token"]).status_code == 503
    assert refresh(provider, down["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    "odd",
    [
        {"redirect_uri": "http://[localhost"},
        {"redirect_uri": f"{CALLBACK}\r\n"},
        {"redirect_uri": f"{CALLBACK}?{'x' * 500}"},
        {"client_id": f"practice-{'x' * 200}"},
        {"client_id": "practice-\x7f"},
    ],
)
def test_refuses_what_no_app_could_have_registered(provider: Client, odd: dict[str, str]) -> None:
    assert provider.get(f"/practice/oauth2/authorize?{urlencode(ASKED | odd)}").status_code == 400


def test_refuses_secrets_and_verifiers_of_any_alphabet(provider: Client) -> None:
    code = code_of(consent(provider, asked=ASKED | {"code_challenge": "\u00e9" * 43}))
    assert swap(provider, code, client_secret="\u00e9").json()["error"] == "invalid_client"
    assert swap(provider, code).json()["error"] == "invalid_grant"


def test_a_scope_asked_for_many_times_is_granted_once(provider: Client) -> None:
    asked = ASKED | {"scope": " ".join(["profile"] * 100)}
    assert swap(provider, code_of(consent(provider, asked=asked))).json()["scope"] == "profile"
