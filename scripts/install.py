"""Make `.venv` and install one set of pinned requirements into it: `base` to run, `dev` to test, `node`.

Run by make, with any Python from 3.11 on and its standard library alone. A set is installed again only
when its file changed; what was interrupted is done anew.
"""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SETS = {"base": "what it runs on", "dev": "what the tests need", "node": "Node"}
ALSO = {"dev": ("base",)}  # dev holds every pin of base


def main(name: str) -> None:
    """Bring `.venv` up to date with one set."""
    with one_at_a_time():
        if PYTHON.exists() and stamp(name) == wanted(name):
            return
        if not works():
            make_venv()
        say(f"Installing {SETS[name]} into .venv")
        install(name)
        for installed in (name, *ALSO.get(name, ())):
            stamp_file(installed).write_text(wanted(installed), encoding="utf-8")


def works() -> bool:
    """Is there a `.venv` whose Python is new enough and has pip?"""
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return PYTHON.exists() and quietly(PYTHON, "-c", check).returncode == 0


def make_venv() -> None:
    """Make `.venv`, in place of one that does not work."""
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "Python's venv module is incomplete here: install the package python3-venv, then run this again."
        )
    say("Making .venv")
    made = quietly(sys.executable, "-m", "venv", "--clear", VENV)
    if made.returncode:
        sys.exit(f".venv could not be made: {(made.stderr or made.stdout).strip()}")


def quietly(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command and keep what it prints."""
    return subprocess.run(command, check=False, capture_output=True, text=True)


def install(name: str) -> None:
    """Install a set by its hashes; end with a line where that fails."""
    options = "-qq --disable-pip-version-check --no-input --only-binary :all: --require-hashes --requirement"
    file = ROOT / "requirements" / f"{name}.txt"
    command: list[str | Path] = [PYTHON, "-m", "pip", "install", *options.split(), file]
    if subprocess.run(command, check=False).returncode:
        sys.exit("The packages could not be installed (see above). Check the network, then run this again.")


def wanted(name: str) -> str:
    """What the stamp says when a set is installed: the set's and the interpreter's fingerprint."""
    requirements = (ROOT / f"requirements/{name}.txt").read_bytes()
    return hashlib.sha256(requirements + os.fsencode(PYTHON.resolve())).hexdigest()


def stamp(name: str) -> str:
    """What was installed last, or nothing."""
    file = stamp_file(name)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def stamp_file(name: str) -> Path:
    """Where a set's stamp lies: it goes with `.venv`."""
    return VENV / f"installed-{name}"


def say(text: str) -> None:
    """A short heading."""
    print(f"== {text}", flush=True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two runs in one checkout wait for each other."""
    descriptor = os.open(ROOT / "requirements", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("Interrupted. Run it again: it goes on where it stopped.")
    except OSError as error:
        sys.exit(f"{error.filename or ROOT}: {error.strerror}")
