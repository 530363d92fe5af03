"""People in the API."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from people.models import Role, User
from tests.conftest import PASSWORD, SignIn

PEOPLE = "/api/v1/people"
pytestmark = pytest.mark.django_db


def send(client: Client, method: str, path: str, body: Any) -> Any:
    return getattr(client, method)(path, body, content_type="application/json")


@pytest.fixture
def admin(signed_in: SignIn, administrator: User) -> Client:
    return signed_in(administrator)


def test_lists_people_a_page_at_a_time(admin: Client, owner: User, teammate: User) -> None:
    first = admin.get(f"{PEOPLE}?limit=2").json()
    assert [person["email"] for person in first["items"]] == [
        "administrator@example.com",
        "owner@example.com",
    ]
    second = admin.get(PEOPLE, {"limit": 2, "cursor": first["next"]}).json()
    assert [person["email"] for person in second["items"]] == ["teammate@example.com"]
    assert second["next"] is None


def test_gives_no_password(admin: Client, owner: User) -> None:
    text = admin.get(PEOPLE).content.decode()
    assert "password" not in text
    assert owner.password not in text


def test_adds_a_person_with_a_link_to_hand_over(admin: Client) -> None:
    answer = send(admin, "post", PEOPLE, {"email": "New@example.com", "role": "builder"})
    assert answer.status_code == 201
    added = answer.json()
    assert (added["email"], added["role"], added["active"]) == ("new@example.com", "builder", True)
    path = urlsplit(added["setup_url"]).path
    assert Client().post(path, {"password": PASSWORD}).status_code == 302
    assert "setup_url" not in admin.get(PEOPLE).content.decode()


def test_a_new_person_is_a_member_unless_said(admin: Client) -> None:
    assert send(admin, "post", PEOPLE, {"email": "new@example.com"}).json()["role"] == "member"


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({}, "email", "This field is required."),
        ({"email": "nobody"}, "email", "This is not an e-mail address."),
        ({"email": "a" * 250 + "@example.com"}, "email", "longer than 254 characters"),
        ({"email": "a\x00@example.com"}, "email", "NUL"),
        ({"email": ["x"]}, "email", "This takes a text."),
        ({"email": "new@example.com", "role": "emperor"}, "role", "Choose one of"),
        ({"email": "new@example.com", "password": "x"}, "password", "There is no such field."),
        ({"email": "new@example.com", "is_superuser": True}, "is_superuser", "There is no such field."),
        ({"email": "new@example.com", "id": "1"}, "id", "There is no such field."),
    ],
)
def test_says_which_field_is_wrong(admin: Client, body: Any, field: str, sentence: str) -> None:
    answer = send(admin, "post", PEOPLE, body)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "validation_failed"
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert sentence in error["message"]
    assert User.objects.count() == 1


def test_a_taken_address_is_a_conflict(admin: Client, owner: User) -> None:
    answer = send(admin, "post", PEOPLE, {"email": "Owner@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_changes_what_is_given_and_nothing_else(admin: Client, owner: User) -> None:
    answer = send(admin, "patch", f"{PEOPLE}/{owner.pk}", {"role": "member"})
    assert answer.json() | {"created_at": ""} == {
        "id": str(owner.pk),
        "email": "owner@example.com",
        "name": "Olive Owner",
        "role": "member",
        "active": True,
        "created_at": "",
        "last_sign_in_at": answer.json()["last_sign_in_at"],
    }
    assert send(admin, "patch", f"{PEOPLE}/{owner.pk}", {"active": False}).json()["active"] is False
    assert send(admin, "patch", f"{PEOPLE}/{owner.pk}", {}).json()["role"] == "member"


@pytest.mark.parametrize("change", [{"role": "member"}, {"active": False}])
def test_the_last_administrator_stays_one(admin: Client, administrator: User, change: Any) -> None:
    answer = send(admin, "patch", f"{PEOPLE}/{administrator.pk}", change)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    administrator.refresh_from_db()
    assert (administrator.role, administrator.is_active) == (Role.ADMINISTRATOR, True)


@pytest.mark.parametrize("field", ["password", "kind", "created_at", "is_active", "name"])
def test_a_change_takes_no_field_that_is_not_listed(admin: Client, owner: User, field: str) -> None:
    answer = send(admin, "patch", f"{PEOPLE}/{owner.pk}", {field: "x", "role": "member"})
    assert answer.status_code == 422
    owner.refresh_from_db()
    assert owner.role == Role.BUILDER


def test_is_for_administrators(signed_in: SignIn, owner: User) -> None:
    client = signed_in(owner)
    for answer in (
        client.get(PEOPLE),
        send(client, "post", PEOPLE, {"email": "new@example.com"}),
        send(client, "patch", f"{PEOPLE}/{owner.pk}", {"role": "administrator"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert User.objects.count() == 1


def test_a_session_that_signed_in_long_ago_is_asked_to_confirm(
    signed_in: SignIn, administrator: User, owner: User
) -> None:
    client = signed_in(administrator, is_fresh=False)
    for answer in (
        send(client, "post", PEOPLE, {"email": "new@example.com"}),
        send(client, "patch", f"{PEOPLE}/{owner.pk}", {"role": "member"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_required")
    assert User.objects.count() == 2


@pytest.mark.parametrize("person_id", ["01930000-0000-7000-8000-000000000000", "ada"])
def test_nobody_is_a_404_for_administrators(admin: Client, person_id: str) -> None:
    answer = send(admin, "patch", f"{PEOPLE}/{person_id}", {"role": "member"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_cursor_that_is_none_of_ours_is_told(admin: Client) -> None:
    answer = admin.get(f"{PEOPLE}?cursor=nonsense")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize("limit", ["0", "201", "x"])
def test_a_limit_out_of_range_is_told(admin: Client, limit: str) -> None:
    answer = admin.get(f"{PEOPLE}?limit={limit}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "limit"
