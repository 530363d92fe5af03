"""What a start does before anybody is served: back up, migrate, check the key, load, collect."""

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from people import installation
from services import loader

BACKUPS_KEPT = 3
STATIC_STAMP = "static.stamp"
# How many connections PostgreSQL takes from users like ours; `reserved_connections` came with version 16.
_TAKES = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
     - coalesce(current_setting('reserved_connections', true), '0')::int
"""


def prepare(*, now: datetime, say: Callable[[str], None]) -> None:
    """Bring database, catalogue and static files up to date; two starts on one data folder take turns.

    Raises CommandError, or BadKeyRing where the credential keys are not this database's.
    """
    count_connections(say=say)
    with _one_at_a_time(settings.DATA_DIR):
        migrate(now=now, say=say)
        installation.check_key()
        report = loader.load()
        for problem in report.problems:
            say(f"Left out of the catalogue: {problem}")
        for link_name in report.waiting:
            say(
                f"{link_name}: the catalogue has new addresses; an administrator takes them over on its page."
            )
        collect_static()


def count_connections(*, say: Callable[[str], None]) -> None:
    """Say how many connections may be opened. Raises CommandError where PostgreSQL takes fewer."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(_TAKES)
        takes: int = cursor.fetchone()[0]
    most = settings.DATABASE_MAX_CONNECTIONS
    if most > takes:
        raise CommandError(
            f"DATABASE_MAX_CONNECTIONS: up to {most} connections may be opened, and PostgreSQL takes {takes} "
            "(its max_connections, less what it reserves). Lower the one, or raise the other."
        )
    say(f"At most {most} connections to PostgreSQL are opened, of the {takes} that it takes.")


def migrate(*, now: datetime, say: Callable[[str], None]) -> None:
    """Apply what is pending, after a copy of the SQLite file that holds something already."""
    executor = MigrationExecutor(connection)
    _refuse_a_newer_database(executor)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not pending:
        return
    if executor.loader.applied_migrations and connection.vendor == "sqlite":
        copy = back_up(Path(settings.DATABASES["default"]["NAME"]), settings.DATA_DIR / "backups", now=now)
        say(f"The database was copied to {copy} before it is migrated.")
    connection.close()  # the migration opens one of its own, after the copy
    call_command("migrate", interactive=False, verbosity=0)


def back_up(database: Path, folder: Path, *, now: datetime) -> Path:
    """Copy a SQLite file, open or not, and keep the last three copies. Raises CommandError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = folder / f"{database.stem}-{now:%Y%m%dT%H%M%S%f}Z.sqlite3"
    draft = copy.with_suffix(".part")
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(draft)) as target:
            source.backup(target)
        draft.replace(copy)
    except (sqlite3.Error, OSError) as error:
        draft.unlink(missing_ok=True)
        raise CommandError(
            f"The database could not be copied to {folder} ({error}) and is not migrated. Make room."
        ) from None
    for old in sorted(folder.glob(f"{database.stem}-*Z.sqlite3"))[:-BACKUPS_KEPT]:
        old.unlink()
    return copy


def collect_static() -> None:
    """Collect the static files when one of them changed since the last time."""
    stamp = settings.DATA_DIR / STATIC_STAMP
    fingerprint = _fingerprint()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint:
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(fingerprint, encoding="utf-8")


def _fingerprint() -> str:
    """Changes with every static file's name, size and time."""
    seen = hashlib.sha256(str(settings.STATIC_ROOT).encode())
    for finder in get_finders():
        for name, storage in sorted(finder.list(None), key=lambda found: found[0]):
            status = Path(storage.path(name)).stat()
            seen.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return seen.hexdigest()


def _refuse_a_newer_database(executor: MigrationExecutor) -> None:
    loader = executor.loader
    known = set(loader.disk_migrations) | {
        old for new in loader.replacements.values() for old in new.replaces
    }
    unknown = {key for key in loader.applied_migrations if key[0] in loader.migrated_apps} - known
    if unknown:
        names = ", ".join(".".join(key) for key in sorted(unknown))
        raise CommandError(
            f"The database was migrated by another version of Switchboard (it has {names}). "
            f"Start that version, or put back a copy from {settings.DATA_DIR / 'backups'}."
        )


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
