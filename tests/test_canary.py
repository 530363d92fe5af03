"""One unique secret in every secret field, the whole story lived through, and then a search (checklist K1).

Nothing of them is in the log, on a page, in an answer of ours, in a command's output, in the audit trail or
in a dump of the database: not as it stands, not encoded.
"""

import os
import secrets as randomness
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import database
from tests.canary.customer import Customer
from tests.canary.search import forms, leaks
from tests.canary.service import CanaryService, running
from tests.server import Installation, Server

ADMINISTRATOR = "ada@example.com"
FIELDS = [
    "administrator_password",
    "wrong_password",
    "api_key",
    "second_api_key",
    "basic_password",
    "client_secret",
    "consumer_secret",
    "access_token_1",
    "refresh_token_1",
    "access_token_2",
    "refresh_token_2",
    "oauth1_temporary_secret",
    "oauth1_token",
    "oauth1_token_secret",
    "oauth1_temporary",
    "code",
    "verifier_of_oauth1",
    "endpoint_body",
    "call_body",
    "call_query",
    "call_header",
    "task_body",
]


@pytest.fixture(scope="module")
def secrets() -> dict[str, str]:
    # Signs that are written differently in URLs, JSON and HTML.
    return {name: f"canary.{name}+/=&<'{randomness.token_hex(12)}" for name in FIELDS}


@pytest.fixture(scope="module")
def service(secrets: dict[str, str]) -> Generator[CanaryService]:
    with running(secrets) as started:
        yield started


@pytest.fixture(scope="module")
def customer(
    installation: Installation,
    tmp_path_factory: pytest.TempPathFactory,
    secrets: dict[str, str],
    service: CanaryService,
) -> Generator[Customer]:
    """After the whole story."""
    data = tmp_path_factory.mktemp("canary") / "data"
    server = installation.serve(data, CALL_TIMEOUT_S="1", LOG_LEVEL="DEBUG")
    server.add_person(ADMINISTRATOR, "administrator", secrets["administrator_password"])
    token = server.issue_token(ADMINISTRATOR, "--scope", "invoke", "--scope", "manage")
    somebody = Customer(server, token)
    secrets["api_token"] = token
    sign_in(somebody, secrets)
    define(somebody, service, secrets)
    connect(somebody, service, secrets)
    call(somebody, service, secrets)
    look_around(somebody, secrets)
    yield somebody
    server.stop()


def sign_in(customer: Customer, secrets: dict[str, str]) -> None:
    customer.submit("/accounts/login/", login=ADMINISTRATOR, password=secrets["wrong_password"])
    answer = customer.submit(
        "/accounts/login/", login=ADMINISTRATOR, password=secrets["administrator_password"]
    )
    assert answer.status_code == 302


def define(customer: Customer, service: CanaryService, secrets: dict[str, str]) -> None:
    """A service of each type, OAuth clients among their fields."""
    common = {"base_url": f"{service.url}/api", "test": {"method": "GET", "path": "/me"}}
    oauth2 = {
        "authorize_url": f"{service.url}/authorize",
        "token_url": f"{service.url}/token",
        "revoke_url": f"{service.url}/revoke",
        "client_id": "canary-client",
        "client_secret": secrets["client_secret"],
    }
    oauth1 = {
        f"{name}_url": f"{service.url}/oauth1/{name.split('_')[0]}"
        for name in ("request_token", "access_token")
    }
    oauth1 |= {
        "authorize_url": f"{service.url}/authorize",
        "consumer_key": "canary-consumer",
        "consumer_secret": secrets["consumer_secret"],
    }
    keys = {"params": [{"key": "X-Key"}, {"key": "X-Second", "prefix": "Key "}]}
    for link_name, param_type, block in (
        ("key", "header", {"api_key": keys}),
        ("key_query", "query", {"api_key": {"params": [{"key": "key"}]}}),
        ("basic", "header", {}),
        ("oauth1", "header", {"oauth1": oauth1}),
        ("oauth2", "header", {"oauth2": oauth2}),
    ):
        kind = "api_key" if link_name.startswith("key") else link_name
        definition = common | block | {"auth_type": kind, "param_type": param_type, "name": link_name}
        made = customer.ask("POST", "/api/v1/services", definition | {"link_name": link_name})
        assert made.status_code == 201, made.text


def connect(customer: Customer, service: CanaryService, secrets: dict[str, str]) -> None:
    """A connection to each; two by redirect, which comes back as a browser brings it."""
    for link_name, credentials in (
        ("key", {"X-Key": secrets["api_key"], "X-Second": secrets["second_api_key"]}),
        ("key_query", {"key": secrets["api_key"]}),
        ("basic", {"username": "linus", "password": secrets["basic_password"]}),
        ("oauth1", None),
        ("oauth2", None),
    ):
        asked: dict[str, Any] = {"service": link_name, "name": link_name, "link_name": link_name}
        asked |= {"credentials": credentials} if credentials else {}
        made = customer.ask("POST", "/api/v1/connections", asked)
        assert made.status_code == 201, made.text
    travel(
        customer,
        "oauth1",
        oauth_token=secrets["oauth1_temporary"],
        oauth_verifier=secrets["verifier_of_oauth1"],
    )
    travel(customer, "oauth2", code=secrets["code"])
    verifiers = [asked["form"].get("code_verifier") for asked in service.seen]
    secrets["pkce_verifier"] = next(filter(None, verifiers))


def travel(customer: Customer, link_name: str, **params: str) -> None:
    """To the service and back."""
    page = customer.ask("POST", f"/api/v1/connections/{link_name}/connect", {}).json()["authorize_url"]
    departed = customer.submit(page)
    assert departed.status_code == 303, departed.text
    customer.shown.popitem()  # its Location is for the service: OAuth 1's temporary token stands there
    sent = parse_qs(urlsplit(departed.headers["Location"]).query)
    if "state" in sent:
        params["state"] = sent["state"][0]
    back = customer.browser.get(
        f"{customer.server.url}/oauth/callback/{link_name}", params=params, allow_redirects=False, timeout=20
    )
    assert back.status_code == 303, back.text
    customer.shown[f"callback of {link_name}"] = str(back.headers).encode() + back.content


def call(customer: Customer, service: CanaryService, secrets: dict[str, str]) -> None:
    """Calls that go well, are refused, fail, take too long, and are renewed."""
    for link_name in ("key", "key_query", "basic", "oauth1", "oauth2"):
        late = (("slow", 504),) if link_name in {"key_query", "oauth2"} else ()
        for path, status in (("me", 200), ("500", 500), ("drop", 502), *late):
            url = f"/invoke/{link_name}/{path}"
            answer = customer.ask(
                "POST" if path == "me" else "GET",
                url,
                params={"q": secrets["call_query"]},
                headers={"X-Own": secrets["call_header"]},
                data=secrets["call_body"],
            )
            assert answer.status_code == status, answer.text
    task = {"connection": "oauth2", "url": "/me", "type": "POST", "parameters": {"a": secrets["task_body"]}}
    assert customer.ask("POST", "/invoke", task).status_code == 200
    assert customer.ask("GET", "/invoke/oauth2/401").status_code == 401
    assert service.refreshes == 1
    assert "access_token_2" in {name for name, secret in secrets.items() if secret in str(service.seen[-1])}
    for state in ("down", "dead"):
        service.refusing = state
        customer.ask("GET", "/invoke/oauth2/401")
    for link_name in ("key", "oauth1"):
        customer.ask("POST", f"/api/v1/connections/{link_name}/test", {})
    customer.ask("POST", "/api/v1/connections/oauth1/revoke", {})
    customer.ask("POST", "/invoke", {"connection": "key", "url": secrets["task_body"], "type": "\x00"})
    customer.ask("POST", "/api/v1/connections/key/connect", {"credentials": {"X-Wrong": secrets["api_key"]}})
    customer.ask(
        "POST", "/api/v1/connections/key/connect", {"credentials": {"X-Key": secrets["api_key"] + "\n"}}
    )


def look_around(customer: Customer, secrets: dict[str, str]) -> None:
    """Every page, the API's lists and the command line."""
    assert customer.crawl("/connections/", "/services/?kind=custom", "/audit/", "/activity/", "/tokens/") > 30
    for path in (
        "services?kind=custom",
        "connections",
        "tokens",
        "audit?limit=200",
        "people",
        "openapi.json",
    ):
        assert customer.ask("GET", f"/api/v1/{path}").status_code == 200
    for link_name in ("key", "basic", "oauth1", "oauth2"):
        for path in (f"services/{link_name}", f"connections/{link_name}", f"connections/{link_name}/calls"):
            assert customer.ask("GET", f"/api/v1/{path}").status_code == 200
        assert customer.ask("GET", f"/api/v1/connections/{link_name}/snippets").status_code == 200
    customer.run("invokeurl", "key", "GET", "/me")
    customer.run("invokeurl", "oauth2", "GET", "/me", "--detailed")
    customer.run("invokeurl", "basic", "GET", "/drop")
    customer.run("dumpdata")
    customer.run("audit_verify")
    customer.run("check", "--deploy")


def dump(server: Server) -> bytes:
    """The whole database as text, and on SQLite its file too."""
    address = server.environment["DATABASE_URL"]
    if address.startswith("postgres"):
        command = [str(database.program("pg_dump")), "--inserts", address]
        return subprocess.run(
            command, capture_output=True, check=True, env={"PATH": os.environ["PATH"]}
        ).stdout
    path = address.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        text = "\n".join(connection.iterdump()).encode()
    files = [file.read_bytes() for file in Path(path).parent.glob("switchboard.sqlite3*")]
    return b"\n".join([text, *files])


def test_search_finds_a_secret_in_every_form() -> None:
    secret = "canary.x+/=&<'0123456789abcdef"
    for form in forms(secret):
        assert leaks({"it": secret}, {"a place": b"before " + form + b" after"}) == ["it in a place"]
    assert leaks({"it": secret}, {"a place": b"nothing of the kind"}) == []


def test_the_service_was_sent_what_it_should_be(
    customer: Customer, service: CanaryService, secrets: dict[str, str]
) -> None:
    """The search would find nothing, too, if nothing had happened."""
    sent = str(service.seen).encode()
    used = {name for name, secret in secrets.items() if any(form in sent for form in forms(secret))}
    assert used >= {"api_key", "second_api_key", "basic_password", "client_secret", "access_token_1"}
    assert used >= {"access_token_2", "refresh_token_1", "pkce_verifier", "oauth1_token", "code", "call_body"}


def test_no_answer_shows_a_secret(customer: Customer, secrets: dict[str, str]) -> None:
    assert len(customer.shown) > 100
    assert leaks(secrets, customer.shown) == []


def test_no_line_of_the_log_holds_a_secret(customer: Customer, secrets: dict[str, str]) -> None:
    log = customer.server.log
    assert "/oauth/callback/" in log
    assert "Traceback" not in log
    assert leaks(secrets, {"the log": log.encode()}) == []


def test_no_dump_of_the_database_holds_a_secret(customer: Customer, secrets: dict[str, str]) -> None:
    dumped = dump(customer.server)
    assert b"canary-client" in dumped
    keys = {name: customer.server.environment[name] for name in ("SECRET_KEY", "CREDENTIAL_KEYS")}
    assert leaks(secrets | keys, {"the database": dumped}) == []
