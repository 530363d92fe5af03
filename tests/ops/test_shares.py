"""Connections to PostgreSQL: whatever is set, those of all processes together fit."""

import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from config import shares
from invoke.management import preparation
from tests.server import Installation, Server

on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own")
COMMANDS = shares.COMMANDS * (shares.OF_A_COMMAND.pooled + shares.OF_A_COMMAND.readers)


@given(most=st.integers(1, 10000), processes=st.integers(1, 64))
def test_the_shares_of_all_processes_fit(most: int, processes: int) -> None:
    with suppress(ImproperlyConfigured):
        share = shares.of_a_web_process(most, processes)
        assert share.readers >= 1
        assert share.pooled >= 4
        assert processes * (share.pooled + share.readers + shares.PROBES) + COMMANDS <= most


@pytest.mark.parametrize("processes", [1, 2, 4, 8, 12])
def test_up_to_twelve_processes_fit_what_postgresql_takes_by_default(processes: int) -> None:
    assert shares.of_a_web_process(90, processes).pooled >= 4


def test_too_many_processes_are_refused_in_a_sentence() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        shares.of_a_web_process(90, 32)
    assert str(refused.value) == (
        "DATABASE_MAX_CONNECTIONS: 90 are too few for WEB_WORKERS=32: each web process takes 7 at least, the "
        "worker and commands 6. Raise it to 230, and max_connections of PostgreSQL with it, or lower "
        "WEB_WORKERS."
    )


# --- At the start -------------------------------------------------------------------------------------
@on_postgres
def test_the_start_says_how_many_it_opens(db: None, settings: Settings) -> None:
    said: list[str] = []
    preparation.count_connections(say=said.append)
    assert said == ["At most 90 connections to PostgreSQL are opened, of the 197 that it takes."]


@on_postgres
def test_the_start_refuses_more_than_postgresql_takes(db: None, settings: Settings) -> None:
    settings.DATABASE_MAX_CONNECTIONS = 198
    with pytest.raises(CommandError, match="may be opened, and PostgreSQL takes 197"):
        preparation.count_connections(say=pytest.fail)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own")
def test_sqlite_counts_none(db: None, settings: Settings) -> None:
    settings.DATABASE_MAX_CONNECTIONS = 100000
    preparation.count_connections(say=pytest.fail)


# --- A process with the least share, and more to do than connections ------------------------------------
@pytest.fixture
def narrow(installation: Installation, tmp_path: Path) -> Generator[Server]:
    """A web process that may hold five connections, beside those of the probes."""
    running = installation.serve(tmp_path / "narrow", DATABASE_MAX_CONNECTIONS="13", WEB_WORKERS="1")
    yield running
    running.stop()


@pytest.fixture
def headers(narrow: Server) -> dict[str, str]:
    narrow.add_person("ada@example.com", "administrator", "correct horse battery staple")
    token = narrow.issue_token("ada@example.com", "--scope", "invoke", "--scope", "manage")
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def beside(narrow: Server) -> Generator[psycopg.Connection[Any]]:
    """A connection of the test's own to the server's database."""
    with closing(psycopg.connect(narrow.environment["DATABASE_URL"], autocommit=True)) as held:
        yield held


@on_postgres
def test_more_requests_than_connections_wait_their_turn(
    narrow: Server, headers: dict[str, str], beside: psycopg.Connection[Any]
) -> None:
    most, is_over = [0], threading.Event()

    def count() -> None:
        while not is_over.wait(0.005):
            found = beside.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ).fetchone()
            assert found
            most[0] = max(most[0], found[0] - 1)

    def ask(number: int) -> int:
        path = "/api/v1/people" if number % 2 else f"/invoke/nothing/{number}"
        return requests.get(f"{narrow.url}{path}", headers=headers, timeout=30).status_code

    counting = threading.Thread(target=count)
    counting.start()
    try:
        with ThreadPoolExecutor(40) as callers:
            answered = list(callers.map(ask, range(200)))
    finally:
        is_over.set()
        counting.join()
    assert set(answered) == {200, 404}
    assert 3 <= most[0] <= 5 + shares.OF_A_COMMAND.pooled  # the worker has its own


@on_postgres
def test_what_finds_no_free_connection_is_told_so(
    narrow: Server, headers: dict[str, str], beside: psycopg.Connection[Any]
) -> None:
    """Four requests hold the four pooled connections, and wait for a table that is locked."""
    address, told = f"{narrow.url}/api/v1/services", list[requests.Response]()

    def ask(_: int) -> int:
        answer = requests.get(address, headers=headers, timeout=30)
        if answer.status_code != 200:
            told.append(answer)
        return answer.status_code

    with ThreadPoolExecutor(9) as callers:
        with beside.transaction():
            beside.execute("LOCK TABLE services_service IN ACCESS EXCLUSIVE MODE")
            answers = callers.map(ask, range(9))
            until = time.monotonic() + 20
            while len(told) < 5:
                assert time.monotonic() < until
                time.sleep(0.05)
        assert sorted(answers) == [200] * 4 + [503] * 5
    assert {answer.json()["code"] for answer in told} == {"database_unavailable"}
    assert all(answer.headers["Retry-After"] for answer in told)
