from typing import Any

import pytest

from problems import ValidationFailed
from services import definition
from tests.services.conftest import Data


def errors_of(data: Any) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as raised:
        definition.parse(data)
    return {error["field"]: error["message"] for error in raised.value.errors}


def test_fills_in_the_defaults(service_data: Data) -> None:
    defined = definition.parse(service_data())
    (auth,) = defined.auths
    assert defined.hosts == ["commerce.zoho.eu"]
    assert (defined.headers, defined.query, defined.variables, defined.test) == ({}, {}, [], {})
    assert (auth.name, auth.label, auth.param_type.value) == ("oauth2", "OAuth 2", "header")
    assert auth.config["pkce"] is True
    assert auth.config["client_auth"] == "post"
    assert auth.config["grant_type"] == "authorization_code"
    assert auth.config["scope_separator"] == " "
    assert auth.client is None


def test_takes_the_contracts_full_example(service_data: Data) -> None:
    data = service_data(
        hosts=["commerce.zoho.{dc}", "*.zohostatic.eu"],
        base_url="https://commerce.zoho.{dc}",
        headers={"Accept": "application/json", "X-Org": "{org}"},
        query={"format": "json"},
        variables=[
            {"name": "dc", "label": "Data centre", "choices": ["eu", "com"]},
            {
                "name": "org",
                "label": "Organisation",
                "pattern": r"\d{1,20}",
                "example": "10234695",
                "hint": "See…",
            },
        ],
        test={"method": "GET", "path": "/me"},
        identity={"path": "/me", "id": "user.id", "label": "user.email"},
        oauth2={
            "authorize_url": "https://accounts.zoho.{dc}/auth",
            "token_url": "https://accounts.zoho.{dc}/token",
            "revoke_url": "https://accounts.zoho.{dc}/revoke",
            "client_id": "1000.X",
            "client_secret": "canary",
            "token_prefix": "Zoho-oauthtoken",
            "authorize_params": {"access_type": "offline"},
        },
    )
    defined = definition.parse(data)
    (auth,) = defined.auths
    assert auth.client is not None
    assert auth.client.client_id == "1000.X"
    assert "client_secret" not in auth.config
    assert "canary" not in repr(defined)


def test_takes_several_ways_to_authenticate(service_data: Data) -> None:
    data = service_data(
        auth=[
            {"auth_type": "basic", "basic": {}},
            {
                "name": "key",
                "label": "With a key",
                "auth_type": "api_key",
                "api_key": {"params": [{"key": "X-Key"}]},
            },
        ]
    )
    assert [auth.name for auth in definition.parse(data).auths] == ["basic", "key"]


def test_names_a_field_inside_the_list_by_its_place(service_data: Data) -> None:
    entry = {"auth_type": "api_key", "api_key": {"params": [{"key": "Host"}]}}
    errors = errors_of(service_data(auth=[{"auth_type": "basic"}, entry]))
    assert list(errors) == ["auth.1.api_key.params.0.key"]


def test_two_ways_need_two_names(service_data: Data) -> None:
    assert "auth.0.name" in errors_of(service_data(auth=[{"auth_type": "basic"}, {"auth_type": "basic"}]))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 51}, "name"),
        ({"name": 5}, "name"),
        ({"name": "Zoho\nCommerce"}, "name"),
        ({"link_name": "Zoho"}, "link_name"),
        ({"link_name": "1zoho"}, "link_name"),
        ({"link_name": "a" * 51}, "link_name"),
        ({"link_name": "zoho-commerce"}, "link_name"),
        ({"link_name": "zoho\n"}, "link_name"),
        ({"link_name": "new"}, "link_name"),
        ({"colour": "red"}, "colour"),
        ({"auth_type": "kerberos", "oauth2": {}}, "auth_type"),
        ({"param_type": "cookie"}, "param_type"),
        ({"param_type": "path"}, "param_type"),
        ({"param_type": ["header"]}, "param_type"),
        ({"param_type": {}}, "param_type"),
        ({"basic": {}}, "basic"),
        ({"base_url": ""}, "base_url"),
        ({"base_url": "https://commerce.zoho.eu/?a=b"}, "base_url"),
        ({"hosts": "commerce.zoho.eu"}, "hosts"),
        ({"headers": []}, "headers"),
        ({"headers": {"Authorization": "Bearer x"}}, "headers.Authorization"),
        ({"headers": {"Host": "x"}}, "headers.Host"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "headers.Transfer-Encoding"),
        ({"headers": {"X Y": "x"}}, "headers.X Y"),
        ({"headers": {"X-Y": "a\r\nb"}}, "headers.X-Y"),
        ({"headers": {"private_key": "a\r\nX-Injected: b"}}, "headers.private_key"),
        ({"headers": {"X-Y": "ü"}}, "headers.X-Y"),
        ({"headers": {"X-Y": "{nothing}"}}, "headers.X-Y"),
        ({"headers": {"X-Y": "1", "x-y": "2"}}, "headers.X-Y"),
        ({"query": {"a": "{nothing}"}}, "query.a"),
        ({"query": {"a": "\x00"}}, "query.a"),
        ({"auth_type": "oauth1", "oauth1": {"private_key": "\ud800"}}, "oauth1.private_key"),
        ({"variables": [{"name": "dc"}, {"name": "dc"}]}, "variables.0.name"),
        ({"variables": [{"name": "D C"}]}, "variables.0.name"),
        ({"variables": [{"name": "public_url"}]}, "variables.0.name"),
        ({"variables": [{"name": "dc", "choices": ["a", "a"]}]}, "variables.0.choices"),
        ({"variables": [{"name": "dc", "pattern": "("}]}, "variables.0.pattern"),
        ({"variables": [{"name": "dc", "pattern": "(?=a)b"}]}, "variables.0.pattern"),
        ({"variables": [{"name": "dc", "pattern": r"(a)\1"}]}, "variables.0.pattern"),
        ({"variables": [{"name": "dc", "pattern": "(?i)eu"}]}, "variables.0.pattern"),
        ({"variables": [{"name": "dc", "pattern": "([a-z]+)-([0-9]+)"}]}, "variables.0.pattern"),
        ({"variables": [{"name": "dc", "choices": ["a"], "follow": {"b": {}}}]}, "variables.0.follow"),
        ({"test": {"method": "DELETE", "path": "/me"}}, "test.method"),
        ({"test": {"method": "GET"}}, "test.path"),
        ({"identity": {"path": "/{nothing}"}}, "identity.path"),
        ({"test": {"path": "https://other.example.com/me"}}, "test.path"),
        ({"oauth2": {"token_url": ""}}, "oauth2.token_url"),
        ({"oauth2": {"authorize_url": ""}}, "oauth2.authorize_url"),
        ({"oauth2": {"scopes": [{"name": "a"}, {"name": "a"}]}}, "oauth2.scopes"),
        ({"oauth2": {"scopes": [{"name": "a", "x": 1}]}}, "oauth2.scopes.0.x"),
        ({"oauth2": {"client_secret": "s"}}, "oauth2.client_id"),
        ({"oauth2": {"client_id": "a\nb"}}, "oauth2.client_id"),
        ({"oauth2": {"client_id": 5}}, "oauth2.client_id"),
        ({"oauth2": {"consumer_key": "a"}}, "oauth2.consumer_key"),
        ({"oauth2": {"issuer": "https://{nothing}"}}, "oauth2.issuer"),
        ({"oauth2": {"pkce": "perhaps"}}, "oauth2.pkce"),
        ({"oauth2": {"authorize_params": {"state": "x"}}}, "oauth2.authorize_params"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_names_the_field_that_is_wrong(service_data: Data, changes: dict[str, Any], field: str) -> None:
    errors = errors_of(service_data(**changes))
    assert field in errors
    assert errors[field][0].isupper() or errors[field].startswith("{")
    assert errors[field].endswith(".")


@pytest.mark.parametrize("data", [[], "x", None, 5])
def test_refuses_what_is_no_object(data: Any) -> None:
    assert errors_of(data)


def test_refuses_what_is_nested_without_end(service_data: Data) -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    assert errors_of(service_data(headers=deep))


def test_tells_every_wrong_field_at_once(service_data: Data) -> None:
    errors = errors_of(service_data(name="", link_name="X", oauth2={"token_url": ""}))
    assert set(errors) == {"name", "link_name", "oauth2.token_url"}


def test_basic_travels_in_the_header_whatever_was_chosen(service_data: Data) -> None:
    defined = definition.parse(service_data(auth_type="basic", param_type="query", basic={}))
    assert defined.auths[0].param_type.value == "header"


def test_an_extra_header_cannot_be_the_credentials(service_data: Data) -> None:
    data = service_data(
        auth_type="api_key", api_key={"params": [{"key": "X-Api-Key"}]}, headers={"x-api-key": "stolen"}
    )
    assert "headers.x-api-key" in errors_of(data)
    data = service_data(
        auth_type="api_key", param_type="query", api_key={"params": [{"key": "key"}]}, query={"key": "stolen"}
    )
    assert "query.key" in errors_of(data)


def test_a_key_in_the_path_stands_in_the_base_url(service_data: Data) -> None:
    block = {"params": [{"key": "key"}]}
    telegram = service_data(
        auth_type="api_key", param_type="path", base_url="https://api.telegram.org/bot{key}", api_key=block
    )
    assert definition.parse(telegram).base_url.endswith("{key}")
    missing = telegram | {"base_url": "https://api.telegram.org/bot"}
    assert "api_key.params.0.key" in errors_of(missing)
    assert "base_url" in errors_of(telegram | {"base_url": "https://{key}.telegram.org/{key}"})
