"""`manage.py serve`: everything that `make run` starts, until Ctrl-C.

manage.py has read ``.env``, found the port free and made the data folder before this module is loaded.
"""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from invoke.management import preparation, processes
from people import first_run
from problems import AppError

OURS = "switchboard"  # the tag of checks that look at this installation


class Command(BaseCommand):
    """Prepare the data folder, then run the web server and the worker."""

    help = "Prepares the data folder, then runs the web server and the worker until Ctrl-C."
    requires_system_checks = (OURS,)  # Django's own look at the code, which `make test` has checked

    def handle(self, *args: Any, **options: Any) -> None:
        """Raise CommandError, one line, for whatever the operator must mend."""
        try:
            preparation.prepare(now=timezone.now(), say=self._say)
            link = first_run.link()
        except AppError as error:
            raise CommandError(f"{error.message} {error.hint}") from None
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL: the database does not answer as it should: {error}") from None
        finally:
            _give_back_connections()
        commands = processes.Commands(
            web=[sys.executable, "-m", "config.web"],
            worker=[sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"],
        )
        status = processes.run(commands, on_ready=lambda: self._welcome(link), say=self._say)
        if status:
            sys.exit(status)
        self._say("Stopped.")

    def _welcome(self, link: str | None) -> None:
        self._say(f"Switchboard is at {settings.PUBLIC_URL} (Ctrl-C ends it)")
        if link:
            self._say(f"First administrator: open {link} (works once, within the hour)")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _give_back_connections() -> None:
    """From here on it is our children who ask the database."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
