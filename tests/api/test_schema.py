"""The API does what its description says, whatever is sent: schemathesis is the judge, every check on.

Briefly that is the bounds of every field, one after the other. With ``SCHEMA_EXAMPLES``, as `make schema`
sets it, so many requests are made up for each operation besides, and chains of them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.conftest import PASSWORD
from tests.server import ROOT, Server

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "0"))
PHASES = "examples,coverage,fuzzing,stateful" if EXAMPLES else "examples,coverage"
EMAIL = "ada@example.com"
THERE = "desk"
SERVICE = {
    "name": "Desk",
    "link_name": THERE,
    "auth_type": "oauth2",
    "base_url": "http://127.0.0.1:9/desk",
    "oauth2": {
        "authorize_url": "http://127.0.0.1:9/authorize",
        "token_url": "http://127.0.0.1:9/token",
        "scopes": [{"name": "read"}],
    },
}
CONNECTION = {
    "service": "practice_api_key",
    "name": "Desk",
    "link_name": THERE,
    "credentials": {"X-Api-Key": "practice-key-desk"},
}


@pytest.fixture
def api(server: Server) -> requests.Session:
    """An administrator's, so that no right is wanting. A service, a connection and a call are there."""
    server.add_person(EMAIL, "administrator", PASSWORD)
    session = requests.Session()
    token = server.issue_token(EMAIL, "--scope", "invoke", "--scope", "manage")
    session.headers["Authorization"] = f"Bearer {token}"
    for name, body in (("services", SERVICE), ("connections", CONNECTION)):
        made = session.post(f"{server.url}/api/v1/{name}", json=body, timeout=30)
        assert made.status_code == 201, made.text
    assert session.get(f"{server.url}/invoke/{THERE}/me", timeout=30).status_code == 200
    return session


def own_ids(server: Server, api: requests.Session) -> str:
    """Of the person and of the token that ask."""
    lists = [api.get(f"{server.url}/api/v1/{name}", timeout=30).json() for name in ("people", "tokens")]
    return " ".join(row["id"] for found in lists for row in found["items"])


@pytest.mark.peer
def test_answers_as_its_description_says(server: Server, api: requests.Session, tmp_path: Path) -> None:
    hooks = {
        "SCHEMATHESIS_HOOKS": f"{ROOT}/tests/api/schema_hooks.py",
        "SCHEMA_KEEPS": own_ids(server, api),
        "SCHEMA_FINDS": THERE,
    }
    told = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", ROOT / "schemathesis.toml", "run"),
            *(f"{server.url}/api/v1/openapi.json", "-H", f"Authorization: {api.headers['Authorization']!s}"),
            *("--checks", "all", "--phases", PHASES, "--max-examples", str(EXAMPLES or 1), "--workers", "2"),
            *("--generation-deterministic", "--continue-on-failure", "--no-color"),
        ],
        cwd=tmp_path,
        env=os.environ | hooks,
        capture_output=True,
        text=True,
        check=False,
        timeout=400 + 60 * EXAMPLES,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    described = api.get(f"{server.url}/api/v1/openapi.json", timeout=30).json()["paths"]
    assert f"Tested: {sum(len(methods) for methods in described.values())}" in told.stdout
