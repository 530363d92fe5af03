"""What reaches a token endpoint, and what is made of odd answers, from the definition to the socket."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from connections import grants, oauth, operations
from connections.models import Grant
from connections.status import status_of
from people.actor import Actor
from services.auth_types.errors import TokenAnswerRefused
from tests.connections.conftest import (
    SESSION,
    MakeConnection,
    MakeService,
    fresh,
    oauth_definition,
    round_trip,
    secrets_of,
)
from tests.connections.provider import Provider, Said

pytestmark = pytest.mark.django_db


@pytest.fixture
def connected(make_service: MakeService, make_connection: MakeConnection, provider: Provider) -> Any:
    """``connected(token_request="json")``: the grant of a round trip at a service defined so."""

    def make(scopes: list[str] | None = None, **oauth2: Any) -> Grant:
        make_service("shop", **oauth_definition(provider, **oauth2))
        return round_trip(make_connection("shop", link_name="shop", scopes=scopes or []))

    return make


def test_json_is_json_on_the_wire(connected: Any, provider: Provider) -> None:
    provider.reads_json = True
    grant = connected(token_request="json", token_params={"audience": "ü"})
    grants.refresh(grant.pk, stale_version=grant.version)
    code, refresh = provider.asked()
    assert {seen.headers["content-type"] for seen in (code, refresh)} == {"application/json"}
    assert code.form["grant_type"] == "authorization_code"
    assert (refresh.form["refresh_token"], refresh.form["client_secret"]) == ("refresh-1", "our-app-secret")
    assert refresh.form["audience"] == "ü"
    provider.reads_json = False
    operations.revoke_connection(actor=Actor.of(grant.user), connection=grant.connection)
    assert {seen.headers["content-type"] for seen in provider.asked("/revoke")} == {
        "application/x-www-form-urlencoded"
    }


def test_what_was_sent_as_json_is_blanked_in_what_is_told_back(connected: Any, provider: Provider) -> None:
    provider.reads_json = True
    provider.misbehaves = lambda form: Said(
        400, {"error": "x", "error_description": f"Bad: {json.dumps(form)}"}
    )
    with pytest.raises(TokenAnswerRefused, match=r"\*\*\*") as refused:
        connected(token_request="json")
    assert "our-app-secret" not in str(refused.value.as_problem())


def test_scopes_go_along_with_a_refresh_where_the_service_wants_them(
    connected: Any, provider: Provider
) -> None:
    grant = connected(["read", "write"], scope_on_refresh=True)
    grants.refresh(grant.pk, stale_version=grant.version)
    assert provider.asked()[-1].form["scope"] == "read write"


def test_the_address_of_the_consent_page_has_no_plus(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    make_service("shop", **oauth_definition(provider))
    made = make_connection("shop", link_name="shop", scopes=["read", "write"])
    url = oauth.begin(actor=Actor.of(made.created_by), connection=made, session_key=SESSION).url
    assert "scope=read%20write" in url
    assert "+" not in urlsplit(url).query


def test_a_variable_fills_parameters_of_both_requests(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    """Zoom's server-to-server apps name the account in the token request."""
    definition = oauth_definition(
        provider, token_params={"account_id": "{account}"}, authorize_params={"hint": "{account}"}
    )
    make_service("zoomed", **definition | {"variables": [{"name": "account"}]})
    made = make_connection("zoomed", link_name="zoomed", variables={"account": "acc 42"})
    url = oauth.begin(actor=Actor.of(made.created_by), connection=made, session_key=SESSION).url
    assert "&hint=acc%2042" in url
    round_trip(made)
    assert provider.asked()[-1].form["account_id"] == "acc 42"


def test_a_life_of_nothing_ends_nothing(connected: Any, provider: Provider) -> None:
    provider.expires_in = 0
    grant = fresh(connected())
    assert (grant.expires_at, grant.lifetime_s) == (None, None)
    assert not grants.needs_refresh(grant, datetime.now(UTC) + timedelta(days=1))
    assert status_of(grant.connection, Actor.of(grant.user)).is_connected


def test_a_date_of_expiry_is_when_the_token_ends(connected: Any, provider: Provider) -> None:
    provider.expires_in = None
    ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=20)
    provider.extra = {"ends": ends_at.isoformat()}
    grant = fresh(connected(token_fields={"expires_at": "ends"}))
    assert grant.expires_at is not None
    assert abs(grant.expires_at - ends_at) < timedelta(seconds=2)
    assert grant.lifetime_s in range(1190, 1201)


def test_the_new_refresh_token_is_kept_wherever_the_answer_has_it(connected: Any, provider: Provider) -> None:
    """Slack nests the first answer and not the one to a refresh; the old refresh token is revoked by then."""
    provider.say(Said(200, {"ok": True, "authed_user": {"access_token": "U1", "refresh_token": "R1"}}))
    grant = connected(token_path="authed_user.access_token")
    assert secrets_of(grant) == {"access_token": "U1", "refresh_token": "R1"}
    provider.say(Said(200, {"ok": True, "access_token": "U2", "refresh_token": "R2"}))
    grants.refresh(grant.pk, stale_version=fresh(grant).version)
    assert secrets_of(grant) == {"access_token": "U2", "refresh_token": "R2"}
