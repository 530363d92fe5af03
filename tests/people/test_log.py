"""The log: a line each, no query, no link, no local variable (K3, J6)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from people.logs import LINKS
from tests.people.crawl import routes

WRITES = """
import django; django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
import logging, structlog
client = Client(headers={"host": "localhost:8000"}, raise_request_exception=False)
client.get("/accounts/login/?next=/&password=canary-query")
client.get("/welcome/canary-link/?x=canary-query")
client.post("/set-password/canary-link/", {"password": "canary-body"})
client.get("/no/such/page\\r\\nforged/\\x1b[31m\\u2028line")
Client(headers={"host": "evil.example\\r\\nforged"}).get("/")

def crash(secret):
    raise RuntimeError("crashed on the way to /authorize/canary-link/")

for log in (logging.getLogger("stdlib"), structlog.get_logger("structlog")):
    try:
        crash("canary-" + "local")
    except RuntimeError:
        log.exception("failed\\nforged")
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path_factory.mktemp("log")),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE": "sqlite",
        "LOG_JSON": "on",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WRITES],
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def requests(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["logger"] == "switchboard.access"]


def test_a_request_is_one_line_with_method_path_status_and_time(lines: list[dict[str, Any]]) -> None:
    first = requests(lines)[0]
    assert (first["method"], first["path"], first["status"]) == ("GET", "/accounts/login/", 200)
    assert isinstance(first["ms"], int)
    assert first["request_id"]


def test_holds_no_query_no_body_no_link_and_no_local_variable(lines: list[dict[str, Any]]) -> None:
    text = json.dumps(lines)
    for canary in ("canary-query", "canary-body", "canary-link", "canary-local"):
        assert canary not in text


def test_nothing_that_a_caller_sends_makes_a_traceback(lines: list[dict[str, Any]]) -> None:
    loggers = {line["logger"] for line in lines if "exception" in line}
    assert loggers == {"stdlib", "structlog"}


def test_nothing_that_a_caller_sends_forges_a_line(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        for key, value in line.items():
            if isinstance(value, str) and key != "exception":
                assert value.isprintable(), (key, value)


def test_masks_the_links_of_every_address_that_holds_one() -> None:
    for route in routes():
        if "token>" in route and "tokens/" not in route:
            assert LINKS.search("/" + route.replace("<str:token>", "canary")), route
