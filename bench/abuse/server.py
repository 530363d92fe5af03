"""The server under attack: `manage.py serve` with two web processes, in a data folder of its own."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.abuse import wire

ROOT = Path(__file__).resolve().parent.parent.parent
WEB_WORKERS = 2
START_S = 60
STOP_S = 5
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the web processes take at a moment, together."""

    memory_bytes: int
    threads: int
    written_bytes: int  # to disk, since they started


@dataclass(slots=True)
class Server:
    """Started by ``start``; on SQLite its database lies in ``data``."""

    data: Path
    port: int
    database_url: str
    database_log: Path | None = None  # PostgreSQL's
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log_file(self) -> Path:
        return self.data / "server.log"

    def environment(self) -> dict[str, str]:
        """Nothing of ours but what is said here."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return inherited | {
            "DATA_DIR": str(self.data),
            "DATABASE_URL": self.database_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PUBLIC_URL": "http://localhost",  # what every request here names as its host
            "EGRESS_ALLOW": "127.0.0.0/8",
            "WEB_WORKERS": str(WEB_WORKERS),
        }

    async def start(self) -> None:
        """Return once every process answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 -- nothing else runs yet
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.is_running():
            is_ready = await wire.status(self.port, wire.head("GET", "/readyz"), timeout_s=2) == 200
            if is_ready and len(self.web_pids()) == WEB_WORKERS and self.worker_pid():
                return
            await asyncio.sleep(0.1)
        raise SystemExit(f"The server did not start:\n{self.log()[-4000:]}")

    async def stop(self) -> None:
        """End all that it started, whatever state it is in."""
        if self.process is None:
            return
        ours = [self.process.pid, *descendants(self.process.pid)]
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        await self._wait_for(ours)
        for pid in filter(_is_alive, ours):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._wait_for(ours)

    async def _wait_for(self, pids: list[int]) -> None:
        """Until they have ended, or long enough."""
        until = time.monotonic() + STOP_S
        while self.is_running() or any(map(_is_alive, pids)):
            if time.monotonic() > until:
                return
            await asyncio.sleep(0.05)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    # --- What it is doing ---------------------------------------------------------------------------
    def web_pids(self) -> list[int]:
        """The processes that answer requests."""
        web = [pid for pid in self._children() if b"config.web" in _command(pid)]
        return [pid for parent in web for pid in _children_of(parent) if b"spawn_main" in _command(pid)]

    def worker_pid(self) -> int | None:
        return worker_of(self.process.pid) if self.process else None

    def usage(self) -> Usage:
        """All nought where no process is left."""
        memory = threads = written = 0
        for pid in self.web_pids():
            with contextlib.suppress(OSError):
                folder = Path(f"/proc/{pid}")
                memory += int((folder / "statm").read_text().split()[1]) * PAGE_BYTES
                threads += len(list((folder / "task").iterdir()))
                written += int((folder / "io").read_text().partition("\nwrite_bytes: ")[2].split()[0])
        return Usage(memory, threads, written)

    def audit_rows(self) -> int:
        return self._count("SELECT count(*) FROM people_auditevent")

    def deadlocks(self) -> int:
        """Those that PostgreSQL has ended so far."""
        return self.database_log.read_text().count("deadlock detected") if self.database_log else 0

    def log(self) -> str:
        """All that it has printed so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def _count(self, query: str) -> int:
        if self.database_url.startswith("sqlite"):
            with contextlib.closing(
                sqlite3.connect(urlsplit(self.database_url).path, timeout=20)
            ) as open_file:
                return int(open_file.execute(query).fetchone()[0])
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query.encode()).fetchone()
            return int(row[0]) if row else 0

    def _children(self) -> list[int]:
        return _children_of(self.process.pid) if self.process else []


def worker_of(supervisor_pid: int) -> int | None:
    """The process of the background loop, while there is one."""
    children = _children_of(supervisor_pid)
    return next((pid for pid in children if _command(pid).rstrip(b"\0").endswith(b"worker")), None)


def descendants(pid: int) -> Iterator[int]:
    """Children, their children, and so on."""
    for child in _children_of(pid):
        yield child
        yield from descendants(child)


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _is_alive(pid: int) -> bool:
    """A process that has ended and was not waited for yet does not count."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
