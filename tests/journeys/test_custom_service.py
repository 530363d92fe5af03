"""A service that is not in the catalogue: described in the browser, connected, called."""

import json

import pytest

from tests.canary import service as known_service
from tests.journeys.conftest import Person
from tests.peers import oidc_provider

pytestmark = pytest.mark.journey


def test_api_key_service_made_inside_create_connection(person: Person) -> None:
    with known_service.running({}) as service:
        person.become_administrator()
        person.go("/connections/new/?kind=custom")
        person.follow("Create new service")
        person.fill("Service name", "Weather station")
        person.fill("Base URL", f"{service.url}/v1")
        person.page.get_by_role("radio", name="API key").check()
        person.fill("Key, row 1", "X-Station-Key")
        person.press("Create service")
        person.fill("Connection name", "Roof")
        person.fill("X-Station-Key", "the-key-of-the-roof")
        person.press("Create and connect")
        person.is_at("/connections/roof/")
        answer = json.loads(person.run_snippet("roof", person.make_token()))
    assert answer == {"id": 7, "label": "somebody"}
    assert service.seen[-1]["headers"]["X-Station-Key"] == "the-key-of-the-roof"


def test_form_says_what_is_wrong_and_keeps_what_was_typed(person: Person) -> None:
    person.become_administrator()
    person.go("/services/new/")
    person.fill("Service name", "Weather station")
    person.fill("Base URL", "http://8.8.8.8/v1")
    person.page.get_by_role("radio", name="OAuth 2").check()
    person.fill("Client secret", "not-to-be-shown-again")
    person.fill("Authorize URL", "https://example.com/authorize")
    person.fill("Token URL", "https://example.com/token")
    person.press("Create service")
    person.sees("Write the host as a name")
    assert person.page.get_by_label("Service name").input_value() == "Weather station"
    assert person.page.get_by_label("Base URL").input_value() == "http://8.8.8.8/v1"
    assert "not-to-be-shown-again" not in person.page.content()


@pytest.mark.peer
def test_oauth2_service_at_another_origin(person: Person) -> None:
    """The chain of redirects leaves our origin and comes back; a real browser holds it to our policy."""
    callback = f"{person.server.url}/oauth/callback/reports"
    with oidc_provider.running(callback) as peer:
        person.become_administrator()
        person.go("/services/new/")
        person.fill("Service name", "Reports")
        person.fill("Base URL", peer.issuer)
        person.page.get_by_role("radio", name="OAuth 2").check()
        person.fill("Client ID", "switchboard-client_secret_post")
        person.fill("Client secret", oidc_provider.CLIENT_SECRET)
        person.fill("Authorize URL", f"{peer.issuer}/auth")
        person.fill("Token URL", f"{peer.issuer}/token")
        person.fill("Scopes", "openid | Who you are\noffline_access | While you are away")
        person.press("Create service")
        person.go("/connections/new/reports/")
        person.fill("Connection name", "Monthly")
        for scope in ("openid", "offline_access"):
            person.page.get_by_label(scope).check()
        person.press("Create and connect")
        person.press("Continue to")
        person.page.get_by_placeholder("Enter any login").fill("grace")
        person.page.get_by_placeholder("and password").fill("anything")
        person.press("Sign-in")
        person.press("Continue")
        person.is_at("/connections/monthly/")
        # Chromium sends the provider's origin along on the way in; it goes no further (checklist A11).
        assert person.page.evaluate("document.referrer") == ""
        person.sees("Connected")
        assert peer.counts()["token"] == {"authorization_code": 1}
