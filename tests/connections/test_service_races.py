"""A service whose hosts change at the same instant as somebody gives it a credential to send."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections as databases

from connections import operations
from connections.errors import RetargetUnconfirmed
from connections.models import Connection
from people.actor import Actor
from people.models import User
from services.models import Service
from tests.connections.test_database_away import Execute

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = {"base_url": "https://evil.example.net", "hosts": ["evil.example.net"]}


class Paused:
    """Stops its thread before a statement, until it is told to go on."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.is_there, self.go_on = threading.Event(), threading.Event()

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith(self.statement) and not self.is_there.is_set():
            self.is_there.set()
            assert self.go_on.wait(20)
        return execute(sql, params, many, context)


def apart(act: Callable[[], object], paused: Paused | None = None) -> "Future[object]":
    """``act`` in a thread with a connection of its own."""

    def run() -> object:
        try:
            with database.execute_wrapper(paused or (lambda execute, *rest: execute(*rest))):
                return act()
        finally:
            databases.close_all()

    with_one_thread = ThreadPoolExecutor(1)
    future = with_one_thread.submit(run)
    with_one_thread.shutdown(wait=False)
    return future


def is_held_up(future: "Future[object]") -> bool:
    """Is it still not over when it would be, were nothing in its way?"""
    return not wait([future], timeout=0.5).done


def test_a_key_never_goes_to_a_host_that_came_in_between(owner: User, key_service: Service) -> None:
    actor = Actor.of(owner)
    keys = {"X-Api-Key": "k", "X-Tenant": "t"}
    data = {"service": "keyed", "name": "Mine", "link_name": "mine", "credentials": keys}
    paused = Paused('INSERT INTO "connections_connection"')
    making = apart(lambda: operations.create_connection(actor=actor, data=data), paused)
    assert paused.is_there.wait(20)
    changing = apart(lambda: operations.change_service(actor=actor, service=key_service, data=ELSEWHERE))
    assert is_held_up(changing)
    paused.go_on.set()
    assert isinstance(making.result(20), Connection)
    assert isinstance(changing.exception(20), RetargetUnconfirmed)
    assert Service.objects.get(pk=key_service.pk).hosts == ["api.example.com"]


def test_a_connection_that_is_made_meanwhile_is_to_where_the_service_is_by_then(
    owner: User, key_service: Service
) -> None:
    actor, data = Actor.of(owner), {"service": "keyed", "name": "Mine", "link_name": "mine"}
    paused = Paused('UPDATE "services_service"')
    changing = apart(
        lambda: operations.change_service(actor=actor, service=key_service, data=ELSEWHERE), paused
    )
    assert paused.is_there.wait(20)
    making = apart(lambda: operations.create_connection(actor=actor, data=data))
    assert is_held_up(making)
    paused.go_on.set()
    assert changing.exception(20) is None
    made = making.result(20)
    assert isinstance(made, Connection)
    assert made.auth.service.hosts == ["evil.example.net"]
