"""Find what the tests need besides Python: Chromium, PostgreSQL, Node. Install what is missing, if we may."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    """Exit with a line where something is missing and cannot be installed."""
    if not shutil.which("npm"):
        installed = subprocess.run([sys.executable, ROOT / "scripts" / "install.py", "node"], check=False)
        if installed.returncode:
            sys.exit(installed.returncode)
    missing = [
        name
        for name, is_there in (("chromium", has_browser()), ("postgresql", has_postgres()))
        if not is_there
    ]
    if missing:
        install(missing)


def install(packages: list[str]) -> None:
    """Install Debian packages as root."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        names = " and ".join(packages)
        sys.exit(f"The tests need {names}. Install it, on Debian by: apt-get install {' '.join(packages)}")
    print(f"== Installing {', '.join(packages)}", flush=True)
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", *command],
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"apt-get {command[0]} failed, so the tests cannot run:\n{done.stdout}{done.stderr}")


def has_browser() -> bool:
    """Is there a browser that the tests can drive?"""
    return any(shutil.which(name) for name in BROWSERS)


def has_postgres() -> bool:
    """Are the programs there that make and run a cluster?"""
    folders = [*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ.get("PATH", "")]
    return all(shutil.which(name, path=os.pathsep.join(folders)) for name in ("initdb", "postgres"))


if __name__ == "__main__":
    main()
