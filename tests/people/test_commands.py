"""The commands about people."""

import io
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from people.models import AuditEvent, Role, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def run(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_add_person_prints_a_link_that_sets_the_password() -> None:
    printed = run("add_person", "Ada@Example.com")
    assert len(printed.splitlines()) == 1
    assert User.objects.get().email == "ada@example.com"
    assert User.objects.get().role == Role.MEMBER
    assert Client().post(urlsplit(printed.strip()).path, {"password": PASSWORD}).status_code == 302


def test_add_person_takes_a_role() -> None:
    run("add_person", "ada@example.com", "--role", "administrator")
    assert User.objects.get().is_administrator


def test_add_person_sets_a_password_from_the_environment_and_prints_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    assert run("add_person", "ada@example.com") == ""
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("nobody", "", "This is not an e-mail address."),
        ("owner@example.com", "", "There is a person with this e-mail address already."),
        ("ada@example.com", "short", "This password is too short."),
    ],
)
def test_add_person_says_what_is_wrong_and_adds_nobody(
    monkeypatch: pytest.MonkeyPatch, owner: User, email: str, password: str, says: str
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", password)
    with pytest.raises(CommandError, match=says):
        run("add_person", email)
    assert User.objects.count() == 1


def test_createsuperuser_makes_an_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Root@example.com")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", "--noinput")
    user = User.objects.get()
    assert (user.email, user.is_administrator, user.check_password(PASSWORD)) == (
        "root@example.com",
        True,
        True,
    )


def test_createsuperuser_tells_the_audit_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "root@example.com")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", "--noinput")
    told = AuditEvent.objects.order_by("sequence").values_list("event", "target", "actor")
    assert list(told) == [
        ("person.added", "person:root@example.com", ""),
        ("person.password_set", "person:root@example.com", ""),
    ]
