"""The cast, their browsers, a database, and a wall around the network.

owner: a builder, who makes things · administrator · teammate: a member with whom things are shared ·
stranger: a member with whom nothing is · script: an API token of the owner's.
"""

import ipaddress
import os
import socket
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.http import HttpRequest
from django.test import Client, RequestFactory, TransactionTestCase
from django.utils import timezone
from pytest_django import Settings

from people import audit, audit_triggers
from people.actor import Actor
from people.models import AuditAnchor, Role, User
from tests import trail_order
from tests.server import Installation, Server
from tests.trail_order import Transactions

PASSWORD = "correct horse battery staple"
NOW = datetime.fromisoformat("2030-01-01T12:00:00+00:00")

SignIn = Callable[..., Client]


@dataclass(frozen=True, slots=True)
class Script:
    """An API token in the hand of a program."""

    token: Any
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        """For ``Client(headers=…)`` and for HTTP libraries alike."""
        return {"Authorization": f"Bearer {self.secret}"}


# --- The cast -------------------------------------------------------------------------------------
@pytest.fixture
def make_person(db: None) -> Callable[..., User]:
    """Makes a person: ``make_person("ada@example.com", role=Role.BUILDER)``."""

    def make(email: str, role: str = Role.MEMBER, **fields: Any) -> User:
        return User.objects.create_user(email, PASSWORD, role=role, **fields)

    return make


@pytest.fixture
def owner(make_person: Callable[..., User]) -> User:
    return make_person("owner@example.com", Role.BUILDER, name="Olive Owner")


@pytest.fixture
def administrator(make_person: Callable[..., User]) -> User:
    return make_person("administrator@example.com", Role.ADMINISTRATOR, name="Ada Administrator")


@pytest.fixture
def teammate(make_person: Callable[..., User]) -> User:
    return make_person("teammate@example.com", Role.MEMBER, name="Tom Teammate")


@pytest.fixture
def stranger(make_person: Callable[..., User]) -> User:
    return make_person("stranger@example.com", Role.MEMBER, name="Sam Stranger")


@pytest.fixture
def make_script(db: None) -> Callable[..., Script]:
    """Makes an API token: ``make_script(owner, scopes=["invoke"], connections=["desk"])``."""
    from connections import operations

    def make(user: User, **asked: Any) -> Script:
        fields: dict[str, Any] = {
            "name": "script",
            "scopes": ["invoke", "manage"],
            "connections": None,
            "methods": [],
            "networks": [],
            "act_for": [],
            "days": None,
        }
        token, secret = operations.create_token(actor=Actor.of(user), **(fields | asked))
        return Script(token, secret.reveal())

    return make


@pytest.fixture
def script(owner: User, make_script: Callable[..., Script]) -> Script:
    return make_script(owner)


# --- Their browsers -------------------------------------------------------------------------------
@pytest.fixture
def signed_in() -> SignIn:
    """A browser in which somebody is signed in; ``is_fresh=False``: they did so long ago.

    ``signed_in(owner, enforce_csrf_checks=True)`` passes what it does not know on to Django's Client.
    """

    def sign_in(user: User, *, is_fresh: bool = True, **options: Any) -> Client:
        client = Client(**options)
        client.force_login(user)
        request = HttpRequest()
        request.session = client.session
        record_authentication(request, user, method="password")
        if not is_fresh:
            for record in request.session["account_authentication_methods"]:
                record["at"] -= timedelta(hours=1).total_seconds()
        request.session.save()
        return client

    return sign_in


# --- Time -----------------------------------------------------------------------------------------
class Clock:
    """A clock that stands until it is told: ``clock.forward(minutes=11)``."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What ``django.utils.timezone.now()`` says, wherever no ``now`` argument is taken."""
    standing = Clock(NOW)
    monkeypatch.setattr(timezone, "now", standing)
    return standing


# --- The database ---------------------------------------------------------------------------------
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, files whose tests ask for no database are left out: they say the same on SQLite."""
    if os.environ.get("TEST_DATABASE") != "postgres":
        return
    asking = {item.path for item in items if _asks_for_the_database(item)}
    config.hook.pytest_deselected(items=[item for item in items if item.path not in asking])
    items[:] = [item for item in items if item.path in asking]


def _asks_for_the_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "installation"} & set(getattr(item, "fixturenames", ()))
    return bool(fixtures) or item.get_closest_marker("django_db") is not None


@pytest.fixture(scope="session", autouse=True)
def our_host() -> Generator[None]:
    """Django's client asks for ``testserver``, and our pages would send it on to PUBLIC_URL."""
    environ: Any = RequestFactory._base_environ  # type: ignore[attr-defined]
    ours = {"HTTP_HOST": urlsplit(settings.PUBLIC_URL).netloc}

    def at_home(self: RequestFactory, **request: Any) -> dict[str, Any]:
        asked: dict[str, Any] = environ(self, **{**ours, **self.defaults, **request})
        return asked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestFactory, "_base_environ", at_home)
        yield


@pytest.fixture(scope="session", autouse=True)
def audit_gate() -> Generator[None]:
    """Tests that commit end by emptying the tables, audit events included, which triggers refuse.

    What the trail then ends with is what a migration leaves.
    """
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def flush_with_the_gate_open(case: TransactionTestCase) -> None:
        with audit_triggers.gate_open():
            flush(case)
        nothing = {"sequence": audit.NOTHING.sequence, "hash": audit.NOTHING.hash}
        AuditAnchor.objects.update_or_create(is_only=True, defaults=nothing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_with_the_gate_open)
        yield


@pytest.fixture(scope="session")
def transactions() -> Generator[Transactions]:
    """All transactions of this process, watched."""
    with trail_order.watching() as watched:
        yield watched


@pytest.fixture(autouse=True)
def trail_comes_last(transactions: Transactions) -> Generator[None]:
    """No transaction locks anything once it has appended to the audit trail."""
    transactions.late.clear()
    yield
    assert not transactions.late, transactions.late[0]


# --- The network ----------------------------------------------------------------------------------
class LeftTheMachine(AssertionError):
    """A test tried to reach another machine."""


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Generator[None]:
    """Sockets of this process reach loopback and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _walled(getattr(socket.socket, name)))
        yield


def _walled(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def connect_on_loopback(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
            raise LeftTheMachine(f"A test dialled {address!r}.")
        return connect(self, address)

    return connect_on_loopback


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture
def loopback_allowed(settings: Settings) -> None:
    """EGRESS_ALLOW holds loopback: servers that a test starts may be called."""
    settings.EGRESS_ALLOW = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


# --- A server as it ships -------------------------------------------------------------------------
@pytest.fixture(scope="session")
def installation() -> Installation:
    """A migrated, empty installation, made once a run: servers begin as copies of it."""
    return Installation.shared()


@pytest.fixture
def server(installation: Installation, tmp_path: Path) -> Generator[Server]:
    """The product in its own process: a fresh database, nobody in it, Practice services on."""
    running = installation.serve(tmp_path / "data")
    yield running
    running.stop()
