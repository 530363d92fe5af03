"""Our OAuth 2, judged by npm oidc-provider: PKCE required, ``iss``, rotation, reuse detection, revocation."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

import problems
from connections import grants
from connections.models import Grant
from tests.conftest import SignIn
from tests.peers.conftest import Traveller, secret_of
from tests.peers.oidc_provider import CLIENT_SECRET, OidcProvider

pytestmark = pytest.mark.peer
SCOPES = ["openid", "offline_access", "reports.read"]


def changed(url: str, **params: str | None) -> str:
    """A URL with parameters replaced, or left out."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | params
    kept = {name: value for name, value in query.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


@pytest.mark.parametrize("client_auth", ["post", "basic"])
def test_connects_and_calls(traveller: Traveller, oidc: OidcProvider, client_auth: str) -> None:
    traveller.create(oidc.definition("peer", client_auth=client_auth), scopes=SCOPES)
    grant = traveller.connect(oidc.consent)
    assert traveller.test()["ok"] is True
    assert grant.granted_scopes == SCOPES
    assert traveller.ask("GET", "/connections/peer")["authorized_as"] == "ada"
    assert oidc.is_active(secret_of(grant, "access_token"), client_auth)


def test_sends_a_challenge_of_its_own_each_time(traveller: Traveller, oidc: OidcProvider) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    first, second = (dict(parse_qsl(urlsplit(traveller.depart()).query)) for _ in range(2))
    assert first["code_challenge_method"] == second["code_challenge_method"] == "S256"
    assert first["code_challenge"] != second["code_challenge"]
    assert first["state"] != second["state"]


def test_is_refused_without_pkce(traveller: Traveller, oidc: OidcProvider) -> None:
    """The peer does require it: a service that is told to go without fails there."""
    traveller.create(oidc.definition("peer", pkce=False), scopes=SCOPES)
    answer = traveller.arrive(oidc.consent(traveller.depart()))
    assert answer.status_code in {200, 400}
    assert traveller.status() == "not_connected"


@pytest.mark.parametrize("iss", ["https://another.example", None])
def test_refuses_another_issuer(traveller: Traveller, oidc: OidcProvider, iss: str | None) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    before = oidc.counts()["token"]
    answer = traveller.arrive(changed(oidc.consent(traveller.depart()), iss=iss))
    assert answer.status_code == 400
    assert oidc.counts()["token"] == before
    assert traveller.status() == "not_connected"


def test_refuses_a_code_of_another_session(
    traveller: Traveller, oidc: OidcProvider, signed_in: SignIn
) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    stolen = dict(parse_qsl(urlsplit(oidc.consent(traveller.depart())).query))["code"]
    answer = traveller.arrive(changed(oidc.consent(traveller.depart()), code=stolen))
    assert answer.status_code == 400
    assert traveller.status() == "not_connected"


def test_refuses_a_callback_that_comes_twice(traveller: Traveller, oidc: OidcProvider) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    callback_url = oidc.consent(traveller.depart())
    assert traveller.arrive(callback_url).status_code == 303
    asked = oidc.counts()
    assert traveller.arrive(callback_url).status_code == 400
    assert oidc.counts() == asked
    assert traveller.test()["ok"] is True


def test_rotates_its_refresh_token(traveller: Traveller, oidc: OidcProvider) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    grant = traveller.connect(oidc.consent)
    before = secret_of(grant, "refresh_token"), secret_of(grant, "access_token")
    grants.refresh(grant.pk, stale_version=grant.version)
    after = secret_of(grant, "refresh_token"), secret_of(grant, "access_token")
    assert not set(before) & set(after)
    assert not oidc.is_active(before[0])
    assert oidc.is_active(after[0])
    assert traveller.test()["ok"] is True


def test_sends_the_scopes_with_a_refresh_where_the_service_wants_them(
    traveller: Traveller, oidc: OidcProvider
) -> None:
    traveller.create(oidc.definition("peer", scope_on_refresh=True), scopes=SCOPES)
    grant = traveller.connect(oidc.consent)
    after = grants.refresh(grant.pk, stale_version=grant.version)
    assert after.granted_scopes == SCOPES
    assert oidc.is_active(secret_of(after, "access_token"))


def test_a_peer_that_decodes_takes_nothing_raw(traveller: Traveller, oidc: OidcProvider) -> None:
    """Its secret has signs that form-encoding changes (RFC 6749 2.3.1), so that raw is another one."""
    raw = {"client_auth": "basic_raw", "client_id": "switchboard-client_secret_basic"}
    traveller.create(oidc.definition("peer", **raw), scopes=SCOPES)
    answer = traveller.arrive(oidc.consent(traveller.depart()))
    assert (answer.status_code, traveller.status()) == (400, "not_connected")
    traveller.ask("PATCH", "/services/peer", {"oauth2": {"client_auth": "basic"}})
    traveller.connect(oidc.consent)


def test_asks_to_reconnect_when_the_peer_saw_a_token_used_twice(
    traveller: Traveller, oidc: OidcProvider
) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    grant = traveller.connect(oidc.consent)
    old = secret_of(grant, "refresh_token")
    renewed = grants.refresh(grant.pk, stale_version=grant.version)
    thief = {
        "grant_type": "refresh_token",
        "refresh_token": old,
        "client_id": "switchboard-client_secret_post",
        "client_secret": CLIENT_SECRET,
    }
    assert requests.post(f"{oidc.issuer}/token", data=thief, timeout=10).status_code == 400
    Grant.objects.update(refused_at=None)  # the refusal before is more than a minute ago
    with pytest.raises(problems.ReconnectNeeded):
        grants.refresh(grant.pk, stale_version=renewed.version)
    assert traveller.status() == "reconnect_needed"
    refused = oidc.counts()["errors"]
    with pytest.raises(problems.ReconnectNeeded):
        grants.refresh(grant.pk, stale_version=renewed.version)
    assert oidc.counts()["errors"] == refused  # it is not asked again


def test_reconnects_afterwards(traveller: Traveller, oidc: OidcProvider) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    first = traveller.connect(oidc.consent)
    second = traveller.connect(oidc.consent)
    assert first.pk != second.pk
    assert Grant.objects.filter(state=Grant.State.ACTIVE).count() == 1
    assert traveller.test()["ok"] is True


def test_revokes_both_tokens(traveller: Traveller, oidc: OidcProvider) -> None:
    traveller.create(oidc.definition("peer"), scopes=SCOPES)
    grant = traveller.connect(oidc.consent)
    tokens = [secret_of(grant, name) for name in ("access_token", "refresh_token")]
    assert all(oidc.is_active(token) for token in tokens)
    traveller.ask("POST", "/connections/peer/revoke", {})
    assert not any(oidc.is_active(token) for token in tokens)
    assert traveller.status() == "revoked"
    assert not Grant.objects.exclude(secrets=None).exists()


def test_wipes_the_grant_even_when_the_peer_cannot_revoke(traveller: Traveller, oidc: OidcProvider) -> None:
    definition = oidc.definition("peer", revoke_url=f"{oidc.issuer}/nothing-here")
    traveller.create(definition, scopes=SCOPES)
    traveller.connect(oidc.consent)
    traveller.ask("POST", "/connections/peer/revoke", {})
    assert traveller.status() == "revoked"
    assert not Grant.objects.exclude(secrets=None).exists()


@pytest.mark.parametrize("client_auth", ["post", "basic"])
def test_fetches_tokens_for_itself(traveller: Traveller, oidc: OidcProvider, client_auth: str) -> None:
    definition = oidc.definition(
        "peer",
        client_auth=client_auth,
        grant_type="client_credentials",
        authorize_url="",
        authorize_params={},
    )
    definition |= {"test": {}, "identity": {}}
    definition["oauth2"] |= {"require_iss": False, "issuer": ""}
    connection = traveller.create(definition)
    assert traveller.status() == "connected"
    grant = grants.refresh(connection.grants.get().pk)
    assert oidc.is_active(secret_of(grant, "access_token"), client_auth)
