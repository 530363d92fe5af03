"""The invokeurl task: Deluge's keys, its defaults, and what is refused by name."""

import base64
import gzip
import json
from typing import Any

import pytest

from invoke import bodies, deluge
from problems import AppError
from tests.invoke.conftest import KEY, Desk, Gateway, Got, Recorded, slices
from tests.invoke.upstream import Upstream, answer

JSON = {"Content-Type": "application/json"}


def parsed(**told: Any) -> deluge.Task:
    return deluge.parse("application/json", json.dumps({"connection": "desk", "url": "/x", **told}).encode())


def refused(text: bytes | None = None, content_type: str = "application/json", **told: Any) -> str:
    with pytest.raises(AppError) as raised:
        deluge.parse(
            content_type,
            text if text is not None else json.dumps({"connection": "desk", "url": "/x", **told}).encode(),
        )
    assert raised.value.code == "invalid_request"
    return raised.value.message


# --- The request ------------------------------------------------------------------------------------
def test_a_task_is_a_get_unless_it_says_otherwise() -> None:
    task = parsed()
    assert (task.ask.method, task.ask.path, task.ask.link_name, task.detailed) == ("GET", "/x", "desk", False)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_parameters_become_the_query_of_get_and_delete(method: str) -> None:
    assert (
        parsed(type=method, url="/x?a=1", parameters={"limit": "10", "q": "a b&c", "n": 3}).ask.query
        == "a=1&limit=10&q=a+b%26c&n=3"
    )
    assert parsed(type=method, parameters="from=1&q=ü").ask.query == "from=1&q=%C3%BC"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_parameters_become_the_body_of_other_methods(method: str) -> None:
    form = parsed(type=method, parameters={"a": "1", "b": ["x", "y"], "ok": True, "none": None}).ask
    assert (form.body.data, form.headers[-1]) == (
        b"a=1&b=x&b=y&ok=true&none=",
        ("Content-Type", bodies.URLENCODED),
    )
    text = parsed(type=method, parameters='{"a": 1}').ask
    assert (text.body.data, text.headers[-1]) == (b'{"a": 1}', ("Content-Type", "text/plain"))
    typed = parsed(type=method, parameters='{"a": 1}', headers={"content-type": "application/json"}).ask
    assert [pair for pair in typed.headers if pair[0].lower() == "content-type"] == [
        ("content-type", "application/json")
    ]


def test_a_body_is_plain_text_or_a_multipart_form() -> None:
    assert parsed(type="POST", body="hello").ask.headers[-1] == ("Content-Type", "text/plain")
    ask = parsed(type="POST", body={"a": "1", "b": "ü"}).ask
    assert ask.headers[-1][1].startswith("multipart/form-data; boundary=")
    boundary = bodies.boundary_of(ask.headers[-1][1])
    assert slices(ask.body.data, boundary) == [
        bodies.text_part("a", "1"),
        bodies.text_part("b", "ü"),
    ]
    as_json = parsed(
        type="POST", body={"a": [1, {"b": None}]}, headers={"Content-Type": "application/json"}
    ).ask
    assert json.loads(as_json.body.data) == {"a": [1, {"b": None}]}


def test_files_make_a_multipart_form_beside_parameters() -> None:
    content = b"\x00\xff\r\n"
    files = [
        {
            "paramName": "file",
            "fileName": 'a"b.txt',
            "contentType": "text/plain",
            "content": base64.b64encode(content).decode(),
            "stringPart": "false",
        },
        {"paramName": "note", "content": "hello", "stringPart": "true"},
    ]
    ask = parsed(type="POST", parameters={"a": "1"}, files=files).ask
    boundary = bodies.boundary_of(dict(ask.headers)["Content-Type"])
    assert slices(ask.body.data, boundary) == [
        bodies.text_part("a", "1"),
        bodies.file_part("file", 'a"b.txt', "text/plain", content),
        bodies.text_part("note", "hello"),
    ]


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"conection": "x"}, "conection"),
        ({"content-type": "text/plain"}, "content-type"),
        ({"connection": None}, "connection"),
        ({"connection": 1}, "connection"),
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"url": "ftp://h/x"}, "url"),
        ({"url": "https://user@h/x"}, "url"),
        ({"url": "/a b"}, "url"),
        ({"url": "/a\r\nX: 1"}, "url"),
        ({"type": "BREW"}, "type"),
        ({"type": 1}, "type"),
        ({"headers": []}, "headers"),
        ({"headers": {"a": {}}}, "headers.a"),
        ({"parameters": 1}, "parameters"),
        ({"parameters": ["a"]}, "parameters"),
        ({"parameters": {"a": {"b": 1}}}, "parameters.a"),
        ({"type": "POST", "parameters": {"a": [[1]]}}, "parameters.a"),
        ({"type": "POST", "body": 1}, "body"),
        ({"type": "POST", "body": "x", "parameters": "y"}, "parameters"),
        ({"type": "POST", "body": "x", "files": [{"paramName": "a", "content": ""}]}, "body"),
        ({"files": {"a": 1}}, "files"),
        ({"files": [1]}, "files[0]"),
        ({"files": [{"paramName": "a", "content": "!"}]}, "files[0].content"),
        ({"files": [{"paramName": "a", "content": "YQ"}]}, "files[0].content"),
        ({"files": [{"content": "YQ=="}]}, "files[0].paramName"),
        ({"files": [{"paramName": "a", "content": "YQ==", "path": "/etc/passwd"}]}, "files[0]"),
        ({"files": [{"paramName": "a", "content": "YQ==", "contentType": "a\r\nb"}]}, "files[0].contentType"),
        ({"detailed": "yes"}, "detailed"),
        ({"response-format": "XML"}, "response-format"),
        ({"response-decoding": "klingon"}, "response-decoding"),
        ({"response-decoding": "hex"}, "response-decoding"),
        ({"response-decoding": "a\x00"}, "response-decoding"),
        ({"body": "\ud800", "type": "POST"}, "body"),
    ],
)
def test_a_task_that_is_wrong_is_told_which_part(told: dict[str, Any], named: str) -> None:
    assert f"`{named}`" in refused(**told)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"x"',
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"url": NaN}',
        b"1" * 10_000,
    ],
)
def test_a_text_that_is_no_task_is_refused(text: bytes) -> None:
    assert refused(text)


def test_the_text_form_is_not_understood_yet(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    got = gateway.send("POST", "/invoke", b"info 1;", {"Content-Type": "text/x-deluge"})
    assert (got.status, got.code) == (415, "invalid_request")
    assert upstream.seen == []


# --- The whole way ----------------------------------------------------------------------------------
def test_a_task_goes_the_way_of_every_call(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection()
    got = gateway.task(
        connection="desk",
        url=f"{upstream.url}/api/v1/tickets",
        type="POST",
        headers={"X-Own": "1", "X-Api-Key": "evil", "Cookie": "a=b", "Accept-Encoding": "br"},
        parameters={"subject": "Hä?"},
        detailed=True,
    )
    assert (got.status, got.header("Switchboard-Upstream-Status"), got.header("Switchboard-Source")) == (
        200,
        "200",
        "upstream",
    )
    seen = upstream.last
    assert (seen.method, seen.target, seen.body) == ("POST", "/api/v1/tickets", b"subject=H%C3%A4%3F")
    assert (seen.headers_named("X-Api-Key"), seen.header("Cookie"), seen.header("X-Own")) == (
        [KEY],
        None,
        "1",
    )
    assert seen.headers_named("Accept-Encoding") == ["gzip"]
    assert set(got.json) == {"responseText", "responseHeader", "responseCode"}
    assert json.loads(got.json["responseText"])["method"] == "POST"
    assert got.json["responseHeader"]["content-type"] == "application/json"
    call = recorded()[0]
    assert (call.connection, call.method, call.path, call.status) == ("desk", "POST", "/api/v1/tickets", 200)


@pytest.mark.parametrize("link_name", ["a\x00b", "Desk", "../desk", "désk", "x" * 1000])
def test_a_connection_that_is_no_link_name_is_not_found(gateway: Gateway, desk: Desk, link_name: str) -> None:
    got = gateway.task(connection=link_name, url="/x")
    assert (got.status, got.code) == (404, "connection_not_found")


def test_a_task_names_us_unless_it_names_somebody_else(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    gateway.task(connection="desk", url="/x")
    assert upstream.last.headers_named("User-Agent") == ["Switchboard"]
    gateway.task(connection="desk", url="/x", headers={"user-agent": "mine"})
    assert upstream.last.headers_named("User-Agent") == ["mine"]


def test_a_url_of_another_host_is_refused(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    for url in ("https://evil.example/x", "http://localhost/x", f"http://{upstream.netloc}@evil.example/"):
        assert gateway.task(connection="desk", url=url).code in {"host_not_allowed", "invalid_request"}
    for url in ("/../x", "/%2e%2e/x", "..\\x"):
        assert gateway.task(connection="desk", url=url).code == "invalid_request"
    assert upstream.seen == []


@pytest.mark.parametrize("url", ["/tickets?a=1#frag", "tickets?a=1"])
def test_a_path_is_appended(gateway: Gateway, desk: Desk, upstream: Upstream, url: str) -> None:
    desk.connection()
    assert gateway.task(connection="desk", url=url).status == 200
    assert upstream.last.target == "/api/v1/tickets?a=1"


def test_a_bad_task_of_a_bad_token_reads_as_a_bad_token(gateway: Gateway, desk: Desk) -> None:
    gateway.token = desk.token()[:-6] + "000000"
    assert gateway.task(nonsense=1).code == "unauthenticated"


def test_a_bad_task_is_on_record_as_its_callers(gateway: Gateway, desk: Desk, recorded: Recorded) -> None:
    got = gateway.task(connection="desk", url="/x", nonsense=1)
    assert got.code == "invalid_request"
    call = recorded()[0]
    assert (str(call.id), call.code, call.user) == (
        got.header("Switchboard-Call"),
        "invalid_request",
        desk.owner.email,
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_task_is_sent_with_post(gateway: Gateway, desk: Desk, method: str) -> None:
    assert gateway.send(method, "/invoke").code == "invalid_request"


# --- The answer -------------------------------------------------------------------------------------
def told(desk: Desk, gateway: Gateway, upstream: Upstream, raw: bytes, **task: Any) -> Got:
    desk.connection()
    upstream.says(raw)
    return gateway.task(connection="desk", url="/x", **task)


def test_json_is_answered_as_json(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    got = told(desk, gateway, upstream, answer(404, b' {"a": 1.50}', {"Content-Type": "text/javascript"}))
    assert (got.status, got.header("Switchboard-Upstream-Status")) == (200, "404")
    assert (got.header("Content-Type"), got.body) == ("application/json", b' {"a": 1.50}')


@pytest.mark.parametrize("body", [b"hello", b"<a>1</a>", b"12", b'{"a": ', b"", b"[1, NaN]"])
def test_other_text_is_answered_as_text(
    gateway: Gateway, desk: Desk, upstream: Upstream, body: bytes
) -> None:
    got = told(desk, gateway, upstream, answer(200, body, {"Content-Type": "text/xml"}))
    assert (got.header("Content-Type"), got.body) == ("text/plain; charset=utf-8", body)


def test_string_keeps_json_as_text(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    got = told(desk, gateway, upstream, answer(200, b"[1]", JSON), **{"response-format": "STRING"})
    assert (got.header("Content-Type"), got.body) == ("text/plain; charset=utf-8", b"[1]")


def test_file_gives_name_type_and_content(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    head = {"Content-Type": "application/pdf", "Content-Disposition": 'attachment; filename="../a.pdf"'}
    got = told(desk, gateway, upstream, answer(200, b"\x00\xff", head), **{"response-format": "FILE"})
    assert got.json == {"fileName": "a.pdf", "contentType": "application/pdf", "content": "AP8="}


def test_what_is_no_text_comes_as_a_file(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    got = told(desk, gateway, upstream, answer(200, b"\x89PNG\x00", {"Content-Type": "image/png"}))
    assert got.json == {
        "fileName": "x",
        "contentType": "image/png",
        "content": base64.b64encode(b"\x89PNG\x00").decode(),
    }


@pytest.mark.parametrize(
    ("head", "decoding"),
    [({"Content-Type": "text/plain; charset=ISO-8859-1"}, None), ({"Content-Type": "text/plain"}, "latin1")],
)
def test_text_is_decoded_as_the_service_or_the_task_says(
    gateway: Gateway, desk: Desk, upstream: Upstream, head: dict[str, str], decoding: str | None
) -> None:
    got = told(
        desk,
        gateway,
        upstream,
        answer(200, b"\xe4", head),
        **({"response-decoding": decoding} if decoding else {}),
    )
    assert got.body == "ä".encode()


@pytest.mark.parametrize("charset", ["klingon", "hex", "utf-16-surrogates", "x" * 50])
def test_a_charset_that_nobody_knows_falls_back_to_utf_8(
    gateway: Gateway, desk: Desk, upstream: Upstream, charset: str
) -> None:
    raw = answer(200, "ä".encode(), {"Content-Type": f"text/plain; charset={charset}"})
    assert told(desk, gateway, upstream, raw).body == "ä".encode()


def test_details_hold_repeated_headers_and_no_cookie(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    raw = answer(500, b"oops", [("Link", "a"), ("Link", "b"), ("Set-Cookie", "s=1"), ("X-Bytes", "\xe4")])
    got = told(desk, gateway, upstream, raw, detailed=True)
    assert got.status == 200
    assert (got.json["responseCode"], got.json["responseText"]) == (500, "oops")
    headers = got.json["responseHeader"]
    assert headers["link"] == "a, b"
    assert not {"set-cookie", "content-security-policy", "connection"} & set(headers)


# --- E3: one layer of gzip, under the cap on both sides ---------------------------------------------
def test_one_layer_of_gzip_is_taken_off(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    got = told(
        desk,
        gateway,
        upstream,
        answer(200, gzip.compress(b'{"a":1}'), {**JSON, "Content-Encoding": "gzip"}),
        detailed=True,
    )
    assert got.json["responseText"] == '{"a":1}'
    assert "content-encoding" not in got.json["responseHeader"]


@pytest.mark.parametrize(
    ("body", "coding", "code"),
    [
        (gzip.compress(b"\x00" * 200_000_000), "gzip", "response_too_large"),
        (b"not gzip", "gzip", "upstream_invalid"),
        (gzip.compress(b"x" * 1000)[:-10], "gzip", "upstream_invalid"),
        (b"x", "br", "upstream_invalid"),
        (b"x", "zstd", "upstream_invalid"),
        (b"x", "gzip, gzip", "upstream_invalid"),
    ],
    ids=["bomb", "lie", "cut", "br", "zstd", "double"],
)
def test_encodings_that_were_not_offered_and_bombs_are_refused(
    gateway: Gateway, desk: Desk, upstream: Upstream, body: bytes, coding: str, code: str
) -> None:
    got = told(desk, gateway, upstream, answer(200, body, {"Content-Encoding": coding}))
    assert (got.status, got.code) == (502, code)


def test_a_second_layer_stays_on(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    inner = gzip.compress(gzip.compress(b"\x00" * 1000))
    got = told(
        desk,
        gateway,
        upstream,
        answer(200, inner, {"Content-Encoding": "gzip"}),
        **{"response-format": "FILE"},
    )
    assert base64.b64decode(got.json["content"]) == gzip.decompress(inner)


def test_an_answer_over_the_cap_is_refused(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    got = told(desk, gateway, upstream, b"HTTP/1.1 200 OK\r\nContent-Length: 15728641\r\n\r\n")
    assert (got.status, got.code) == (502, "response_too_large")
