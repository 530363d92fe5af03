"""The web server and the worker as children: watched, restarted or ended together."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connections.grants.store import LEASE
from invoke.management import processes
from invoke.management.processes import Commands, Pauses

STAYS = "import time; time.sleep(60)"
LISTENS = f"print('listening', flush=True); {STAYS}"
STOPS_ALL = f"import os, signal; os.kill(os.getppid(), signal.SIGTERM); {STAYS}"
STOPS_SOON = "threading.Timer(0.5, os.kill, (os.getppid(), signal.SIGTERM)).start()"
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


def at_first(times: int, script: str, folder: Path) -> str:
    """A script that does as ``script`` does so many times, and then has everything stopped."""
    return (
        f"import pathlib; runs = pathlib.Path({str(folder / 'runs')!r}); runs.open('a').write('x')\n"
        f"if len(runs.read_text()) <= {times}:\n    {script}\n{STOPS_ALL}"
    )


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
    run: Callable[[str, str], int], said: list[str], tmp_path: Path
) -> None:
    hangs_up = "import os, signal; os.kill(os.getppid(), signal.SIGHUP); raise SystemExit(5)"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with capture_logs() as logged:
            assert run(LISTENS, at_first(2, hangs_up, tmp_path)) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert said == ["ready"]
    assert [entry["status"] for entry in logged] == [5, 5], "ended by itself, and not by the signal"


def test_says_so_when_the_web_server_does_not_start(run: Callable[[str, str], int], said: list[str]) -> None:
    assert run("raise SystemExit(3)", STAYS) == 1
    assert said == ["The web server did not start; the lines above say why."]


def test_ends_the_lot_when_the_web_server_ends(run: Callable[[str, str], int], said: list[str]) -> None:
    assert run("print('listening', flush=True)", STAYS) == 1
    assert said[0] == "ready"
    assert said[-1].startswith("The web server ended: everything stops.")


def test_goes_on_serving_however_often_the_worker_ends(
    run: Callable[[str, str], int], said: list[str], tmp_path: Path
) -> None:
    with capture_logs() as logged:
        assert run(LISTENS, at_first(8, "raise SystemExit(7)", tmp_path)) == 0
    assert said == ["ready"]
    assert [(entry["event"], entry["status"]) for entry in logged] == [("worker.ended", 7)] * 8


def test_goes_on_serving_where_the_worker_cannot_even_be_started(said: list[str], tmp_path: Path) -> None:
    stops_soon = f"import os, signal, threading; {STOPS_SOON}; print('listening', flush=True); {STAYS}"
    commands = Commands(web=python(stops_soon), worker=[str(tmp_path / "nothing")])
    with capture_logs() as logged:
        assert processes.run(commands, on_ready=lambda: said.append("ready"), say=said.append) == 0
    assert said == ["ready"]
    assert "No such file" in logged[0]["status"]


def test_pauses_grow_to_a_minute_and_begin_anew_after_a_good_life() -> None:
    pauses = Pauses()
    assert [pauses.after(0.1) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses.after(59) == 60
    assert [pauses.after(60), pauses.after(1), pauses.after(1)] == [0, 1, 2]


def test_a_stop_waits_longer_than_a_refresh_may_take() -> None:
    assert LEASE.total_seconds() + 5 <= processes.STOP_WITHIN_S


def test_kills_what_does_not_end_in_time(
    run: Callable[[str, str], int], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_WITHIN_S", 0.2)
    assert run(IGNORES_SIGTERM, STOPS_ALL) == 0
    assert said == ["ready"]
