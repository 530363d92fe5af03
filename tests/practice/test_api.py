"""The practice API knows good credentials from bad ones, and misbehaves when asked to."""

import base64
import gzip
import json

import pytest
from django.test import Client

KEY = {"X-Api-Key": "practice-key-grace"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_knows_an_api_key_in_a_header(provider: Client) -> None:
    said = provider.get("/practice/api/me", headers=KEY).json()
    assert (said["name"], said["authenticated_by"]) == ("Grace Practice", "api_key")


def test_knows_an_api_key_in_the_query_and_in_a_form(provider: Client) -> None:
    by_query = provider.get("/practice/api/me?api_key=practice-key-ada")
    by_form = provider.post("/practice/api/me", {"api_key": "practice-key-ada"})
    assert by_query.json()["id"] == by_form.json()["id"] == "ada"


def test_knows_a_user_name_and_password(provider: Client) -> None:
    said = provider.get("/practice/api/me", headers=basic("linus", "practice-password")).json()
    assert (said["email"], said["authenticated_by"]) == ("linus@practice.example", "basic")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Api-Key": "somebody-elses-key"},
        basic("ada", "wrong"),
        {"Authorization": "Basic not-base64!"},
        {"Authorization": "Bearer forged"},
        {"Authorization": 'OAuth oauth_signature="forged"'},
    ],
)
def test_refuses_a_credential_that_is_not_good(provider: Client, headers: dict[str, str]) -> None:
    refused = provider.get("/practice/api/me", headers=headers)
    assert refused.status_code == 401
    assert "Bearer" in refused["WWW-Authenticate"]


def test_echoes_all_but_the_credential(provider: Client) -> None:
    answer = provider.post(
        "/practice/api/echo/a/b?x=1&x=2", {"field": "value"}, headers=KEY | {"X-Custom": "kept"}
    )
    said = answer.json()
    assert said["query"] == {"x": ["1", "2"]}
    assert said["form"] == {"field": ["value"]}
    assert said["path"] == "/practice/api/echo/a/b"
    assert said["headers"]["x-custom"] == "kept"
    assert KEY["X-Api-Key"] not in answer.text


def test_lists_items_in_pages(provider: Client) -> None:
    first = provider.get("/practice/api/items?limit=20", headers=KEY).json()
    last = provider.get(f"/practice/api/items?limit=20&after={first['next']}", headers=KEY).json()
    assert [len(first["items"]), len(last["items"]), last["next"]] == [20, 5, None]


def test_answers_with_the_status_that_is_asked_for(provider: Client) -> None:
    assert provider.get("/practice/api/status/503", headers=KEY).status_code == 503
    assert provider.get("/practice/api/me?practice_status=418", headers=KEY).status_code == 418
    assert provider.get("/practice/api/me", headers=KEY | {"Practice-Status": "429"}).status_code == 429


def test_breaks_its_json_when_asked(provider: Client) -> None:
    answer = provider.get("/practice/api/me?practice_body=broken", headers=KEY)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_zips_once_and_twice(provider: Client) -> None:
    once = provider.get("/practice/api/me?practice_gzip=yes", headers=KEY)
    twice = provider.get("/practice/api/me?practice_gzip=twice", headers=KEY)
    assert once["Content-Encoding"] == twice["Content-Encoding"] == "gzip"
    assert gzip.decompress(once.content) == gzip.decompress(gzip.decompress(twice.content))


def test_redirects_to_two_fixed_places_only(provider: Client) -> None:
    same = provider.get("/practice/api/me?practice_redirect=same", headers=KEY)
    elsewhere = provider.get("/practice/api/me?practice_redirect=https://evil.example", headers=KEY)
    assert same["Location"] == "/practice/api/me"
    assert elsewhere["Location"] == "https://elsewhere.invalid/landed"


@pytest.mark.parametrize("asked", ["practice_delay=-1", "practice_delay=soon", "practice_status=x"])
def test_takes_a_switch_that_makes_no_sense_for_unset(provider: Client, asked: str) -> None:
    assert provider.get(f"/practice/api/me?{asked}", headers=KEY).status_code == 200


@pytest.mark.parametrize("switch", ["practice_delay=nan", "practice_status=nan", "practice_status=-inf"])
def test_a_switch_that_is_no_number_changes_nothing(provider: Client, switch: str) -> None:
    assert provider.get(f"/practice/api/me?{switch}", headers=KEY).status_code == 200
