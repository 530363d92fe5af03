"""Somebody connects Zoho with an account that is in another data centre than they said."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import expect

from tests.journeys.conftest import Person

pytestmark = pytest.mark.journey


def connect_zoho(person: Person) -> None:
    """An app, and a connection in the United States, up to our page that asks to continue."""
    person.become_administrator()
    api = f"{person.server.url}/api/v1"
    headers = {"Authorization": f"Bearer {person.make_token('manage')}"}
    app = {"client_id": "1000.APP", "client_secret": "app-secret"}
    requests.put(f"{api}/services/zoho/client", json=app, headers=headers, timeout=10).raise_for_status()
    asked = {
        "service": "zoho",
        "name": "Our Zoho",
        "link_name": "our_zoho",
        "scopes": ["AaaServer.profile.READ"],
        "variables": {"domain": "zoho.com"},
    }
    requests.post(f"{api}/connections", json=asked, headers=headers, timeout=10).raise_for_status()
    person.go("/connections/our_zoho/connect/")
    person.press("Connect")


def state_sent_to(person: Person, host: str) -> str:
    """Continue to a consent page that this browser cannot reach; the state that goes there."""
    with person.page.expect_request(lambda request: urlsplit(request.url).netloc == host) as onward:
        person.press(f"Continue to {host}")
    person.page.wait_for_url("chrome-error://**")
    (state,) = parse_qs(urlsplit(onward.value.url).query)["state"]
    return state


def test_an_account_of_another_data_centre_is_told_and_switched_to(person: Person) -> None:
    connect_zoho(person)
    state = state_sent_to(person, "accounts.zoho.com")
    came_back = f"code=c&state={state}&location=eu&accounts-server=https%3A%2F%2Faccounts.zoho.eu"
    person.go(f"/oauth/callback/zoho?{came_back}")
    person.sees("Data centre: your account is at zoho.eu, and this connection is set to zoho.com.")
    person.follow("Switch to zoho.eu and start again")
    person.sees("zoho.com becomes zoho.eu")
    person.press("Switch and start again")
    expect(person.page.get_by_role("button", name="Continue to accounts.zoho.eu")).to_be_visible()
    assert state_sent_to(person, "accounts.zoho.eu")
    person.go("/connections/our_zoho/")
    person.sees("www.zohoapis.eu")
