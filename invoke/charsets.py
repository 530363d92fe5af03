"""Text in the charsets that the web knows (https://encoding.spec.whatwg.org), decoded piece by piece.

Python's other codecs are never asked: some take half a minute for a megabyte. Of these none takes longer than
the text is long, and no piece takes more than some milliseconds.
"""

import codecs
import re
from collections.abc import Iterator
from functools import cache

import webencodings

_PIECE_BYTES = 16 * 1024
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"))
_UTF_8 = "utf-8"
_REPLACEMENT = "replacement"  # what the standard calls encodings that nobody should decode
_MULTI_BYTE = frozenset(
    {"big5", "euc-jp", "euc-kr", "gb18030", "gbk", "iso-2022-jp", "shift_jis", "utf-16be", "utf-16le", _UTF_8}
)
_XML = re.compile(
    rb"""\s{0,100}<\?xml\s[^>]{0,300}?\bencoding\s{0,10}=\s{0,10}["']([A-Za-z0-9._:-]{1,40})["']"""
)


def named(label: str) -> str:
    """The charset of a label, by its name in the standard; empty where no charset has that label."""
    try:
        found = webencodings.lookup(label) if label else None
    except UnicodeEncodeError:  # half of a character
        return ""
    return found.name if found else ""


def declared_in_xml(data: bytes) -> str:
    """The charset that an XML declaration names, empty where there is none. It was read as ASCII, and so is
    not UTF-16, whatever it says."""
    found = _XML.match(data, 0, 1024)
    name = named(found[1].decode()) if found else ""
    return _UTF_8 if name.startswith("utf-16") else name


def decode(data: bytes, charset: str, *, is_strict: bool = False) -> str:
    """The text in this charset (UTF-8 where it is empty), or in that of its byte order mark, which wins.

    ``is_strict``: raises UnicodeDecodeError for what is not text in UTF-8 or UTF-16.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return "".join(_pieces(data, name, len(mark), is_strict))
    if charset == _REPLACEMENT:
        return "\N{REPLACEMENT CHARACTER}" if data else ""
    return "".join(_pieces(data, charset or _UTF_8, 0, is_strict))


def encode(text: str) -> bytes:
    """The text in UTF-8, made piece by piece."""
    if text.isascii():
        return text.encode()
    return b"".join(text[at : at + _PIECE_BYTES].encode() for at in range(0, len(text), _PIECE_BYTES))


def _pieces(data: bytes, charset: str, start: int, is_strict: bool) -> Iterator[str]:
    table = _table(charset)
    decoder = _codec(charset).incrementaldecoder("strict" if is_strict else "replace")
    for at in range(start, len(data), _PIECE_BYTES):
        piece = data[at : at + _PIECE_BYTES]
        if table:
            yield codecs.charmap_decode(piece, "strict", table)[0]
        else:
            yield decoder.decode(piece)
    if not table:
        yield decoder.decode(b"", True)


def _codec(charset: str) -> codecs.CodecInfo:
    name = "gb18030" if charset == "gbk" else charset  # the standard decodes both alike
    info: codecs.CodecInfo = webencodings.lookup(name).codec_info
    return info


@cache
def _table(charset: str) -> str:
    """A character for each byte of a single-byte charset, empty for others.

    Where Python's has none it is the control character of that number, or U+FFFD, as the standard has it: an
    error handler that is asked for each such byte would take seconds.
    """
    if charset in _MULTI_BYTE:
        return ""
    decode_byte = _codec(charset).decode
    return "".join(_character(number, decode_byte(bytes([number]), "replace")[0]) for number in range(256))


def _character(number: int, decoded: str) -> str:
    is_control = 0x80 <= number < 0xA0
    return chr(number) if decoded == "\N{REPLACEMENT CHARACTER}" and is_control else decoded
