"""How much connections are used, and by whom."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from connections import operations as connection_operations
from connections.models import Connection
from invoke import usage
from invoke.models import Call
from invoke.templatetags import usage_parts
from people.actor import Actor
from people.models import User
from services import operations as service_operations
from tests.conftest import NOW


@pytest.fixture
def make(owner: User) -> Callable[[str], Connection]:
    actor = Actor.of(owner)
    data: dict[str, Any] = {
        "name": "Books",
        "link_name": "books",
        "auth_type": "basic",
        "param_type": "header",
        "base_url": "https://api.example.com",
    }
    service_operations.create_service(actor=actor, data=data)

    def make(link_name: str) -> Connection:
        asked = {"service": "books", "name": link_name, "link_name": link_name}
        return connection_operations.create_connection(actor=actor, data=asked)

    return make


def called(connection: Connection, at: datetime, by: User, **facts: Any) -> None:
    Call.objects.create(
        connection_id=connection.pk, at=at, method="GET", user_id=by.pk, user=by.email, status=200, **facts
    )


def test_counts_each_hour_of_the_last_day_in_one_query(
    owner: User,
    make: Callable[[str], Connection],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    busy, idle = make("busy"), make("idle")
    for ago in (timedelta(), timedelta(minutes=-20), timedelta(hours=23), timedelta(hours=25)):
        called(busy, NOW - ago, owner)
    with django_assert_num_queries(1):
        days = usage.by_hour(actor=Actor.of(owner), connections=[busy, idle], now=NOW + timedelta(minutes=30))
    assert days[busy.pk].hours == (1, *[0] * 22, 2)
    assert days[busy.pk].total == 3
    assert days[idle.pk].total == 0


def test_counts_no_calls_that_the_actor_may_not_see(
    owner: User, stranger: User, make: Callable[[str], Connection]
) -> None:
    connection = make("busy")
    called(connection, NOW, owner)
    days = usage.by_hour(actor=Actor.of(stranger), connections=[connection], now=NOW)
    assert days[connection.pk].total == 0


def test_names_who_called_lately_the_latest_first(
    owner: User, teammate: User, make: Callable[[str], Connection]
) -> None:
    connection = make("busy")
    called(connection, NOW - timedelta(days=31), teammate, token="too old")
    called(connection, NOW - timedelta(days=2), owner, token="nightly")
    called(connection, NOW - timedelta(days=1), teammate)
    called(connection, NOW - timedelta(hours=1), owner, token="nightly")
    found = usage.users_lately(actor=Actor.of(owner), connection=connection, now=NOW)
    assert [(user.email, user.token, user.calls) for user in found] == [
        (owner.email, "nightly", 2),
        (teammate.email, "", 1),
    ]
    assert found[0].last_at == NOW - timedelta(hours=1)


def test_draws_the_busiest_hour_highest_and_an_idle_one_faint() -> None:
    bars = usage_parts.spark(usage.Day((4, 2, *[0] * 22)))["bars"]
    assert [bar.height for bar in bars[:3]] == [22.0, 11.0, 1.5]
    assert [bar.is_idle for bar in bars[:3]] == [False, False, True]
    assert all(bar.y >= 0 and bar.x + 2.6 <= 92.1 for bar in bars)
