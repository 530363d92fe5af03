"""What every command of manage.py says, in a line, of arguments and databases that it cannot use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT


def run(*arguments: str | bytes, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(os.environ) | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", [("rotate_keys",), ("invokeurl", "tickets", "GET", "/")])
@pytest.mark.parametrize("database", ["absent/switchboard.sqlite3", "empty.sqlite3"])
def test_a_database_that_cannot_be_used_is_one_line_and_exit_2(
    tmp_path: Path, command: tuple[str, ...], database: str
) -> None:
    ended = run(*command, DATABASE_URL=f"sqlite:///{tmp_path / database}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("DATABASE_URL: the database cannot be used")


def test_an_argument_that_is_no_text_is_one_line_and_exit_2() -> None:
    ended = run("issue_token", "--user", b"\xff", "--name", "x")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "An argument is not text in UTF-8.\n"
