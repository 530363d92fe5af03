"""From the first run to the first answer, for each authentication type, with nothing but a browser."""

import json
from typing import Any

import pytest

from tests.journeys.conftest import Person

pytestmark = pytest.mark.journey


def first_answer(person: Person, link_name: str) -> dict[str, Any]:
    """A token made in the browser, the snippet copied from the page and run, its answer read."""
    token = person.make_token()
    answer: dict[str, Any] = json.loads(person.run_snippet(link_name, token))
    return answer


def test_api_key(person: Person) -> None:
    person.become_administrator()
    person.pick("Practice: API key")
    person.page.get_by_label("Connection name").fill("Desk tickets")
    person.page.get_by_label("API key").fill("practice-key-grace")
    person.press("Create and connect")
    person.is_at("/connections/desk_tickets/")
    person.sees("Connected")
    assert "practice-key-grace" not in person.page.content()
    assert first_answer(person, "desk_tickets")["authenticated_by"] == "api_key"


def test_basic(person: Person) -> None:
    person.become_administrator()
    person.pick("Practice: Basic")
    person.page.get_by_label("Connection name").fill("Warehouse")
    person.page.get_by_label("User name").fill("linus")
    person.page.get_by_label("Password").fill("practice-password")
    person.press("Create and connect")
    person.is_at("/connections/warehouse/")
    assert first_answer(person, "warehouse")["authenticated_by"] == "basic"


def test_oauth1(person: Person) -> None:
    person.become_administrator()
    person.pick("Practice: OAuth 1")
    person.page.get_by_label("Connection name").fill("Ledger")
    person.press("Create and connect")
    person.agree()
    person.is_at("/connections/ledger/")
    person.sees("Connected")
    assert first_answer(person, "ledger")["authenticated_by"] == "oauth1"


def test_oauth2(person: Person) -> None:
    person.become_administrator()
    person.pick("Practice: OAuth 2")
    person.page.get_by_label("Connection name").fill("Shop orders")
    person.page.get_by_label("profile").check()
    person.page.get_by_label("items.read").check()
    person.press("Create and connect")
    person.sees("Read items")
    person.agree()
    # What the provider sent back stays in no address and goes to no next page (checklist A11).
    person.is_at("/connections/shop_orders/")
    assert person.page.evaluate("document.referrer") == ""
    assert "code=" not in person.page.evaluate("location.href")
    person.sees("Connected")
    person.sees("ada@practice.example")
    answer = first_answer(person, "shop_orders")
    assert (answer["authenticated_by"], answer["scopes"]) == ("oauth2", ["profile", "items.read"])


def test_client_credentials(person: Person) -> None:
    person.become_administrator()
    person.pick("Practice: OAuth 2 client credentials")
    person.page.get_by_label("Connection name").fill("Nightly")
    person.press("Create")
    person.is_at("/connections/nightly/")
    assert first_answer(person, "nightly")["name"] == "Practice Robot"
