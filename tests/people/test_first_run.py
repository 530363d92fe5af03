"""The first administrator, by the one-time link."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from people import first_run
from people.audit_events import Event
from people.errors import LinkSpent
from people.models import AuditEvent, Role, SetupLink, User
from people.signals import administrator_signed_in
from tests.conftest import PASSWORD

FORM = {"email": "Ada@Example.com", "password": PASSWORD}
pytestmark = pytest.mark.django_db


def path_of_link() -> str:
    url = first_run.link()
    assert url
    assert url.startswith("http://localhost:8000/welcome/")
    return urlsplit(url).path


def test_makes_the_first_administrator_and_signs_them_in(client: Client) -> None:
    path = path_of_link()
    assert "Welcome" in client.get(path).content.decode()
    answer = client.post(path, FORM)
    assert answer.status_code == 302
    assert answer["Location"] == "/"
    user = User.objects.get()
    assert (user.email, user.role, user.check_password(PASSWORD)) == (
        "ada@example.com",
        Role.ADMINISTRATOR,
        True,
    )
    assert client.get("/people/new/").status_code == 200, "the session is fresh"


def test_looking_at_the_page_does_not_use_the_link_up(client: Client) -> None:
    path = path_of_link()
    assert (
        client.get(path).status_code == client.get(path).status_code == client.head(path).status_code == 200
    )


def test_works_once(client: Client) -> None:
    path = path_of_link()
    client.post(path, FORM)
    for again in (Client().get(path), Client().post(path, {**FORM, "email": "eve@example.com"})):
        assert again.status_code == 410
        assert "has been used" in again.content.decode()
    assert User.objects.count() == 1


def test_works_for_an_hour(client: Client, clock: Any) -> None:
    path = path_of_link()
    clock.forward(minutes=59)
    assert client.get(path).status_code == 200
    clock.forward(minutes=2)
    assert client.get(path).status_code == 410
    assert client.post(path, FORM).status_code == 410
    assert not User.objects.exists()


def test_a_newer_link_ends_the_one_before(client: Client) -> None:
    older, newer = path_of_link(), path_of_link()
    assert client.get(older).status_code == 410
    assert client.get(newer).status_code == 200


def test_there_is_no_link_once_there_is_an_administrator(client: Client, administrator: User) -> None:
    assert first_run.link() is None


def test_a_link_dies_with_an_administrator_made_otherwise(
    client: Client, make_person: Callable[..., User]
) -> None:
    path = path_of_link()
    make_person("root@example.com", Role.ADMINISTRATOR)
    assert client.get(path).status_code == 410
    assert client.post(path, FORM).status_code == 410


def test_a_guessed_link_is_gone_too(client: Client) -> None:
    assert client.get("/welcome/guessed/").status_code == 410


def test_says_beside_each_field_what_is_wrong_and_keeps_the_link(client: Client) -> None:
    path = path_of_link()
    answer = client.post(path, {"email": "not an address", "password": "short"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Enter an e-mail address, such as" in page
    answer = client.post(path, {"email": "ada@example.com", "password": "ada@example.com"})
    assert "too similar" in answer.content.decode()
    assert 'value="ada@example.com"' in answer.content.decode()
    answer = client.post(path, {"email": "ada@example.com", "password": "password12"})
    assert "too common" in answer.content.decode()
    assert "password12" not in answer.content.decode()
    assert not User.objects.exists()
    assert client.post(path, FORM).status_code == 302


def test_a_person_whom_the_command_line_added_becomes_the_administrator(
    client: Client, make_person: Callable[..., User]
) -> None:
    person = make_person("ada@example.com")
    client.post(path_of_link(), FORM)
    person.refresh_from_db()
    assert person.is_administrator


def test_keeps_only_the_hash_of_a_link(client: Client) -> None:
    token = path_of_link().split("/")[-2]
    assert token not in str(SetupLink.objects.values())


def test_audits_the_person_the_password_and_the_sign_in(client: Client) -> None:
    client.post(path_of_link(), FORM)
    rows = list(AuditEvent.objects.order_by("sequence"))
    assert [row.event for row in rows] == [Event.PERSON_ADDED, Event.PASSWORD_SET, Event.SIGNED_IN]
    assert {(row.actor, row.ip) for row in rows} == {("ada@example.com", "127.0.0.1")}


def test_tells_other_rooms_of_the_first_administrator(client: Client) -> None:
    heard: list[str] = []

    def hear(**told: Any) -> None:
        heard.append(told["actor"].user.email)

    administrator_signed_in.connect(hear)
    try:
        client.post(path_of_link(), FORM)
    finally:
        administrator_signed_in.disconnect(hear)
    assert heard == ["ada@example.com"]


def test_the_command_prints_the_link_alone_and_nothing_later(make_person: Callable[..., User]) -> None:
    out = io.StringIO()
    call_command("first_link", stdout=out)
    assert out.getvalue().strip().startswith("http://localhost:8000/welcome/")
    make_person("root@example.com", Role.ADMINISTRATOR)
    out, err = io.StringIO(), io.StringIO()
    call_command("first_link", stdout=out, stderr=err)
    assert out.getvalue() == ""
    assert "already" in err.getvalue()


@pytest.mark.django_db(transaction=True)
def test_two_browsers_at_the_same_instant_make_one_administrator() -> None:
    path = path_of_link()

    def race(name: str) -> int:
        try:
            return Client().post(path, {"email": f"{name}@example.com", "password": PASSWORD}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(race, "abcdefgh"))
    assert statuses == [302] + [410] * 7
    assert User.objects.count() == 1
    assert connection.is_usable()


def test_an_expired_link_is_not_spent_even_inside_the_race(client: Client) -> None:
    link = SetupLink.objects.create(
        kind=SetupLink.Kind.FIRST_RUN, token_hash="0" * 64, expires_at=timezone.now() - timedelta(seconds=1)
    )
    with pytest.raises(LinkSpent):
        first_run.create_administrator(link=link, email="ada@example.com", password=PASSWORD)
    assert not User.objects.exists()
