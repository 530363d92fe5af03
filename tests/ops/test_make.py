"""What make says before there is a Python to speak."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.server import ROOT


def make(target: str, path: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program
    return subprocess.run(
        [program, "--no-print-directory", target],
        cwd=ROOT,
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_older_python_is_named(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    ended = make("run", tmp_path)
    assert ended.returncode != 0
    assert "Switchboard needs Python 3.11 or newer; python3 here is: Python 3.9.2" in ended.stderr


def test_the_first_python_that_is_new_enough_installs(tmp_path: Path) -> None:
    for name, script in {
        "python3": "exit 1",
        "python3.12": '[ "$1" = -c ] && exit 0; echo "$0 $*"; exit 9',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    ended = make("run", tmp_path)
    assert ended.stdout.splitlines() == [f"{tmp_path}/python3.12 scripts/install.py base"]
    assert "Error 9" in ended.stderr


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"
