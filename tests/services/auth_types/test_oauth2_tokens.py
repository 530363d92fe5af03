import base64
from dataclasses import replace
from typing import Any

import pytest

from services.auth_types import get
from services.auth_types.base import Answer, ClientKeys, Flow, ParamType, Unsigned
from services.auth_types.errors import (
    CallbackIncomplete,
    ClientRefused,
    EndpointUnavailable,
    GrantDead,
    IssuerMismatch,
    TokenAnswerRefused,
)
from tests.services.auth_types.driving import drive
from vault.secret import Secret

OAUTH2 = get("oauth2")
CALLBACK = "https://us.example/oauth/callback/zoho"
TOKENS = b'{"access_token": "at", "refresh_token": "rt", "expires_in": 60}'
VERIFIER = {"verifier": Secret("v" * 64)}


def flow_of(scopes: tuple[str, ...] = (), client: ClientKeys | None = None, **values: Any) -> Flow:
    plain = {"authorize_url": "https://a.example.com/auth", "token_url": "https://a.example.com/token"}
    config = OAUTH2.Config.model_validate(plain | values).model_dump()
    return Flow(config, client or ClientKeys("id", Secret("se+cr et:ü")), CALLBACK, scopes)


def test_swaps_the_code_with_verifier_and_redirect_uri() -> None:
    tokens, (sent,) = drive(
        OAUTH2.complete(flow_of(), VERIFIER, {"code": "c", "state": "s"}), Answer(200, body=TOKENS)
    )
    assert sent.url == "https://a.example.com/token"
    assert dict(sent.form or ()) == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": CALLBACK,
        "code_verifier": "v" * 64,
        "client_id": "id",
        "client_secret": "se+cr et:ü",
    }
    assert ("Accept", "application/json") in sent.headers
    assert "se+cr" not in repr(sent)
    assert tokens.secrets == {"access_token": Secret("at"), "refresh_token": Secret("rt")}


def test_client_auth_basic_form_encodes_id_and_secret() -> None:
    _, (sent,) = drive(
        OAUTH2.complete(flow_of(client_auth="basic"), {}, {"code": "c"}), Answer(200, body=TOKENS)
    )
    value = dict(sent.headers)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(value) == b"id:se%2Bcr+et%3A%C3%BC"
    assert "client_secret" not in dict(sent.form or ())
    assert "client_id" not in dict(sent.form or ())


def test_client_auth_basic_raw_sends_id_and_secret_as_they_stand() -> None:
    _, (sent,) = drive(
        OAUTH2.complete(flow_of(client_auth="basic_raw"), {}, {"code": "c"}), Answer(200, body=TOKENS)
    )
    value = dict(sent.headers)["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(value) == "id:se+cr et:ü".encode()
    assert not {"client_id", "client_secret"} & set(dict(sent.form or ()))


def test_an_id_with_a_colon_cannot_go_without_encoding() -> None:
    colon = ClientKeys("a:b", Secret("s"))
    assert "client_id" in OAUTH2.client_problems(flow_of(client_auth="basic_raw").config, colon)
    assert not OAUTH2.client_problems(flow_of(client_auth="basic").config, colon)


@pytest.mark.parametrize("client_auth", ["post", "basic", "basic_raw", "none"])
def test_asks_in_json_where_the_service_wants_that(client_auth: str) -> None:
    flow = flow_of(token_request="json", client_auth=client_auth, revoke_url="https://a.example.com/revoke")
    _, (code,) = drive(OAUTH2.complete(flow, {}, {"code": "c"}), Answer(200, body=TOKENS))
    _, (refresh,) = drive(OAUTH2.refresh(flow, {"refresh_token": Secret("old")}), Answer(200, body=TOKENS))
    _, (revoked,) = drive(OAUTH2.revoke(flow, {"access_token": Secret("at")}), Answer(200))
    assert code.is_json
    assert refresh.is_json
    assert not revoked.is_json  # RFC 7009 2.1


@pytest.mark.parametrize(
    ("config", "sent_scope"),
    [
        ({}, None),
        ({"scope_on_refresh": True}, "a b"),
        ({"scope_on_refresh": True, "scope_separator": ","}, "a,b"),
        ({"scope_on_refresh": True, "token_params": {"scope": "fixed"}}, "fixed"),
    ],
)
def test_sends_the_scopes_with_a_refresh_where_the_service_wants_them(
    config: dict[str, Any], sent_scope: str | None
) -> None:
    flow = flow_of(("a", "b"), **config)
    _, (sent,) = drive(OAUTH2.refresh(flow, {"refresh_token": Secret("old")}), Answer(200, body=TOKENS))
    assert [value for name, value in sent.form or () if name == "scope"] == (
        [sent_scope] if sent_scope else []
    )


def test_hands_on_the_facts_of_the_answer() -> None:
    body = b'{"access_token": "at", "api_domain": "https://www.zohoapis.eu"}'
    flow = replace(flow_of(), facts=("api_domain",))
    tokens, _ = drive(OAUTH2.complete(flow, {}, {"code": "c"}), Answer(200, body=body))
    assert tokens.facts == {"api_domain": "https://www.zohoapis.eu"}
    tokens, _ = drive(OAUTH2.refresh(flow, {"refresh_token": Secret("old")}), Answer(200, body=body))
    assert tokens.facts == {"api_domain": "https://www.zohoapis.eu"}


def test_client_auth_none_sends_the_id_alone() -> None:
    _, (sent,) = drive(
        OAUTH2.complete(flow_of(client_auth="none"), {}, {"code": "c"}), Answer(200, body=TOKENS)
    )
    form = dict(sent.form or ())
    assert form["client_id"] == "id"
    assert "client_secret" not in form
    assert "Authorization" not in dict(sent.headers)


def test_adds_the_services_extra_token_parameters() -> None:
    flow = flow_of(token_params={"resource": "https://api.example.com"})
    _, (sent,) = drive(OAUTH2.complete(flow, {}, {"code": "c"}), Answer(200, body=TOKENS))
    assert dict(sent.form or ())["resource"] == "https://api.example.com"


@pytest.mark.parametrize("name", ["code", "client_secret", "refresh_token", "code_verifier", "grant_type"])
def test_extra_token_parameters_cannot_be_the_protocols_own(name: str) -> None:
    config = flow_of(token_params={name: "x"}).config
    assert "token_params" in OAUTH2.config_problems(config, ParamType.HEADER, "")


def test_refuses_a_callback_without_a_code_before_anything_is_sent() -> None:
    with pytest.raises(CallbackIncomplete):
        drive(OAUTH2.complete(flow_of(), VERIFIER, {"state": "s"}))


@pytest.mark.parametrize("iss", ["https://evil.example.com", "", "https://a.example.com/"])
def test_refuses_an_issuer_that_is_not_exactly_the_services(iss: str) -> None:
    flow = flow_of(issuer="https://a.example.com")
    with pytest.raises(IssuerMismatch):
        drive(OAUTH2.complete(flow, VERIFIER, {"code": "c", "iss": iss}))


def test_refuses_a_missing_iss_where_the_service_always_sends_it() -> None:
    flow = flow_of(issuer="https://a.example.com", require_iss=True)
    with pytest.raises(IssuerMismatch):
        drive(OAUTH2.complete(flow, VERIFIER, {"code": "c"}))


def test_takes_the_services_own_issuer() -> None:
    flow = flow_of(issuer="https://a.example.com", require_iss=True)
    answer = Answer(200, body=TOKENS)
    drive(OAUTH2.complete(flow, VERIFIER, {"code": "c", "iss": "https://a.example.com"}), answer)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 429, 500, 503])
def test_a_refused_code_stores_nothing_whatever_the_status(status: int) -> None:
    answer = Answer(status, headers={"location": "https://evil.example.com"}, body=TOKENS)
    with pytest.raises(TokenAnswerRefused):
        drive(OAUTH2.complete(flow_of(), VERIFIER, {"code": "c"}), answer)


def test_refreshes_and_keeps_a_refresh_token_that_the_answer_leaves_out() -> None:
    flow = flow_of(refresh_url="https://a.example.com/refresh")
    tokens, (sent,) = drive(
        OAUTH2.refresh(flow, {"refresh_token": Secret("old"), "access_token": Secret("stale")}),
        Answer(200, body=b'{"access_token": "new"}'),
    )
    assert sent.url == "https://a.example.com/refresh"
    assert dict(sent.form or ())["grant_type"] == "refresh_token"
    assert dict(sent.form or ())["refresh_token"] == "old"
    assert tokens.secrets == {"access_token": Secret("new"), "refresh_token": Secret("old")}


def test_a_rotated_refresh_token_replaces_the_old_one() -> None:
    tokens, (sent,) = drive(
        OAUTH2.refresh(flow_of(), {"refresh_token": Secret("old")}), Answer(200, body=TOKENS)
    )
    assert sent.url == "https://a.example.com/token"
    assert tokens.secrets["refresh_token"].reveal() == "rt"


@pytest.mark.parametrize(
    ("status", "error"), [(400, "invalid_grant"), (401, "invalid_grant"), (200, "bad_refresh_token")]
)
def test_tells_that_a_grant_is_dead(status: int, error: str) -> None:
    body = f'{{"error": "{error}", "error_description": "Token revoked", "x": "canary"}}'.encode()
    with pytest.raises(GrantDead) as raised:
        drive(OAUTH2.refresh(flow_of(), {"refresh_token": Secret("old")}), Answer(status, body=body))
    assert f"({error}). It says: Token revoked" in raised.value.message
    assert "canary" not in str(raised.value.as_problem())


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [(429, "7", 7), (503, "", 30), (500, "soon", 30), (502, "99999", 3600), (429, "-3", 30)],
)
def test_tells_that_the_endpoint_is_away(status: int, retry_after: str, seconds: int) -> None:
    answer = Answer(status, headers={"retry-after": retry_after}, body=b'{"error": "invalid_grant"}')
    with pytest.raises(EndpointUnavailable) as raised:
        drive(OAUTH2.refresh(flow_of(), {"refresh_token": Secret("old")}), answer)
    assert raised.value.retry_after == seconds
    assert raised.value.headers() == {"Retry-After": str(seconds)}


def refresh(status: int, body: bytes, meaning: str = "", **headers: str) -> None:
    """A refresh that is answered so."""
    flow = replace(flow_of(), meaning=lambda answer: meaning)
    held = {"refresh_token": Secret("old")}
    drive(OAUTH2.refresh(flow, held), Answer(status, headers=headers, body=body))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}'),
        (400, b'{"error": {"code": "invalid_grant", "message": "over"}}'),
        (400, b'{"error": {"type": "OAuthException", "message": "over"}}'),
        (400, b'{"error": "INVALID_GRANT"}'),
        (400, b'{"error": "invalid_request", "error_description": "The refresh token is expired"}'),
        (400, b"not a word that we know"),
        (401, b""),
        (401, b'{"message": "no"}'),
        (403, b'{"error": "unauthorized_client"}'),
        (410, b""),
        (200, b'{"error": "token_expired"}'),
        (200, b'{"error": {"code": "invalid_grant"}}'),
    ],
)
def test_a_refresh_that_is_refused_for_good_kills_the_grant(status: int, body: bytes) -> None:
    with pytest.raises(GrantDead):
        refresh(status, body)


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (400, b'{"error": "temporarily_unavailable"}', ""),
        (400, b'{"error": "server_error"}', ""),
        (400, b'{"error": "slow_down"}', ""),
        (400, b'{"error": "Access Denied"}', "throttled"),
        (403, b"{}", "maintenance"),
        (403, b"<!DOCTYPE html><title>Blocked</title>", ""),
        (401, b"\n <HTML>", ""),
        (408, b"", ""),
    ],
)
def test_a_refresh_that_may_go_well_later_keeps_the_grant(status: int, body: bytes, meaning: str) -> None:
    with pytest.raises(EndpointUnavailable):
        refresh(status, body, meaning)


def test_a_page_of_html_is_known_by_its_type() -> None:
    with pytest.raises(EndpointUnavailable):
        refresh(403, b"Forbidden", **{"content-type": "text/html; charset=utf-8"})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"error": "invalid_client", "error_description": "Unknown app"}'),
        (400, b'{"error": "INVALID_CLIENT", "message": "Unknown app"}'),
        (400, b'{"error": {"code": "invalid_client", "message": "Unknown app"}}'),
        (200, b'{"error": "invalid_client", "error_description": "Unknown app"}'),
    ],
)
def test_a_refused_app_is_told_apart_from_a_dead_grant(status: int, body: bytes) -> None:
    with pytest.raises(ClientRefused, match="It says: Unknown app"):
        refresh(status, body)


@pytest.mark.parametrize("status", [302, 404, 405])
def test_another_refusal_of_a_refresh_does_not_kill_the_grant(status: int) -> None:
    with pytest.raises(TokenAnswerRefused, match="unsupported"):
        refresh(status, b'{"error": "unsupported"}')


def test_what_the_service_is_known_to_mean_kills_a_grant_whatever_the_status() -> None:
    with pytest.raises(GrantDead):
        refresh(404, b"{}", "revoked")


def test_without_a_refresh_token_only_a_person_can_go_on() -> None:
    assert not OAUTH2.can_refresh(flow_of().config, {"access_token": Secret("at")})
    with pytest.raises(GrantDead):
        drive(OAUTH2.refresh(flow_of(), {"access_token": Secret("at")}))


def test_client_credentials_fetch_by_themselves() -> None:
    flow = flow_of(("a", "b"), grant_type="client_credentials", scope_separator=",")
    tokens, (sent,) = drive(OAUTH2.refresh(flow, {}), Answer(200, body=b'{"access_token": "at"}'))
    assert dict(sent.form or ())["grant_type"] == "client_credentials"
    assert dict(sent.form or ())["scope"] == "a,b"
    assert tokens.secrets == {"access_token": Secret("at")}
    assert OAUTH2.is_automatic(flow.config)
    assert OAUTH2.can_refresh(flow.config, {})
    assert not OAUTH2.needs_consent(flow.config)


def test_client_credentials_may_go_by_another_grant_type() -> None:
    flow = flow_of(
        grant_type="client_credentials", token_params={"grant_type": "account_credentials", "account_id": "7"}
    )
    assert OAUTH2.config_problems(flow.config, ParamType.HEADER, "") == {}
    _, (sent,) = drive(OAUTH2.refresh(flow, {}), Answer(200, body=b'{"access_token": "at"}'))
    assert [value for key, value in sent.form or () if key == "grant_type"] == ["account_credentials"]
    assert dict(sent.form or ())["account_id"] == "7"


@pytest.mark.parametrize(
    ("param_type", "place", "pair"),
    [
        ("header", "headers", ("Authorization", "Bearer at")),
        ("query", "query", ("access_token", "at")),
        ("form", "form", ("access_token", "at")),
    ],
)
def test_places_the_token_where_rfc_6750_does(param_type: str, place: str, pair: tuple[str, str]) -> None:
    placed = OAUTH2.place(
        flow_of().config,
        ParamType(param_type),
        None,
        {"access_token": Secret("at")},
        Unsigned("GET", "https://a.example.com/"),
    )
    assert getattr(placed, place) == (pair,)


@pytest.mark.parametrize(
    ("prefix", "param_type", "value"),
    [
        ("Zoho-oauthtoken", "header", "Zoho-oauthtoken at"),
        ("", "header", "at"),
        ("token", "query", "token at"),
        (None, "header", "Bearer at"),
    ],
)
def test_puts_prefix_and_one_space_before_the_token(prefix: Any, param_type: str, value: str) -> None:
    config = flow_of(token_prefix=prefix, token_param="X-Token").config
    placed = OAUTH2.place(
        config,
        ParamType(param_type),
        None,
        {"access_token": Secret("at")},
        Unsigned("GET", "https://a.example.com/"),
    )
    assert (placed.headers or placed.query) == (("X-Token", value),)
    reserved = OAUTH2.reserved(config, ParamType(param_type))
    assert "x-token" in reserved.headers or "X-Token" in reserved.query


def test_revokes_the_refresh_token_then_the_access_token() -> None:
    flow = flow_of(revoke_url="https://a.example.com/revoke")
    secrets = {"access_token": Secret("at"), "refresh_token": Secret("rt")}
    confirmed, sent = drive(OAUTH2.revoke(flow, secrets), Answer(200), Answer(400))
    assert confirmed
    assert [dict(each.form or ())["token"] for each in sent] == ["rt", "at"]
    assert [dict(each.form or ())["token_type_hint"] for each in sent] == ["refresh_token", "access_token"]
    assert dict(sent[0].form or ())["client_id"] == "id"


@pytest.mark.parametrize("status", [302, 400, 500, 503])
def test_says_when_a_revocation_was_not_confirmed(status: int) -> None:
    flow = flow_of(revoke_url="https://a.example.com/revoke")
    confirmed, _ = drive(OAUTH2.revoke(flow, {"access_token": Secret("at")}), Answer(status))
    assert not confirmed


def test_revokes_nothing_without_an_endpoint() -> None:
    assert drive(OAUTH2.revoke(flow_of(), {"access_token": Secret("at")})) == (False, [])


def test_a_public_client_needs_no_secret_with_pkce() -> None:
    public = ClientKeys("id")
    assert not OAUTH2.client_problems(flow_of().config, public)
    assert not OAUTH2.client_problems(flow_of(client_auth="none", pkce=False).config, public)
    assert OAUTH2.client_problems(flow_of(pkce=False).config, public)
    assert OAUTH2.client_problems(flow_of(grant_type="client_credentials").config, public)
    assert OAUTH2.client_problems(flow_of(client_auth="basic").config, public)
