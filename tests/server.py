"""The product in a process of its own, as people run it: for journeys, the gateway and the canary."""

import base64
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from tests import database

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "switchboard_installation"
START_S = 30


@dataclass(slots=True)
class Server:
    """A running server. ``data`` holds its database (on SQLite), its static files and its log."""

    data: Path
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        return self.environment["PUBLIC_URL"]

    @property
    def log(self) -> str:
        """All that the server has printed so far."""
        return (self.data / "server.log").read_text(encoding="utf-8", errors="replace")

    def manage(self, *command: str, **environment: str) -> str:
        """What ``manage.py`` prints. Raises with its error output where it fails."""
        done = self.run(*command, **environment)
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout.strip()

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` against this server's database, whatever comes of it."""
        return _manage(command, self.environment | environment)

    def add_person(self, email: str, role: str, password: str) -> None:
        """A person who can sign in."""
        self.manage("add_person", email, "--role", role, NEW_PASSWORD=password)

    def issue_token(self, email: str, *options: str, name: str = "script") -> str:
        """An API token's text."""
        return self.manage("issue_token", "--user", email, "--name", name, *options)

    def stop(self) -> None:
        """End it as an operator would, and wait."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True, slots=True)
class Installation:
    """A migrated, empty database and the static files, which servers begin as copies of."""

    folder: Path

    @classmethod
    def shared(cls) -> "Installation":
        """The one of this run: made by whichever process comes first, the others wait for it."""
        made = cls(Path(os.environ["DATA_DIR"]) / "installation")
        made.folder.mkdir(exist_ok=True)
        with made._locked():
            if not (made.folder / "ready").exists():
                made._make()
                (made.folder / "ready").touch()
        return made

    def serve(self, data: Path, **environment: str) -> Server:
        """Start a server on a copy; ``environment`` adds settings."""
        data.mkdir(parents=True)
        (data / "static").symlink_to(self.folder / "static")
        port = database.free_port()
        settings = self._environment(data, port) | {"DATABASE_URL": self._copy(data, port)} | environment
        with (data / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "config.web"],
                cwd=ROOT,
                env=settings,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        running = Server(data, port, settings, process)
        _wait_until_ready(running)
        return running

    def _make(self) -> None:
        settings = self._environment(self.folder, 8000)
        settings["DATABASE_URL"] = f"sqlite:///{self.folder}/switchboard.sqlite3"
        if _on_postgres():
            _admin(f"CREATE DATABASE {TEMPLATE}")
            settings["DATABASE_URL"] = _named(TEMPLATE)
        for command in (["migrate", "-v0"], ["load_catalogue"], ["collectstatic", "--noinput", "-v0"]):
            done = _manage(command, settings)
            if done.returncode:
                raise RuntimeError(f"manage.py {command[0]} failed:\n{done.stdout}{done.stderr}")

    def _copy(self, data: Path, port: int) -> str:
        """A database of its own; returns its address."""
        if not _on_postgres():
            shutil.copy(self.folder / "switchboard.sqlite3", data)
            return f"sqlite:///{data}/switchboard.sqlite3"
        name = f"{TEMPLATE}_{port}"
        with self._locked():
            _admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            _admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return _named(name)

    def _environment(self, data: Path, port: int) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return inherited | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(data),
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WEB_WORKERS": "1",
            "PUBLIC_URL": f"http://localhost:{port}",
            "SECRET_KEY": "journeys-" + "s" * 40,
            "CREDENTIAL_KEYS": "j1:" + base64.b64encode(b"j" * 32).decode(),
            "EGRESS_ALLOW": "127.0.0.0/8",
            "PRACTICE": "on",
            "LOG_JSON": "on",
            "EMAIL_URL": "",
            "PYTHONUNBUFFERED": "1",
        }

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _on_postgres() -> bool:
    return "TEST_CLUSTER_URL" in os.environ


def _named(name: str) -> str:
    return urlunsplit(urlsplit(os.environ["TEST_CLUSTER_URL"])._replace(path=f"/{name}"))


def _admin(statement: str) -> None:
    with psycopg.connect(os.environ["TEST_CLUSTER_URL"], autocommit=True) as connection:
        connection.execute(statement.encode())


def _manage(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _wait_until_ready(server: Server) -> None:
    address = f"http://127.0.0.1:{server.port}/readyz"
    for _ in range(START_S * 20):
        if server.process.poll() is not None:
            raise RuntimeError(f"The server ended:\n{server.log}")
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(address, timeout=5).status_code == 200:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(timeout=0.05)  # a pause that ends early where the server does
    server.stop()
    raise RuntimeError(f"The server was not ready within {START_S} s:\n{server.log}")
