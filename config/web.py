"""The web server: ``WEB_WORKERS`` processes behind one listening socket. Run by `manage.py serve`.

It writes the line ``listening`` to its standard output once connections are accepted.
"""

import asyncio
import logging
import os
import resource
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import uvicorn
from django.conf import settings
from django.core.exceptions import RequestAborted

from config import first_start, protocol
from config.web_processes import WebProcesses
from people import logs

BACKLOG = 2048
OPEN_FILES = 65536  # a call takes two: the caller's connection and the service's


class NotCancelled(logging.Filter):
    """A request that the server's own stop cancelled is no error of the application, nor of Django."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, asyncio.CancelledError | RequestAborted)


for name in ("uvicorn.error", "asyncio"):  # also in each process that this one starts
    logging.getLogger(name).addFilter(NotCancelled())


def main() -> None:
    """Listen, say so, serve until SIGTERM."""
    logs.configure(settings.LOGGING)
    _raise_the_limit_of_open_files()
    try:
        listener = first_start.listen(settings.HOST, settings.PORT)
    except OSError as error:
        sys.exit(first_start.port_problem(error, settings.HOST, settings.PORT))
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    _say_that_we_listen()
    configured = config()
    if configured.workers > 1:
        WebProcesses(configured, [listener]).run()
    else:
        uvicorn.Server(configured).run(sockets=[listener])


def config() -> uvicorn.Config:
    """How we run uvicorn. No header of a proxy is believed here: people.addresses counts the hops itself."""
    return uvicorn.Config(
        "config.asgi:application",
        workers=settings.WEB_WORKERS,
        loop="uvloop",
        http=protocol.Protocol,  # httptools, within bounds
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # an upstream's own Date passes through as it is
        backlog=BACKLOG,
        timeout_keep_alive=65,  # longer than a proxy keeps an idle connection: it never meets a closed one
        timeout_graceful_shutdown=5,
        timeout_worker_healthcheck=30,
    )


def _say_that_we_listen() -> None:
    """One line on standard output; what is printed later joins the log, since nobody reads on."""
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _raise_the_limit_of_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
