"""As whom was it authorised? Best effort: no answer of the service harms the grant."""

from typing import Any

import pytest

from connections.models import Connection
from connections.status import status_of
from people.actor import Actor
from tests.connections.conftest import MakeConnection, MakeService, oauth_definition, round_trip
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db


def authorised_as(connection: Connection) -> str:
    round_trip(connection)
    stands = status_of(connection, Actor.of(connection.created_by))
    assert stands.is_connected
    return stands.authorized_as


def test_notes_the_person_with_their_own_token(shop: Connection, provider: Provider) -> None:
    assert authorised_as(shop) == "ada@example.net"
    (asked,) = provider.asked("/me")
    assert asked.headers["authorization"] == "Bearer access-1"


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"user": {"id": 7}}, "7"),
        ({"user": {"email": "a\r\nb\x1b[31m"}}, "a b [31m"),
        ({"user": {"email": "x" * 999}}, "x" * 200),
        ({"user": {"email": ["ada"]}}, ""),
        ({"user": True}, ""),
        ([], ""),
        ("ada", ""),
        (None, ""),
        (b"[" * 200_000, ""),
        (b'{"user": {"id": 7}, "x": ' + b"[" * 100 + b"]" * 100 + b"}", ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_takes_text_and_nothing_odd(shop: Connection, provider: Provider, person: Any, expected: str) -> None:
    provider.person = person
    assert authorised_as(shop) == expected


def test_does_without_where_it_cannot_be_asked(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    unreachable = {"identity": {"path": "http://127.0.0.1:9/me", "id": "id", "label": "id"}}
    definition = oauth_definition(provider) | unreachable | {"hosts": ["127.0.0.1:9"]}
    make_service("quiet", **definition | {"base_url": "http://127.0.0.1:9/api"})
    assert authorised_as(make_connection("quiet")) == ""


def test_asks_nothing_where_the_service_names_no_identity(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    make_service("silent", **oauth_definition(provider) | {"identity": {}})
    assert authorised_as(make_connection("silent")) == ""
    assert provider.asked("/me") == []
