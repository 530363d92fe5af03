"""``manage.py catalogue check``: counts, what is wrong, and who still answers."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from services import catalogue_check, loader
from services.catalogue_check import Endpoint
from tests.outbound.conftest import LOOPBACK
from tests.outbound.peers import Peer, always, answer


def test_prints_what_is_in_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("catalogue", "check")
    told = capsys.readouterr().out.splitlines()
    assert int(told[0].split()[0]) >= 400
    counts = {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in told if line.startswith("  ")}
    assert {"OAuth 2", "API key", "Zoho", "full", "letters"} <= set(counts)


def test_a_file_that_is_wrong_is_named_with_its_key(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CATALOGUE_DIR = str(tmp_path)
    (tmp_path / "shop.toml").write_text('name = "Shop"\nbase_url = "https://api.shop.example"\nauth = []\n')
    with pytest.raises(CommandError, match="to look at"):
        call_command("catalogue", "check")
    assert capsys.readouterr().err.startswith("shop.toml: auth")


def test_asks_for_the_discovery_document_or_the_authorize_url() -> None:
    entries, _ = loader.entries()
    asked = {endpoint.link_name: endpoint.url for endpoint in catalogue_check.endpoints(entries)}
    assert asked["google"] == "https://accounts.google.com/.well-known/openid-configuration"
    assert asked["zoho"] == "https://accounts.zoho.eu/oauth/v2/auth"
    assert asked["paypal"].endswith("/token")
    assert "switchboard" not in asked
    assert not [url for url in asked.values() if "{" in url]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("200 OK", ""),
        ("302 Found", ""),
        ("400 Bad Request", ""),
        ("404 Not Found", "It answers 404."),
        ("503 Away", "It answers 503."),
    ],
)
def test_an_address_that_is_gone_is_told(settings: Settings, status: str, sentence: str) -> None:
    settings.EGRESS_ALLOW = LOOPBACK
    with Peer(always(answer(status))) as peer:
        assert catalogue_check.failure(Endpoint("shop", f"{peer.url}/authorize")) == sentence


def test_a_host_that_is_gone_is_told(settings: Settings) -> None:
    settings.EGRESS_ALLOW = LOOPBACK
    with Peer(always(answer())) as peer:
        url = f"{peer.url}/authorize"
    assert catalogue_check.failure(Endpoint("shop", url)) == "The service could not be reached."
