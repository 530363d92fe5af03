"""Two people, processes or machines that act on the same rows at the same time: none of them breaks.

Each pair is run once for every moment at which the second can come in between. Locks that were taken in
different orders would be a deadlock, and a row that is gone an error that nobody foresaw.
"""

import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.db import connection as database
from django.db import transaction
from django.test import Client
from django.utils import timezone

from connections import access, grants, operations, tokens, worker
from connections.errors import Unauthenticated
from connections.models import ApiToken, Connection, Grant
from people import audit
from people.actor import Actor
from people.models import User
from problems import Unavailable
from services import operations as services_operations
from services.models import Service
from tests.conftest import Script
from tests.interleaving import Act, every_meeting
from vault import Secret

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS = count(1)
OAUTH = {
    "authorize_url": "https://login.example.com/authorize",
    "token_url": "https://login.example.com/token",
    "client_id": "app",
    "client_secret": "secret",
    "scopes": [{"name": "read", "description": ""}, {"name": "write", "description": ""}],
}


class Rows:
    """Everything made anew, so that each meeting begins alike: a service, two connections, their grants."""

    def __init__(self, owner: User, *, used_by: int) -> None:
        number = next(NUMBERS)
        self.owner, self.actor = owner, Actor.of(owner)
        definition = {"name": "Shop", "link_name": f"shop_{number}", "auth_type": "oauth2", "oauth2": OAUTH}
        data = definition | {"base_url": "https://api.example.com"}
        self.service = services_operations.create_service(actor=self.actor, data=data)
        self.connections = [self.connect(f"shop_{number}_{letter}") for letter in "ab"[:used_by]]

    def connect(self, link_name: str) -> Connection:
        """A connection with an active grant, and a round trip under way."""
        data = {"service": self.service.link_name, "name": "Shop", "link_name": link_name, "scopes": ["read"]}
        made = operations.create_connection(actor=self.actor, data=data)
        theirs = {"connection": made, "user": self.owner}
        Grant.objects.create(**theirs, state=Grant.State.ACTIVE)
        Grant.objects.create(**theirs, state=Grant.State.PENDING, lapses_at=timezone.now())
        return made

    # --- What is done to them: each reads what it is about to change, and then changes it -----------
    def _service(self) -> Service:
        return services_operations.get_service(actor=self.actor, link_name=self.service.link_name)

    def _connection(self) -> Connection:
        return access.get(actor=self.actor, link_name=self.connections[0].link_name)

    def retarget(self) -> object:
        elsewhere = {"base_url": "https://other.example.com", "hosts": ["other.example.com"]}
        data = elsewhere | {"confirm": self.service.link_name}
        return operations.change_service(actor=self.actor, service=self._service(), data=data)

    def delete_service(self) -> object:
        return operations.delete_service(actor=self.actor, service=self._service())

    def register(self) -> object:
        return services_operations.set_client(
            actor=self.actor, service=self._service(), client_id="other", client_secret=Secret("secret")
        )

    def change(self) -> object:
        data = {"scopes": ["write"], "audience": "everyone", "disabled": True}
        return operations.change_connection(actor=self.actor, connection=self._connection(), data=data)

    def delete(self) -> None:
        connection = self._connection()
        operations.delete_connection(actor=self.actor, connection=connection, confirm=connection.link_name)

    def revoke(self) -> object:
        return operations.revoke_connection(actor=self.actor, connection=self._connection())

    def fail(self) -> object:
        """As a refresh does that the service refuses."""
        for grant in Grant.objects.filter(connection=self._connection(), state="active"):
            grants.need_reconnect(grant, "The service refused.")
        return None

    def lapse(self) -> None:
        worker.lapse_flows(timezone.now() + timedelta(days=9), threading.Event())

    def create(self) -> object:
        data = {"service": self.service.link_name, "name": "New", "link_name": f"new_{next(NUMBERS)}"}
        return operations.create_connection(actor=self.actor, data=data)


PAIRS = {  # how many connections stand on the service: what meets there
    2: [("retarget", "retarget"), ("retarget", "lapse"), ("retarget", "create"), ("register", "retarget")],
    1: [
        *[("retarget", other) for other in ("change", "delete", "revoke", "fail")],
        *[("change", other) for other in ("change", "delete", "revoke", "fail", "lapse")],
        *[("delete", other) for other in ("delete", "revoke", "fail", "lapse")],
        *[("revoke", other) for other in ("revoke", "lapse")],
    ],
    0: [("delete_service", other) for other in ("delete_service", "retarget", "register", "create")],
}
MEETINGS = [
    (first, second, used_by)
    for used_by, pairs in PAIRS.items()
    for pair in pairs
    for first, second in dict.fromkeys([pair, pair[::-1]])
]


@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.parametrize(("first", "second", "used_by"), MEETINGS)
def test_both_end_well_at_whatever_moment_they_meet(
    owner: User, first: str, second: str, used_by: int
) -> None:
    made: list[Rows] = []
    done: set[str] = set()

    def prepare() -> tuple[Act, Act]:
        made.append(Rows(owner, used_by=used_by))
        return getattr(made[-1], first), getattr(made[-1], second)

    for outcomes in every_meeting(prepare):
        assert not any(isinstance(outcome.error, Unavailable) for outcome in outcomes)
        names = {first: outcomes[0], second: outcomes[1]}
        well = {name for name, outcome in names.items() if outcome.error is None}
        if "delete" in well:
            assert not Connection.objects.filter(pk=made[-1].connections[0].pk).exists()
        if "delete_service" in well:
            assert not Service.objects.filter(pk=made[-1].service.pk).exists()
        done |= well
    assert done == {first, second}
    assert audit.first_broken() is None


@pytest.mark.parametrize("second", ["touch", "revoke", "revoke the other"])
def test_tokens_are_noted_and_revoked_without_waiting_for_each_other(owner: User, second: str) -> None:
    """Two processes note when tokens were last used, each in the order in which the calls came."""
    actor = Actor.of(owner)

    def make() -> list[UUID]:
        made, _ = operations.create_token(actor=actor, name="parent", scopes=["manage"])
        of_it = replace(actor, token_id=made.pk)
        return [made.pk, operations.create_token(actor=of_it, name="child", scopes=["manage"])[0].pk]

    def touch(ids: list[UUID]) -> None:
        with transaction.atomic():  # as the recorder does it
            tokens.touch({row_id: timezone.now() for row_id in ids})

    def prepare() -> tuple[Act, Act]:
        ids = make()
        backwards = partial(touch, ids[::-1])
        others: dict[str, Act] = {
            "touch": partial(touch, ids),
            "revoke": partial(operations.revoke_token, actor=actor, token_id=ids[0]),
            "revoke the other": partial(operations.revoke_token, actor=actor, token_id=ids[1]),
        }
        return backwards, others[second]

    for outcomes in (*every_meeting(prepare), *every_meeting(lambda: prepare()[::-1])):
        assert [outcome.error for outcome in outcomes] == [None, None]


def test_nothing_is_made_with_a_token_that_is_revoked_meanwhile(owner: User) -> None:
    actor = Actor.of(owner)
    made: list[UUID] = []

    def prepare() -> tuple[Act, Act]:
        made.append(operations.create_token(actor=actor, name="maker", scopes=["manage"])[0].pk)
        maker = replace(actor, token_id=made[-1])
        return (
            partial(operations.create_token, actor=maker, name="child", scopes=["manage"]),
            partial(operations.revoke_token, actor=actor, token_id=made[-1]),
        )

    ends: set[type[object]] = set()
    for meetings in (every_meeting(prepare), every_meeting(lambda: prepare()[::-1])):
        for outcomes in meetings:
            ends |= {type(outcome.error) for outcome in outcomes}
            assert not ApiToken.objects.filter(parent=made[-1], revoked_at=None).exists()
    assert ends == {type(None), Unauthenticated}


# --- Over the API: whatever is gone meanwhile is not found ------------------------------------------
CONNECTION, SERVICE = "/api/v1/connections/{}", "/api/v1/services/{}"
CLIENT = {"client_id": "other", "client_secret": "secret"}
OVER_THE_API: list[tuple[str, str, dict[str, Any], set[int]]] = [
    ("PATCH", CONNECTION, {"scopes": ["write"], "audience": "everyone", "disabled": False}, {200}),
    ("DELETE", CONNECTION, {}, {204}),
    ("GET", CONNECTION, {}, {200}),
    ("POST", f"{CONNECTION}/connect", {}, {200}),
    ("POST", f"{CONNECTION}/revoke", {}, {200, 409}),
    ("POST", f"{CONNECTION}/test", {}, {200}),
    ("PATCH", SERVICE, {"name": "Other"}, {200}),
    ("DELETE", SERVICE, {}, {204}),
    ("PUT", f"{SERVICE}/client", CLIENT, {200}),
]


@pytest.mark.parametrize(("method", "url", "body", "well"), OVER_THE_API)
def test_a_row_that_is_gone_meanwhile_is_not_found(
    owner: User, script: Script, method: str, url: str, body: dict[str, Any], well: set[int]
) -> None:
    def ask(method: str, address: str, body: dict[str, Any]) -> int:
        browser = Client(headers=script.headers, raise_request_exception=False)
        asked = getattr(browser, method.lower())
        data = {} if method == "GET" else {"data": body, "content_type": "application/json"}
        return int(asked(address, **data).status_code)

    def prepare() -> tuple[Act, Act]:
        rows = Rows(owner, used_by=int(url.startswith(CONNECTION)))
        row = rows.connections[0] if rows.connections else rows.service
        of_row = CONNECTION if rows.connections else SERVICE
        return (
            partial(ask, method, url.format(row.link_name), body),
            partial(ask, "DELETE", of_row.format(row.link_name), {}),
        )

    for asked, deleted in every_meeting(prepare):
        assert asked.value in {*well, 404}
        assert deleted.value in {204, 404}
