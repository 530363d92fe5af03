"""Services of each kind, connections to them, and what a page says."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from connections import operations
from connections.models import Connection
from people.actor import Actor
from people.models import User
from services import operations as service_operations
from services.models import Service

SCOPES = [
    {"name": "desk.tickets.read", "description": "Read tickets"},
    {"name": "desk.tickets.create", "description": "Create tickets"},
]
KEYS = {
    "params": [{"key": "X-Api-Key", "display_name": "API key"}, {"key": "X-App.Id", "display_name": "App"}]
}
OAUTH2 = {
    "authorize_url": "https://accounts.example.com/authorize",
    "token_url": "https://accounts.example.com/token",
    "client_id": "our-app",
    "client_secret": "our-app-secret",
    "scopes": SCOPES,
}
MakeService = Callable[..., Service]
MakeConnection = Callable[..., Connection]


@pytest.fixture
def make_service(owner: User) -> MakeService:
    def make(link_name: str, auth_type: str, by: User | None = None, **fields: Any) -> Service:
        data = {
            "name": link_name.replace("_", " ").capitalize(),
            "link_name": link_name,
            "auth_type": auth_type,
            "param_type": "header",
            "base_url": "https://api.example.com",
        }
        return service_operations.create_service(actor=Actor.of(by or owner), data=data | fields)

    return make


@pytest.fixture
def key_service(make_service: MakeService) -> Service:
    return make_service("weather", "api_key", api_key=KEYS)


@pytest.fixture
def basic_service(make_service: MakeService) -> Service:
    return make_service("ledger", "basic")


@pytest.fixture
def oauth_service(make_service: MakeService) -> Service:
    return make_service("desk", "oauth2", oauth2=OAUTH2)


@pytest.fixture
def make_connection(owner: User) -> MakeConnection:
    def make(service: Service, link_name: str, by: User | None = None, **fields: Any) -> Connection:
        data = {"service": service.link_name, "name": link_name.capitalize(), "link_name": link_name}
        return operations.create_connection(actor=Actor.of(by or owner), data=data | fields)

    return make


@pytest.fixture
def weather(key_service: Service, make_connection: MakeConnection) -> Connection:
    """The owner's, connected."""
    credentials = {"X-Api-Key": "key-1", "X-App.Id": "app-1"}
    return make_connection(key_service, "rain", credentials=credentials)


@pytest.fixture
def tickets(oauth_service: Service, make_connection: MakeConnection) -> Connection:
    """The owner's, waiting for consent."""
    return make_connection(oauth_service, "tickets", scopes=["desk.tickets.read"])


@pytest.fixture
def everyones(oauth_service: Service, make_connection: MakeConnection) -> Connection:
    """Each user's own, for everyone."""
    return make_connection(oauth_service, "everyones", credentials_of="login_user")


class Page(Protocol):
    """What Django's test client answers with."""

    content: bytes
    status_code: int

    def __getitem__(self, header: str) -> str: ...


def text_of(response: Page) -> str:
    """The page, with runs of white space as one."""
    return " ".join(response.content.decode().split())
