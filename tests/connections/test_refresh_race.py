"""B1 and B4 with real processes, on the database that this run uses."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from connections import grants
from connections.errors import AuthorizationRequired
from connections.models import Grant
from tests.connections.conftest import fresh, secrets_of
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 8

Process = subprocess.Popen[str]
Start = Callable[[Grant], Process]


@pytest.fixture
def start() -> Generator[Start]:
    """Starts a process that waits for the word to refresh; ends what is left of them."""
    started: list[Process] = []

    def begin(grant: Grant) -> Process:
        command = [sys.executable, "-m", "tests.connections.refreshing", str(grant.pk)]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def environment() -> dict[str, str]:
    """This run's own, with the database that its tests write to."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url(),
        "EGRESS_ALLOW": "127.0.0.0/8",
    }


def database_url() -> str:
    settings: dict[str, Any] = database.settings_dict
    if database.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return f"postgres://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"


def wait_until_ready(process: Process) -> None:
    assert process.stdout
    assert process.stdout.readline() == "ready\n", process.communicate()[1]


def tell(process: Process) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def test_refreshes_once_for_eight_processes(authorised: Grant, provider: Provider, start: Start) -> None:
    Grant.objects.filter(pk=authorised.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    processes = [start(authorised) for _ in range(PROCESSES)]
    for process in processes:
        wait_until_ready(process)
    for process in processes:
        tell(process)
    outcomes = [process.communicate(timeout=60) for process in processes]
    assert [said.strip() for said, _ in outcomes] == [str(authorised.version + 1)] * PROCESSES, outcomes
    assert provider.refreshes() == 1
    assert secrets_of(authorised) == {"access_token": "access-2", "refresh_token": provider.current}


def test_asks_for_a_person_after_a_holder_died_between_rotating_and_storing(
    authorised: Grant, provider: Provider, start: Start
) -> None:
    Grant.objects.filter(pk=authorised.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    holder = start(authorised)
    wait_until_ready(holder)
    provider.before_answering = holder.kill
    tell(holder)
    with contextlib.suppress(BrokenPipeError):
        holder.communicate(timeout=60)
    assert holder.returncode < 0
    assert secrets_of(authorised)["refresh_token"] == "refresh-1"
    assert fresh(authorised).claimed_by
    later = timezone.now() + grants.LEASE
    with pytest.raises(AuthorizationRequired, match="cut short"):
        grants.refresh(authorised.pk, now=later)
    assert provider.refreshes() == 2


def test_a_worker_that_is_told_to_stop_stores_what_it_has_asked_for(
    authorised: Grant, provider: Provider
) -> None:
    """The service has rotated the refresh token: its answer is the only way on."""
    Grant.objects.filter(pk=authorised.pk).update(expires_at=timezone.now() + timedelta(seconds=5))
    is_asked, may_answer = threading.Event(), threading.Event()

    def hold() -> None:
        is_asked.set()
        assert may_answer.wait(30)

    provider.before_answering = hold
    command = [sys.executable, "manage.py", "worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True)
    assert is_asked.wait(30)
    worker.terminate()
    with pytest.raises(subprocess.TimeoutExpired):  # it heard, and waits
        worker.wait(0.5)
    may_answer.set()
    _, said = worker.communicate(timeout=30)
    assert worker.returncode == 0, said
    assert "Traceback" not in said
    assert secrets_of(authorised)["access_token"] == "access-2"
