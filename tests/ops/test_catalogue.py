"""What each file of the catalogue promises beyond its shape."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from services import loader
from services.auth_types.oauth2 import OAuth2
from services.loader import Entry

FILES = sorted(loader.OWN_FOLDER.glob("*.toml"))
OURS = {"switchboard"}
ZOHO_DATA_CENTRES = {
    "zoho.com": "zohoapis.com",
    "zoho.eu": "zohoapis.eu",
    "zoho.in": "zohoapis.in",
    "zoho.com.au": "zohoapis.com.au",
    "zoho.jp": "zohoapis.jp",
    "zohocloud.ca": "zohoapis.ca",
    "zoho.sa": "zohoapis.sa",
    "zoho.uk": "zohoapis.uk",
    "zoho.com.cn": "zohoapis.com.cn",
    "zoho.ae": "zohoapis.ae",
}


@lru_cache
def entry_of(path: Path) -> Entry:
    return loader.parse(path.read_text(encoding="utf-8"), link_name=path.stem)


def configs_of(entry: Entry) -> list[dict[str, Any]]:
    return [auth.config for auth in entry.defined.auths if isinstance(auth.auth_type, OAuth2)]


def others() -> list[Path]:
    return [path for path in FILES if path.stem not in OURS and not path.stem.startswith("practice_")]


def test_there_are_at_least_28_services_of_others() -> None:
    assert len(others()) >= 28


def test_names_differ() -> None:
    names = [entry_of(path).defined.name for path in FILES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", others(), ids=lambda path: path.stem)
class TestService:
    def test_is_whole(self, path: Path) -> None:
        entry = entry_of(path)
        assert entry.category
        assert entry.docs_url.startswith("https://")
        assert entry.meta["app_page"].startswith("https://")
        assert entry.meta["app_steps"].endswith(".")
        assert entry.meta["verified"]

    def test_names_its_hosts_one_by_one(self, path: Path) -> None:
        assert not [host for host in entry_of(path).defined.hosts if "*" in host]

    def test_calls_and_authorises_over_https(self, path: Path) -> None:
        entry = entry_of(path)
        urls = [url for auth in entry.defined.auths for url in auth.auth_type.urls(auth.config).values()]
        assert all(url.startswith("https://") for url in [entry.defined.base_url, *urls])

    def test_says_what_each_scope_allows(self, path: Path) -> None:
        scopes = [scope for config in configs_of(entry_of(path)) for scope in config["scopes"]]
        assert all(scope["description"] for scope in scopes)

    def test_says_where_a_variable_comes_from(self, path: Path) -> None:
        variables = entry_of(path).defined.variables
        assert all(variable["label"] and variable["hint"] and variable["example"] for variable in variables)
        assert all(
            variable["example"] in variable["choices"] for variable in variables if variable["choices"]
        )


@pytest.mark.parametrize("link_name", ["zoho", "zoho_crm", "zoho_desk"])
def test_zoho_has_every_data_centre_and_its_own_prefix(link_name: str) -> None:
    entry = entry_of(loader.OWN_FOLDER / f"{link_name}.toml")
    (variable,), (config,) = entry.defined.variables, configs_of(entry)
    assert variable["choices"] == list(ZOHO_DATA_CENTRES)
    assert variable["follow"].get("api_domain", ZOHO_DATA_CENTRES) == ZOHO_DATA_CENTRES
    assert config["token_prefix"] == "Zoho-oauthtoken"
    assert config["scope_separator"] == ","
    assert config["authorize_params"] == {"access_type": "offline", "prompt": "consent"}


@pytest.mark.parametrize(
    "product",
    ["Desk.", "ZohoCRM.", "SalesIQ.", "ZohoCommerce.", "ZohoBooks.", "ZohoCreator.", "ZohoCliq."],
)
def test_zoho_oauth_has_scopes_of_each_product(product: str) -> None:
    (config,) = configs_of(entry_of(loader.OWN_FOLDER / "zoho.toml"))
    scopes = [scope["name"] for scope in config["scopes"]]
    assert any(scope.startswith(product) and scope.upper().endswith(".READ") for scope in scopes)


def test_switchboard_calls_its_own_api_with_a_token() -> None:
    entry = entry_of(loader.OWN_FOLDER / "switchboard.toml")
    assert entry.is_builtin
    assert entry.defined.base_url == "{public_url}/api/v1"
    (auth,) = entry.defined.auths
    assert auth.config["params"][0]["key"] == "Authorization"
    assert auth.config["params"][0]["prefix"] == "Bearer "
