"""``manage.py worker``: the background loop. Any number of them may run."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connections import grants, worker
from invoke import chores
from people import logs
from problems import AppError


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C, and ends after what it is doing."""

    help = "Refreshes tokens ahead of time and clears away what is over, until it is stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        logs.tell_anchors()
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            worker.run(stop, chores=(*worker.CHORES, *chores.CHORES))
        except AppError as error:
            raise CommandError(f"{error.message} {error.hint}") from None
        finally:
            grants.REFRESHES.finish()
