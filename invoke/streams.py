"""Reading bodies: the caller's, whole where that is small or needed, and a service's under a cap."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from invoke.asks import Body
from invoke.errors import PayloadTooLarge
from outbound.errors import ResponseTooLarge
from problems import AppError

REPLAYABLE_BYTES = 1024 * 1024  # kept, so that the call can be repeated after a refresh


@dataclass(frozen=True, slots=True)
class Bound:
    """How long a body may be that is read whole, and what is raised for a longer one.

    ``cost``: how much longer it takes to take a byte of it apart than to read one of JSON.
    """

    most_bytes: int
    error: Callable[[], AppError]
    cost: int = 1


async def prepare(body: Body, cap: int) -> Body:
    """The body as it will be sent: whole where it is small, else streamed after what was read.

    Raises PayloadTooLarge for one that was made here, of a task, and is over the cap.
    """
    if len(body.data) > cap:
        raise PayloadTooLarge
    if body.stream is None or (body.length is not None and body.length > REPLAYABLE_BYTES):
        return body
    chunks, source = list[bytes](), body.stream()
    if not await _collect(source, REPLAYABLE_BYTES, chunks):
        return replace(body, stream=lambda: _rest(chunks, source))
    return Body.of(b"".join(chunks))


async def _rest(chunks: list[bytes], source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    chunks.clear()
    async for chunk in source:
        yield chunk


async def read_caller(body: Body, bound: Bound) -> Body:
    """All of the body. Raises the bound's error, before anything is read where the length says so."""
    if (body.length or 0) > bound.most_bytes:
        raise bound.error()
    if body.stream is None:
        return body
    chunks = list[bytes]()
    if not await _collect(body.stream(), bound.most_bytes, chunks):
        raise bound.error()
    return Body.of(b"".join(chunks))


async def read_service(source: AsyncIterator[bytes], cap: int) -> bytes:
    """A service's body as it travels. Raises ResponseTooLarge."""
    chunks = list[bytes]()
    if not await _collect(source, cap, chunks):
        raise ResponseTooLarge
    return b"".join(chunks)


async def _collect(source: AsyncIterator[bytes], most_bytes: int, chunks: list[bytes]) -> bool:
    """Read into ``chunks`` as far as the first one that is over the bound. Was it all?"""
    size = 0
    async for chunk in source:
        chunks.append(chunk)
        size += len(chunk)
        if size > most_bytes:
            return False
    return True
