"""Our OAuth 1, judged by oauthlib's server: every placement, every method, once only."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from connections.models import Grant
from tests.peers.conftest import Traveller
from tests.peers.oauth1_provider import OAuth1Provider

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("param_type", ["header", "query", "form"])
@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1"])
def test_connects_and_calls(
    traveller: Traveller, oauth1: OAuth1Provider, rsa_key: tuple[str, str], param_type: str, method: str
) -> None:
    keys: dict[str, Any] = {"signature_method": method}
    if method == "RSA-SHA1":
        keys["private_key"] = rsa_key[0]
    definition = oauth1.definition("peer", param_type, **keys)
    if param_type == "form":
        definition["test"] = {"method": "POST", "path": "/me"}
    traveller.create(definition)
    traveller.connect(oauth1.consent)
    tested = traveller.test()
    assert (tested["ok"], tested["status"], tested["checked"]) == (True, "connected", "call")
    assert oauth1.calls[-1]["is_good"] == "True"


def test_a_peer_that_never_confirms_the_callback_is_taken_where_the_service_says_so(
    traveller: Traveller, oauth1: OAuth1Provider
) -> None:
    oauth1.confirms = False
    traveller.create(oauth1.definition("peer"))
    page = urlsplit(traveller.ask("POST", "/connections/peer/connect", {})["authorize_url"]).path
    refused = traveller.browser.post(page)
    assert refused.status_code == 400
    assert "did not confirm" in refused.text
    traveller.ask("PATCH", "/services/peer", {"oauth1": {"require_callback_confirmed": False}})
    traveller.connect(oauth1.consent)
    assert traveller.test()["ok"] is True


def test_gives_up_a_callback_that_comes_twice(traveller: Traveller, oauth1: OAuth1Provider) -> None:
    traveller.create(oauth1.definition("peer"))
    callback_url = oauth1.consent(traveller.depart())
    assert traveller.arrive(callback_url).status_code == 303
    assert traveller.arrive(callback_url).status_code == 400
    assert len(oauth1.judge.tokens) == 1


def test_refuses_a_verifier_that_the_peer_did_not_give(traveller: Traveller, oauth1: OAuth1Provider) -> None:
    traveller.create(oauth1.definition("peer"))
    callback_url = oauth1.consent(traveller.depart())
    forged = callback_url.partition("oauth_verifier=")[0] + "oauth_verifier=" + "forged" * 5
    assert traveller.arrive(forged).status_code == 400
    assert oauth1.judge.tokens == {}
    assert not Grant.objects.filter(state=Grant.State.ACTIVE).exists()


def test_asks_to_reconnect_when_the_token_is_taken_back(traveller: Traveller, oauth1: OAuth1Provider) -> None:
    traveller.create(oauth1.definition("peer"))
    traveller.connect(oauth1.consent)
    oauth1.judge.tokens.clear()
    assert traveller.test()["ok"] is False
    assert traveller.status() == "reconnect_needed"
