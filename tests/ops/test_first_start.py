"""What `manage.py serve` does before settings are read."""

import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import first_start
from tests.server import ROOT
from vault import keyring


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "CREDENTIAL_KEYS", "CREDENTIAL_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)


def secrets_in(folder: Path) -> dict[str, str]:
    lines = (folder / "secrets.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_makes_a_data_folder_and_secrets_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "with spaces" / "data"
    first_start.make_data_dir(folder)
    first_start.make_secrets(folder)
    assert mode_of(folder) == 0o700
    assert mode_of(folder / "secrets.env") == 0o600
    made = secrets_in(folder)
    assert set(made) == {"SECRET_KEY", "CREDENTIAL_KEYS"}
    assert len(made["SECRET_KEY"]) >= 50
    assert keyring.parse(made["CREDENTIAL_KEYS"]).sealing_id == "k1"
    assert [path.name for path in folder.iterdir()] == ["secrets.env"]


def test_keeps_the_secrets_that_are_there(tmp_path: Path) -> None:
    first_start.make_secrets(tmp_path)
    before = (tmp_path / "secrets.env").read_bytes()
    first_start.make_secrets(tmp_path)
    assert (tmp_path / "secrets.env").read_bytes() == before


def test_adds_only_the_secret_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("SECRET_KEY=mine")
    first_start.make_secrets(tmp_path)
    assert secrets_in(tmp_path)["SECRET_KEY"] == "mine"
    assert secrets_in(tmp_path)["CREDENTIAL_KEYS"].startswith("k1:")
    assert mode_of(tmp_path / "secrets.env") == 0o600


def test_closes_a_secrets_file_that_others_could_read(tmp_path: Path) -> None:
    first_start.make_secrets(tmp_path)
    (tmp_path / "secrets.env").chmod(0o644)
    first_start.make_secrets(tmp_path)
    assert mode_of(tmp_path / "secrets.env") == 0o600


@pytest.mark.parametrize("name", ["CREDENTIAL_KEYS", "CREDENTIAL_KEYS_FILE"])
def test_makes_no_secret_that_the_environment_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", "given")
    monkeypatch.setenv(name, "given")
    first_start.make_secrets(tmp_path)
    assert not (tmp_path / "secrets.env").exists()


def test_two_starts_at_once_make_one_set_of_secrets(tmp_path: Path) -> None:
    script = f"import pathlib, config.first_start as f; f.make_secrets(pathlib.Path({str(tmp_path)!r}))"
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: run(sys.executable, "-c", script), range(4)))
    assert [each.returncode for each in ended] == [0] * 4
    assert sorted(secrets_in(tmp_path)) == ["CREDENTIAL_KEYS", "SECRET_KEY"]
    assert len((tmp_path / "secrets.env").read_text().splitlines()) == 2


def test_a_taken_port_is_one_line_that_names_port_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = serve(PORT=str(port), DATA_DIR=str(tmp_path / "data"))
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"PORT {port}" in ended.stderr
    assert ended.stdout == ""
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_cannot_be_made_is_one_line_that_names_data_dir(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = serve(DATA_DIR=str(tmp_path / "file" / "data"), PORT=str(free_port()))
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("DATA_DIR: ")


def test_a_data_folder_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write wherever it likes
    with pytest.raises(PermissionError, match="no permission to write there"):
        first_start.make_data_dir(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("PORT", "eighty"), ("PUBLIC_URL", "http://example.com"), ("DATABASE_URL", "mysql://x/y")],
)
def test_an_odd_setting_is_told_without_a_traceback(tmp_path: Path, setting: str, value: str) -> None:
    ended = serve(**{"DATA_DIR": str(tmp_path), "PORT": str(free_port()), setting: value})
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{setting}: ")
    assert len(ended.stderr.splitlines()) == 1


def serve(**settings: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "manage.py", "serve", **settings)


def run(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **settings}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
