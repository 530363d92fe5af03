"""The practice provider's OAuth 1, asked with signatures that oauthlib makes."""

import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_QUERY
from oauthlib.oauth1 import Client as Signer

from practice import clients
from tests.practice.conftest import APP, CALLBACK

FORM = "application/x-www-form-urlencoded"
BASE = "http://localhost:8000/practice"


def ask(provider: Client, method: str, url: str, **signing: Any) -> Any:
    signer = Signer(APP, signing.pop("client_secret", clients.secret_of(APP)), **signing)
    url, headers, _ = signer.sign(url, http_method=method)
    parts = urlsplit(url)
    return provider.generic(method, f"{parts.path}?{parts.query}", headers=headers)


def fields(answer: Any) -> dict[str, str]:
    return dict(parse_qsl(answer.text))


def temporary(provider: Client) -> dict[str, str]:
    answer = ask(provider, "POST", f"{BASE}/oauth1/request_token", callback_uri=CALLBACK)
    assert answer.status_code == 200, answer.text
    return fields(answer)


def allowed(provider: Client, button: str = "allow") -> tuple[dict[str, str], dict[str, str]]:
    given = temporary(provider)
    url = f"/practice/oauth1/authorize?oauth_token={given['oauth_token']}"
    answer = provider.post(url, {button: "yes", "account": "grace"})
    return given, dict(parse_qsl(urlsplit(answer["Location"]).query))


def swap(provider: Client, given: dict[str, str], verifier: str) -> Any:
    return ask(
        provider,
        "POST",
        f"{BASE}/oauth1/access_token",
        resource_owner_key=given["oauth_token"],
        resource_owner_secret=given["oauth_token_secret"],
        verifier=verifier,
    )


def test_confirms_the_callback(provider: Client) -> None:
    assert temporary(provider)["oauth_callback_confirmed"] == "true"


@pytest.mark.parametrize("how", [{}, {"signature_method": SIGNATURE_HMAC_SHA256}])
@pytest.mark.parametrize("where", [{}, {"signature_type": SIGNATURE_TYPE_QUERY}])
def test_takes_calls_signed_with_a_token(
    provider: Client, how: dict[str, str], where: dict[str, str]
) -> None:
    given, back = allowed(provider)
    token = fields(swap(provider, given, back["oauth_verifier"]))
    answer = ask(
        provider,
        "GET",
        f"{BASE}/api/me?q=a%20b&q=%C3%A9",
        resource_owner_key=token["oauth_token"],
        resource_owner_secret=token["oauth_token_secret"],
        **how,
        **where,
    )
    assert (answer.json()["id"], answer.json()["authenticated_by"]) == ("grace", "oauth1")


def test_gives_a_token_once(provider: Client) -> None:
    given, back = allowed(provider)
    assert swap(provider, given, back["oauth_verifier"]).status_code == 200
    assert swap(provider, given, back["oauth_verifier"]).status_code == 401


def test_gives_no_token_for_a_wrong_verifier(provider: Client) -> None:
    given, _ = allowed(provider)
    assert swap(provider, given, "wrong").status_code == 401


def test_gives_no_token_when_the_person_refuses(provider: Client) -> None:
    given, back = allowed(provider, "refuse")
    assert back == {"denied": given["oauth_token"]}
    assert swap(provider, given, "whatever").status_code == 401


def test_refuses_a_wrong_signature(provider: Client) -> None:
    refused = ask(
        provider,
        "POST",
        f"{BASE}/oauth1/request_token",
        callback_uri=CALLBACK,
        client_secret="wrong",
    )
    assert refused.status_code == 401


def test_refuses_an_old_timestamp(provider: Client) -> None:
    refused = ask(
        provider, "POST", f"{BASE}/oauth1/request_token", callback_uri=CALLBACK, timestamp="1000000000"
    )
    assert "timestamp" in refused.text


def test_refuses_a_callback_that_is_elsewhere(provider: Client) -> None:
    refused = ask(provider, "POST", f"{BASE}/oauth1/request_token", callback_uri="https://evil.example/cb")
    assert refused.status_code == 401


@pytest.mark.parametrize(
    "odd", [{"oauth_timestamp": "\u00b2"}, {"oauth_timestamp": "9" * 5000}, {"oauth_signature": "\u00e9"}]
)
def test_refuses_odd_parameters(provider: Client, odd: dict[str, str]) -> None:
    params = {
        "oauth_consumer_key": APP,
        "oauth_timestamp": str(int(time.time())),
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_signature": "x",
    }
    assert provider.post("/practice/oauth1/request_token", params | odd).status_code == 401


def test_a_header_without_end_is_read_at_once(provider: Client) -> None:
    """64 KB of letters took a quarter of a minute, with the interpreter's lock held."""
    started = time.thread_time()
    for rest in ("a" * 64_000, 'a="' * 20_000, "a=" * 32_000):
        answer = provider.get("/practice/api/me", headers={"Authorization": f"OAuth {rest}"})
        assert answer.status_code == 401
    assert time.thread_time() - started < 3


@pytest.mark.parametrize("method_and_path", [("POST", "oauth1/request_token"), ("GET", "api/me")])
@pytest.mark.parametrize("is_form", [True, False])
def test_more_fields_than_anybody_needs_are_no_signature(
    provider: Client, method_and_path: tuple[str, str], is_form: bool
) -> None:
    method, path = method_and_path
    fields = "a&" * 1000 + "a"
    form: dict[str, Any] = {"data": fields, "content_type": FORM} if is_form else {}
    answer = provider.generic(method, f"/practice/{path}{'' if is_form else '?' + fields}", **form)
    assert answer.status_code == 401
