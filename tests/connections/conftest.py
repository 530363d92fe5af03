"""Services of each kind, connections to them, and a provider that answers."""

from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connections as databases

from connections import grants, oauth, operations
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import AuditEvent, User
from services import operations as services_operations
from services.models import Service
from tests.connections import provider as providers
from tests.connections.provider import GOOD_CODE, Provider

SESSION = "session-of-the-owner"

MakeService = Callable[..., Service]
MakeConnection = Callable[..., Connection]


@pytest.fixture
def provider(loopback_allowed: None) -> Generator[Provider]:
    with providers.running() as running:
        yield running


@pytest.fixture
def make_service(owner: User) -> MakeService:
    """``make_service("zoho", auth_type="basic", …)``: a custom service of the owner's."""

    def make(link_name: str, **definition: Any) -> Service:
        plain = {"name": link_name, "link_name": link_name, "base_url": "https://api.example.com"}
        return services_operations.create_service(actor=Actor.of(owner), data=plain | definition)

    return make


@pytest.fixture
def key_service(make_service: MakeService) -> Service:
    """API keys in two headers."""
    params = [
        {"key": "X-Api-Key", "display_name": "API key"},
        {"key": "X-Tenant", "display_name": "Tenant"},
    ]
    return make_service("keyed", auth_type="api_key", param_type="header", api_key={"params": params})


@pytest.fixture
def basic_service(make_service: MakeService) -> Service:
    return make_service("basic_one", auth_type="basic", param_type="header")


@pytest.fixture
def oauth_service(make_service: MakeService, provider: Provider) -> Service:
    """OAuth 2 at the provider, with two scopes, revocation and an identity."""
    return make_service("shop", **oauth_definition(provider))


def oauth_definition(provider: Provider, **changes: Any) -> dict[str, Any]:
    """An OAuth 2 service at ``provider``; ``changes`` go into its block."""
    return {
        "auth_type": "oauth2",
        "param_type": "header",
        "base_url": f"{provider.url}/api",
        "identity": {"path": f"{provider.url}/me", "id": "user.id", "label": "user.email"},
        "oauth2": {
            "authorize_url": f"{provider.url}/authorize",
            "token_url": f"{provider.url}/token",
            "revoke_url": f"{provider.url}/revoke",
            "client_id": "our-app",
            "client_secret": "our-app-secret",
            "scopes": [{"name": "read", "description": ""}, {"name": "write", "description": ""}],
        }
        | changes,
    }


@pytest.fixture
def make_connection(owner: User) -> MakeConnection:
    """``make_connection("shop", link_name=…)``: a connection of the owner's (or of ``by``'s)."""

    def make(service: str, *, by: User | None = None, **fields: Any) -> Connection:
        data = {"service": service, "name": "Storefront", "link_name": "storefront"} | fields
        return operations.create_connection(actor=Actor.of(by or owner), data=data)

    return make


@pytest.fixture
def shop(oauth_service: Service, make_connection: MakeConnection) -> Connection:
    """A connection to the OAuth 2 service that nobody has authorised."""
    return make_connection("shop", scopes=["read"])


@pytest.fixture
def keyed(key_service: Service, make_connection: MakeConnection) -> Connection:
    """A connection that holds an API key."""
    credentials = {"X-Api-Key": "k-secret-1", "X-Tenant": "t-secret-1"}
    return make_connection("keyed", link_name="keyed", credentials=credentials)


@pytest.fixture
def authorised(shop: Connection) -> Grant:
    """The grant of a finished round trip."""
    return round_trip(shop)


@pytest.fixture
def robot(make_service: MakeService, make_connection: MakeConnection, provider: Provider) -> Connection:
    """A connection by client credentials."""
    make_service("robot", **oauth_definition(provider, grant_type="client_credentials", authorize_url=""))
    return make_connection("robot", link_name="robot", scopes=["read"])


def depart(connection: Connection, *, user: User | None = None, session: str = SESSION) -> dict[str, str]:
    """Begin a round trip; the query that the provider's consent page was opened with."""
    actor = Actor.of(user or connection.created_by)
    redirect = oauth.begin(actor=actor, connection=connection, session_key=session)
    return dict(parse_qsl(urlsplit(redirect.url).query))


def arrive(connection: Connection, *, user: Any = None, **changes: Any) -> Grant:
    """Come back with ``changes`` over what an honest provider answers: ``state`` is needed."""
    asked: dict[str, Any] = {"service": connection.auth.service.link_name, "session": SESSION, "now": None}
    asked |= {name: changes.pop(name) for name in asked.keys() & changes.keys()}
    return oauth.complete(
        actor=Actor.of(user or connection.created_by),
        service_link_name=asked["service"],
        params={"code": GOOD_CODE} | changes,
        session_key=asked["session"],
        now=asked["now"],
    )


def round_trip(connection: Connection, *, user: User | None = None) -> Grant:
    """A consent that went well."""
    return arrive(connection, user=user, state=depart(connection, user=user)["state"])


def while_asked(provider: Provider, act: Callable[[], object]) -> None:
    """``act`` once, after the token endpoint was asked and before it answers. It needs real transactions."""

    def once() -> None:
        provider.before_answering = lambda: None
        try:
            act()
        finally:
            databases.close_all()

    provider.before_answering = once


def fresh(grant: Grant) -> Grant:
    """The row as it is in the database now."""
    return Grant.objects.select_related("connection").get(pk=grant.pk)


def secrets_of(grant: Grant) -> dict[str, str]:
    """What a grant holds, opened."""
    return {name: secret.reveal() for name, secret in grants.open_secrets(fresh(grant)).items()}


def events() -> list[str]:
    """What the audit trail tells, oldest first."""
    return list(AuditEvent.objects.order_by("sequence").values_list("event", flat=True))
