"""The web's charsets: which there are, what they make of bytes, and how long they take."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS

from invoke import charsets

NAMES = sorted(set(LABELS.values()))
REPLACED = "\N{REPLACEMENT CHARACTER}"
TEXTS = {
    "shift_jis": "日本語①～",
    "euc-jp": "日本語",
    "iso-2022-jp": "日本語 and ASCII",
    "euc-kr": "한국어 뷁",
    "big5": "繁體中文 嘅",
    "gbk": "简体中文 €",
    "gb18030": "简体中文 😀",
    "utf-8": "ü😀",
    "utf-16le": "ü😀",
    "utf-16be": "ü😀",
    "windows-1252": "€ ü",
    "koi8-r": "Привет",
}
LABELLED = {
    "UTF8": "utf-8",
    " latin1\n": "windows-1252",
    "ISO-8859-1": "windows-1252",
    "sjis": "shift_jis",
    "utf-16": "utf-16le",
    "x-user-defined": "x-user-defined",
    "iso-2022-kr": "replacement",
}
UNKNOWN = [
    *(
        "",
        "punycode",
        "idna",
        "hex",
        "base64",
        "zlib",
        "bz2",
        "rot13",
        "unicode_escape",
        "raw_unicode_escape",
    ),
    *(
        "utf-7",
        "utf-8-sig",
        "utf-32",
        "undefined",
        "mbcs",
        "cp037",
        "latin-1",
        "klingon",
        "utf-8\x00",
        "\ud800",
    ),
]
CODECS = {"shift_jis": "cp932", "euc-kr": "cp949", "big5": "big5hkscs", "gbk": "gb18030"}


@pytest.mark.parametrize(("label", "name"), LABELLED.items())
def test_knows_the_labels_of_the_web(label: str, name: str) -> None:
    assert charsets.named(label) == name


@pytest.mark.parametrize("label", UNKNOWN)
def test_knows_no_other_codec_of_python(label: str) -> None:
    assert charsets.named(label) == ""


@pytest.mark.parametrize(("name", "text"), TEXTS.items(), ids=TEXTS)
def test_decodes_them_piece_by_piece(name: str, text: str) -> None:
    encoded = text.encode(CODECS.get(name, name))
    assert charsets.decode(encoded * 7001, name) == text * 7001


@given(st.binary(max_size=8), st.sampled_from([name for name in NAMES if name != "replacement"]))
def test_text_is_always_text(data: bytes, name: str) -> None:
    charsets.decode(data, name).encode()


def test_a_byte_without_a_character_is_a_control_character_or_replaced() -> None:
    assert charsets.decode(b"\x81\x80", "windows-1252") == "\x81€"
    assert charsets.decode(b"\xaa", "windows-1253") == REPLACED
    assert charsets.decode(b"\xff", "iso-8859-6") == REPLACED
    assert charsets.decode(b"a\x80\xff", "x-user-defined") == "a\uf780\uf7ff"


@pytest.mark.parametrize("name", ["", "windows-1252", "utf-16be", "replacement"])
def test_a_byte_order_mark_wins_and_goes(name: str) -> None:
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert charsets.decode(mark + "\ufeffä".encode(codec), name) == "\ufeffä"
        assert charsets.decode(mark, name) == ""


def test_what_nobody_should_decode_is_replaced_as_a_whole() -> None:
    assert charsets.decode(b"\x1b$)C", "replacement") == REPLACED
    assert charsets.decode(b"", "replacement") == ""


@pytest.mark.parametrize(
    "data", [b"\xff", b"a" * 20_000 + b"\xc3", b"\xff\xfe\x00", b"\xff\xfe\x00\xd8a\x00"]
)
def test_refuses_what_is_no_text_where_it_is_strict(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        charsets.decode(data, "", is_strict=True)
    assert REPLACED in charsets.decode(data, "")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', "windows-1252"),
        (b"\r\n <?xml version='1.0'\tencoding = 'Shift_JIS' standalone='yes'?>", "shift_jis"),
        (b'<?xml version="1.0" encoding="UTF-16"?>', "utf-8"),
        (b'<?xml version="1.0" encoding="punycode"?>', ""),
        (b'<?xml version="1.0"?><a encoding="koi8-r"/>', ""),
        (b'<a encoding="koi8-r"/>', ""),
        (b"<?xml " + b" " * 5000 + b'encoding="koi8-r"?>', ""),
        (b"", ""),
    ],
)
def test_reads_what_an_xml_declaration_says(data: bytes, name: str) -> None:
    assert charsets.declared_in_xml(data) == name


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_encodes_as_utf_8(text: str) -> None:
    assert charsets.encode(text) == text.encode()
    assert charsets.encode("ä" + text * 3 + "x" * 16_384) == ("ä" + text * 3 + "x" * 16_384).encode()


@pytest.mark.parametrize("name", NAMES)
def test_none_takes_long_whatever_it_is_given(name: str) -> None:
    """A megabyte of what they like least. Python's punycode takes half a minute for as much."""
    unpleasant = [
        b"\xff",
        b"\x81",
        b"\x00\xd8",
        b"\x1b$B",
        b"\x1b(J\x1b$B",
        b"\x84\x31\x82\x36",
        b"\xa1",
        b"\x8f",
    ]
    started = time.thread_time()
    for data in (os.urandom(1_000_000), *(each * (1_000_000 // len(each)) for each in unpleasant)):
        charsets.encode(charsets.decode(data, name))
    assert time.thread_time() - started < 5
