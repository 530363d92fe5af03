"""G2, G3, G5, G6 and H5: who asks the API."""

from typing import Any

import pytest
from django.test import Client

from connections.models import ApiToken, Connection
from people.models import Throttle, User
from tests.conftest import Script, SignIn

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/connections"
MakeScript = Any


def bearer(text: str, **extra: Any) -> Client:
    return Client(headers={"Authorization": text}, **extra)


def test_takes_a_token_with_the_manage_scope(script: Script) -> None:
    assert bearer(f"Bearer {script.secret}").get(ADDRESS).status_code == 200
    assert bearer(f"bearer {script.secret}").get(ADDRESS).status_code == 200


def test_takes_a_session(owner: User, signed_in: SignIn) -> None:
    assert signed_in(owner).get(ADDRESS).status_code == 200


def test_refuses_nobody(db: None) -> None:
    answer = Client().get(ADDRESS)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_says_the_same_of_every_token_that_is_not_good(
    owner: User, make_script: MakeScript, script: Script
) -> None:
    expired, revoked = make_script(owner, days=1), make_script(owner)
    ApiToken.objects.filter(pk=expired.token.pk).update(expires_at=expired.token.created_at)
    ApiToken.objects.filter(pk=revoked.token.pk).update(revoked_at=revoked.token.created_at)
    wrong = script.secret[:30] + ("A" if script.secret[30] != "A" else "B") + script.secret[31:]
    texts = [
        f"Bearer {expired.secret}",
        f"Bearer {revoked.secret}",
        f"Bearer {wrong}",
        "Bearer ",
        "Bearer nonsense",
        f"Basic {script.secret}",
        "",
        script.secret,
    ]
    answers = [bearer(text).get(ADDRESS) for text in texts]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_reads_a_token_from_the_header_and_from_nowhere_else(script: Script) -> None:
    client = Client()
    client.cookies["token"] = script.secret
    for answer in (
        client.get(ADDRESS, {"token": script.secret, "access_token": script.secret}),
        client.post(ADDRESS, {"token": script.secret}),
        Client(headers={"X-Api-Key": script.secret}).get(ADDRESS),
    ):
        assert answer.status_code == 401


def test_falls_back_on_no_session_when_a_token_is_bad(owner: User, signed_in: SignIn) -> None:
    answer = signed_in(owner).get(ADDRESS, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


def test_asks_a_session_for_its_csrf_token(owner: User, signed_in: SignIn) -> None:
    browser = signed_in(owner, enforce_csrf_checks=True)
    answer = browser.post("/api/v1/tokens", {"name": "x"}, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["code"] == "not_allowed"
    assert not ApiToken.objects.exists()


def test_takes_a_session_with_its_csrf_token(owner: User, signed_in: SignIn) -> None:
    browser = signed_in(owner, enforce_csrf_checks=True)
    browser.get("/tokens/new/")
    browser.cookies["switchboard_csrf"] = "a" * 32
    answer = browser.post(
        "/api/v1/tokens",
        {"name": "x"},
        content_type="application/json",
        headers={"X-CSRFToken": "a" * 32, "Origin": "http://localhost:8000"},
    )
    assert answer.status_code == 201


def test_refuses_a_token_without_the_manage_scope(owner: User, make_script: MakeScript) -> None:
    caller = make_script(owner, scopes=["invoke"])
    answer = bearer(f"Bearer {caller.secret}").get(ADDRESS)
    assert (answer.status_code, answer.json()["code"]) == (403, "token_not_allowed")


def test_narrows_a_token_to_its_methods(owner: User, make_script: MakeScript) -> None:
    reader = bearer(f"Bearer {make_script(owner, methods=['GET']).secret}")
    assert reader.get(ADDRESS).status_code == 200
    answer = reader.post(ADDRESS, {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_not_allowed")


def test_narrows_a_token_to_its_networks(owner: User, make_script: MakeScript) -> None:
    office = make_script(owner, networks=["203.0.113.0/24", "2001:db8::/32"])
    for address, status in {
        "203.0.113.9": 200,
        "2001:db8::1": 200,
        "::ffff:203.0.113.9": 200,
        "198.51.100.1": 403,
        "": 403,
    }.items():
        answer = bearer(f"Bearer {office.secret}", REMOTE_ADDR=address).get(ADDRESS)
        assert answer.status_code == status, address


def test_believes_no_forwarded_address_of_a_callers_own(owner: User, make_script: MakeScript) -> None:
    office = make_script(owner, networks=["203.0.113.0/24"])
    answer = bearer(f"Bearer {office.secret}", REMOTE_ADDR="198.51.100.1").get(
        ADDRESS, headers={"X-Forwarded-For": "203.0.113.9"}
    )
    assert answer.status_code == 403


def test_narrows_a_token_to_its_connections(
    owner: User, make_script: MakeScript, keyed: Connection, make_connection: Any
) -> None:
    make_connection("keyed", link_name="second")
    narrow = bearer(f"Bearer {make_script(owner, connections=['keyed']).secret}")
    assert [item["link_name"] for item in narrow.get(ADDRESS).json()["items"]] == ["keyed"]
    assert narrow.get(f"{ADDRESS}/second").status_code == 404
    assert narrow.delete(f"{ADDRESS}/second").status_code == 404


def test_stops_with_its_owner(owner: User, script: Script) -> None:
    client = bearer(f"Bearer {script.secret}")
    assert client.get(ADDRESS).status_code == 200
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get(ADDRESS).status_code == 401


def test_slows_down_guessing_and_leaves_a_good_token_alone(script: Script) -> None:
    guesser = bearer("Bearer swb_guess")
    statuses = [guesser.get(ADDRESS).status_code for _ in range(61)]
    assert statuses == [401] * 60 + [429]
    assert int(guesser.get(ADDRESS)["Retry-After"]) >= 1
    assert bearer(f"Bearer {script.secret}").get(ADDRESS).status_code == 200
    assert "guess" not in str(list(Throttle.objects.values()))


def test_counts_guesses_by_the_address_they_come_from(db: None) -> None:
    for _ in range(61):
        bearer("Bearer swb_guess", REMOTE_ADDR="198.51.100.1").get(
            ADDRESS, headers={"X-Forwarded-For": "192.0.2.7"}
        )
    assert bearer("Bearer swb_guess", REMOTE_ADDR="192.0.2.7").get(ADDRESS).status_code == 401
    assert bearer("Bearer swb_guess", REMOTE_ADDR="198.51.100.1").get(ADDRESS).status_code == 429


def test_notes_when_a_token_was_used(script: Script) -> None:
    bearer(f"Bearer {script.secret}").get(ADDRESS)
    assert ApiToken.objects.get().last_used_at
