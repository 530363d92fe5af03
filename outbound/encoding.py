"""Undoing one layer of gzip, under a cap. Nothing else is ever offered to a service, nor decoded."""

import zlib

from outbound.errors import ResponseTooLarge, UpstreamInvalid

ACCEPT_ENCODING = "gzip"
_GZIP = 16 + zlib.MAX_WBITS


def decoded(body: bytes, content_encoding: str, *, max_bytes: int) -> bytes:
    """The body without its encoding. Raises ResponseTooLarge or UpstreamInvalid."""
    encoding = content_encoding.strip().lower()
    if encoding in {"", "identity"} or not body:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise UpstreamInvalid("The service encoded its answer in a way that was not offered to it.")
    return _unzipped(body, max_bytes)


def _unzipped(body: bytes, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    left = max_bytes
    while body:  # a gzip file may be several in a row (RFC 1952 2.2)
        member = zlib.decompressobj(_GZIP)
        try:
            piece = member.decompress(body, left + 1)
        except zlib.error:
            raise UpstreamInvalid("The service's answer is not the gzip that it says it is.") from None
        left -= len(piece)
        if left < 0:
            raise ResponseTooLarge
        if not member.eof:
            raise UpstreamInvalid("The service's answer broke off inside its gzip.")
        pieces.append(piece)
        body = member.unused_data
    return b"".join(pieces)
