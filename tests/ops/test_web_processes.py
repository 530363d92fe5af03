"""The processes of the web server: one that ends is replaced, and the others serve meanwhile."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from structlog.testing import capture_logs

from config import web_processes
from config.web_processes import WebProcesses
from tests.server import ROOT

WITHIN_S = 20

Serving = subprocess.Popen[str]


@pytest.fixture
def serving(tmp_path: Path) -> Generator[tuple[Serving, str]]:
    """Two processes behind one address."""
    command = [sys.executable, "-m", "tests.ops.mortal", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield process, f"http://127.0.0.1:{process.stdout.readline().strip()}/"
    process.terminate()
    process.communicate(timeout=WITHIN_S)


def pid(url: str) -> int:
    """Who answers. A process that is killed takes with it what it has just accepted."""
    for _ in range(20):
        with suppress(requests.ConnectionError):
            return int(requests.get(url, timeout=WITHIN_S).text)
        time.sleep(0.02)
    raise AssertionError("Nobody answers.")


def pids(url: str, *, until: Callable[[set[int]], bool]) -> set[int]:
    """Who answers, as soon as it is as it should be."""
    ends_at, seen = time.monotonic() + WITHIN_S, set[int]()
    while not until(seen):
        assert time.monotonic() < ends_at, seen
        seen.add(pid(url))
    return seen


def both(seen: set[int]) -> bool:
    return len(seen) == 2


def test_replaces_a_process_that_was_killed(serving: tuple[Serving, str]) -> None:
    _, url = serving
    first, second = pids(url, until=both)
    os.kill(first, signal.SIGKILL)
    assert first not in pids(url, until=lambda seen: len(seen - {first, second}) == 1)


def test_serves_on_while_a_process_cannot_be_replaced(serving: tuple[Serving, str], tmp_path: Path) -> None:
    process, url = serving
    first, second = pids(url, until=both)
    (tmp_path / "broken").touch()
    os.kill(first, signal.SIGKILL)
    ends_at = time.monotonic() + 3
    while time.monotonic() < ends_at:
        assert pid(url) == second
    assert process.poll() is None
    (tmp_path / "broken").unlink()
    pids(url, until=lambda seen: len(seen - {first, second}) == 1)


def test_ends_where_no_process_could_ever_serve(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    command = [sys.executable, "-m", "tests.ops.mortal", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=WITHIN_S, check=True)


# --- When the next one is started, by a clock of the test's -------------------------------------------
class Mortal:
    """What uvicorn's keeper knows of a process; ``dies`` is how many of them end at once."""

    dies = 0
    started = 0

    def __init__(self, *_: Any) -> None:
        self.exitcode = 9

    def start(self) -> None:
        Mortal.started += 1

    def is_alive(self, _: float) -> bool:
        return Mortal.started > Mortal.dies

    def is_ready(self, _: float) -> bool:
        return True

    def kill(self) -> None: ...

    def join(self) -> None: ...


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[WebProcesses, list[float]]]:
    """A keeper of one process, and the time that it reads."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(web_processes, "Process", Mortal)
    monkeypatch.setattr(Mortal, "started", 1)
    now = [0.0]
    made = WebProcesses(uvicorn.Config("x:y", workers=1), [], clock=lambda: now[0])
    made.processes = [Mortal()]  # type: ignore[list-item]
    yield made, now
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_waits_longer_each_time_a_process_ends_at_once(
    keeper: tuple[WebProcesses, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now = keeper
    made.keep_subprocess_alive()  # it serves
    monkeypatch.setattr(Mortal, "dies", 6)
    with capture_logs() as logged:
        for tenths in range(500):
            now[0] = tenths / 10
            made.keep_subprocess_alive()
    assert [entry["started_again_in_s"] for entry in logged] == [0, 1, 2, 4, 8, 16]
    assert (Mortal.started, made.should_exit.is_set()) == (7, False)
