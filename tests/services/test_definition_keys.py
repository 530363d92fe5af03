"""What a service may say besides its addresses: defaults, cookies, parameters, variables that it tells."""

from typing import Any

import pytest

from people.actor import Actor
from people.models import User
from problems import ValidationFailed
from services import definition, operations
from tests.services.conftest import Data, Make

REALM = {"name": "realm", "label": "Company", "pattern": r"\d{1,20}", "from": "callback.realmId"}
SITE = {"name": "site", "pattern": r"https://([a-z0-9-]+)\.example\.com/?", "from": "token.instance.url"}
KEY: dict[str, Any] = {"auth_type": "api_key", "api_key": {"params": [{"key": "X-Key"}]}}


def errors_of(data: Any) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as raised:
        definition.parse(data)
    return {error["field"]: error["message"] for error in raised.value.errors}


def test_all_of_it_is_told_again_as_it_was_said(make_service: Make) -> None:
    said: dict[str, Any] = {
        "base_url": "https://{site}.example.com/v3/{realm}",
        "default_headers": {"Notion-Version": "2022-06-28"},
        "default_query": {"api-version": "{realm}"},
        "cookies": "pass",
        "variables": [REALM, SITE],
        "oauth2": {
            "client_auth": "basic_raw",
            "token_request": "json",
            "token_fields": {"refresh_token": "data.refresh", "expires_at": "data.ends"},
            "scope_on_refresh": True,
            "token_params": {"account": "{realm}", "claims": '{"id": {"a": 1}}'},
            "revoke_url": "https://{site}.example.com/revoke",
        },
    }
    told = definition.describe(make_service(**said))
    for name in ("default_headers", "default_query", "cookies"):
        assert told[name] == said[name]
    assert [variable["from"] for variable in told["variables"]] == ["callback.realmId", "token.instance.url"]
    block = said["oauth2"] | {"token_fields": told["oauth2"]["token_fields"] | said["oauth2"]["token_fields"]}
    assert {name: told["oauth2"][name] for name in block} == block
    assert definition.parse(told).variables == told["variables"]


def test_none_of_it_is_needed(service_data: Data) -> None:
    defined = definition.parse(service_data(variables=[{"name": "dc"}]))
    assert (defined.default_headers, defined.default_query, defined.cookies) == ({}, {}, "drop")
    assert defined.variables[0]["from"] == ""
    config = defined.auths[0].config
    assert (config["token_request"], config["scope_on_refresh"]) == ("form", False)
    assert set(config["token_fields"].values()) == {""}
    oauth1 = definition.parse(service_data(auth_type="oauth1", oauth1={})).auths[0]
    assert oauth1.config["require_callback_confirmed"] is True


def test_a_copy_has_all_of_it(owner: User, make_service: Make) -> None:
    service = make_service(default_headers={"X-Version": "1"}, cookies="pass", variables=[REALM])
    copy = operations.copy_service(actor=Actor.of(owner), service=service, name="Ours", link_name="ours")
    assert (copy.default_headers, copy.cookies) == ({"X-Version": "1"}, "pass")
    assert copy.variables == service.variables


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"default_headers": []}, "default_headers"),
        ({"default_headers": {"Authorization": "x"}}, "default_headers.Authorization"),
        ({"default_headers": {"Cookie": "x"}}, "default_headers.Cookie"),
        ({"default_headers": {"Host": "x"}}, "default_headers.Host"),
        ({"default_headers": {"X-Y": "a\r\nb"}}, "default_headers.X-Y"),
        ({"default_headers": {"X-Y": "{nothing}"}}, "default_headers.X-Y"),
        ({"default_headers": {"X-Y": "1"}, "headers": {"x-y": "2"}}, "default_headers.X-Y"),
        ({"default_headers": {"x-key": "1"}, **KEY}, "default_headers.x-key"),
        ({"default_query": {"a": "{nothing}"}}, "default_query.a"),
        ({"default_query": {"a": "1"}, "query": {"a": "2"}}, "default_query.a"),
        ({"default_query": {"X-Key": "1"}, **KEY, "param_type": "query"}, "default_query.X-Key"),
        ({"cookies": "keep"}, "cookies"),
        ({"cookies": "pass", "auth_type": "api_key", "api_key": {"params": [{"key": "Cookie"}]}}, "cookies"),
        ({"oauth2": {"token_params": {"a": "{nothing}"}}}, "oauth2.token_params.a"),
        ({"oauth2": {"authorize_params": {"a": "{nothing}"}}}, "oauth2.authorize_params.a"),
        ({"oauth2": {"token_fields": {"other": "a"}}}, "oauth2.token_fields.other"),
        ({"oauth2": {"token_fields": {"scope": "a b"}}}, "oauth2.token_fields.scope"),
        ({"oauth2": {"token_request": "xml"}}, "oauth2.token_request"),
        ({"oauth2": {"client_auth": "private_key_jwt"}}, "oauth2.client_auth"),
        ({"oauth2": {"scope_on_refresh": "perhaps"}}, "oauth2.scope_on_refresh"),
        (
            {"auth_type": "oauth1", "oauth1": {"require_callback_confirmed": "x"}},
            "oauth1.require_callback_confirmed",
        ),
        ({"variables": [{"name": "a", "source": "token.a"}]}, "variables.0.source"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_names_the_field_that_is_wrong(service_data: Data, changes: dict[str, Any], field: str) -> None:
    message = errors_of(service_data(**changes))[field]
    assert message.endswith(".")


@pytest.mark.parametrize(
    "source",
    ["callback", "callback.", "token.", "token.a..b", "cookie.a", "token.a b", "callback.{a}", "Token.a", 5],
)
def test_a_variable_is_told_by_the_callback_or_the_token(service_data: Data, source: Any) -> None:
    assert "variables.0.from" in errors_of(service_data(variables=[{"name": "a", "from": source}]))


@pytest.mark.parametrize(
    "source",
    [
        *("callback.code", "callback.state", "callback.oauth_verifier", "callback.access_token"),
        *("token.access_token", "token.refresh_token", "token.data.id_token", "token.client_secret"),
        *("token.user.password", "callback.oauth_token"),
    ],
)
def test_no_variable_is_a_secret(service_data: Data, source: str) -> None:
    assert "secret" in errors_of(service_data(variables=[{"name": "a", "from": source}]))["variables.0.from"]


@pytest.mark.parametrize(
    ("way", "source"),
    [
        (KEY, "callback.a"),
        (KEY, "token.a"),
        ({"auth_type": "basic"}, "token.a"),
        ({"auth_type": "oauth1", "oauth1": {}}, "token.a"),
        ({"oauth2": {"grant_type": "client_credentials"}}, "callback.a"),
    ],
)
def test_somebody_has_to_be_there_to_tell_it(service_data: Data, way: dict[str, Any], source: str) -> None:
    data = service_data(**way, variables=[{"name": "a", "from": source}])
    assert "Nobody" in errors_of(data)["variables.0.from"]


def test_who_tells_it_is_not_asked_where_the_way_itself_is_wrong(service_data: Data) -> None:
    assert set(errors_of(service_data(oauth2={"token_url": ""}, variables=[SITE]))) == {"oauth2.token_url"}


def test_of_several_ways_one_may_tell_it(service_data: Data) -> None:
    ways = [{"auth_type": "oauth2", "oauth2": service_data()["oauth2"]}, KEY]
    defined = definition.parse(service_data(auth=ways, variables=[SITE]))
    assert defined.variables[0]["from"] == "token.instance.url"


@pytest.mark.parametrize(
    ("variable", "block", "field"),
    [
        (REALM, {"authorize_url": "https://example.com/{realm}"}, "oauth2.authorize_url"),
        (REALM, {"authorize_params": {"r": "{realm}"}}, "oauth2.authorize_params.r"),
        (REALM, {"issuer": "https://example.com/{realm}"}, "oauth2.issuer"),
        (SITE, {"authorize_url": "https://{site}.example.com/"}, "oauth2.authorize_url"),
        (SITE, {"token_url": "https://{site}.example.com/"}, "oauth2.token_url"),
        (SITE, {"token_params": {"s": "{site}"}}, "oauth2.token_params.s"),
        (
            {**SITE, "choices": ["a"], "follow": {"also": {"a": "b"}}},
            {"token_params": {"s": "{also}"}},
            "oauth2.token_params.s",
        ),
    ],
)
def test_nothing_stands_where_it_is_needed_before_it_is_told(
    service_data: Data, variable: dict[str, Any], block: dict[str, Any], field: str
) -> None:
    assert "later" in errors_of(service_data(variables=[variable], oauth2=block))[field]


def test_what_the_callback_tells_may_stand_in_the_token_request(service_data: Data) -> None:
    """ShareFile's token endpoint is at the account's own address."""
    variable = {"name": "sub", "from": "callback.subdomain"}
    block = {"token_url": "https://{sub}.example.com/token", "token_params": {"context": "stores/{sub}"}}
    assert definition.parse(service_data(variables=[variable], oauth2=block)).auths[0].config["token_url"]


@pytest.mark.parametrize(
    "base_url", ["https://{site}", "https://x.{site}", "https://{site}.com", "https://{site}:8443"]
)
def test_in_a_host_it_is_one_label_before_a_fixed_name(service_data: Data, base_url: str) -> None:
    assert "base_url" in errors_of(service_data(base_url=base_url, hosts=[], variables=[SITE]))
