"""The web server and the worker as children: watched, restarted or ended together."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from invoke.management import processes
from invoke.management.processes import Commands

STAYS = "import time; time.sleep(60)"
LISTENS = f"print('listening', flush=True); {STAYS}"
STOPS_ALL = f"import os, signal; os.kill(os.getppid(), signal.SIGTERM); {STAYS}"
IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LISTENS}"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def run(said: list[str]) -> Callable[[str, str], int]:
    """Runs two scripts as web server and worker; the exit status."""

    def run_both(web: str, worker: str) -> int:
        commands = Commands(web=python(web), worker=python(worker), pause_s=0)
        return processes.run(commands, on_ready=lambda: said.append("ready"), say=said.append)

    return run_both


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_ends_both_on_sigterm_with_status_0(
    run: Callable[[str, str], int], said: list[str], tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    note = f"import os; print(os.getpid(), file=open({str(pids)!r}, 'a'), flush=True); "
    assert run(note + LISTENS, note + STOPS_ALL) == 0
    assert said == ["ready"]
    web, worker = map(int, pids.read_text().split())
    assert not is_alive(web)
    assert not is_alive(worker)


def test_goes_on_when_the_terminal_closes_under_nohup(
    run: Callable[[str, str], int], said: list[str]
) -> None:
    hangs_up = "import os, signal; os.kill(os.getppid(), signal.SIGHUP); raise SystemExit(5)"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(LISTENS, hangs_up) == 1
    finally:
        signal.signal(signal.SIGHUP, before)
    assert said[-1].startswith("The worker ended 5 times"), "not by the signal"


def test_says_so_when_the_web_server_does_not_start(run: Callable[[str, str], int], said: list[str]) -> None:
    assert run("raise SystemExit(3)", STAYS) == 1
    assert said == ["The web server did not start; the lines above say why."]


def test_ends_the_lot_when_the_web_server_ends(run: Callable[[str, str], int], said: list[str]) -> None:
    assert run("print('listening', flush=True)", STAYS) == 1
    assert said[0] == "ready"
    assert said[-1].startswith("The web server ended: everything stops.")


def test_starts_a_worker_again_and_gives_up_when_it_ends_too_often(
    run: Callable[[str, str], int], said: list[str]
) -> None:
    assert run(LISTENS, "raise SystemExit(7)") == 1
    again = "The worker ended with status 7; it is started again."
    assert said[:-1] == ["ready", *[again] * (processes.RESTARTS - 1)]
    assert said[-1].startswith("The worker ended 5 times within a minute")


def test_kills_what_does_not_end_in_time(
    run: Callable[[str, str], int], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_WITHIN_S", 0.2)
    assert run(IGNORES_SIGTERM, STOPS_ALL) == 0
    assert said == ["ready"]
