"""What goes back to the caller, as ASGI messages."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.utils.http import http_date

from invoke import headers
from outbound.errors import UpstreamInvalid
from problems import AppError
from problems.families import CONTENT_TYPE

Send = Callable[[Mapping[str, Any]], Awaitable[None]]

OURS = (b"switchboard-source", b"switchboard")
UPSTREAM = (b"switchboard-source", b"upstream")


def valid_status(status: int) -> int:
    """The service's status. Raises UpstreamInvalid for what is none of an answer."""
    if not 200 <= status <= 599:
        raise UpstreamInvalid(f"The service answered with the status {status}, which is no answer.")
    return status


def call_header(call_id: object) -> tuple[bytes, bytes]:
    """The header that names the call in the activity list."""
    return b"switchboard-call", str(call_id).encode()


def problem(error: AppError, call_id: object) -> tuple[headers.RawPairs, bytes]:
    """The headers and the body of an error of ours (RFC 9457)."""
    body = json.dumps(error.as_problem()).encode()
    extra = [(name.lower().encode(), value.encode()) for name, value in error.headers().items()]
    pairs = [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store"), *extra, OURS]
    return [*pairs, *_of_ours(body, call_id)], body


async def send_problem(send: Send, error: AppError, call_id: object, *, is_head: bool = False) -> None:
    """An error of ours, as an answer."""
    pairs, body = problem(error, call_id)
    await send({"type": "http.response.start", "status": error.status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if is_head else body, "more_body": False})


async def send_whole(
    send: Send, status: int, pairs: headers.RawPairs, body: bytes, *, call_id: object
) -> None:
    """An answer that we made ourselves, whole."""
    whole = [*pairs, *_of_ours(body, call_id)]
    await send({"type": "http.response.start", "status": status, "headers": whole})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _of_ours(body: bytes, call_id: object) -> headers.RawPairs:
    return [
        (b"date", http_date().encode()),
        (b"content-length", str(len(body)).encode()),
        call_header(call_id),
        *headers.OURS,
    ]
