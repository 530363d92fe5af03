"""`manage.py serve` as people run it: from an empty folder to a running server, and again."""

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.database import free_port
from tests.server import ROOT

LINK = re.compile(r"http://localhost:\d+/welcome/\S+/")


@dataclass(slots=True)
class Serving:
    """A running `manage.py serve`; ``lines`` are what it has said up to its address and link."""

    process: subprocess.Popen[str]
    log: Path
    lines: list[str] = field(default_factory=list)

    def read_until(self, word: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if word in line:
                return
        pytest.fail(f"It ended before it said {word!r}: {self.lines}\n{self.log.read_text()}")

    def rest(self) -> list[str]:
        assert self.process.stdout
        return self.process.stdout.read().splitlines()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@dataclass(frozen=True, slots=True)
class Place:
    """A data folder and a port."""

    data: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "DATA_DIR": str(self.data), "PORT": str(self.port)}

    def manage(self, *command: str, **more: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=self.environment | more, check=True
        )

    def answers(self, path: str) -> int:
        return requests.get(f"http://localhost:{self.port}{path}", timeout=20).status_code


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "data of mine", free_port())


@pytest.fixture
def serve(place: Place, tmp_path: Path) -> Generator[Callable[[], Serving]]:
    started: list[Serving] = []

    def start() -> Serving:
        path = tmp_path / f"log-{len(started)}"
        with path.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve"],
                cwd=tmp_path,  # whatever folder it is started from
                env=place.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        started.append(Serving(process, path))
        return started[-1]

    yield start
    for serving in started:
        serving.stop()
        assert serving.process.stdout
        serving.process.stdout.close()


def test_from_an_empty_folder_to_a_server_and_again(place: Place, serve: Callable[[], Serving]) -> None:
    first = serve()
    first.read_until("/welcome/")
    assert first.lines[-2] == f"Switchboard is at http://localhost:{place.port} (Ctrl-C ends it)"
    assert len(LINK.findall("\n".join(first.lines))) == 1
    assert place.answers("/healthz") == place.answers("/readyz") == 200
    assert "server" not in requests.get(f"http://localhost:{place.port}/healthz", timeout=20).headers
    assert first.stop(signal.SIGINT) == 0
    assert first.rest() == ["Stopped."]
    assert "Traceback" not in first.log.read_text()
    assert sorted(path.name for path in place.data.iterdir() if "sqlite3-" not in path.name) == [
        "secrets.env",
        "static",
        "static.stamp",
        "switchboard.sqlite3",
    ]
    assert not place.data.stat().st_mode & 0o077

    place.manage("add_person", "ada@example.com", "--role", "administrator", NEW_PASSWORD="a" + "b c d e" * 3)
    place.manage("migrate", "invoke", "zero", "-v0")
    second = serve()
    second.read_until("Switchboard is at")
    assert not LINK.findall("\n".join(second.lines)), "there is an administrator already"
    assert place.answers("/readyz") == 200
    (backup,) = (place.data / "backups").iterdir()
    assert f"The database was copied to {backup} before it is migrated." in second.lines
    assert second.stop() == 0
    assert "Traceback" not in second.log.read_text()


def test_a_wrong_credential_key_is_one_line(place: Place, serve: Callable[[], Serving]) -> None:
    place.data.mkdir()
    other_key = "k1:" + base64.b64encode(b"o" * 32).decode()
    place.manage("migrate", "-v0", SECRET_KEY="s" * 50, CREDENTIAL_KEYS=other_key)
    serving = serve()
    assert serving.process.wait(timeout=60) == 1
    said = serving.log.read_text()
    assert "CREDENTIAL_KEYS are not the keys that this database was sealed with." in said
    assert len(said.splitlines()) == 1
