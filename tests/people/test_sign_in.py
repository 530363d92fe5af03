"""Signing in and out (G5, G6, H1, H7)."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from people import adapter
from people.audit_events import Event
from people.models import AuditEvent, Role, User
from people.signals import administrator_signed_in
from problems.limits import IN_ALL
from tests.conftest import PASSWORD, SignIn

LOGIN = "/accounts/login/"
pytestmark = pytest.mark.django_db


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": email, "password": password, **more.pop("data", {})}, **more)


def test_signs_in_and_goes_on_to_where_the_person_wanted(client: Client, owner: User) -> None:
    asked = client.get("/audit/")
    assert asked.status_code == 302
    assert asked["Location"] == "/accounts/login/?next=/audit/"
    answer = sign_in(client, owner.email, data={"next": "/audit/"})
    assert answer.status_code == 302
    assert answer["Location"] == "/audit/"
    assert client.get("/audit/").status_code == 200


def test_takes_the_address_in_whatever_case(client: Client, owner: User) -> None:
    assert sign_in(client, " OWNER@Example.com ").status_code == 302


def test_never_goes_on_to_another_site(client: Client, owner: User) -> None:
    for elsewhere in (
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "http://localhost:8000@e/",
    ):
        answer = sign_in(client, owner.email, data={"next": elsewhere})
        assert answer["Location"] == "/"
        client.post("/accounts/logout/")


def test_the_session_gets_another_key(client: Client, owner: User) -> None:
    client.get(LOGIN)
    client.session["planted"] = "yes"
    before = client.session.session_key
    sign_in(client, owner.email)
    assert client.session.session_key != before


def test_says_the_same_for_a_wrong_password_an_unknown_address_and_a_disabled_person(
    client: Client, owner: User, make_person: Callable[..., User]
) -> None:
    make_person("left@example.com", is_active=False)
    answers = [
        sign_in(client, owner.email, "wrong password"),
        sign_in(client, "nobody@example.com", PASSWORD),
        sign_in(client, "left@example.com", PASSWORD),
    ]
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        assert "This e-mail address and this password do not go together." in answer.content.decode()
    bodies = {
        text.replace(mail, "X")
        for text, mail in zip(
            (answer.context["form"].as_p() for answer in answers),
            ("owner@example.com", "nobody@example.com", "left@example.com"),
            strict=True,
        )
    }
    assert len(bodies) == 1


def test_says_what_to_enter(client: Client, db: None) -> None:
    page = sign_in(client, "", "").content.decode()
    assert "Enter an e-mail address, such as ada@example.com." in page
    assert "Enter your password." in page
    assert "Enter an e-mail address" in sign_in(client, "ada", PASSWORD).content.decode()


def test_keeps_the_address_and_never_the_password(client: Client, owner: User) -> None:
    page = sign_in(client, owner.email, "wrong password").content.decode()
    assert 'value="owner@example.com"' in page
    assert "wrong password" not in page


def test_takes_as_long_for_an_address_that_nobody_has(
    client: Client, owner: User, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    owner.set_password(PASSWORD)
    owner.save()

    def seconds(email: str) -> float:
        started = time.process_time()
        sign_in(client, email, "wrong password")
        return time.process_time() - started

    known = statistics.median(seconds(owner.email) for _ in range(3))
    unknown = statistics.median(seconds("nobody@example.com") for _ in range(3))
    assert 0.5 < known / unknown < 2


def test_answers_429_after_twenty_failures_for_an_account_from_anywhere(client: Client, owner: User) -> None:
    for attempt in range(20):
        assert sign_in(client, owner.email, "wrong", REMOTE_ADDR=f"198.51.100.{attempt}").status_code == 200
    refused = sign_in(client, owner.email, REMOTE_ADDR="198.51.100.99")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1
    assert "Too many attempts." in refused.content.decode()
    assert "_auth_user_id" not in client.session


def test_answers_429_after_twenty_failures_from_an_address_for_any_account(
    client: Client, owner: User
) -> None:
    for attempt in range(20):
        sign_in(client, f"nobody{attempt}@example.com", "wrong")
    assert sign_in(client, owner.email).status_code == 429
    assert sign_in(client, owner.email, REMOTE_ADDR="198.51.100.7").status_code == 302


def test_counts_without_the_cache_so_that_every_process_counts_the_same(client: Client, owner: User) -> None:
    for _ in range(20):
        sign_in(client, owner.email, "wrong")
        cache.clear()
    assert sign_in(client, owner.email).status_code == 429


def test_a_forged_forwarded_header_changes_nothing(client: Client, owner: User) -> None:
    for attempt in range(20):
        sign_in(client, f"n{attempt}@example.com", "wrong", headers={"x-forwarded-for": f"10.0.0.{attempt}"})
    assert sign_in(client, owner.email, headers={"x-forwarded-for": "10.9.9.9"}).status_code == 429


@pytest.mark.django_db(transaction=True)
def test_guesses_sent_together_count_together(owner: User) -> None:
    def guess(number: int) -> int:
        try:
            return int(sign_in(Client(), owner.email, f"wrong {number}").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(guess, range(40)))
    assert statuses.count(200) <= 20
    assert set(statuses) == {200, 429}


def test_a_process_looks_at_few_passwords_together(client: Client, owner: User) -> None:
    """They take the processors: pages for those who are here go on meanwhile."""
    with adapter.SIGN_INS.held(*[IN_ALL] * 8):
        refused = sign_in(client, owner.email)
        assert (refused.status_code, refused["Retry-After"]) == (503, "5")
        assert "Many people are signing in" in refused.text
    for _ in range(21):
        assert sign_in(client, owner.email).status_code == 302
        client.post("/accounts/logout/")


def test_right_passwords_cost_nothing(client: Client, owner: User) -> None:
    for _ in range(25):
        assert sign_in(client, owner.email).status_code == 302
        client.post("/accounts/logout/")


def test_right_passwords_in_between_do_not_reset_the_count_of_an_address(client: Client, owner: User) -> None:
    for attempt in range(20):
        sign_in(client, f"nobody{attempt}@example.com", "wrong")
        if attempt == 10:
            assert sign_in(client, owner.email).status_code == 302
            client.post("/accounts/logout/")
    assert sign_in(client, owner.email).status_code == 429


def test_guessing_the_password_of_an_open_session_is_counted_too(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    for _ in range(20):
        answer = client.post("/accounts/reauthenticate/", {"password": "wrong"})
        assert "This is not your password." in answer.content.decode()
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 429


def test_a_post_without_its_token_is_refused_with_a_page_that_says_to_reload(owner: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = sign_in(strict, owner.email)
    assert answer.status_code == 403
    assert "reload the page" in answer.content.decode()
    assert "_auth_user_id" not in strict.session


def test_audits_who_came_who_failed_and_who_left(client: Client, owner: User) -> None:
    sign_in(client, owner.email, "wrong")
    sign_in(client, owner.email)
    client.post("/accounts/logout/")
    failed, came, left = AuditEvent.objects.order_by("sequence")
    assert (failed.event, failed.actor, failed.target) == (
        Event.SIGN_IN_FAILED,
        "",
        "person:owner@example.com",
    )
    assert (came.event, came.actor) == (Event.SIGNED_IN, owner.email)
    assert (left.event, left.actor) == (Event.SIGNED_OUT, owner.email)
    assert {row.ip for row in (failed, came, left)} == {"127.0.0.1"}
    assert came.request_id


def test_tells_other_rooms_when_an_administrator_signs_in(
    client: Client, administrator: User, owner: User
) -> None:
    heard: list[User] = []

    def hear(**told: Any) -> None:
        heard.append(told["actor"].user)

    administrator_signed_in.connect(hear)
    try:
        sign_in(client, owner.email)
        client.post("/accounts/logout/")
        sign_in(client, administrator.email)
    finally:
        administrator_signed_in.disconnect(hear)
    assert heard == [administrator]


def test_disabling_somebody_ends_their_session_at_the_next_request(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    assert client.get("/audit/").status_code == 200
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get("/audit/")["Location"].startswith(LOGIN)


def test_signing_out_asks_first_and_needs_a_post(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    assert "Sign out?" in client.get("/accounts/logout/").content.decode()
    assert client.get("/audit/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/audit/").status_code == 302


def test_nobody_signs_up(client: Client) -> None:
    assert client.get("/accounts/signup/").status_code == 403
    assert (
        client.post("/accounts/signup/", {"email": "e@example.com", "password1": PASSWORD}).status_code == 405
    )
    assert not User.objects.exists()


@pytest.mark.parametrize("address", ["email/", "password/set/", "confirm-email/", "login/code/"])
def test_offers_nothing_of_allauth_that_it_does_not_need(
    signed_in: SignIn, owner: User, address: str
) -> None:
    assert signed_in(owner).get(f"/accounts/{address}").status_code == 404


def test_a_stale_session_is_asked_for_the_password_and_comes_back(
    signed_in: SignIn, administrator: User
) -> None:
    client = signed_in(administrator, is_fresh=False)
    asked = client.get("/people/new/")
    assert asked["Location"] == "/accounts/reauthenticate/?next=%2Fpeople%2Fnew%2F"
    answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/people/new/"})
    assert answer["Location"] == "/people/new/"
    assert client.get("/people/new/").status_code == 200


def test_a_stale_post_changes_nothing_and_keeps_nothing_in_the_session(
    signed_in: SignIn, administrator: User
) -> None:
    client = signed_in(administrator, is_fresh=False)
    answer = client.post(
        "/people/new/",
        {"email": "new@example.com", "role": Role.MEMBER},
        headers={"referer": "http://localhost:8000/people/new/"},
    )
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Fpeople%2Fnew%2F"
    assert "new@example.com" not in str(dict(client.session))
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize("referer", ["http://[::1", "//[", "\xff", "http://evil.example/people/new/"])
def test_a_stale_post_comes_back_to_its_own_page_where_the_referer_is_none_of_ours(
    signed_in: SignIn, administrator: User, referer: str
) -> None:
    client = signed_in(administrator, is_fresh=False)
    answer = client.post("/people/new/", {"email": "new@example.com"}, headers={"referer": referer})
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Fpeople%2Fnew%2F"


def test_a_person_without_a_password_is_never_fresh(signed_in: SignIn, administrator: User) -> None:
    administrator.set_unusable_password()
    administrator.save()
    client = signed_in(administrator, is_fresh=False)
    assert reverse("account_reauthenticate") in client.get("/people/new/")["Location"]
