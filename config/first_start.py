"""What `manage.py serve` needs before settings can be read: a free port, a data folder, secrets.

Whatever is in the way ends the process with one line and exit status 1. Needs no Django set up.
"""

import base64
import errno
import fcntl
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from config import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_PORT = "8000"
SECRETS_FILE = "secrets.env"


def prepare() -> None:
    """Read ``.env``, refuse a taken port, make the data folder and the secrets that nobody gave."""
    os.chdir(BASE_DIR)  # relative paths in settings mean the same in every process
    environment.read_file(BASE_DIR / ".env")
    os.umask(0o077)  # the database, its backups and the collected files are ours alone
    _refuse_a_taken_port()
    data_dir = Path(environment.text("DATA_DIR") or BASE_DIR / "var").resolve()
    os.environ["DATA_DIR"] = str(data_dir)
    try:
        make_data_dir(data_dir)
        make_secrets(data_dir)
    except OSError as error:
        reason = error.strerror or error
        sys.exit(
            f"DATA_DIR: {data_dir} cannot be used ({reason}). Give it to this user, or name another folder."
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not yet listening. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def port_problem(error: OSError, host: str, port: int) -> str:
    """The line that a person reads when the address cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return f"PORT {port} on {host} is taken by another program: stop it, or choose another PORT."
    if error.errno == errno.EACCES:
        return f"PORT {port} is reserved for the system administrator: choose one above 1023."
    return f"HOST {host} cannot be listened on at PORT {port} ({error.strerror or error}): correct it."


def make_data_dir(data_dir: Path) -> None:
    """Make the folder, for its owner alone. Raises OSError where it is not ours to write in."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "no permission to write there")


def make_secrets(data_dir: Path) -> None:
    """Add the secrets that neither the environment nor the file has, whole or not at all."""
    path = data_dir / SECRETS_FILE
    with locked(data_dir):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        added = "".join(f"{name}={value}\n" for name, value in _missing(text))
        if added:
            lines = text if text.endswith("\n") or not text else f"{text}\n"
            _replace(path, lines + added)
        elif path.exists() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; others wait for it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _refuse_a_taken_port() -> None:
    host, port = environment.text("HOST", "127.0.0.1"), environment.text("PORT", DEFAULT_PORT)
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65535:
        return  # the settings say what is wrong with it
    try:
        with closing(listen(host, int(port))):
            return
    except OSError as error:
        sys.exit(port_problem(error, host, int(port)))


def _missing(text: str) -> Iterator[tuple[str, str]]:
    given = {line.removeprefix("export ").partition("=")[0] for line in text.splitlines()}
    given |= {name for name, value in os.environ.items() if value}
    if "SECRET_KEY" not in given:
        yield "SECRET_KEY", secrets.token_urlsafe(50)
    if not given & {"CREDENTIAL_KEYS", "CREDENTIAL_KEYS_FILE"}:
        yield "CREDENTIAL_KEYS", f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
