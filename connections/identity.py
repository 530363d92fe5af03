"""As whom is it authorised? Asked of the service with the new tokens, and no harm where it fails."""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog

import problems
from connections import exchanges
from connections.exchanges import ServiceSide
from connections.models import Grant
from outbound import json_text, session
from services.auth_types.base import Unsigned
from services.auth_types.documents import text_at
from services.auth_types.text import trimmed, with_query
from services.target import Target
from vault import Blanker, Secret

log = structlog.get_logger(__name__)
DEADLINE_S = 5.0
MAX_BYTES = 1 << 20


def note(grant: Grant, side: ServiceSide, secrets: Mapping[str, Secret]) -> None:
    """Ask, and put the answer on a grant that is about to be stored; without one it stays empty."""
    asked = side.target.identity
    if not asked.get("path"):
        return
    try:
        found = _ask(side, secrets)
    except problems.AppError as error:
        log.info("grant.identity_unknown", connection=grant.connection.link_name, code=error.code)
        return
    blank = Blanker(secrets.values())
    name, label = (blank(text_at(found, asked.get(key, ""))) for key in ("id", "label"))
    grant.authorized_as_id, grant.authorized_as = trimmed(name), trimmed(label or name)


def _ask(side: ServiceSide, secrets: Mapping[str, Secret]) -> Any:
    """The identity request, signed like any call. Raises what ``outbound`` raises; ``None`` if no JSON."""
    target = side.target
    request = Unsigned("GET", _url(side))
    exchanges.release_database()
    placed = side.auth_type.place(target.config, target.param_type, side.flow.client, secrets, request)
    reply = session.send(
        "GET",
        with_query(request.url, placed.query),
        headers=(*_headers(target), *placed.headers),
        body=None,
        hosts=target.hosts,
        is_builtin=target.is_builtin,
        deadline_s=DEADLINE_S,
        max_bytes=MAX_BYTES,
    )
    try:
        return json_text.read(reply.body) if 200 <= reply.status < 300 else None
    except json_text.NotJson:
        return None


def _headers(target: Target) -> Iterator[tuple[str, str]]:
    """The service's own, its defaults among them, over ours."""
    ours = {"accept": ("Accept", "application/json")}
    for name, value in (*target.default_headers.items(), *target.headers.items()):
        ours[name.lower()] = (name, value)
    yield from ours.values()


def _url(side: ServiceSide) -> str:
    path = side.target.identity["path"]
    url = path if "://" in path else f"{side.target.base_url.rstrip('/')}/{path.lstrip('/')}"
    return with_query(url, (*side.target.default_query.items(), *side.target.query.items()))
