"""Refreshes under way: who waits, how long, and whom a slow endpoint holds up."""

import threading
from collections.abc import Generator
from uuid import UUID

import pytest

from connections.errors import RefreshUnavailable
from connections.grants import refreshes
from connections.grants.refreshes import MOST, MOST_OF_AN_ENDPOINT, Refreshes
from connections.models import Grant
from people.ids import uuid7


class Endpoints:
    """Grants whose endpoint hangs until it is let go; ``begun`` counts who asks it."""

    def __init__(self) -> None:
        self.hanging: set[UUID] = set()
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.asked: list[UUID] = []

    def hang(self) -> UUID:
        self.hanging.add(grant_id := uuid7())
        return grant_id

    def refresh(self, grant_id: UUID, stale_version: int | None) -> Grant:
        self.asked.append(grant_id)
        self.begun.release()
        if grant_id in self.hanging:
            assert self.go_on.wait(20)
        return Grant(pk=grant_id)


@pytest.fixture
def endpoints() -> Generator[Endpoints]:
    made = Endpoints()
    yield made
    made.go_on.set()


@pytest.fixture
def under_way(endpoints: Endpoints) -> Refreshes:
    return Refreshes(endpoints.refresh)


def test_a_slow_endpoint_holds_up_its_own_alone(endpoints: Endpoints, under_way: Refreshes) -> None:
    for _ in range(MOST):
        under_way.start(endpoints.hang(), endpoint="https://slow.example/token")
    swift = uuid7()
    assert under_way.start(swift, endpoint="https://swift.example/token").result(10).pk == swift
    assert len(endpoints.asked) == MOST_OF_AN_ENDPOINT + 1


def test_those_that_found_no_room_have_their_turn(endpoints: Endpoints, under_way: Refreshes) -> None:
    futures = [under_way.start(endpoints.hang(), endpoint="slow") for _ in range(MOST_OF_AN_ENDPOINT * 3)]
    for _ in range(MOST_OF_AN_ENDPOINT):
        assert endpoints.begun.acquire(timeout=10)
    endpoints.go_on.set()
    assert {future.result(10).pk for future in futures} == endpoints.hanging


def test_many_slow_endpoints_have_a_bound_together(endpoints: Endpoints, under_way: Refreshes) -> None:
    futures = [under_way.start(endpoints.hang(), endpoint=f"slow {number}") for number in range(MOST + 5)]
    for _ in range(MOST):
        assert endpoints.begun.acquire(timeout=10)
    assert not endpoints.begun.acquire(timeout=0.05)
    endpoints.go_on.set()
    assert len({future.result(10).pk for future in futures}) == MOST + 5


def test_all_who_ask_for_one_grant_share_its_refresh(endpoints: Endpoints, under_way: Refreshes) -> None:
    grant_id = endpoints.hang()
    first, second = (under_way.start(grant_id, endpoint="slow") for _ in range(2))
    assert first is second
    endpoints.go_on.set()
    first.result(10)
    assert under_way.start(grant_id, endpoint="slow") is not first


def test_who_waits_stops_and_the_refresh_goes_on(
    endpoints: Endpoints, under_way: Refreshes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshes, "WAIT_S", 0.0)
    grant_id = endpoints.hang()
    with pytest.raises(RefreshUnavailable) as refused:
        under_way.wait(grant_id, endpoint="slow")
    assert (refused.value.status, refused.value.headers()["Retry-After"]) == (503, "5")
    endpoints.go_on.set()
    assert under_way.start(grant_id, endpoint="slow").result(10).pk == grant_id


def test_what_a_refresh_raises_reaches_everybody(under_way: Refreshes) -> None:
    def refuse(grant_id: UUID, stale_version: int | None) -> Grant:
        raise RefreshUnavailable("not now", retry_after=7)

    with pytest.raises(RefreshUnavailable, match="not now"):
        Refreshes(refuse).wait(uuid7(), endpoint="any")


def test_an_end_waits_for_what_has_begun_and_refuses_the_rest(
    endpoints: Endpoints, under_way: Refreshes
) -> None:
    futures = [under_way.start(endpoints.hang(), endpoint="slow") for _ in range(MOST_OF_AN_ENDPOINT + 1)]
    for _ in range(MOST_OF_AN_ENDPOINT):
        assert endpoints.begun.acquire(timeout=10)
    ending = threading.Thread(target=under_way.finish)
    ending.start()
    with pytest.raises(RefreshUnavailable):
        futures[-1].result(10)
    assert ending.is_alive()
    endpoints.go_on.set()
    ending.join(10)
    assert not ending.is_alive()
    assert all(future.done() for future in futures)
