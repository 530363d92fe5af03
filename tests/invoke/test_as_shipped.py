"""The server in processes of its own: what one of them changes, the others heed at the next call."""

import re
import signal
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.connections import provider as providers
from tests.connections.provider import Provider
from tests.server import Installation, Server

ADMINISTRATOR = "ada@example.com"
PASSWORD = "correct horse battery staple"
S = 10


def call(server: Server, token: str, path: str, **options: Any) -> requests.Response:
    method = options.pop("method", "GET")
    return requests.request(
        method, f"{server.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=S, **options
    )


@pytest.fixture
def beside(server: Server, installation: Installation, tmp_path: Path) -> Generator[Server]:
    """A second server on the same database."""
    shared = {name: server.environment[name] for name in ("DATABASE_URL", "SECRET_KEY", "CREDENTIAL_KEYS")}
    running = installation.serve(tmp_path / "beside", **shared)
    yield running
    running.stop()


@pytest.fixture
def token(server: Server) -> str:
    server.add_person(ADMINISTRATOR, "administrator", PASSWORD)
    return server.issue_token(ADMINISTRATOR, "--scope", "invoke", "--scope", "manage")


@pytest.fixture
def practised(server: Server, token: str) -> str:
    """A connection to the Practice service that takes a key; its link name."""
    made = call(
        server,
        token,
        "/api/v1/connections",
        method="POST",
        json={
            "service": "practice_api_key",
            "name": "Trial",
            "link_name": "trial",
            "credentials": {"X-Api-Key": "practice-key-ada"},
        },
    )
    assert made.status_code == 201, made.text
    return "trial"


def listed_calls(server: Server, token: str) -> set[str]:
    """The ids on record, a second later at the latest."""
    for _ in range(20):
        items = call(server, token, "/api/v1/connections/trial/calls").json()["items"]
        if len(items) > 1:
            break
        threading.Event().wait(0.05)
    return {entry["id"] for entry in items}


def test_a_practice_service_answers_at_our_own_listener(server: Server, token: str, practised: str) -> None:
    got = call(server, token, "/invoke/trial/me")
    assert (got.status_code, got.headers["Switchboard-Source"]) == (200, "upstream"), got.text
    tested = call(server, token, "/api/v1/connections/trial/test", method="POST")
    assert tested.json()["ok"] is True, tested.text
    assert got.headers["Switchboard-Call"] in listed_calls(server, token)
    assert "Traceback" not in server.log


def test_a_token_revoked_at_one_process_is_refused_by_the_other(
    server: Server, beside: Server, token: str, practised: str
) -> None:
    """G4."""
    victim = server.issue_token(ADMINISTRATOR, name="victim")
    for one in (server, beside):
        assert call(one, victim, "/invoke/nothing/x").status_code == 404
    listed = call(server, token, "/api/v1/tokens").json()["items"]
    row = next(entry for entry in listed if entry["name"] == "victim")
    assert call(server, token, f"/api/v1/tokens/{row['id']}", method="DELETE").status_code in {200, 204}
    for one in (beside, server):
        assert call(one, victim, "/invoke/nothing/x").status_code == 401


def test_reads_through_our_own_connection_what_the_token_itself_may_read(server: Server, token: str) -> None:
    browser = requests.Session()
    page = browser.get(f"{server.url}/accounts/login/", timeout=S).text
    hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert hidden
    form = {"login": ADMINISTRATOR, "password": PASSWORD, "csrfmiddlewaretoken": hidden[1]}
    assert browser.post(f"{server.url}/accounts/login/", form, timeout=S).status_code == 200
    narrowed = [
        server.issue_token(ADMINISTRATOR, "--scope", "invoke"),
        server.issue_token(ADMINISTRATOR, "--scope", "invoke", "--connection", "switchboard"),
        server.issue_token(
            ADMINISTRATOR, "--scope", "invoke", "--scope", "manage", "--connection", "switchboard"
        ),
    ]
    for path in ("people", "audit", "services/switchboard", "connections"):
        made = call(server, token, f"/invoke/switchboard/{path}")
        assert (made.status_code, made.headers["Switchboard-Source"]) == (200, "upstream"), made.text
        task = {"connection": "switchboard", "url": f"/{path}"}
        for text in narrowed:
            refused = call(server, text, f"/invoke/switchboard/{path}")
            assert (refused.status_code, refused.json()["code"]) == (403, "token_not_allowed")
            refused = call(server, text, "/invoke", method="POST", json=task)
            assert (refused.status_code, refused.json()["code"]) == (403, "token_not_allowed")


def test_guesses_are_counted_over_both_processes(server: Server, beside: Server, token: str) -> None:
    """G5."""
    statuses = [
        call(one, f"swb_{number}", "/invoke/x/y").status_code
        for number in range(31)
        for one in (server, beside)
    ]
    assert statuses == [401] * 60 + [429] * 2
    assert call(beside, token, "/invoke/nothing/x").status_code == 404


# --- An end in the middle -----------------------------------------------------------------------------------
def robot(server: Server, token: str, provider: Provider) -> None:
    """A connection whose token is fetched by its first call."""
    service = {
        "name": "Robot",
        "link_name": "robot",
        "auth_type": "oauth2",
        "param_type": "header",
        "base_url": f"{provider.url}/api",
        "oauth2": {
            "grant_type": "client_credentials",
            "token_url": f"{provider.url}/token",
            "client_id": "our-app",
            "client_secret": "our-app-secret",
        },
    }
    connection = {"service": "robot", "name": "Robot", "link_name": "robot"}
    for path, data in (("services", service), ("connections", connection)):
        made = call(server, token, f"/api/v1/{path}", method="POST", json=data)
        assert made.status_code == 201, made.text


def test_a_refresh_under_way_is_waited_for_at_the_end(server: Server, token: str) -> None:
    with providers.running() as provider:
        robot(server, token, provider)
        asked, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            asked.set()
            assert go_on.wait(20)

        provider.before_answering = hold
        with ThreadPoolExecutor(1) as caller:
            calling = caller.submit(call, server, token, "/invoke/robot/x")
            assert asked.wait(S)
            server.process.send_signal(signal.SIGTERM)
            wait([calling], timeout=S)  # calls have five seconds to end
        assert server.process.poll() is None
        provider.before_answering = lambda: None
        go_on.set()
        assert server.process.wait(S) in {0, -signal.SIGTERM}  # uvicorn raises it again, when all is done
        assert (
            server.run("invokeurl", "robot", "GET", "/x").returncode == 1
        )  # the API of this one knows nothing
        assert len(provider.asked()) == 1  # it was stored
        assert "Traceback" not in server.log
