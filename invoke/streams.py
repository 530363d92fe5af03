"""Reading bodies: the caller's, whole where that is small or needed, and a service's, decoded under a cap."""

import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

from invoke.asks import Body
from invoke.errors import PayloadTooLarge
from outbound.errors import ResponseTooLarge, UpstreamInvalid

REPLAYABLE_BYTES = 1024 * 1024  # kept, so that the call can be repeated after a refresh


async def readied(body: Body, *, needs_whole: bool, cap: int) -> Body:
    """The body as it will be sent: whole where it is needed so or small, else streamed after what was read.

    Raises PayloadTooLarge for a body over the cap.
    """
    if body.stream is None:
        return body
    if body.length is not None and body.length > REPLAYABLE_BYTES and not needs_whole:
        return body
    most = cap if needs_whole else REPLAYABLE_BYTES
    chunks, size = list[bytes](), 0
    source = body.stream()
    async for chunk in source:
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            if needs_whole:
                raise PayloadTooLarge
            return replace(body, stream=lambda: _rest(chunks, source))
    return Body.of(b"".join(chunks))


async def _rest(chunks: list[bytes], source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    chunks.clear()
    async for chunk in source:
        yield chunk


async def read_whole(chunks: AsyncIterator[bytes], coding: str, cap: int) -> bytes:
    """A service's body, its one layer of gzip taken off, under the cap on either side of it.

    Raises ResponseTooLarge, and UpstreamInvalid for an encoding that was not offered.
    """
    coding = coding.strip().lower()
    if coding not in {"", "identity", "gzip", "x-gzip"}:
        raise UpstreamInvalid("The service answered in an encoding that it was not offered.")
    inflate = zlib.decompressobj(wbits=31) if coding.endswith("gzip") else None
    parts, wire, size = list[bytes](), 0, 0
    async for chunk in chunks:
        wire += len(chunk)
        part = _inflated(inflate, chunk, cap - size + 1) if inflate else chunk
        size += len(part)
        if max(wire, size) > cap:
            raise ResponseTooLarge
        parts.append(part)
    if inflate and wire and not inflate.eof:
        raise UpstreamInvalid("The service's gzip answer broke off.")
    return b"".join(parts)


def _inflated(inflate: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    try:
        part = inflate.decompress(chunk, most)
    except zlib.error:
        raise UpstreamInvalid("The service's answer says gzip, and is not.") from None
    if inflate.unconsumed_tail:
        raise ResponseTooLarge
    return part
