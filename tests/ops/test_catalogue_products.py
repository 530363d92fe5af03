"""What a scope is for can be called with it: the hosts of each product whose scopes an entry offers.

A family shares one sign-in, and has an entry for all of it beside those of its products. Where a product
answers was taken from its vendor's pages in November 2026.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from pytest_django import Settings

from connections import operations
from connections.models import Connection, Grant
from outbound import guard
from people.actor import Actor
from people.models import User
from services import loader, target
from services.auth_types.oauth2 import OAuth2
from services.loader import Entry
from services.models import Service

SIGN_IN = "sign-in"
FILES = "download.{domain} download-accl.{domain} upload.{domain} upload-accl.{domain} files.{domain}"
APIS = "www.{api_domain}"
AT_APIS = """ZohoCRM ZohoBigin ZohoBooks ZohoInvoice ZohoInventory ZohoSubscriptions ZohoExpense ZohoPayroll
ZohoWriter ZohoPC ZohoSearch zohobookings zohobackstage"""
BUSINESS = (
    "accountmanagement",
    "businessinformation",
    "lodging",
    "notifications",
    "placeactions",
    "verifications",
)


@dataclass(frozen=True, slots=True)
class Family:
    """``product_of`` a scope; ``hosts`` of each product, of which an entry with that scope has all. None: the
    scope is for whatever the entry calls."""

    authorize_host: str
    umbrella: str
    product_of: Callable[[str], str]
    hosts: Mapping[str, str]


def first_word(scope: str) -> str:
    """``Desk.tickets.READ`` is of Desk."""
    return scope.partition(".")[0]


def google_product(scope: str) -> str:
    """``https://www.googleapis.com/auth/drive.file`` is of drive."""
    if scope in {"openid", "email", "profile"} or scope.rpartition("/")[2].startswith("userinfo."):
        return SIGN_IN
    if scope == "https://mail.google.com/":
        return "gmail"
    return first_word(scope.removeprefix("https://www.googleapis.com/auth/"))


def microsoft_product(scope: str) -> str:
    """The address in front of a scope; without one it is Microsoft Graph's."""
    if scope in {"openid", "email", "profile", "offline_access"}:
        return SIGN_IN
    if re.fullmatch(r"\.default|([A-Z][\w-]*\.)+[\w.-]+", scope):
        return "https://graph.microsoft.com"
    return scope.rpartition("/")[0]


def atlassian_product(scope: str) -> str:
    """``read:jira-user``, ``read:comment.property:jira`` and ``search:confluence`` name their product."""
    found = re.search("jira|confluence|servicedesk", scope)
    return found[0] if found else scope


def intuit_product(scope: str) -> str:
    """``com.intuit.quickbooks.payroll.benefits`` is QuickBooks' own, ``payroll.compensation.read`` is not."""
    if scope in {"openid", "email", "profile", "phone", "address"}:
        return SIGN_IN
    if scope.startswith("com.intuit.quickbooks."):
        return ".".join(scope.split(".")[:4])
    return first_word(scope)


ZOHO = Family(
    "accounts.{domain}",
    "zoho",
    first_word,
    dict.fromkeys(AT_APIS.split(), APIS)
    | {
        "AaaServer": "accounts.{domain}",
        "Desk": "desk.{domain}",
        "PageSense": "pagesense.{domain}",
        "SalesIQ": "salesiq.{domain}",
        "WorkDrive": f"{APIS} workdrive.{{domain}} {FILES}",
        "ZOHOPEOPLE": "people.{domain}",
        "Zoho": "cliq.{domain}",  # Zoho.Channels
        "ZohoAnalytics": "analyticsapi.{domain}",
        "ZohoAssist": "assist.{domain}",
        "ZohoBugTracker": "bugtracker.{domain}",
        "ZohoCalendar": "calendar.{domain}",
        "ZohoCampaigns": "campaigns.{domain}",
        "ZohoCatalyst": "api.catalyst.{domain}",
        "ZohoCliq": "cliq.{domain}",
        "ZohoCommerce": "commerce.{domain}",
        "ZohoContracts": "contracts.{domain}",
        "ZohoCreator": f"{APIS} creator.{{domain}}",
        "ZohoFSM": "fsm.{domain}",
        "ZohoFiles": FILES,
        "ZohoForms": "forms.{domain}",
        "ZohoLearn": "learn.{domain}",
        "ZohoMail": "mail.{domain}",
        "ZohoMarketingAutomation": "marketingautomation.{domain}",
        "ZohoMeeting": "meeting.{domain}",
        "ZohoPay": "payments.{domain}",
        "ZohoProjects": "projectsapi.{domain}",
        "ZohoRecruit": "recruit.{domain}",
        "ZohoSheet": "sheet.{domain}",
        "ZohoShifts": "shifts.{domain}",
        "ZohoSign": "sign.{domain}",
        "ZohoSprints": "sprintsapi.{domain}",
        "ZohoSurvey": "survey.{domain}",
        "ZohoVault": "vault.{domain}",
        "ZohoVoice": "voice.{domain}",
        "ZohoWorkerly": "www.workerly.{domain}",
        "zohopulse": "connect.{domain}",
    },
)
GOOGLE = Family(
    "accounts.google.com",
    "google",
    google_product,
    {
        SIGN_IN: "openidconnect.googleapis.com",
        "admin": "admin.googleapis.com",
        "adwords": "googleads.googleapis.com",
        "analytics": "analyticsdata.googleapis.com analyticsadmin.googleapis.com www.googleapis.com",
        "androidpublisher": "androidpublisher.googleapis.com",
        "bigquery": "bigquery.googleapis.com",
        "blogger": "blogger.googleapis.com",
        "books": "books.googleapis.com",
        "business": "businessprofileperformance.googleapis.com mybusiness.googleapis.com "
        + " ".join(f"mybusiness{name}.googleapis.com" for name in BUSINESS),
        "calendar": "www.googleapis.com",
        "chat": "chat.googleapis.com",
        "cloud-language": "language.googleapis.com",
        "cloud-platform": "",
        "cloud-translation": "translation.googleapis.com",
        "contacts": "people.googleapis.com",
        "datastore": "firestore.googleapis.com",
        "devstorage": "storage.googleapis.com",
        "directory": "people.googleapis.com",
        "documents": "docs.googleapis.com",
        "drive": "www.googleapis.com",
        "ediscovery": "vault.googleapis.com",
        "firebase": "firebase.googleapis.com",
        "forms": "forms.googleapis.com",
        "gmail": "gmail.googleapis.com",
        "googlehealth": "health.googleapis.com",
        "meetings": "meet.googleapis.com",
        "presentations": "slides.googleapis.com",
        "profile": "people.googleapis.com",
        "spreadsheets": "sheets.googleapis.com",
        "tasks": "tasks.googleapis.com",
        "user": "people.googleapis.com",
        "webmasters": "www.googleapis.com searchconsole.googleapis.com",
        "youtube": "www.googleapis.com",
        "youtubepartner": "www.googleapis.com",
        "youtubepartner-channel-audit": "www.googleapis.com",
    },
)
MICROSOFT = Family(
    "login.microsoftonline.com",
    "microsoft",
    microsoft_product,
    {
        SIGN_IN: "",
        "https://analysis.windows.net/powerbi/api": "api.powerbi.com api.fabric.microsoft.com",
        "https://api.businesscentral.dynamics.com": "api.businesscentral.dynamics.com",
        "https://dynamics.microsoft.com": "{org}.{region}.dynamics.com",
        "https://graph.microsoft.com": "graph.microsoft.com",
        "https://management.azure.com": "management.azure.com",
        "https://storage.azure.com": "{account_name}.blob.core.windows.net",
    },
)
ATLASSIAN = Family(
    "auth.atlassian.com",
    "atlassian",
    atlassian_product,
    dict.fromkeys(("read:me", "jira", "confluence", "servicedesk"), "api.atlassian.com")
    | {"offline_access": ""},
)
INTUIT = Family(
    "appcenter.intuit.com",
    "intuit",
    intuit_product,
    {
        SIGN_IN: "accounts.platform.intuit.com",
        "com.intuit.quickbooks.accounting": "quickbooks.api.intuit.com",
        "com.intuit.quickbooks.payment": "api.intuit.com",
        "com.intuit.quickbooks.payroll": "quickbooks.api.intuit.com",
    }
    | dict.fromkeys(
        ("app-foundations", "indirect-tax", "payroll", "project-management"), "qb.api.intuit.com"
    ),
)
FAMILIES = (ZOHO, GOOGLE, MICROSOFT, ATLASSIAN, INTUIT)


@lru_cache
def entry_of(link_name: str) -> Entry:
    path = loader.OWN_FOLDER / f"{link_name}.toml"
    return loader.parse(path.read_text(encoding="utf-8"), link_name=link_name)


def scopes_of(link_name: str) -> list[str]:
    return [
        scope["name"]
        for auth in entry_of(link_name).defined.auths
        if isinstance(auth.auth_type, OAuth2)
        for scope in auth.config["scopes"]
    ]


def hosts_of(link_name: str) -> set[str]:
    return set(entry_of(link_name).defined.hosts)


def members_of(family: Family) -> list[str]:
    """The link names of the entries whose people sign in at the family's address."""
    there = f'\nauthorize_url = "https://{family.authorize_host}/'
    files = sorted(loader.OWN_FOLDER.glob("*.toml"))
    return [path.stem for path in files if there in path.read_text(encoding="utf-8")]


def missing_in(family: Family, scopes: list[str], hosts: set[str]) -> dict[str, set[str]]:
    """What the products of the scopes need and cannot have, by product; all of one that nobody knows."""
    products = {family.product_of(scope) for scope in scopes}
    needed = {product: set(family.hosts.get(product, "nobody knows").split()) for product in products}
    return {product: wanted - hosts for product, wanted in needed.items() if wanted - hosts}


MEMBERS = [pytest.param(family, name, id=name) for family in FAMILIES for name in members_of(family)]


@pytest.mark.parametrize(("family", "link_name"), MEMBERS)
def test_each_product_whose_scopes_an_entry_offers_can_be_called(family: Family, link_name: str) -> None:
    assert missing_in(family, scopes_of(link_name), hosts_of(link_name)) == {}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.umbrella)
def test_an_entry_for_all_calls_what_the_entries_of_its_products_call(family: Family) -> None:
    def own(link_name: str) -> set[str]:
        """Without what is for signing in, or for anything; Zoho takes a scope in any case."""
        plain = {SIGN_IN} | {product for product, hosts in family.hosts.items() if not hosts}
        return {scope.lower() for scope in scopes_of(link_name) if family.product_of(scope) not in plain}

    offered = own(family.umbrella)
    within = [name for name in members_of(family) if own(name) and own(name) <= offered]
    missing = {name: hosts_of(name) - hosts_of(family.umbrella) for name in within}
    assert family.umbrella in within
    assert {name: hosts for name, hosts in missing.items() if hosts} == {}


def test_the_entry_for_all_of_zoho_offers_what_each_of_its_products_does() -> None:
    offered = {scope.lower() for scope in scopes_of("zoho")}
    products = [name for name in members_of(ZOHO) if name != "zoho"]
    others = {name: {scope.lower() for scope in scopes_of(name)} - offered for name in products}
    assert len(products) >= 44
    assert {name: scopes for name, scopes in others.items() if scopes} == {}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.umbrella)
def test_a_scope_of_a_product_without_hosts_is_found(family: Family) -> None:
    assert missing_in(family, ["https://elsewhere.example/unheard"], hosts_of(family.umbrella))
    known = scopes_of(family.umbrella)
    assert missing_in(family, known, set())


@pytest.mark.parametrize(
    ("data_centre", "url"),
    [
        ("zoho.com", "https://www.zohoapis.com/crm/v8/org"),
        ("zoho.eu", "https://content.zohoapis.eu/crm/v8/upload"),
        ("zoho.eu", "https://download.zoho.eu/v1/workdrive/download/abc"),
        ("zoho.in", "https://download-accl.zoho.in/v2/crm/1/bulk-write/2/2.zip"),
        ("zohocloud.ca", "https://upload.zohocloud.ca/workdrive-api/v1/stream/upload"),
        ("zohocloud.ca", "https://www.zohoapis.ca/books/v3/organizations"),
        ("zoho.sa", "https://files.zoho.sa/v1/workdrive/download/abc"),
        ("zoho.ae", "https://files.zoho.ae/v1/workdrive/download/abc"),
        ("zoho.com.au", "https://mail.zoho.com.au/api/accounts"),
        ("zoho.jp", "https://people.zoho.jp/people/api/forms"),
        ("zoho.uk", "https://projectsapi.zoho.uk/api/v3/portals"),
        ("zohocloud.ca", "https://sign.zohocloud.ca/api/v1/requests"),
        ("zoho.com.cn", "https://recruit.zoho.com.cn/recruit/v2/Candidates"),
    ],
)
def test_zohos_products_are_reached_in_each_data_centre(data_centre: str, url: str) -> None:
    defined = entry_of("zoho").defined
    (variable,) = defined.variables
    values = target.values_of(variable, data_centre)
    hosts = [re.sub(r"\{(\w+)\}", lambda match: values[match[1]], host) for host in defined.hosts]
    assert guard.destination(url, hosts=hosts).url == url


def test_hosts_taken_over_end_no_grant_of_zohos(
    owner: User, administrator: User, tmp_path: Path, settings: Settings
) -> None:
    """From an entry with six hosts, as it was, to the one that is there."""
    settings.CATALOGUE_DIR = str(tmp_path)
    text = (loader.OWN_FOLDER / "zoho.toml").read_text(encoding="utf-8")
    six = ", ".join(f'"{name}.{{domain}}"' for name in ("accounts", "desk", "salesiq", "commerce", "cliq"))
    few = re.sub(
        r"^hosts = \[.*?\]$", f'hosts = ["{APIS}", {six}]', text, count=1, flags=re.MULTILINE | re.DOTALL
    )
    (tmp_path / "zoho.toml").write_text(few, encoding="utf-8")
    loader.load(folders=(tmp_path,))
    service = Service.objects.get(link_name="zoho")
    variables = target.values_of(service.variables[0], "zoho.eu")
    auth = service.auths.get()
    connection = Connection.objects.create(
        auth=auth, name="x", link_name="x", created_by=owner, variables=variables
    )
    grant = Grant.objects.create(connection=connection, user=owner, state=Grant.State.ACTIVE)
    (tmp_path / "zoho.toml").write_text(text, encoding="utf-8")

    assert loader.load(folders=(tmp_path,)).waiting == ["zoho"]
    taken = operations.take_over_newer(actor=Actor.of(administrator), service=service, confirm="zoho")

    assert "download.{domain}" in taken.added_hosts
    grant.refresh_from_db()
    assert grant.state == Grant.State.ACTIVE
    auth = Service.objects.get(link_name="zoho").auths.get()
    assert "mail.zoho.eu" in target.of(auth, connection.variables).hosts
