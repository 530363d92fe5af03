"""Undoing one layer of gzip, under a cap. Nothing else is ever offered to a service, nor decoded."""

import zlib

from outbound.errors import ResponseTooLarge, UpstreamInvalid

ACCEPT_ENCODING = "gzip"
MOST_MEMBERS = 1000  # of a gzip file (RFC 1952 2.2): each costs the same, however little is in it
_GZIP = frozenset({"gzip", "x-gzip"})
# The content codings of https://www.iana.org/assignments/http-parameters that change a body. Services send
# other words, too (`UTF-8`, `none`): they say nothing.
_REGISTERED = _GZIP | {
    *("aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "pack200-gzip", "x-compress", "zstd")
}
_WINDOW_BITS = 16 + zlib.MAX_WBITS
_SLICE_BYTES = 64 * 1024  # what follows a member is copied: a slice of it, and never all


def is_encoded(content_encoding: str) -> bool:
    """Is there a layer to be taken off? Several lines of the header are joined by commas."""
    return bool(_layers(content_encoding))


def decoded(body: bytes, content_encoding: str, *, max_bytes: int) -> bytes:
    """The body without its encoding. Raises ResponseTooLarge or UpstreamInvalid."""
    layers = _layers(content_encoding)
    if not layers or not body:
        return body
    if len(layers) > 1 or layers[0] not in _GZIP:
        raise UpstreamInvalid("The service encoded its answer in a way that was not offered to it.")
    return _unzipped(body, max_bytes)


def _layers(content_encoding: str) -> list[str]:
    if not content_encoding:
        return []
    return [word for each in content_encoding.split(",") if (word := each.strip().lower()) in _REGISTERED]


def _unzipped(body: bytes, max_bytes: int) -> bytes:
    pieces, left, members = list[bytes](), max_bytes, 1
    member = zlib.decompressobj(_WINDOW_BITS)
    for start in range(0, len(body), _SLICE_BYTES):
        data = body[start : start + _SLICE_BYTES]
        while data:
            if member.eof:
                member, members = zlib.decompressobj(_WINDOW_BITS), members + 1
            if members > MOST_MEMBERS:
                raise UpstreamInvalid("The service's answer is gzip in more members than anybody needs.")
            pieces.append(_inflated(member, data, left))
            left -= len(pieces[-1])
            data = member.unused_data
    if not member.eof:
        raise UpstreamInvalid("The service's answer broke off inside its gzip.")
    return b"".join(pieces)


def _inflated(member: "zlib._Decompress", data: bytes, left: int) -> bytes:
    try:
        piece = member.decompress(data, left + 1)
    except zlib.error:
        raise UpstreamInvalid("The service's answer is not the gzip that it says it is.") from None
    if len(piece) > left:
        raise ResponseTooLarge
    return piece
