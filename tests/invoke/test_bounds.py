"""What has to be taken apart before it can be sent is bounded, and does not hold up anybody else."""

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

import pytest

from invoke import bodies, deluge
from invoke.bodies import FORM_BYTES, MOST_FIELDS, MULTIPART_BYTES
from invoke.deluge import TASK_BYTES
from problems import AppError
from tests.invoke.conftest import Desk, Gateway, Got, Recorded, slices
from tests.invoke.upstream import Upstream, answer

FORM = bodies.URLENCODED
MULTIPART = "multipart/form-data; boundary=b"
JSON = "application/json"
KEYS: dict[str, Any] = {"block": {"params": [{"key": "token"}]}, "secrets": {"token": "k"}}
CLIENT = {"client_id": "consumer", "client_secret": "secret"}
PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'


@pytest.fixture
def keyed(desk: Desk) -> None:
    desk.connection(param="form", **KEYS)


@pytest.fixture
def signed(desk: Desk) -> None:
    desk.connection(auth="oauth1", param="header", client=CLIENT)


def post(gateway: Gateway, body: bytes, content_type: str, *, path: str = "/invoke/desk/x") -> Got:
    return gateway.send("POST", path, body, {"Content-Type": content_type})


def announce(gateway: Gateway, length: int, content_type: str, *, path: str = "/invoke/desk/x") -> bytes:
    """What is answered to a head alone: nothing of the body is sent."""
    return gateway.raw(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()
    )


def chunked(gateway: Gateway, body: bytes, content_type: str, *, path: str = "/invoke/desk/x") -> Got:
    pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
    sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return gateway.send("POST", path, sent, {"Content-Type": content_type, "Transfer-Encoding": "chunked"})


def refused(text: bytes) -> AppError:
    with pytest.raises(AppError) as raised:
        deluge.parse(JSON, text)
    return raised.value


# --- Forms that carry a credential, or are signed ----------------------------------------------------
@pytest.mark.usefixtures("keyed")
def test_a_form_that_carries_a_credential_has_two_megabytes(gateway: Gateway, upstream: Upstream) -> None:
    full = b"a=" + b"x" * (FORM_BYTES - 2)
    assert post(gateway, full, FORM).status == 200
    assert upstream.last.body == full + b"&token=k"
    for got in (post(gateway, full + b"x", FORM), chunked(gateway, full + b"x", FORM)):
        assert (got.status, got.code) == (413, "payload_too_large")
        assert "2 MB" in got.json["detail"]
    assert len(upstream.seen) == 1


@pytest.mark.usefixtures("signed")
def test_a_form_that_is_signed_has_two_megabytes(gateway: Gateway, upstream: Upstream) -> None:
    full = b"a=" + b"x" * (FORM_BYTES - 2)
    assert post(gateway, full, FORM).status == 200
    assert (post(gateway, full + b"x", FORM).code, len(upstream.seen)) == ("payload_too_large", 1)
    other = b"x" * (3 * FORM_BYTES)  # no form, and so no part of the signature
    assert post(gateway, other, "application/octet-stream").status == 200
    assert upstream.last.body == other


@pytest.mark.usefixtures("keyed")
def test_a_multipart_body_that_carries_a_credential_has_twenty_megabytes(
    gateway: Gateway, upstream: Upstream
) -> None:
    end = b"\r\n--b--\r\n"
    full = PART + b"x" * (MULTIPART_BYTES - len(PART + end)) + end
    upstream.says(answer(200, b"done"))
    assert post(gateway, full, MULTIPART).status == 200
    assert b'name="token"' in upstream.last.body
    got = chunked(gateway, b" " + full, MULTIPART)
    assert (got.status, got.code, len(upstream.seen)) == (413, "payload_too_large", 1)
    assert "20 MB" in got.json["detail"]


@pytest.mark.parametrize(
    ("made", "content_type", "most"),
    [("keyed", FORM, FORM_BYTES), ("keyed", MULTIPART, MULTIPART_BYTES), ("signed", FORM, FORM_BYTES)],
)
def test_a_length_that_is_too_great_is_refused_before_anything_is_read(
    request: pytest.FixtureRequest,
    gateway: Gateway,
    upstream: Upstream,
    made: str,
    content_type: str,
    most: int,
) -> None:
    request.getfixturevalue(made)
    assert b"payload_too_large" in announce(gateway, most + 1, content_type)
    assert upstream.seen == []


@pytest.mark.usefixtures("keyed")
def test_a_body_that_is_no_form_is_refused_before_it_is_read(gateway: Gateway, upstream: Upstream) -> None:
    received = announce(gateway, 30_000_000, JSON)
    assert b"invalid_request" in received
    assert b"form" in received
    assert chunked(gateway, b"{}", JSON).code == "invalid_request"
    assert upstream.seen == []


@pytest.mark.parametrize("made", ["keyed", "signed"])
def test_a_form_has_ten_thousand_fields(
    request: pytest.FixtureRequest, gateway: Gateway, upstream: Upstream, made: str
) -> None:
    request.getfixturevalue(made)
    assert post(gateway, b"a&" * (MOST_FIELDS - 1) + b"a", FORM).status == 200
    got = post(gateway, b"a&" * MOST_FIELDS + b"a", FORM)
    assert (got.status, got.code, len(upstream.seen)) == (413, "payload_too_large", 1)
    assert "10,000" in got.json["detail"]


@pytest.mark.usefixtures("keyed")
def test_a_multipart_body_has_ten_thousand_parts(gateway: Gateway, upstream: Upstream) -> None:
    assert post(gateway, (PART + b"x\r\n") * MOST_FIELDS + b"--b--", MULTIPART).status == 200
    assert (
        post(gateway, (PART + b"x\r\n") * (MOST_FIELDS + 1) + b"--b--", MULTIPART).code == "payload_too_large"
    )
    assert post(gateway, b"--b\r\n" * 1_000_000, MULTIPART).code == "payload_too_large"
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("head", [b"X: " + b"y" * 20_000, b'content-disposition: form-data; name="a"'])
@pytest.mark.usefixtures("keyed")
def test_a_part_whose_head_does_not_end_is_refused(gateway: Gateway, upstream: Upstream, head: bytes) -> None:
    assert post(gateway, b"--b\r\n" + head + b"\r\n--b--", MULTIPART).code == "invalid_request"
    assert upstream.seen == []


@pytest.mark.parametrize("unit", ["%c3%A4", "%", "%4", "+a", "ä%zz%", "a%26%3d"])
def test_a_long_field_is_read_like_a_short_one(unit: str) -> None:
    for shift in range(7):
        text = f"{'x' * shift}{unit * 9_000}={unit * 9_000}&b&&=c"
        assert bodies.fields_of(text.encode(), FORM) == tuple(parse_qsl(text, keep_blank_values=True))
        token = "".join(f"%{byte:02x}" for byte in b"token")
        kept = bodies.without(f"{' ' * shift}{'+' * 40_000}{token}=1&{text}", frozenset({"token"}))
        assert kept == text


@pytest.mark.usefixtures("signed")
def test_the_form_of_a_task_is_bounded_alike(gateway: Gateway, upstream: Upstream) -> None:
    got = gateway.task(connection="desk", url="/x", type="POST", parameters={"a": "x" * FORM_BYTES})
    assert (got.status, got.code) == (413, "payload_too_large")
    got = gateway.task(connection="desk", url="/x", type="POST", parameters={"a": ["x"] * (MOST_FIELDS + 1)})
    assert (got.code, upstream.seen) == ("payload_too_large", [])


# --- Tasks -------------------------------------------------------------------------------------------
def test_a_task_has_twenty_megabytes(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection()
    upstream.says(answer(200, b"done"))
    start = b'{"connection": "desk", "url": "/x", "type": "POST", "body": "'
    full = start + b"x" * (TASK_BYTES - len(start) - 2) + b'"}'
    assert post(gateway, full, JSON, path="/invoke").status == 200
    assert upstream.last.body == full[len(start) : -2]
    for got in (
        post(gateway, full + b" ", JSON, path="/invoke"),
        chunked(gateway, full + b" ", JSON, path="/invoke"),
    ):
        assert (got.status, got.code) == (413, "payload_too_large")
        assert "20 MB" in got.json["detail"]
    assert b"payload_too_large" in announce(gateway, TASK_BYTES + 1, JSON, path="/invoke")
    assert [call.code for call in recorded(4)] == ["", *["payload_too_large"] * 3]
    assert len(upstream.seen) == 1


def test_a_long_task_of_a_bad_token_is_not_read(gateway: Gateway, desk: Desk) -> None:
    gateway.token = desk.token()[:-6] + "000000"
    assert b"unauthenticated" in announce(gateway, TASK_BYTES, JSON, path="/invoke")
    assert b"unauthenticated" in announce(gateway, TASK_BYTES + 1, JSON, path="/invoke")


def long(**told: Any) -> bytes:
    return json.dumps({"connection": "desk", "url": "/x", "type": "POST", **told}).encode()


def test_a_long_task_is_understood_like_a_short_one() -> None:
    text, content = "ä" * 50_000, bytes(range(256)) * 300
    file = {"paramName": "f", "fileName": "a", "content": base64.b64encode(content).decode()}
    assert deluge.parse(JSON, long(body=text)).ask.body.data == text.encode()
    form = deluge.parse(JSON, long(parameters={"a b": text, "c": ["1", 2], "d": None})).ask.body.data
    assert form == b"a+b=" + b"%C3%A4" * 50_000 + b"&c=1&c=2&d="
    ask = deluge.parse(JSON, long(parameters={"a": "b" * 50_000}, files=[file, file])).ask
    parts = slices(ask.body.data, bodies.boundary_of(dict(ask.headers)["Content-Type"]))
    expected = bodies.file_part("f", "a", "application/octet-stream", content)
    assert parts == [bodies.text_part("a", "b" * 50_000), expected, expected]
    many = {f"f{number}": "x" * 10 for number in range(10_000)}
    form = deluge.parse(JSON, long(parameters=many)).ask.body.data
    assert form.decode() == "&".join(f"{name}={value}" for name, value in many.items())


@pytest.mark.parametrize(
    "body", [[{"a": 1.5, "b": ["ü"]}] * 5_000, {"rows": [[1, 2]] * 9_000}, [1], {"a": [None]}]
)
def test_a_map_or_list_is_sent_as_json_whatever_its_length(body: Any) -> None:
    headers = {"Content-Type": "application/vnd.api+json"}
    ask = deluge.parse(JSON, long(body=body, headers=headers)).ask
    assert json.loads(ask.body.data) == body
    assert dict(ask.headers)["Content-Type"] == "application/vnd.api+json"


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"headers": {"a": "x" * 70_000}}, "headers"),
        ({"headers": {str(number): "x" for number in range(10_000)}}, "headers"),
        ({"url": "/" + "x" * 70_000}, "url"),
        ({"type": "GET", "parameters": "x" * 70_000}, "parameters"),
        ({"type": "GET", "parameters": {"a": "x" * 70_000}}, "parameters"),
        ({"body": ["x"] * 70_000}, "body"),
        ({"parameters": ["x"] * 70_000}, "parameters"),
        ({"parameters": {"a": {"b": "x" * 70_000}}}, "parameters.a"),
        ({"files": {"a": "x" * 70_000}}, "files"),
        ({"files": [{"paramName": "a", "content": "=" * 70_000}]}, "files[0].content"),
        ({"files": [{"paramName": "a", "content": "QQ==" * 20_000}]}, "files[0].content"),
        ({"files": [{"paramName": "a", "content": "", "more": "x" * 70_000}]}, "files[0]"),
        ({"connection": ["x"] * 70_000}, "connection"),
        ({"x" * 70_000: 1}, "x" * 60),
        ({"response-decoding": "x" * 70_000}, "response-decoding"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_long_task_that_is_wrong_is_told_which_part(told: dict[str, Any], named: str) -> None:
    error = refused(long(**told))
    assert error.code == "invalid_request"
    assert f"`{named}`" in error.message


@pytest.mark.parametrize("padding", [b"", b" " * 50_000])
@pytest.mark.parametrize("inner", [b'"body": %b', b'"headers": {"a": %b}', b'"x": %b', b'"files": [%b]'])
def test_a_task_that_nests_deeper_than_a_hundred_is_refused(padding: bytes, inner: bytes) -> None:
    deep = inner % (b"[" * 100 + b"]" * 100)
    error = refused(b'{"connection": "desk", "url": "/x", ' + padding + deep + b"}")
    assert (error.code, error.status) == ("invalid_request", 400)
    assert "deeper than 100" in error.message


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "9" * 100_000])
def test_a_number_without_end_is_refused(number: str) -> None:
    for padding in ("", " " * 50_000):
        text = (
            f'{{"connection": "desk", "url": "/x", "type": "POST", {padding}"parameters": {{"a": {number}}}}}'
        )
        assert refused(text.encode()).code == "invalid_request"


@pytest.mark.parametrize(
    "form", [{"a": ["x"] * 100_001}, {str(n): "x" for n in range(100_001)}], ids=["list", "map"]
)
def test_a_form_that_is_made_of_a_task_has_a_hundred_thousand_fields(form: dict[str, Any]) -> None:
    assert refused(long(parameters=form)).code == "payload_too_large"
    assert refused(long(body=form)).code == "payload_too_large"


PATIENCE_S = 4  # on a busy machine; it was half a minute and more


# --- Nobody waits for it -----------------------------------------------------------------------------
@contextmanager
def watched(gateway: Gateway) -> Generator[list[float]]:
    """How long others waited for an answer that takes nothing, in seconds, while the block ran."""
    waits: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            started = time.monotonic()
            gateway.get("/invoke/nothing/x", token="")
            waits.append(time.monotonic() - started)

    thread = threading.Thread(target=ask)
    thread.start()
    yield waits
    done.set()
    thread.join()


def _of(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


TASK = b'{"connection": "desk", "url": "/x", "type": "POST", "headers": {"Content-Type": "a/json"}, %b}'
LONG_TASKS: dict[str, Callable[[], bytes]] = {
    "numbers": lambda: TASK % (b'"body": [' + _of(b"0,", 19_000_000) + b"0]"),
    "members": lambda: TASK % (b'"body": {' + _of(b'"a":{},', 19_000_000) + b'"a":0}'),
    "escapes": lambda: TASK % (b'"body": "' + _of(b"\\u00e4", 19_000_000) + b'"'),
    "a file": lambda: (
        TASK % (b'"files": [{"paramName": "a", "content": "' + _of(b"QUJD", 14_000_000) + b'"}]')
    ),
    "fields": lambda: TASK % (b'"parameters": {' + _of(b'"a":"%/",', 19_000_000) + b'"a":0}'),
}


@pytest.mark.parametrize("made", LONG_TASKS.values(), ids=LONG_TASKS)
def test_others_are_answered_while_a_long_task_is_read(
    gateway: Gateway, desk: Desk, upstream: Upstream, made: Callable[[], bytes]
) -> None:
    desk.connection()
    upstream.says(answer(200, b"done"))
    text = made()
    with watched(gateway) as waits:
        got = post(gateway, text, JSON, path="/invoke")
    assert got.status in {200, 413}
    assert max(waits) < PATIENCE_S, f"{len(waits)} others, one of whom waited {max(waits):.1f} s"


@pytest.mark.parametrize("unit", [b"a&", b"%FF", b"\xff"], ids=["fields", "encoded", "bytes"])
@pytest.mark.usefixtures("signed")
def test_others_are_answered_while_a_long_form_is_signed(
    gateway: Gateway, upstream: Upstream, unit: bytes
) -> None:
    form = unit * MOST_FIELDS if unit == b"a&" else b"a=" + _of(unit, FORM_BYTES - 2)
    with watched(gateway) as waits:
        assert post(gateway, form.removesuffix(b"&"), FORM).status == 200
    assert max(waits) < PATIENCE_S


LONG_ANSWERS = {
    "json": (_of(b'{"a":[[]]},', 14_000_000), JSON, False),
    "deep json": (_of(b"[" * 60 + b"0" + b"]" * 60 + b",", 14_000_000), JSON, False),
    "halves of characters": (_of(b"\x00\xd8", 14_000_000), "text/plain; charset=utf-16le", False),
    "bytes without a character": (_of(b"\x81", 14_000_000), "text/plain; charset=windows-1253", False),
    "zipped": (gzip.compress(bytes(14_000_000)), "application/pdf", True),
}


@pytest.mark.parametrize(("body", "content_type", "is_zipped"), LONG_ANSWERS.values(), ids=LONG_ANSWERS)
def test_others_are_answered_while_a_long_answer_is_told(
    gateway: Gateway, desk: Desk, upstream: Upstream, body: bytes, content_type: str, is_zipped: bool
) -> None:
    desk.connection()
    body = b"[" + body + b"0]" if content_type == JSON else body
    headers = {"Content-Type": content_type} | ({"Content-Encoding": "gzip"} if is_zipped else {})
    upstream.says(answer(200, body, headers))
    with watched(gateway) as waits:
        got = gateway.task(connection="desk", url="/x")
    assert (got.status, got.header("Switchboard-Source")) == (200, "upstream")
    assert max(waits) < PATIENCE_S
