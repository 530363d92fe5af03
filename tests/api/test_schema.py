"""The API does what its description says, whatever is sent: schemathesis is the judge, every check on.

``SCHEMA_EXAMPLES`` is how many requests it makes up for each operation: `make schema` takes many.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.conftest import PASSWORD
from tests.server import ROOT, Server

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "2"))
PHASES = "examples,coverage,fuzzing,stateful" if EXAMPLES > 2 else "examples,coverage,fuzzing"
EMAIL = "ada@example.com"


@pytest.fixture
def token(server: Server) -> str:
    """Of an administrator: nothing is refused for want of a right."""
    server.add_person(EMAIL, "administrator", PASSWORD)
    return server.issue_token(EMAIL, "--scope", "invoke", "--scope", "manage")


@pytest.fixture
def kept(server: Server, token: str) -> str:
    """The ids of that person and that token."""
    lists = [
        requests.get(f"{server.url}/api/v1/{name}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        for name in ("people", "tokens")
    ]
    return " ".join(row["id"] for answer in lists for row in answer.json()["items"])


@pytest.fixture
def connection(server: Server, token: str) -> str:
    """One to be found: what it makes up itself is seldom whole."""
    asked = {"service": "practice_api_key", "name": "Desk", "credentials": {"X-Api-Key": "practice-key-1"}}
    address = f"{server.url}/api/v1/connections"
    answer = requests.post(address, json=asked, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["link_name"])


@pytest.mark.peer
def test_answers_as_its_description_says(
    server: Server, token: str, kept: str, connection: str, tmp_path: Path
) -> None:
    told = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", ROOT / "schemathesis.toml", "run"),
            *(f"{server.url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}"),
            *("--checks", "all", "--phases", PHASES, "--max-examples", str(EXAMPLES), "--workers", "2"),
            *("--seed", "1", "--generation-deterministic", "--continue-on-failure", "--no-color"),
        ],
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": f"{ROOT}/tests/api/schema_hooks.py", "SCHEMA_KEEPS": kept},
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + 60 * EXAMPLES,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    described = requests.get(f"{server.url}/api/v1/openapi.json", timeout=30).json()["paths"]
    assert f"Tested: {sum(len(methods) for methods in described.values())}" in told.stdout
