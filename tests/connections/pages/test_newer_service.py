"""An entry of the catalogue whose addresses changed, while connections stand on its service."""

import json
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from connections import operations
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import AuditEvent, User
from services import loader
from services.models import Service
from tests.conftest import SignIn
from tests.connections.pages.conftest import text_of

ENTRY = """
name = "Radar"
base_url = "https://api.radar.example"
[[auth]]
auth_type = "api_key"
param_type = "header"
[auth.api_key]
params = [{ key = "X-Key", display_name = "Key" }]
"""
NEWER = "/services/radar/newer/"


@pytest.fixture
def radar(owner: User, tmp_path: Path, settings: Settings) -> Connection:
    """Connected by key; the catalogue has another host for it since."""
    settings.CATALOGUE_DIR = str(tmp_path)
    (tmp_path / "radar.toml").write_text(ENTRY, encoding="utf-8")
    loader.load(folders=(tmp_path,))
    data = {"service": "radar", "name": "Radar", "credentials": {"X-Key": "canary"}}
    connection = operations.create_connection(actor=Actor.of(owner), data=data)
    (tmp_path / "radar.toml").write_text(ENTRY.replace("api.radar", "new.radar"), encoding="utf-8")
    loader.load(folders=(tmp_path,))
    return connection


@pytest.fixture
def administrators(signed_in: SignIn, administrator: User) -> Client:
    return signed_in(administrator)


def base_url() -> str:
    return Service.objects.get(link_name="radar").base_url


def test_credentials_stay_where_they_were_until_an_administrator_takes_over(
    administrators: Client, radar: Connection
) -> None:
    assert NEWER in text_of(administrators.get("/services/radar/"))
    page = text_of(administrators.get(NEWER))
    assert "<code>https://api.radar.example</code> becomes <code>https://new.radar.example</code>" in page
    assert "everybody connects again" in page
    assert "This is not radar." in text_of(administrators.post(NEWER, {"confirm": "rader"}))
    assert base_url() == "https://api.radar.example"
    assert Grant.objects.filter(state="active").count() == 1

    assert administrators.post(NEWER, {"confirm": "radar"})["Location"] == "/services/radar/"

    assert base_url() == "https://new.radar.example"
    assert not Grant.objects.filter(state="active").exists()
    event = AuditEvent.objects.get(event="service.retargeted")
    assert event.target == "service:radar"
    assert NEWER not in text_of(administrators.get("/services/radar/"))
    assert administrators.get(NEWER).status_code == 409


def test_further_hosts_wait_for_an_administrator_and_end_no_grant(
    administrators: Client, radar: Connection, tmp_path: Path
) -> None:
    hosts = 'hosts = ["api.radar.example", "tiles.radar.example"]'
    further = ENTRY.replace("[[auth]]", f"{hosts}\n[[auth]]", 1)
    (tmp_path / "radar.toml").write_text(further, encoding="utf-8")
    assert loader.load(folders=(tmp_path,)).waiting == ["radar"]
    page = text_of(administrators.get(NEWER))
    assert "nobody has to connect again" in page
    adds = page.split("<dt>Adds</dt>")[1].split("</dd>")[0]
    assert "tiles.radar.example" in adds
    assert "api.radar.example" not in adds

    answer = administrators.post(NEWER, {"confirm": "radar"}, follow=True)

    assert "Nobody has to connect again." in text_of(answer)
    assert Service.objects.get(link_name="radar").hosts == ["api.radar.example", "tiles.radar.example"]
    assert Grant.objects.filter(state="active").count() == 1
    event = AuditEvent.objects.get(event="service.widened")
    assert json.loads(event.detail)["added_hosts"] == ["tiles.radar.example"]


def test_nobody_else_does(signed_in: SignIn, owner: User, radar: Connection) -> None:
    browser = signed_in(owner)
    assert NEWER not in text_of(browser.get("/services/radar/"))
    assert browser.post(NEWER, {"confirm": "radar"}).status_code == 403
    assert base_url() == "https://api.radar.example"


def test_it_asks_for_a_fresh_sign_in(signed_in: SignIn, administrator: User, radar: Connection) -> None:
    answer = signed_in(administrator, is_fresh=False).get(NEWER)
    assert answer.status_code == 302
    assert "/accounts/reauthenticate/" in answer["Location"]
