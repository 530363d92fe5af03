"""A database that fails in the middle of a callback: 503, nothing half written, and all well afterwards."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.db import connection as database
from django.test import Client

from connections import grants
from connections.grants import persistence
from connections.models import Connection, Grant
from people.models import User
from tests.conftest import SignIn
from tests.connections.conftest import events, round_trip, secrets_of
from tests.connections.pages.conftest import Page
from tests.connections.provider import GOOD_CODE

pytestmark = pytest.mark.django_db(transaction=True)

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]
MOST_STATEMENTS = 60


class Away:
    """A database that goes away at the ``at``-th statement that it is sent, and stays away."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.seen += 1
        if self.seen > self.at:
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)


def depart(browser: Client, shop: Connection) -> str:
    """The state of a round trip that the browser has begun."""
    link = browser.post(f"/connections/{shop.link_name}/connect/")["Location"]
    return browser.post(link)["Location"].split("state=")[1].split("&")[0]


def come_back(browser: Client, state: str) -> Page:
    return browser.get("/oauth/callback/shop", {"code": GOOD_CODE, "state": state})


def test_stores_all_or_nothing_whenever_the_database_goes_away(
    shop: Connection, owner: User, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistence, "WITHIN_S", 0.0)  # it does not come back
    round_trip(shop)
    browser = signed_in(owner)
    browser.raise_request_exception = False
    for at in range(MOST_STATEMENTS):
        before, told = Grant.objects.get(state=Grant.State.ACTIVE), events().count("grant.flow_finished")
        state, away = depart(browser, shop), Away(at)
        with database.execute_wrapper(away):
            answer = come_back(browser, state)
        active = Grant.objects.get(state=Grant.State.ACTIVE)
        assert grants.open_secrets(active)["access_token"]
        is_stored = active != before
        assert events().count("grant.flow_finished") == told + is_stored
        if away.seen <= at:
            break
        assert (answer.status_code, answer["Retry-After"]) == (503, "5"), at
    assert answer.status_code == 303
    assert is_stored
    assert at > 10


def test_the_same_answer_is_taken_once_the_database_is_back(
    shop: Connection, owner: User, signed_in: SignIn
) -> None:
    browser = signed_in(owner)
    state = depart(browser, shop)
    with database.execute_wrapper(Away(0)):
        assert come_back(browser, state).status_code == 503
    assert come_back(browser, state).status_code == 303
    assert secrets_of(Grant.objects.get(state=Grant.State.ACTIVE))["access_token"] == "access-1"
