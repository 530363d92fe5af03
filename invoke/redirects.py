"""Where a redirect of a service leads a caller: to the same connection, so that it can be followed."""

import re
from urllib.parse import urljoin, urlsplit

from invoke import bodies, headers, paths
from invoke.recorder import Record
from invoke.resolve import Plan, plan_of
from outbound import guard
from problems import NotAllowed

STATUSES = frozenset({301, 302, 303, 307, 308})


def kept_inside(pairs: headers.RawPairs, record: Record) -> headers.RawPairs:
    """The headers, a ``Location`` on one of the service's hosts told as its address under ``/invoke``.

    The credential's own query key, and the one in a path, are left out of it. Any other stays as it is.
    """
    return [(name, _told(value, record) if name == b"location" else value) for name, value in pairs]


def _told(location: bytes, record: Record) -> bytes:
    if record.row is None:
        return location
    plan = plan_of(record.row)
    scheme = plan.target.base_url.partition("://")[0]
    try:
        url = urljoin(f"{scheme}://{record.host}{record.path}", paths.from_wire(location))
        inside = _inside(url, plan)
    except (ValueError, NotAllowed):  # no URL, or one that this service's calls do not reach
        return location
    return location if inside is None else f"/invoke/{record.link_name}{inside}".encode()


def _inside(url: str, plan: Plan) -> str | None:
    """The address behind the link name; ``None`` where a call cannot lead there. Raises NotAllowed."""
    target = plan.target
    found = guard.destination(url.partition("#")[0], hosts=target.hosts, is_builtin=target.is_builtin)
    base = target.base_url.rstrip("/")
    if found.scheme != base.partition("://")[0]:
        return None
    path = _below(f"{found.origin}{found.path}", base, plan.path_keys)
    if path is None or paths.picks_host(path):
        if plan.path_keys or target.is_builtin:
            return None
        path = f"/~{found.origin.netloc}{found.path}"
    query = bodies.without(urlsplit(url).query, plan.reserved.query)
    fragment = urlsplit(url).fragment
    return path + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def _below(url: str, base: str, keys: frozenset[str]) -> str | None:
    """What follows the base URL, whatever key stands in it."""
    pattern = re.escape(base)
    for key in keys:
        pattern = pattern.replace(re.escape(f"{{{key}}}"), "[^/]+")
    found = re.match(rf"{pattern}(?=/|$)", url)
    return url[found.end() :] if found else None
