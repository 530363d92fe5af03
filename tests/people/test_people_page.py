"""The pages about people."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.test import Client
from django.utils.html import escape

from people import operations
from people.actor import Actor
from people.audit_events import Event
from people.errors import EmailTaken, LastAdministrator
from people.models import AuditEvent, Role, User
from tests.conftest import PASSWORD, SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(signed_in: SignIn, administrator: User) -> Client:
    return signed_in(administrator)


def setup_path(answer: Any) -> str:
    path: str = urlsplit(answer.context["url"]).path
    return path


def test_lists_everybody_with_role_and_state(admin: Client, owner: User, teammate: User) -> None:
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    page = admin.get("/people/").content.decode()
    for words in (owner.email, "Builder", teammate.email, "Disabled", "Active"):
        assert words in page


def test_is_for_administrators(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    for path in ("/people/", "/people/new/", f"/people/{owner.pk}/"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert "Only administrators may do this." in answer.content.decode()
    assert (
        client.post("/people/new/", {"email": "x@example.com", "role": Role.ADMINISTRATOR}).status_code == 403
    )
    assert (
        client.post(f"/people/{owner.pk}/", {"email": owner.email, "role": "administrator"}).status_code
        == 403
    )
    assert client.post(f"/people/{owner.pk}/password-link/").status_code == 403
    owner.refresh_from_db()
    assert owner.role == Role.BUILDER


def test_audits_what_was_denied(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    client.get("/people/")
    client.get("/api/v1/people")
    rows = AuditEvent.objects.filter(event=Event.ACCESS_DENIED).order_by("sequence")
    assert [(row.actor, row.target) for row in rows] == [
        ("owner@example.com", "GET /people/"),
        ("owner@example.com", "GET /api/v1/people"),
    ]


def test_adds_a_person_who_sets_a_password_by_the_link_once(admin: Client) -> None:
    answer = admin.post("/people/new/", {"email": "New@Example.com", "role": Role.BUILDER})
    path = setup_path(answer)
    assert path in answer.content.decode()
    assert path not in admin.get("/people/").content.decode(), "the link is shown once"
    newcomer = Client()
    assert "new@example.com" in newcomer.get(path).content.decode()
    assert newcomer.post(path, {"password": PASSWORD})["Location"] == "/"
    assert newcomer.get("/audit/").status_code == 200
    assert Client().get(path).status_code == 410
    person = User.objects.get(email="new@example.com")
    assert (person.role, person.check_password(PASSWORD)) == (Role.BUILDER, True)


def test_the_link_is_neither_in_the_session_nor_in_the_audit_trail(admin: Client) -> None:
    answer = admin.post("/people/new/", {"email": "new@example.com", "role": Role.MEMBER})
    token = setup_path(answer).split("/")[-2]
    assert token not in str(dict(admin.session))
    assert token not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("", "Enter an e-mail address, such as"),
        ("nobody", "Enter an e-mail address, such as"),
        ("owner@example.com", "There is a person with this e-mail address already."),
        ("OWNER@example.com", "There is a person with this e-mail address already."),
        ("a" * 250 + "@example.com", "at most 254 characters"),
    ],
)
def test_says_what_is_wrong_with_a_new_address(admin: Client, owner: User, email: str, sentence: str) -> None:
    answer = admin.post("/people/new/", {"email": email, "role": Role.MEMBER})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert escape(email) in answer.content.decode()
    assert User.objects.count() == 2


def test_refuses_a_role_that_there_is_not(admin: Client) -> None:
    answer = admin.post("/people/new/", {"email": "new@example.com", "role": "emperor"})
    assert answer.status_code == 422
    assert "Select a valid choice." in answer.content.decode()


def test_changes_role_and_state(admin: Client, owner: User) -> None:
    answer = admin.post(f"/people/{owner.pk}/", {"email": owner.email, "role": Role.MEMBER})
    assert answer["Location"] == "/people/"
    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == (Role.MEMBER, False)
    assert "owner@example.com is changed." in admin.get("/people/").content.decode()
    row = AuditEvent.objects.latest("sequence")
    assert (row.event, row.target) == (Event.PERSON_CHANGED, "person:owner@example.com")
    assert row.detail == '{"is_active":false,"role":"member"}'


def test_takes_no_field_that_it_does_not_list(admin: Client, owner: User) -> None:
    before = owner.password
    admin.post(
        f"/people/{owner.pk}/",
        {
            "email": owner.email,
            "role": "builder",
            "active": "on",
            "password": "x",
            "kind": "service",
            "id": "1",
        },
    )
    owner.refresh_from_db()
    assert (owner.password, owner.kind) == (before, User.Kind.PERSON)


@pytest.mark.parametrize("change", [{"role": "member", "active": "on"}, {"role": "administrator"}])
def test_the_last_administrator_stays_one(admin: Client, administrator: User, change: dict[str, str]) -> None:
    answer = admin.post(f"/people/{administrator.pk}/", {"email": administrator.email, **change})
    assert answer.status_code == 422
    assert "This is the last active administrator." in answer.content.decode()
    administrator.refresh_from_db()
    assert administrator.is_active
    assert administrator.is_administrator


def test_an_administrator_may_step_down_beside_another(
    admin: Client, administrator: User, owner: User
) -> None:
    User.objects.filter(pk=owner.pk).update(role=Role.ADMINISTRATOR)
    admin.post(
        f"/people/{administrator.pk}/", {"email": administrator.email, "role": "member", "active": "on"}
    )
    assert admin.get("/people/").status_code == 403


def test_a_disabled_administrator_does_not_count_as_another(
    admin: Client, administrator: User, owner: User
) -> None:
    User.objects.filter(pk=owner.pk).update(role=Role.ADMINISTRATOR, is_active=False)
    answer = admin.post(
        f"/people/{administrator.pk}/", {"email": administrator.email, "role": "member", "active": "on"}
    )
    assert answer.status_code == 422


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_make_each_other_step_down_at_once_leave_one(
    make_person: Callable[..., User],
) -> None:
    pair = [make_person(f"{name}@example.com", Role.ADMINISTRATOR) for name in ("ada", "bob")]
    begin = Barrier(2)

    def demote(acting: User, other: User) -> bool:
        try:
            begin.wait()
            operations.change_person(actor=Actor.of(acting), person=other, role=Role.MEMBER)
        except LastAdministrator:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, pair, reversed(pair)))
    assert sorted(done) == [False, True]
    assert User.objects.filter(role=Role.ADMINISTRATOR).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_address_asked_for_twice_at_once_is_given_once(administrator: User) -> None:
    begin = Barrier(4)

    def add(_: int) -> bool:
        try:
            begin.wait()
            operations.add_person(actor=Actor.of(administrator), email="new@example.com")
        except EmailTaken:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(4))) == [False, False, False, True]
    assert User.objects.filter(email="new@example.com").count() == 1


def test_a_new_password_link_ends_the_ones_before_and_leaves_the_password_until_used(
    admin: Client, owner: User
) -> None:
    first = setup_path(admin.post(f"/people/{owner.pk}/password-link/"))
    second = setup_path(admin.post(f"/people/{owner.pk}/password-link/"))
    assert Client().get(first).status_code == 410
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)
    assert Client().post(second, {"password": "another long phrase"}).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password("another long phrase")
    assert AuditEvent.objects.filter(event=Event.PASSWORD_LINK_MADE).count() == 2


def test_a_link_needs_a_post(admin: Client, owner: User) -> None:
    answer = admin.get(f"/people/{owner.pk}/password-link/")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert "does not take that method" in answer.content.decode()


def test_nobody_is_a_404(admin: Client) -> None:
    assert admin.get("/people/01930000-0000-7000-8000-000000000000/").status_code == 404
    assert admin.get("/people/1/").status_code == 404
