from typing import Any

import pytest
from django.test import override_settings

from problems import ValidationFailed
from services import definition
from tests.services.conftest import Data

DC = {"name": "dc", "choices": ["eu", "com", "com.au"]}
SUBDOMAIN = {"name": "sub"}


def errors_of(data: Any, **options: bool) -> dict[str, str]:
    with pytest.raises(ValidationFailed) as raised:
        definition.parse(data, **options)
    return {error["field"]: error["message"] for error in raised.value.errors}


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "ftp://api.example.com",
        "https://user:pass@api.example.com",
        "https://api.example.com/#top",
        "https://10.0.0.1",
        "https://169.254.169.254",
        "https://localhost",
        "https://api.example.com:22",
        "https://api.example.com:99999",
        "https://a b.example.com",
        "https://",
        "api.example.com",
        "//api.example.com",
        "javascript:alert(1)",
        "https://api.example.com\\@evil.example",
        "http://localhost:8000/practice/api",
        "{public_url}/practice/api",
    ],
)
def test_refuses_addresses_that_calls_may_not_reach(service_data: Data, url: str) -> None:
    assert "base_url" in errors_of(service_data(base_url=url))
    for name in ("authorize_url", "token_url", "refresh_url", "revoke_url"):
        assert f"oauth2.{name}" in errors_of(service_data(oauth2={name: url}))


@pytest.mark.parametrize("url", ["https://[", "http://[::1", "https://[::1]extra/", "https://]/"])
def test_refuses_what_no_program_can_take_apart(service_data: Data, url: str) -> None:
    assert "base_url" in errors_of(service_data(base_url=url))
    for name in ("authorize_url", "token_url", "refresh_url", "revoke_url"):
        assert f"oauth2.{name}" in errors_of(service_data(oauth2={name: url}))
    key = {"params": [{"key": "key"}]}
    assert "base_url" in errors_of(
        service_data(base_url=url, auth_type="api_key", param_type="path", api_key=key)
    )
    plain = {f"{name}_url": url for name in ("request_token", "authorize", "access_token")}
    plain["signature_method"] = "PLAINTEXT"
    told = errors_of(service_data(base_url=url, auth_type="oauth1", oauth1=plain))
    assert {"base_url", "oauth1.request_token_url"} <= told.keys()


@pytest.mark.parametrize(
    "url", ["https://api.example.com", "https://api.example.com:8443/v1", "https://bücher.example.com/"]
)
def test_takes_public_https_addresses(service_data: Data, url: str) -> None:
    assert definition.parse(service_data(base_url=url)).base_url == url


@pytest.mark.parametrize(
    ("base_url", "hosts"),
    [
        ("https://api.example.com:8443/v1", ["api.example.com:8443"]),
        ("https://API.Example.com:443/v1", ["api.example.com"]),
    ],
)
def test_the_base_urls_host_is_allowed_by_default(
    service_data: Data, base_url: str, hosts: list[str]
) -> None:
    assert definition.parse(service_data(base_url=base_url)).hosts == hosts


@pytest.mark.parametrize("hosts", [["other.example.com"], ["*.commerce.zoho.eu"], ["commerce.zoho.eu:8443"]])
def test_the_base_urls_host_is_among_the_allowed_ones(service_data: Data, hosts: list[str]) -> None:
    assert "commerce.zoho.eu" in errors_of(service_data(hosts=hosts))["hosts"]


@pytest.mark.parametrize(
    "pattern",
    ["*.com", "*", "*.*.eu", "https://a.example.com", "a.example.com/x", "10.0.0.1", "a b", "", "a@b.eu"],
)
def test_refuses_hosts_that_are_no_hosts(service_data: Data, pattern: str) -> None:
    assert "hosts.1" in errors_of(service_data(hosts=["commerce.zoho.eu", pattern]))


def test_spells_each_host_in_one_way_and_once(service_data: Data) -> None:
    hosts = ["Commerce.Zoho.EU", "commerce.zoho.eu", "*.Zoho.eu"]
    assert definition.parse(service_data(hosts=hosts)).hosts == ["commerce.zoho.eu", "*.zoho.eu"]


def test_a_choice_may_stand_at_the_end_of_a_host(service_data: Data) -> None:
    data = service_data(base_url="https://commerce.zoho.{dc}", variables=[DC])
    assert definition.parse(data).hosts == ["commerce.zoho.{dc}"]


def test_an_entered_value_needs_a_fixed_name_after_it(service_data: Data) -> None:
    good = service_data(base_url="https://{sub}.zendesk.com", variables=[SUBDOMAIN])
    assert definition.parse(good).hosts == ["{sub}.zendesk.com"]
    for url in ("https://{sub}.com", "https://{sub}", "https://api.{sub}", "https://example.com.{sub}"):
        bad = service_data(base_url=url, variables=[SUBDOMAIN])
        assert "fixed name" in errors_of(bad)["base_url"], url


def test_an_entered_value_before_a_choice_is_fine(service_data: Data) -> None:
    data = service_data(base_url="https://{sub}.zoho.{dc}", variables=[SUBDOMAIN, DC])
    assert definition.parse(data).hosts == ["{sub}.zoho.{dc}"]


@pytest.mark.parametrize("choice", ["eu/x", "eu@evil.example", "eu:22", "EU", "e u", "eu#"])
def test_a_choice_in_a_host_is_part_of_a_name(service_data: Data, choice: str) -> None:
    variables = [{"name": "dc", "choices": ["eu", choice]}]
    data = service_data(base_url="https://commerce.zoho.{dc}", variables=variables)
    assert "base_url" in errors_of(data)


def test_every_choice_must_lead_to_an_allowed_host(service_data: Data) -> None:
    data = service_data(base_url="https://commerce.zoho.{dc}", hosts=["commerce.zoho.eu"], variables=[DC])
    assert "hosts" in errors_of(data)
    wide = data | {"hosts": ["*.zoho.{dc}"]}
    assert definition.parse(wide).hosts == ["*.zoho.{dc}"]


def test_what_follows_a_choice_may_stand_in_a_host(service_data: Data) -> None:
    variable = {
        "name": "accounts",
        "choices": ["zoho.eu", "zohocloud.ca"],
        "follow": {"api": {"zoho.eu": "zohoapis.eu", "zohocloud.ca": "zohoapis.ca"}},
    }
    data = service_data(
        base_url="https://www.{api}/crm",
        variables=[variable],
        oauth2={"token_url": "https://accounts.{accounts}/token"},
    )
    assert definition.parse(data).hosts == ["www.{api}"]
    variable["follow"] = {"api": {"zoho.eu": "evil/x", "zohocloud.ca": "zohoapis.ca"}}
    assert "base_url" in errors_of(data)


@pytest.mark.parametrize("url", ["https://{dc", "https://a.example.com/{D}", "https://a.example.com/}{"])
def test_braces_are_for_variables(service_data: Data, url: str) -> None:
    assert "base_url" in errors_of(service_data(base_url=url))


@override_settings(EGRESS_ALLOW=())
def test_a_built_in_service_is_called_at_our_own_address(service_data: Data) -> None:
    data = service_data(auth_type="basic", basic={}, base_url="{public_url}/practice/api")
    defined = definition.parse(data, is_builtin=True)
    assert defined.hosts == ["{public_url}"]
