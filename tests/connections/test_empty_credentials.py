"""Credentials of which parts, or all, are empty because the service wants them so."""

from typing import Any

import pytest

from connections.models import Grant
from people.models import User
from services.models import Service
from tests.conftest import Script, SignIn
from tests.connections.conftest import MakeService, secrets_of
from tests.connections.test_api import Api

pytestmark = pytest.mark.django_db
NEW = {"service": "basic_one", "name": "Desk", "link_name": "desk"}
SIGNED = {"service": "signed", "name": "Signed", "link_name": "signed"}


@pytest.fixture
def api(script: Script) -> Api:
    return Api(script)


@pytest.fixture
def signed_service(make_service: MakeService) -> Service:
    """OAuth 1 whose tokens, if there are any, are handed out on a page."""
    keys = {"consumer_key": "ck", "consumer_secret": "cs"}
    return make_service("signed", auth_type="oauth1", param_type="header", oauth1=keys)


@pytest.mark.parametrize("credentials", [{"username": "", "password": "pat"}, {"password": "pat"}])
def test_a_basic_user_name_may_be_empty(
    api: Api, basic_service: Service, credentials: dict[str, str]
) -> None:
    status, told = api.ask("POST", "/connections", NEW | {"credentials": credentials})
    assert (status, told["status"]) == (201, "connected")
    assert secrets_of(Grant.objects.get()) == {"password": "pat"}


@pytest.mark.parametrize("credentials", [{}, {"username": "", "password": ""}])
def test_basic_without_either_is_no_credential(
    api: Api, basic_service: Service, credentials: dict[str, str]
) -> None:
    status, told = api.ask("POST", "/connections", NEW | {"credentials": credentials})
    assert (status, told["errors"][0]["field"]) == (422, "credentials")


@pytest.mark.parametrize("credentials", [{}, {"token": "", "token_secret": ""}])
def test_oauth_1_without_a_token_is_connected(
    api: Api, signed_service: Service, credentials: dict[str, str]
) -> None:
    status, told = api.ask("POST", "/connections", SIGNED | {"credentials": credentials})
    assert (status, told["status"]) == (201, "connected")
    grant = Grant.objects.get()
    assert grant.secrets is not None  # nothing is to be fetched
    assert secrets_of(grant) == {}


def test_oauth_1_is_connected_without_a_token_afterwards(api: Api, signed_service: Service) -> None:
    assert api.ask("POST", "/connections", SIGNED)[1]["status"] == "not_connected"
    status, told = api.ask("POST", "/connections/signed/connect", {"credentials": {}})
    assert (status, told["status"]) == (200, "connected")
    assert api.ask("POST", "/connections/signed/revoke")[1]["status"] == "revoked"


def test_a_token_secret_alone_is_refused(api: Api, signed_service: Service) -> None:
    status, told = api.ask("POST", "/connections", SIGNED | {"credentials": {"token_secret": "s"}})
    assert (status, told["errors"][0]["field"]) == (422, "credentials.token")


def test_the_pages_take_them_empty_too(
    signed_service: Service, basic_service: Service, owner: User, signed_in: SignIn
) -> None:
    visitor = signed_in(owner)
    plain: dict[str, Any] = {"name": "It", "credentials_of": "owner", "audience": "private"}
    for service, fields in (
        ("signed", {"credentials.token": "", "credentials.token_secret": ""}),
        ("basic_one", {"credentials.username": "", "credentials.password": "pat"}),
    ):
        answer = visitor.post(f"/connections/new/{service}/", plain | fields | {"link_name": service})
        assert answer.status_code == 302, answer.text
        assert Grant.objects.filter(connection__link_name=service, state=Grant.State.ACTIVE).exists()
