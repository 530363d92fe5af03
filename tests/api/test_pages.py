"""Lists by keyset: nothing twice, nothing left out, whatever happens in between."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from api.pages import page
from people.models import User
from problems import ValidationFailed

START = datetime.fromisoformat("2030-01-01T00:00:00+00:00")
pytestmark = pytest.mark.django_db


@pytest.fixture
def people(make_person: Callable[..., User]) -> list[User]:
    return [make_person(f"p{n}@example.com", created_at=START + timedelta(days=n // 2)) for n in range(7)]


def walk(order: tuple[str, ...], limit: int = 3) -> list[User]:
    seen: list[User] = []
    cursor = None
    while True:
        rows, cursor = page(User.objects.all(), limit=limit, cursor=cursor, order=order)
        assert len(rows) <= limit
        seen += rows
        if not cursor:
            return seen


@pytest.mark.parametrize(
    "order",
    [("-id",), ("email",), ("-created_at", "id"), ("created_at", "-id"), ("role", "-created_at", "id")],
)
def test_walks_the_whole_list_in_order(people: list[User], order: tuple[str, ...]) -> None:
    assert walk(order) == list(User.objects.order_by(*order))


def test_says_that_there_is_no_more_when_the_last_page_is_full(people: list[User]) -> None:
    rows, cursor = page(User.objects.all(), limit=7, cursor=None)
    assert (len(rows), cursor) == (7, None)


def test_an_empty_list_has_no_next_page() -> None:
    assert page(User.objects.all(), cursor=None) == ([], None)


def test_a_row_deleted_in_between_leaves_no_gap(people: list[User]) -> None:
    rows, cursor = page(User.objects.all(), limit=3, cursor=None, order=("email",))
    rows[-1].delete()
    rest, _ = page(User.objects.all(), limit=9, cursor=cursor, order=("email",))
    assert rest == people[3:]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "🦊",
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b'["not a uuid"]').decode(),
        base64.urlsafe_b64encode(b"[1]").decode(),
        base64.urlsafe_b64encode(json.dumps(["a\x00"]).encode()).decode(),
        base64.urlsafe_b64encode(b"null").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
    ],
)
def test_a_cursor_that_no_list_gave_out_is_told(people: list[User], cursor: str) -> None:
    with pytest.raises(ValidationFailed) as told:
        page(User.objects.all(), cursor=cursor)
    assert told.value.errors == [{"field": "cursor", "message": "This is not a cursor that a list gave out."}]


def test_half_of_a_surrogate_pair_in_a_cursor_is_told(people: list[User]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(["\ud800"]).encode()).decode()
    with pytest.raises(ValidationFailed):
        page(User.objects.all(), cursor=cursor, order=("email",))
