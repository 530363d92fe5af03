from typing import Any

import pytest

from problems import ReconnectNeeded, ValidationFailed
from services import target
from services.definition import host_variables
from services.models import Service
from tests.services.conftest import Make

DC = {"name": "dc", "label": "Data centre", "choices": ["eu", "com"]}
SUB = {"name": "sub", "label": "Subdomain", "example": "acme", "pattern": "[a-z]{2,10}"}


def only_auth(service: Service) -> Any:
    return service.auths.get()


def errors_of(
    *variables: dict[str, Any], hosts: frozenset[str] = frozenset(), **given: Any
) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as raised:
        target.check_variables(variables, given, hosts)
    return {error["field"]: error["message"] for error in raised.value.errors}


def test_fills_a_connections_variables_in_everywhere(make_service: Make) -> None:
    service = make_service(
        base_url="https://{sub}.zoho.{dc}/api",
        hosts=["{sub}.zoho.{dc}", "*.zohostatic.{dc}"],
        headers={"X-Tenant": "{sub}"},
        query={"dc": "{dc}"},
        variables=[DC, SUB],
        test={"path": "/tenants/{sub}"},
        identity={"path": "/me"},
        oauth2={"token_url": "https://accounts.zoho.{dc}/token", "issuer": "https://accounts.zoho.{dc}"},
    )
    filled = target.of(only_auth(service), {"dc": "eu", "sub": "acme"})
    assert filled.base_url == "https://acme.zoho.eu/api"
    assert filled.hosts == ("acme.zoho.eu", "*.zohostatic.eu")
    assert filled.headers == {"X-Tenant": "acme"}
    assert filled.query == {"dc": "eu"}
    assert filled.test == {"method": "GET", "path": "/tenants/acme"}
    assert filled.config["token_url"] == "https://accounts.zoho.eu/token"
    assert filled.config["issuer"] == "https://accounts.zoho.eu"
    assert filled.auth_type.name == "oauth2"


def test_leaves_the_stored_config_as_it_is(make_service: Make) -> None:
    auth = only_auth(make_service(variables=[DC], oauth2={"token_url": "https://accounts.zoho.{dc}/token"}))
    target.of(auth, {"dc": "eu"})
    assert auth.config["token_url"] == "https://accounts.zoho.{dc}/token"


def test_says_which_value_is_missing(make_service: Make) -> None:
    auth = only_auth(make_service(base_url="https://commerce.zoho.{dc}", variables=[DC]))
    with pytest.raises(ReconnectNeeded, match="dc"):
        target.of(auth, {})


@pytest.mark.parametrize("value", ["evil.example/x", "eu@evil.example", "eu#", "eu:22", "", "eu\\x", "a..b"])
def test_never_lets_a_value_break_out_of_a_host(make_service: Make, value: str) -> None:
    auth = only_auth(make_service(base_url="https://commerce.zoho.{dc}", variables=[DC]))
    with pytest.raises(ReconnectNeeded):
        target.of(auth, {"dc": value})


def test_percent_encodes_a_value_in_a_path(make_service: Make) -> None:
    service = make_service(base_url="https://commerce.zoho.eu/t/{tenant}", variables=[{"name": "tenant"}])
    filled = target.of(only_auth(service), {"tenant": "a/b?c#d"})
    assert filled.base_url == "https://commerce.zoho.eu/t/a%2Fb%3Fc%23d"


def test_keeps_the_place_of_a_key_in_the_path(make_service: Make) -> None:
    service = make_service(
        auth_type="api_key",
        param_type="path",
        base_url="https://api.telegram.org/bot{key}",
        api_key={"params": [{"key": "key"}]},
    )
    assert target.of(only_auth(service), {}).base_url == "https://api.telegram.org/bot{key}"


def test_a_built_in_service_gets_our_public_address() -> None:
    filled = target.fill(
        service={
            "base_url": "{public_url}/practice/api",
            "hosts": ["{public_url}"],
            "headers": {},
            "query": {},
            "default_headers": {},
            "default_query": {},
            "cookies": "drop",
            "test": {},
            "identity": {},
            "is_builtin": True,
        },
        auth={"auth_type": "basic", "param_type": "header", "config": {}},
        variables={},
    )
    assert filled.base_url == "http://localhost:8000/practice/api"
    assert filled.hosts == ("localhost:8000",)


def test_fills_what_goes_out_with_requests_too(make_service: Make) -> None:
    service = make_service(
        variables=[{"name": "account"}],
        default_headers={"X-Account": "{account}"},
        default_query={"account": "{account}"},
        cookies="pass",
        oauth2={
            "authorize_params": {"hint": "{account}"},
            "token_params": {"account_id": "a-{account}", "claims": '{"a": 1}'},
        },
    )
    filled = target.of(only_auth(service), {"account": "a/c 42"})
    assert (filled.default_headers, filled.default_query) == ({"X-Account": "a/c 42"}, {"account": "a/c 42"})
    assert filled.passes_cookies
    assert filled.config["authorize_params"] == {"hint": "a/c 42"}
    assert filled.config["token_params"] == {"account_id": "a-a/c 42", "claims": '{"a": 1}'}


def test_leaves_open_what_is_told_later_and_nothing_else(make_service: Make) -> None:
    service = make_service(
        base_url="https://{site}.example.com/{dc}/{realm}",
        variables=[
            DC,
            {"name": "site", "from": "token.url"},
            {"name": "realm", "from": "callback.realm"},
        ],
        headers={"X-Realm": "{realm}"},
    )
    auth, later = only_auth(service), frozenset({"site", "realm"})
    filled = target.of(auth, {"dc": "eu", "realm": "7"}, later)
    assert filled.base_url == "https://{site}.example.com/eu/7"
    assert filled.hosts == ("{site}.example.com",)
    assert target.of(auth, {"dc": "eu"}, later).headers == {"X-Realm": "{realm}"}
    with pytest.raises(ReconnectNeeded, match="dc"):
        target.of(auth, {"realm": "7"}, later)


ADDRESS = {"name": "sub", "pattern": r"https://([A-Za-z0-9.-]+)\.example\.com/?"}


@pytest.mark.parametrize(
    ("variable", "said", "is_host", "kept"),
    [
        ({"name": "v"}, "any thing", False, "any thing"),
        ({"name": "v"}, "x" * 900, False, "x" * 900),
        (ADDRESS, "https://acme.example.com", True, "acme"),
        (ADDRESS, "https://ACME.example.com/", True, "acme"),
        ({**ADDRESS, "choices": ["acme"]}, "https://acme.example.com", True, "acme"),
        (DC, "eu", True, "eu"),
    ],
)
def test_keeps_what_fits_of_what_a_service_told(
    variable: dict[str, Any], said: str, is_host: bool, kept: str
) -> None:
    assert target.read_value(variable, said, is_host=is_host) == kept


@pytest.mark.parametrize(
    ("variable", "said", "is_host"),
    [
        (ADDRESS, "https://acme.example.com.evil.example", True),
        (ADDRESS, "https://a.b.example.com", True),
        (ADDRESS, "https://-acme.example.com", True),
        (ADDRESS, "https://..example.com", False),
        ({**ADDRESS, "choices": ["acme"]}, "https://other.example.com", True),
        ({**ADDRESS, "pattern": "(?=a)a"}, "a", False),
        ({"name": "v"}, "evil.example", True),
        ({"name": "v"}, "evil.example/", True),
        ({"name": "v"}, "", False),
        ({"name": "v"}, "..", False),
        ({"name": "v"}, "a\nb", False),
        ({"name": "v"}, "x" * 1001, False),
        (DC, "org", False),
    ],
)
def test_refuses_what_does_not_fit_of_what_a_service_told(
    variable: dict[str, Any], said: str, is_host: bool
) -> None:
    with pytest.raises(ValueError, match="form"):
        target.read_value(variable, said, is_host=is_host)


def test_takes_values_and_what_follows_them() -> None:
    variable = {**DC, "follow": {"api": {"eu": "zohoapis.eu", "com": "zohoapis.com"}}}
    values = target.check_variables([variable, SUB], {"dc": "eu", "sub": " acme ", "api": "evil.example"})
    assert values == {"dc": "eu", "api": "zohoapis.eu", "sub": "acme"}


def test_says_what_is_wrong_with_a_value() -> None:
    assert errors_of(DC) == {"variables.dc": "Enter the Data centre."}
    assert errors_of(DC, dc="xx") == {"variables.dc": "Choose one of: eu, com."}
    assert "acme" in errors_of(SUB, sub="ACME")["variables.sub"]
    assert errors_of(other="x") == {"variables.other": "This service has no such variable."}


@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "..", ".", "a" * 101, 5, None, ["a"]])
def test_refuses_values_that_no_address_should_hold(value: Any) -> None:
    assert "variables.tenant" in errors_of({"name": "tenant"}, tenant=value)


@pytest.mark.parametrize("value", ["a.b", "A", "-a", "a_b", "a/b"])
def test_a_value_in_a_host_is_one_label(value: str) -> None:
    assert "variables.sub" in errors_of({"name": "sub"}, hosts=frozenset({"sub"}), sub=value)


def test_knows_which_variables_stand_in_a_host(make_service: Make) -> None:
    service = make_service(
        base_url="https://{sub}.zendesk.com/{tenant}",
        variables=[{"name": "sub"}, {"name": "tenant"}, DC],
        oauth2={"token_url": "https://accounts.zoho.{dc}/token"},
    )
    assert host_variables(service) == {"sub", "dc"}
