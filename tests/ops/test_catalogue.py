"""What each file of the catalogue promises beyond its shape."""

import re
import tomllib
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from services import loader, patterns, target
from services.auth_types.oauth2 import OAuth2
from services.entry import CATEGORY_NAMES, Failure
from services.loader import Entry
from tests.server import ROOT

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


def sentences_of(entry: Entry) -> list[str]:
    """What a person reads of an entry at length; short phrases, such as a scope's, are alike everywhere."""
    meta = entry.row["meta"]
    hints = [variable["hint"] for variable in entry.defined.variables if not variable["choices"]]
    texts = [*meta.get("app_steps", []), meta.get("life", {}).get("note", ""), *hints]
    parts = [part.strip() for text in texts for part in re.split(r"(?<=[.;])\s+", text)]
    return [part for part in parts if len(part.split()) > 8]


def test_there_are_400_services_of_others() -> None:
    assert len(others()) >= 400


def test_names_differ() -> None:
    names = [entry_of(path).defined.name.lower() for path in FILES]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_categories_fit_on_a_screen() -> None:
    assert len({entry_of(path).row["category"] for path in FILES}) <= CATEGORY_NAMES + 2  # ours: two


def test_no_sentence_stands_in_two_entries() -> None:
    told: dict[str, set[str]] = {}
    for path in others():
        for sentence in sentences_of(entry_of(path)):
            told.setdefault(sentence, set()).add(path.stem)
    shared = {sentence: paths for sentence, paths in told.items() if len(paths) > 1}
    assert {s: p for s, p in shared.items() if not s.startswith("The word common, or")} == {}


def test_steps_lead_to_the_app_of_the_60_best_known_oauth_services() -> None:
    entries = [entry_of(path) for path in others()]
    known = sorted(
        (entry for entry in entries if "rank" in entry.row["meta"] and configs_of(entry)),
        key=lambda entry: entry.row["meta"]["rank"],
    )
    told = [entry for entry in entries if len(_steps(entry)) >= 2]
    assert len(told) >= 60
    assert [entry.defined.link_name for entry in known[:30] if len(_steps(entry)) < 2] == []


def _steps(entry: Entry) -> list[str]:
    like = entry.row["meta"].get("app_like")
    named = entry_of(loader.OWN_FOLDER / f"{like}.toml") if like else entry
    steps: list[str] = named.row["meta"].get("app_steps", [])
    return steps


def test_every_icon_is_drawn_and_no_other() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/img/brands.svg").read_text("utf-8")))
    assert drawn == {entry_of(path).row["icon"] for path in FILES} - {""}


def test_what_refusals_look_like_everywhere_is_well_formed() -> None:
    told = tomllib.loads((loader.OWN_FOLDER.parent / "failures.toml").read_text("utf-8"))["failures"]
    assert {Failure.model_validate(each).means for each in told} >= {"expired", "revoked", "throttled"}


@pytest.mark.parametrize("path", others(), ids=lambda path: path.stem)
class TestService:
    def test_is_whole(self, path: Path) -> None:
        row = entry_of(path).row
        assert row["category"]
        assert row["docs_url"].startswith("https://")
        assert row["meta"]["verified"]["at"] >= "2026-11"
        assert row["meta"]["verified"].get("sources") or row["meta"]["verified"]["level"] == "single"
        assert "life" in row["meta"]

    def test_names_its_hosts_one_by_one(self, path: Path) -> None:
        assert not [host for host in entry_of(path).defined.hosts if "*" in host]

    def test_calls_and_authorises_over_https(self, path: Path) -> None:
        entry = entry_of(path)
        urls = [url for auth in entry.defined.auths for url in auth.auth_type.urls(auth.config).values()]
        assert all(url.startswith("https://") for url in [entry.defined.base_url, *urls])

    def test_says_what_each_scope_allows_and_ticks_no_writing_one(self, path: Path) -> None:
        for config in configs_of(entry_of(path)):
            assert all(scope["description"] for scope in config["scopes"])
            ticked = [scope for scope in config["scopes"] if scope.get("default")]
            assert not [
                each for each in ticked if re.match(r"(Create|Change|Delete|Send)\b", each["description"])
            ]

    def test_says_where_a_variable_comes_from(self, path: Path) -> None:
        for variable in entry_of(path).defined.variables:
            assert variable["label"]
            assert variable["hint"]
            assert variable["example"]
            if variable["choices"]:
                assert variable["example"] in variable["choices"]
            elif variable["pattern"]:
                assert patterns.problem(variable["pattern"]) == ""
                kept = patterns.kept(variable["pattern"], variable["example"])
                assert kept == variable["example"] or (variable["from"] and kept)


@pytest.mark.parametrize("path", others(), ids=lambda path: path.stem)
def test_a_dated_version_of_an_api_gives_way_to_the_callers(path: Path) -> None:
    """A caller must be able to move on before the catalogue does, and to stay behind."""
    defined = entry_of(path).defined
    assert not [name for name in (*defined.headers, *defined.query) if VERSION.search(name)]


VERSION = re.compile(r"version|revision", re.IGNORECASE)
DATED = [
    "anthropic",
    "azure_blob_storage",
    "cal_com",
    "github",
    "gocardless",
    "highlevel",
    "jobber",
    "klaviyo",
]


@pytest.mark.parametrize("link_name", [*DATED, "notion"])
def test_the_catalogue_brings_a_version_where_the_service_wants_one(link_name: str) -> None:
    defined = entry_of(loader.OWN_FOLDER / f"{link_name}.toml").defined
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", next(iter(defined.default_headers.values())))


@pytest.mark.parametrize(
    ("link_name", "said", "values"),
    [
        ("quickbooks", "4620816365181234567", {"realm_id": "4620816365181234567"}),
        ("salesforce", "https://acme.my.salesforce.com", {"my_domain": "acme"}),
        ("salesforce", "https://Acme-De.my.salesforce.com/", {"my_domain": "acme-de"}),
        ("salesforce_sandbox", "https://acme--uat.sandbox.my.salesforce.com", {"my_domain": "acme--uat"}),
        ("wrike", "app-eu.wrike.com", {"host": "app-eu"}),
        ("teamwork", "https://acme.teamwork.com/", {"site": "acme"}),
        ("bigcommerce", "stores/abc123xyz", {"store_hash": "abc123xyz"}),
        ("pipedrive", "https://acme.pipedrive.com", {"company": "acme"}),
    ],
)
def test_what_a_service_tells_fills_its_address(link_name: str, said: str, values: dict[str, str]) -> None:
    """As the vendors' pages show the callback and the token answer (November 2026)."""
    variable = entry_of(loader.OWN_FOLDER / f"{link_name}.toml").defined.variables[0]
    assert variable["from"]
    assert target.values_of(variable, target.read_value(variable, said, is_host=True)) == values


@pytest.mark.parametrize("link_name", ["zoho", "zoho_crm", "zoho_desk"])
def test_zoho_has_every_data_centre_and_its_own_prefix(link_name: str) -> None:
    entry = entry_of(loader.OWN_FOLDER / f"{link_name}.toml")
    (variable,), (config,) = entry.defined.variables, configs_of(entry)
    assert variable["choices"] == list(ZOHO_DATA_CENTRES)
    assert variable["follow"].get("api_domain", ZOHO_DATA_CENTRES) == ZOHO_DATA_CENTRES
    assert config["token_prefix"] == "Zoho-oauthtoken"
    assert config["scope_separator"] == ","
    assert config["authorize_params"] == {"access_type": "offline", "prompt": "consent"}


@pytest.mark.parametrize("path", sorted(loader.OWN_FOLDER.glob("zoho*.toml")), ids=lambda path: path.stem)
def test_zohos_callback_names_the_data_centre(path: Path) -> None:
    codes = ("us", "eu", "in", "au", "jp", "ca", "sa", "uk", "cn", "ae")
    variable = next(each for each in entry_of(path).defined.variables if each["name"] == "domain")
    assert variable["callback"] == {
        "location": dict(zip(codes, ZOHO_DATA_CENTRES, strict=True)),
        "accounts-server": {f"https://accounts.{domain}": domain for domain in ZOHO_DATA_CENTRES},
    }


@pytest.mark.parametrize("path", sorted(loader.OWN_FOLDER.glob("zoho*.toml")), ids=lambda path: path.stem)
def test_a_grant_of_zohos_is_revoked_where_its_tokens_come_from(path: Path) -> None:
    for config in configs_of(entry_of(path)):
        assert config["revoke_url"] == f"{config['token_url']}/revoke"


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
