"""Guesses are counted in the database (G5)."""

from datetime import datetime, timedelta

import pytest

from people import throttle
from people.models import Throttle
from people.throttle import TooManyFailures

NOW = datetime.fromisoformat("2030-01-01T12:00:17+00:00")
pytestmark = pytest.mark.django_db


def fail(times: int, *, at: datetime = NOW, key: str = "ada") -> None:
    for _ in range(times):
        throttle.failed("test", key, limit=20, now=at)


def test_lets_as_many_failures_through_as_the_limit_says() -> None:
    fail(20)
    with pytest.raises(TooManyFailures):
        fail(1)


def test_refuses_to_look_at_a_guess_once_the_limit_is_reached() -> None:
    fail(19)
    throttle.check("test", "ada", limit=20, now=NOW)
    fail(1)
    with pytest.raises(TooManyFailures):
        throttle.check("test", "ada", limit=20, now=NOW)


def test_a_try_after_retry_after_is_tried_anew() -> None:
    fail(20)
    with pytest.raises(TooManyFailures) as refused:
        throttle.check("test", "ada", limit=20, now=NOW)
    waits = timedelta(seconds=refused.value.extra["retry_after"])
    throttle.check("test", "ada", limit=20, now=NOW + waits)
    assert timedelta(minutes=4) < waits <= timedelta(minutes=6)


def test_no_five_minutes_hold_more_than_the_limit_wherever_they_begin() -> None:
    fail(20, at=NOW)
    with pytest.raises(TooManyFailures):
        throttle.check("test", "ada", limit=20, now=NOW + timedelta(seconds=299))


def test_counts_each_key_and_scope_apart() -> None:
    fail(20)
    fail(20, key="bob")
    throttle.check("other", "ada", limit=20, now=NOW)


def test_a_right_guess_is_given_back() -> None:
    fail(20)
    throttle.give_back("test", "ada", now=NOW)
    throttle.check("test", "ada", limit=20, now=NOW)


def test_giving_back_more_than_was_counted_opens_no_credit() -> None:
    for _ in range(5):
        throttle.give_back("test", "ada", now=NOW)
    fail(20)
    with pytest.raises(TooManyFailures):
        fail(1)


def test_forgets_on_request() -> None:
    fail(20)
    throttle.forget("test", "ada")
    fail(20)


def test_stores_no_key_in_clear_and_takes_any_text() -> None:
    fail(1, key="typed\x00by mistake " + "x" * 500)
    assert "mistake" not in Throttle.objects.get().key


def test_old_counters_are_swept_away() -> None:
    fail(3)
    fail(1, at=NOW + timedelta(hours=2))
    assert Throttle.objects.count() == 1
