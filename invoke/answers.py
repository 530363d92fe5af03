"""What goes back to the caller, as ASGI messages."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.utils.http import http_date

from invoke import headers
from problems import AppError
from problems.families import CONTENT_TYPE

Send = Callable[[Mapping[str, Any]], Awaitable[None]]

OURS = (b"switchboard-source", b"switchboard")
UPSTREAM = (b"switchboard-source", b"upstream")


def call_header(call_id: object) -> tuple[bytes, bytes]:
    """The header that names the call in the activity list."""
    return b"switchboard-call", str(call_id).encode()


async def send_problem(send: Send, error: AppError, call_id: object, *, is_head: bool = False) -> None:
    """An error of ours (RFC 9457)."""
    body = json.dumps(error.as_problem()).encode()
    extra = [(name.lower().encode(), value.encode()) for name, value in error.headers().items()]
    await send_whole(
        send,
        error.status,
        [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store"), *extra, OURS],
        body,
        call_id=call_id,
        is_head=is_head,
    )


async def send_whole(
    send: Send,
    status: int,
    pairs: headers.RawPairs,
    body: bytes,
    *,
    call_id: object,
    is_head: bool = False,
) -> None:
    """An answer that we made ourselves, whole."""
    own = [
        (b"date", http_date().encode()),
        (b"content-length", str(len(body)).encode()),
        call_header(call_id),
        *headers.OURS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*pairs, *own]})
    await send({"type": "http.response.body", "body": b"" if is_head else body, "more_body": False})
