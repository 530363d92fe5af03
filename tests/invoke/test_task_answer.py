"""How an answer is told to a task: its charset, its encoding, its name as a file."""

import base64
import gzip
import json
import os
import time
from typing import Any

import pytest

from invoke import deluge, task_answer
from invoke.aside import AT_ONCE_BYTES
from outbound.errors import ResponseTooLarge, UpstreamInvalid
from tests.invoke.conftest import Desk, Gateway, Got
from tests.invoke.upstream import Upstream, answer

MB = 1024 * 1024
PLAIN = "text/plain; charset=utf-8"
AS_FILE: dict[str, Any] = {"response-format": "FILE"}
KOI8_R = '<?xml version="1.0" encoding="koi8-r"?>'
LONG = "ü" * AT_ONCE_BYTES


def task(**told: Any) -> deluge.Task:
    return deluge.parse(
        "application/json", json.dumps({"connection": "desk", "url": "/a/x.pdf", **told}).encode()
    )


async def told(
    body: bytes, content_type: str = "", *, headers: dict[str, str] | None = None, **asked: Any
) -> Any:
    """What comes of an answer, as (type, body); the body of JSON read."""
    pairs = {"content-type": content_type, **(headers or {})}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs.items() if value]
    found = await task_answer.tell(task(**asked), task_answer.Got(200, raw, body), None)
    if found.content_type == "application/json":
        return found.content_type, json.loads(found.body)
    return found.content_type, found.body.decode()


async def named(disposition: str) -> str:
    _, found = await told(b"x", headers={"content-disposition": disposition}, **AS_FILE, detailed=True)
    return str(found["responseText"]["fileName"])


# --- Charsets ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "content_type", "decoding", "text"),
    [
        ("ä".encode(), "text/plain", "", "ä"),
        (b"\xe4", "text/plain; charset=ISO-8859-1", "", "ä"),
        (b"\xe4", 'text/plain; a="; charset=koi8-r"; Charset="Latin1"', "", "ä"),
        (b"\xe4", "text/plain; charset=utf-8", "latin1", "ä"),
        (b"\xe4", "application/octet-stream", "latin1", "ä"),
        (b"\xe4", "text/plain; charset=klingon", "", "\N{REPLACEMENT CHARACTER}"),
        ("ä".encode(), "text/plain; charset=punycode", "", "ä"),
        ("ä".encode(), "application/octet-stream; charset=hex", "", "ä"),
        (KOI8_R.encode() + b"\xc1", "application/xml", "", f"{KOI8_R}а"),
        (KOI8_R.encode() + b"\xc1", "", "", f"{KOI8_R}а"),
        (KOI8_R.encode() + b"\xe4", "text/xml; charset=latin1", "", f"{KOI8_R}ä"),
        (KOI8_R.encode() + b"\xc1", "text/xml; charset=klingon", "", f"{KOI8_R}а"),
        (b"\xef\xbb\xbf\xc3\xa4", "text/plain; charset=latin1", "koi8-r", "ä"),
        ("\ufeffä".encode("utf-16-le"), "text/plain; charset=latin1", "", "ä"),
        ("ä".encode("utf-16-le"), "text/plain; charset=utf-16", "", "ä"),
        ("あ".encode("shift_jis"), "text/csv; charset=Shift_JIS", "", "あ"),
        (b"a\x00b", "text/plain", "", "a\x00b"),
    ],
)
async def test_text_is_read_in_the_charset_that_counts(
    body: bytes, content_type: str, decoding: str, text: str
) -> None:
    asked: dict[str, Any] = {"response-decoding": decoding} if decoding else {}
    assert await told(body, content_type, **asked) == (PLAIN, text)
    _, detailed = await told(body, content_type, detailed=True, **asked)
    assert detailed["responseText"] == text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\x00", "image/png"),
        (b"a\x00b", ""),
        (b"\xe4", "application/pdf; charset=klingon"),
        (b"\xe4", ""),
    ],
)
async def test_what_is_no_text_and_says_no_charset_is_a_file(body: bytes, content_type: str) -> None:
    _, found = await told(body, content_type)
    assert base64.b64decode(found["content"]) == body
    _, found = await told(body, content_type, detailed=True)
    assert base64.b64decode(found["responseText"]["content"]) == body


def test_one_small_answer_does_not_silence_the_server(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    """A megabyte of punycode took half a minute, on the loop."""
    desk.connection()
    body = b"a" * 600_000 + b"-" + b"9" * 600_000
    upstream.says(answer(200, body, {"Content-Type": "text/plain; charset=punycode"}))
    started = time.monotonic()
    assert gateway.task(connection="desk", url="/x").body == body
    assert time.monotonic() - started < 10


# --- JSON -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "content_type", "is_json"),
    [
        (b' {"a": 1.50}', "text/plain", True),
        (b"12", "application/json", True),
        (b"12", "text/plain", False),
        (b"[1, NaN]", "application/json", False),
        (b'{"a": ', "application/json", False),
        (b"[" * 100 + b"]" * 100, "", True),
        (b"[" * 101 + b"]" * 101, "", False),
        (b"[" * 200_000, "application/json", False),
        (b"[" * 200_000 + b"]" * 200_000, "application/json", False),
        (b"[" + b"[0]," * 100_000 + b"0]", "", True),
        (b"[" + b"[0]," * 100_000 + b"]", "", False),
        (b" " * 100_000 + b'{"a": "b"}', "application/problem+json", True),
    ],
)
async def test_json_is_told_as_json_as_it_stands(body: bytes, content_type: str, is_json: bool) -> None:
    got = task_answer.Got(200, [(b"content-type", content_type.encode())], body)
    found = await task_answer.tell(task(), got, None)
    assert (found.content_type == "application/json", found.body) == (is_json, body)


async def test_a_long_answer_is_told_like_a_short_one() -> None:
    assert await told(LONG.encode(), "text/plain") == (PLAIN, LONG)
    _, found = await told(LONG.encode(), "text/plain", detailed=True, headers={"x-a": "b"})
    headers = {"content-type": "text/plain", "x-a": "b"}
    assert found == {"responseText": LONG, "responseHeader": headers, "responseCode": 200}
    noise = os.urandom(3 * AT_ONCE_BYTES + 1)
    _, found = await told(noise, **AS_FILE)
    assert base64.b64decode(found["content"]) == noise


# --- Encodings --------------------------------------------------------------------------------------
def zipped(body: bytes, *codings: str) -> bytes:
    return answer(
        200, body, [("Content-Type", "text/plain"), *(("Content-Encoding", each) for each in codings)]
    )


def ask(desk: Desk, gateway: Gateway, upstream: Upstream, raw: bytes, **told: Any) -> Got:
    desk.connection()
    upstream.says(raw)
    return gateway.task(connection="desk", url="/x", **told)


@pytest.mark.parametrize(
    ("body", "codings", "text"),
    [
        (gzip.compress(b"one ") + gzip.compress(b"two"), ["gzip"], b"one two"),
        (gzip.compress(b"x" * 3 * AT_ONCE_BYTES), ["gzip"], b"x" * 3 * AT_ONCE_BYTES),
        (gzip.compress(LONG.encode(), compresslevel=0), ["X-Gzip"], LONG.encode()),
        (gzip.compress(b"one"), ["gzip", "UTF-8"], b"one"),
        (b"plain", ["UTF-8"], b"plain"),
        (b"", ["gzip"], b""),
    ],
    ids=["members", "more than it seems", "long", "two lines", "no coding", "empty"],
)
def test_one_layer_of_gzip_is_taken_off_whole(
    gateway: Gateway, desk: Desk, upstream: Upstream, body: bytes, codings: list[str], text: bytes
) -> None:
    got = ask(desk, gateway, upstream, zipped(body, *codings))
    assert (got.status, got.body) == (200, text)


@pytest.mark.parametrize(
    ("body", "codings"),
    [
        (gzip.compress(gzip.compress(b"x")), ["gzip", "gzip"]),
        (gzip.compress(b"x"), ["gzip", "br"]),
        (gzip.compress(b"x") + b"\x00", ["gzip"]),
        (gzip.compress(b"") * 1001, ["gzip"]),
    ],
    ids=["two layers on two lines", "another coding", "something behind", "members without end"],
)
def test_what_is_not_one_layer_of_gzip_is_refused(
    gateway: Gateway, desk: Desk, upstream: Upstream, body: bytes, codings: list[str]
) -> None:
    got = ask(desk, gateway, upstream, zipped(body, *codings))
    assert (got.status, got.code) == (502, "upstream_invalid")


async def test_headers_tell_of_an_encoding_that_was_not_taken_off() -> None:
    _, found = await told(b"x", "text/plain", headers={"content-encoding": "UTF-8"}, detailed=True)
    assert found["responseHeader"]["content-encoding"] == "UTF-8"


async def test_unzips_under_the_cap_whatever_the_length_on_the_wire() -> None:
    coding = [(b"content-encoding", b"gzip")]
    assert await task_answer.unzip(coding, gzip.compress(bytes(MB)), MB) == bytes(MB)
    for body in (gzip.compress(bytes(MB + 1)), gzip.compress(os.urandom(MB + 1))):
        with pytest.raises(ResponseTooLarge):
            await task_answer.unzip(coding, body, MB)
    with pytest.raises(ResponseTooLarge):
        await task_answer.unzip(coding, gzip.compress(b"12"), 1)
    with pytest.raises(UpstreamInvalid):
        await task_answer.unzip(coding, gzip.compress(os.urandom(MB)) + b"behind", 2 * MB)


# --- Files ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a.pdf", "a.pdf"),
        ('attachment; filename="plain.pdf"; filename*=UTF-8\'\'%e2%82%ac%20rates.pdf', "€ rates.pdf"),
        ("attachment; filename*=iso-8859-1'en'%A3.pdf; filename=pound.pdf", "£.pdf"),
        ("attachment; FileName*=utf-8''%ff; filename=kept.pdf", "kept.pdf"),
        ("attachment; filename*=klingon''x; filename=kept.pdf", "kept.pdf"),
        ("attachment; filename*=broken; filename=kept.pdf", "kept.pdf"),
        (r'attachment; filename="a\"b\\c.pdf"', "c.pdf"),
        (r'attachment; filename="a\"b.pdf"', 'a"b.pdf'),
        (r'attachment; filename="C:\temp\new.pdf"', "new.pdf"),
        ('attachment; x="; filename=evil.pdf"; filename=good.pdf', "good.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment; filename*=UTF-8''..%2f..%5Cevil.pdf", "evil.pdf"),
        ("attachment; filename*=UTF-8''a%0D%0Ab%00c.pdf", "abc.pdf"),
        ('attachment; filename=".."', "file"),
        ('attachment; filename=""', "x.pdf"),
        (f'attachment; filename="{"a" * 300}"', "a" * 255),
        ("inline", "x.pdf"),
        ("", "x.pdf"),
    ],
)  # fmt: skip
async def test_a_file_is_named_as_its_service_says(disposition: str, name: str) -> None:
    assert await named(disposition) == name
