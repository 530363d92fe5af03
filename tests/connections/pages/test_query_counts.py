"""What a page asks of the database does not grow with the rows that it shows."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connections import operations
from connections.models import Connection
from invoke.models import Call
from people import audit
from people.actor import Actor
from people.audit_events import Event
from people.models import User
from services.models import Service
from tests.conftest import SignIn
from tests.connections.pages.conftest import MakeConnection, MakeService

MOST_QUERIES = 16
PAGES = (
    "/connections/?list=mine",
    "/connections/?list=shared",
    "/connections/new/",
    "/connections/new/?kind=custom",
    "/connections/one/",
    "/connections/one/edit/",
    "/connections/one/delete/",
    "/services/",
    "/services/?kind=custom",
    "/services/shared_by_all/",
    "/tokens/",
    "/tokens/new/",
    "/people/",
    "/audit/",
    "/activity/",
)


@pytest.fixture
def grow(
    administrator: User, owner: User, make_service: MakeService, make_connection: MakeConnection
) -> Callable[[int], None]:
    """One more of everything that a list shows, for the administrator."""
    shared = make_service("shared_by_all", "api_key", by=administrator, api_key={"params": [{"key": "X"}]})
    one = make_connection(shared, "one", by=administrator)

    def growing(number: int) -> None:
        _default_service(number)
        make_service(f"service_{number}", "basic", by=administrator)
        make_connection(shared, f"mine_{number}", by=administrator, credentials={"X": "1"})
        make_connection(shared, f"theirs_{number}", by=owner, audience="everyone", credentials={"X": "1"})
        User.objects.create_user(f"person_{number}@example.com")
        operations.create_token(
            actor=Actor.of(administrator), name=f"token {number}", scopes=["invoke"], connections=["one"]
        )
        audit.record(Event.SERVICE_CREATED, actor=Actor.of(administrator), target=f"service:{number}")
        _call(number, one, administrator)

    return growing


def _default_service(number: int) -> None:
    names = {"name": f"Default {number}", "link_name": f"default_{number}", "category": f"Category {number}"}
    Service.objects.create(kind="default", base_url="https://api.example.com", **names)


def _call(number: int, of: Connection, by: User) -> None:
    names = {"connection": of.link_name, "user": by.email, "token": f"token {number}"}
    Call.objects.create(
        connection_id=of.pk, user_id=by.pk, method="GET", path=f"/{number}", status=200, **names
    )


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_as_much_for_many_rows_as_for_few(
    path: str, grow: Callable[[int], None], signed_in: SignIn, administrator: User
) -> None:
    browser = signed_in(administrator)

    def asked() -> list[str]:
        browser.get(path)  # what is kept from page to page is there
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = browser.get(path)
        assert answer.status_code == 200
        return [query["sql"] for query in queries]

    grow(1)
    few = asked()
    for number in range(2, 12):
        grow(number)
    many = asked()
    assert len(many) == len(few), many
    assert len(few) <= MOST_QUERIES
