"""Peers that run for a while, and a person who takes a connection of ours through a consent there."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from connections import grants
from connections.models import Connection, Grant
from people.models import User
from tests.conftest import Script, SignIn
from tests.peers import oauth1_provider, oidc_provider

CALLBACK = "http://localhost:8000/oauth/callback/peer"


@pytest.fixture(scope="session")
def oidc() -> Generator[oidc_provider.OidcProvider]:
    with oidc_provider.running(CALLBACK) as provider:
        yield provider


@pytest.fixture(scope="session")
def rsa_key() -> tuple[str, str]:
    """A private key and its public half, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.fixture
def oauth1(rsa_key: tuple[str, str]) -> Generator[oauth1_provider.OAuth1Provider]:
    with oauth1_provider.running(rsa_public_key=rsa_key[1]) as provider:
        yield provider


@dataclass(slots=True)
class Traveller:
    """The owner, at the API with a token and in a browser signed in."""

    owner: User
    browser: Client
    api: Client

    def create(self, definition: dict[str, Any], **connection: Any) -> Connection:
        """A custom service and a connection to it, by the API; both are called ``peer``."""
        self.ask("POST", "/services", definition, status=201)
        asked = {"service": "peer", "name": "Peer", "link_name": "peer"}
        self.ask("POST", "/connections", asked | connection, status=201)
        return Connection.objects.get(link_name="peer")

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
        answer = self.api.generic(
            method, f"/api/v1{path}", json.dumps(body) if body is not None else "", "application/json"
        )
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json() if answer.content else {}
        return said

    def depart(self) -> str:
        """From the API's ``authorize_url`` by our page to the provider's address."""
        page = urlsplit(self.ask("POST", "/connections/peer/connect", {})["authorize_url"]).path
        assert self.browser.get(page).status_code == 200
        answer = self.browser.post(page)
        assert answer.status_code == 303, answer.text
        return answer["Location"]

    def arrive(self, callback_url: str) -> Any:
        """The browser comes back."""
        parts = urlsplit(callback_url)
        return self.browser.get(f"{parts.path}?{parts.query}")

    def connect(self, consent: Callable[[str], str]) -> Grant:
        """The whole round trip; the grant that came of it."""
        answer = self.arrive(consent(self.depart()))
        assert answer.status_code == 303, answer.text
        assert self.status() == "connected"
        return Grant.objects.get(connection__link_name="peer", state=Grant.State.ACTIVE)

    def status(self) -> str:
        return str(self.ask("GET", "/connections/peer")["status"])

    def test(self) -> dict[str, Any]:
        return self.ask("POST", "/connections/peer/test", {})


@pytest.fixture
def traveller(
    transactional_db: None, loopback_allowed: None, owner: User, script: Script, signed_in: SignIn
) -> Traveller:
    return Traveller(owner=owner, browser=signed_in(owner), api=Client(headers=script.headers))


def secret_of(grant: Grant, name: str) -> str:
    """A sealed value of a grant, opened."""
    return grants.open_secrets(Grant.objects.get(pk=grant.pk))[name].reveal()
