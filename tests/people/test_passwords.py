"""Passwords: changed by their owner, set by a link, forgotten."""

import re
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from people import links, operations
from people.audit_events import Event
from people.errors import LinkSpent
from people.models import AuditEvent, SetupLink, User
from tests.conftest import PASSWORD, SignIn

NEW = "another long phrase"
CHANGE = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
pytestmark = pytest.mark.django_db


def wait_for_the_mail() -> None:
    for thread in threading.enumerate():
        if thread.name == "password-link":
            thread.join()


def test_changing_it_keeps_this_session_and_ends_the_others(signed_in: SignIn, owner: User) -> None:
    here, elsewhere = signed_in(owner), signed_in(owner)
    assert here.post("/accounts/password/change/", CHANGE).status_code == 302
    assert here.get("/audit/").status_code == 200
    assert elsewhere.get("/audit/").status_code == 302
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert AuditEvent.objects.filter(event=Event.PASSWORD_SET, actor=owner.email).exists()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"oldpassword": "wrong"}, "This is not your password."),
        ({"password1": "short", "password2": "short"}, "at least 10 characters"),
        ({"password1": "password12", "password2": "password12"}, "too common"),
        ({"password2": "a different phrase"}, "You must type the same password each time."),
    ],
)
def test_says_what_is_wrong_and_changes_nothing(
    signed_in: SignIn, owner: User, typed: dict[str, str], sentence: str
) -> None:
    answer = signed_in(owner).post("/accounts/password/change/", CHANGE | typed)
    assert sentence in answer.content.decode()
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_who_has_none_to_change_is_led_to_a_link(signed_in: SignIn, owner: User) -> None:
    owner.set_unusable_password()
    owner.save()
    answer = signed_in(owner).get("/accounts/password/change/", follow=True)
    assert answer.redirect_chain[-1] == ("/accounts/password/reset/", 302)


def test_guessing_the_old_password_is_counted(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    for _ in range(20):
        client.post("/accounts/password/change/", CHANGE | {"oldpassword": "wrong"})
    assert client.post("/accounts/password/change/", CHANGE).status_code == 429


def test_a_link_says_beside_the_field_what_is_wrong_and_stays_good(owner: User) -> None:
    path = urlsplit(operations._password_link(owner)).path
    answer = Client().post(path, {"password": "short"})
    assert answer.status_code == 422
    assert "at least 10 characters" in answer.content.decode()
    assert Client().post(path, {"password": NEW}).status_code == 302


def test_a_link_works_for_a_day(owner: User, clock: Any) -> None:
    path = urlsplit(operations._password_link(owner)).path
    clock.forward(hours=23)
    assert Client().get(path).status_code == 200
    clock.forward(hours=2)
    assert Client().post(path, {"password": NEW}).status_code == 410


def test_a_link_ends_sessions_that_were_open(signed_in: SignIn, owner: User) -> None:
    thief = signed_in(owner)
    Client().post(urlsplit(operations._password_link(owner)).path, {"password": NEW})
    assert thief.get("/audit/").status_code == 302


def test_a_link_of_one_kind_opens_no_page_of_the_other(owner: User) -> None:
    token = urlsplit(operations._password_link(owner)).path.split("/")[-2]
    assert Client().get(f"/welcome/{token}/").status_code == 410
    with pytest.raises(LinkSpent):
        links.find(SetupLink.Kind.FIRST_RUN, token)


def test_a_link_opens_nothing_for_a_disabled_person(owner: User) -> None:
    path = urlsplit(operations._password_link(owner)).path
    User.objects.filter(pk=owner.pk).update(is_active=False)
    client = Client()
    assert client.get(path).status_code == 410
    assert client.post(path, {"password": NEW}).status_code == 410
    assert client.get("/audit/").status_code == 302


def test_without_mail_the_page_says_whom_to_ask(client: Client) -> None:
    page = client.get("/accounts/password/reset/").content.decode()
    assert "Ask an administrator" in page
    assert "<form" not in page


@pytest.fixture
def mails(settings: Settings) -> None:
    settings.MAILS_GO_OUT = True


@pytest.mark.django_db(transaction=True)
def test_mails_a_link_that_works(client: Client, owner: User, mails: None) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "OWNER@example.com"})
    assert "Look into your mail" in answer.content.decode()
    wait_for_the_mail()
    (message,) = mail.outbox
    assert message.to == ["owner@example.com"]
    found = re.search(r"http://localhost:8000(/set-password/\S+)", str(message.body))
    assert found
    assert client.post(found[1], {"password": NEW}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_answers_the_same_for_an_address_that_nobody_has(client: Client, owner: User, mails: None) -> None:
    known = client.post("/accounts/password/reset/", {"email": owner.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    wait_for_the_mail()
    assert known.status_code == unknown.status_code == 200
    assert known.content == unknown.content
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_mails_no_more_than_a_few_links(client: Client, owner: User, mails: None) -> None:
    for _ in range(5):
        client.post("/accounts/password/reset/", {"email": owner.email})
    assert client.post("/accounts/password/reset/", {"email": owner.email}).status_code == 429
    wait_for_the_mail()
    assert len(mail.outbox) == 5


def test_an_administrator_sees_no_link_that_went_out_by_mail(
    signed_in: SignIn, administrator: User, mails: None
) -> None:
    answer = signed_in(administrator).post("/people/new/", {"email": "new@example.com", "role": "member"})
    assert "/set-password/" not in answer.content.decode()
    assert "on its way to new@example.com" in answer.content.decode()
    assert "/set-password/" in str(mail.outbox[0].body)


def test_a_mail_server_that_is_away_leaves_the_link_to_hand_over(
    signed_in: SignIn, administrator: User, mails: None, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = signed_in(administrator).post("/people/new/", {"email": "new@example.com", "role": "member"})
    assert "/set-password/" in answer.content.decode()
