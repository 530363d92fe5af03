"""Whether the process can work, and whether the keys are the database's (F5)."""

import base64
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from config import asgi
from people import health, installation
from people.models import Installation, User
from tests.conftest import SignIn
from vault.errors import BadKeyRing

OTHER = "t2:" + base64.b64encode(b"o" * 32).decode()
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def migrations_unknown() -> None:
    health._check_migrations.cache_clear()


def test_is_ready_with_its_database_its_key_and_its_migrations(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert client.head("/readyz").status_code == client.head("/healthz").status_code == 200


def test_a_wrong_key_is_not_ready_and_tells_no_detail(client: Client, settings: Settings) -> None:
    installation.check_key()
    settings.CREDENTIAL_KEYS = OTHER
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"not ready\n")
    assert client.get("/healthz").status_code == 200


def test_a_missing_migration_is_not_ready(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'people'")
    assert client.get("/readyz").status_code == 503


def test_a_database_that_is_away_is_not_ready_while_the_process_lives(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("canary")

    monkeypatch.setattr(installation, "check_key", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"not ready\n")
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/openapi.json"])
def test_what_needs_no_sign_in_reads_no_session(
    signed_in: SignIn, owner: User, path: str, django_assert_num_queries: Any
) -> None:
    client = signed_in(owner)
    with django_assert_num_queries(0):
        assert client.get(path).status_code == 200


def test_the_first_migration_seals_the_key_check() -> None:
    assert Installation.objects.count() == 1


def test_start_is_refused_with_a_key_that_is_not_the_databases(settings: Settings) -> None:
    installation.check_key()
    settings.CREDENTIAL_KEYS = OTHER
    with pytest.raises(BadKeyRing, match="are not the keys that this database was sealed with"):
        installation.check_key()


def test_a_key_of_the_right_name_and_another_value_is_refused(settings: Settings) -> None:
    installation.check_key()
    settings.CREDENTIAL_KEYS = "t1:" + base64.b64encode(b"o" * 32).decode()
    with pytest.raises(BadKeyRing):
        installation.check_key()


def test_an_older_key_may_go_once_the_check_is_sealed_anew(settings: Settings) -> None:
    installation.check_key()
    old, settings.CREDENTIAL_KEYS = settings.CREDENTIAL_KEYS, f"{OTHER},{settings.CREDENTIAL_KEYS}"
    installation.reseal_key_check()
    settings.CREDENTIAL_KEYS = OTHER
    installation.check_key()
    settings.CREDENTIAL_KEYS = old
    with pytest.raises(BadKeyRing):
        installation.check_key()


@pytest.mark.django_db(transaction=True)
async def test_the_server_does_not_come_up_with_a_wrong_key(settings: Settings) -> None:
    settings.CREDENTIAL_KEYS = OTHER
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await asgi.application({"type": "lifespan"}, receive, send)
    (failed,) = said
    assert failed["type"] == "lifespan.startup.failed"
    assert "are not the keys that this database was sealed with" in failed["message"]
