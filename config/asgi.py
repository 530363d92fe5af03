"""The ASGI entry: calls by link name go to the gateway, everything else to Django."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import DatabaseError, connection

django = get_asgi_application()

from config import urls  # noqa: F401 -- loaded before the first request, a probe perhaps, waits for it
from config.door import Bodies, Door
from config.lanes import Lanes
from invoke import gateway
from people import health, installation, logs
from people.request import Request
from problems import AppError

MB = 1024 * 1024
logs.tell_anchors()
django.request_class = Request
SCHEME = "https" if settings.PUBLIC_IS_HTTPS else "http"
PRACTICE = "/practice/"
PROBES = ("/healthz", "/readyz")

_bodies = Bodies(64 * MB)
_lanes = {
    "pages": Lanes("pages", most=32),
    # A third party of our own: whoever waits for its slow answers holds up no page.
    PRACTICE: Lanes("practice", most=128),
    # Whatever else goes on, and each for itself: the database may be what keeps the other waiting.
    **{path: Lanes(path[1:], most=2, prepare=health.use_own_connection) for path in PROBES},
}
_doors = {
    name: Door(
        django,
        lanes=lanes,
        bodies=_bodies,
        most_bytes=0 if name in PROBES else settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    )
    for name, lanes in _lanes.items()
}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One server, two paths: ``/invoke`` stays off Django's request cycle.

    The scheme is PUBLIC_URL's and nobody else's: TLS ends at a proxy, whose headers are not asked.
    """
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and _is_call(scope["path"]):
        await gateway.application(scope, receive, send)
    else:
        await _door(scope["path"])({**scope, "scheme": SCHEME}, receive, send)


def _is_call(path: str) -> bool:
    return path == "/invoke" or path.startswith("/invoke/")


def _door(path: str) -> Door:
    return _doors.get(PRACTICE if path.startswith(PRACTICE) else path) or _doors["pages"]


def _what_is_in_the_way() -> str:
    """The sentence that the server ends with instead of starting; empty when all is well."""
    try:
        installation.check_key()
    except AppError as error:
        return f"{error.message} {error.hint}"
    except DatabaseError:
        return "DATABASE_URL: the database does not answer, or lacks its tables. Run manage.py migrate."
    finally:
        connection.close()  # this thread serves no request
    return ""


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if problem := await sync_to_async(_what_is_in_the_way)():
                await send({"type": "lifespan.startup.failed", "message": problem})
                return
            for lanes in _lanes.values():
                lanes.open()
            await gateway.startup()
            await send({"type": "lifespan.startup.complete"})
        else:
            await gateway.shutdown()
            for lanes in _lanes.values():
                lanes.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
