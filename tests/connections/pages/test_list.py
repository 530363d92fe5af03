"""My, Shared and Internal connections."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from connections.models import Connection
from people.models import User
from services.models import Service
from tests.conftest import SignIn
from tests.connections.pages.conftest import MakeConnection, text_of

LIST = "/connections/"


def test_shows_what_the_person_created_with_link_name_status_and_service(
    signed_in: SignIn, owner: User, weather: Connection
) -> None:
    page = text_of(signed_in(owner).get(LIST))
    assert "Rain" in page
    assert "rain</span>" in page
    assert "Weather · custom" in page
    assert "Connected" in page
    assert reverse("connections:summary", args=["rain"]) in page


def test_counts_each_list(
    signed_in: SignIn, owner: User, teammate: User, weather: Connection, everyones: Connection
) -> None:
    page = text_of(signed_in(owner).get(LIST))
    assert 'My connections<span class="count">2</span>' in page
    assert 'Shared<span class="count">0</span>' in page
    assert 'Shared<span class="count">1</span>' in text_of(signed_in(teammate).get(LIST))


def test_keeps_waiting_connections_apart_in_shared(
    signed_in: SignIn, teammate: User, weather: Connection, everyones: Connection
) -> None:
    page = text_of(signed_in(teammate).get(LIST, {"list": "shared"}))
    assert "Waiting for your authorisation" in page
    assert f'action="{reverse("connections:connect", args=["everyones"])}"' in page
    assert "Rain" not in page


def test_leads_to_a_form_where_ones_own_credential_is_typed(
    signed_in: SignIn, teammate: User, basic_service: Service, make_connection: MakeConnection
) -> None:
    make_connection(basic_service, "books", credentials_of="login_user")
    page = text_of(signed_in(teammate).get(LIST, {"list": "shared"}))
    assert f'href="{reverse("connections:connect", args=["books"])}"' in page


def test_shared_also_holds_what_runs_on_its_owners_account(
    signed_in: SignIn, teammate: User, basic_service: Service, make_connection: MakeConnection
) -> None:
    make_connection(
        basic_service, "books", audience="everyone", credentials={"username": "u", "password": "p"}
    )
    page = text_of(signed_in(teammate).get(LIST, {"list": "shared"}))
    assert "Books" in page
    assert "by Olive Owner" in page
    assert "Waiting for your authorisation" not in page


def test_a_stranger_sees_nothing_of_what_is_private(
    signed_in: SignIn, stranger: User, weather: Connection
) -> None:
    for code in ("mine", "shared", "internal"):
        assert "Rain" not in text_of(signed_in(stranger).get(LIST, {"list": code}))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "rai"}, {"Rain"}),
        ({"q": "WEATHER"}, {"Rain"}),
        ({"q": "tick desk"}, {"Tickets"}),
        ({"status": "connected"}, {"Rain"}),
        ({"status": "not_connected"}, {"Tickets"}),
        ({"service": "desk"}, {"Tickets"}),
        ({"service": "desk", "status": "connected"}, set()),
    ],
)
def test_searches_and_filters(
    signed_in: SignIn,
    owner: User,
    weather: Connection,
    tickets: Connection,
    query: dict[str, str],
    expected: set[str],
) -> None:
    page = text_of(signed_in(owner).get(LIST, query))
    assert {name for name in ("Rain", "Tickets") if f"<strong>{name}</strong>" in page} == expected


def test_says_so_where_nothing_matches_and_leads_back(
    signed_in: SignIn, owner: User, weather: Connection
) -> None:
    page = text_of(signed_in(owner).get(LIST, {"q": "nowhere"}))
    assert "Nothing matches" in page
    assert "?list=mine" in page


def test_an_empty_list_says_what_to_do_next(signed_in: SignIn, owner: User, teammate: User) -> None:
    assert "Make your first connection" in text_of(signed_in(owner).get(LIST))
    member = text_of(signed_in(teammate).get(LIST))
    assert "role of a builder" in member
    assert reverse("connections:new") not in member
    assert "Nothing is shared with you yet" in text_of(signed_in(owner).get(LIST, {"list": "shared"}))
    assert "No internal connections" in text_of(signed_in(owner).get(LIST, {"list": "internal"}))


def test_an_unknown_list_is_the_first_one(signed_in: SignIn, owner: User, weather: Connection) -> None:
    assert "Rain" in text_of(signed_in(owner).get(LIST, {"list": "'; DROP", "page": "x"}))


def test_leads_to_the_sign_in_without_one(client: Client, db: None) -> None:
    response = client.get(LIST)
    assert response.status_code == 302
    assert parse_qs(urlsplit(response["Location"]).query)["next"] == [LIST]


def test_takes_as_many_queries_for_twenty_as_for_one(
    signed_in: SignIn,
    owner: User,
    oauth_service: Service,
    make_connection: MakeConnection,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(20):
        make_connection(oauth_service, f"tickets_{number}")
    client = signed_in(owner)
    with django_assert_max_num_queries(9):
        client.get(LIST)


def test_turns_to_the_next_page_with_the_search_kept(
    signed_in: SignIn, owner: User, basic_service: Service, make_connection: MakeConnection
) -> None:
    for number in range(51):
        make_connection(basic_service, f"books_{number}")
    client = signed_in(owner)
    first = text_of(client.get(LIST, {"q": "books"}))
    assert "?list=mine&amp;q=books&amp;page=2" in first
    assert text_of(client.get(LIST, {"q": "books", "page": "2"})).count("<strong>Books_") == 1
