"""C10: where methods are narrowed, nothing in a request names another one: no header, no key, no field."""

import gzip
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke import bodies, overrides
from tests.invoke.conftest import Desk, Gateway, Got
from tests.invoke.test_placement import CONSUMER, is_signed
from tests.invoke.upstream import Upstream

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
NAMED_A = b"Content-Disposition: form-data; name=a"
NAMES = [
    "_method",
    "_METHOD",
    "_HttpMethod",
    "_HTTP_METHOD",
    "X-HTTP-Method-Override",
    "x-http-method-override",
    "X-HTTP-Method",
    "X-Method-Override",
    "x_method_override",
    "_method[]",
    ".method",
    " _method",
    "_method\x00x",
]


@pytest.fixture(params=["token", "connection"])
def narrowed(request: pytest.FixtureRequest, gateway: Gateway, desk: Desk) -> Gateway:
    """By the token's methods, or by the connection's."""
    if request.param == "token":
        desk.connection()
        gateway.token = desk.token(methods=["GET", "POST"])
    else:
        desk.connection(rules={"methods": ["GET", "POST"]})
    return gateway


@pytest.fixture
def posting(gateway: Gateway, desk: Desk) -> Gateway:
    desk.connection(rules={"methods": ["POST"]})
    return gateway


def post(gateway: Gateway, body: bytes, content_type: str = FORM, **headers: str) -> Got:
    named = {"Content-Type": content_type} | {key.replace("_", "-"): value for key, value in headers.items()}
    return gateway.send("POST", "/invoke/desk/x", body, named)


def parts(*pairs: tuple[str, str]) -> bytes:
    return bodies.assemble([bodies.text_part(name, value) for name, value in pairs], b"b")


# --- Names ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*NAMES, "_http_method_override", "http-method-override", "$method"])
def test_knows_the_names_that_frameworks_heed(name: str) -> None:
    assert overrides.is_override(name)
    assert overrides.is_override(name, "GET")


@pytest.mark.parametrize(
    "name", ["", "method_of_payment", "payment_method", "methods", "x-api-method-name", "http", "_methods"]
)
def test_knows_other_names_from_them(name: str) -> None:
    assert not overrides.is_override(name, "DELETE")


def test_takes_a_plain_method_for_one_where_its_value_is_a_method_that_writes() -> None:
    """As Facebook's Graph API does."""
    assert overrides.is_override("method", "delete")
    assert not overrides.is_override("method", "flickr.photos.search")
    assert not overrides.is_override("method", "get")


@given(st.sampled_from(["_method", "_HttpMethod", "X-HTTP-Method-Override"]), st.integers())
def test_finds_a_name_in_any_percent_encoding(name: str, seed: int) -> None:
    dice = random.Random(seed)
    spelt = "".join(f"%{ord(c):02{dice.choice('xX')}}" if dice.random() < 0.5 else c for c in name)
    assert overrides.remove_from_query(f"a=1&{spelt}=DELETE&b=2") == "a=1&b=2"
    assert overrides.remove_from_query(f"{spelt}=DELETE;b=2") == "b=2"


@pytest.mark.parametrize(
    "query",
    ["", "&", "a=1;b=2&c", "method=x&&y", "q=_method&%5Fm=1", "payment_method=card&a=%41+b;;", "=&=="],
)
def test_leaves_a_query_without_any_as_it_is(query: str) -> None:
    assert overrides.remove_from_query(query) == query


# --- Where they stand ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "query",
    [
        "_method=DELETE",
        "_HttpMethod=DELETE",
        "X-HTTP-Method-Override=DELETE",
        "X-Method-Override=DELETE",
        "_HTTP_METHOD=DELETE",
        "%5Fmethod=DELETE",
        "%5f%4d%45%54HOD=DELETE",
        "+_method=DELETE",
        "_method",
        "x=1;_method=DELETE",
        "method=delete",
    ],
)
def test_no_query_key_names_another_method(narrowed: Gateway, upstream: Upstream, query: str) -> None:
    assert narrowed.get(f"/invoke/desk/x?a=%41&{query}&b=2").status == 200
    assert "DELETE" not in upstream.last.target.upper()
    assert upstream.last.target.startswith("/api/v1/x?a=%41&")
    assert upstream.last.target.endswith("&b=2")


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X_Method_Override", "X-Http-Method", "X-METHOD"])
def test_no_header_names_another_method(narrowed: Gateway, upstream: Upstream, name: str) -> None:
    assert narrowed.get("/invoke/desk/x", headers={name: "DELETE"}).status == 200
    assert "DELETE" not in str(upstream.last.headers)


@pytest.mark.parametrize(
    "field", ["_method=DELETE", "%5fMETHOD=DELETE", "_HttpMethod=DELETE", "method=delete"]
)
def test_no_field_of_a_form_names_another_method(narrowed: Gateway, upstream: Upstream, field: str) -> None:
    assert post(narrowed, f"a=%41+b&{field}&c=%ff\xe9".encode("latin-1")).status == 200
    assert upstream.last.body == b"a=%41+b&c=%ff\xe9"
    assert upstream.last.header("Content-Length") == str(len(upstream.last.body))


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; name="_method"',
        "form-data; name=_method",
        "form-data; name='_method'",
        'form-data; NAME = "_METHOD"',
        'form-data; name="_\\method"',
        'form-data;\r\n name="_method"',
        'form-data; name="X-HTTP-Method-Override"; filename="a.txt"',
    ],
)
@pytest.mark.parametrize("kind", ["form-data", "mixed", "related"])
def test_no_part_of_a_form_names_another_method(
    narrowed: Gateway, upstream: Upstream, disposition: str, kind: str
) -> None:
    kept = bodies.file_part("f", "a.bin", "image/png", b"\x00--x\r\n\xff")
    asked = bodies.assemble([f"Content-Disposition: {disposition}\r\n\r\nDELETE".encode(), kept], b"b")
    assert post(narrowed, asked, f"multipart/{kind}; boundary=b").status == 200
    assert upstream.last.body == bodies.assemble([kept], b"b")


def test_a_multipart_body_without_any_passes_byte_for_byte(narrowed: Gateway, upstream: Upstream) -> None:
    body = b"a preamble\r\n" + parts(("a", "1"), ("payment_method", "DELETE")) + b"an epilogue"
    assert post(narrowed, body, PARTS).status == 200
    assert upstream.last.body == body


def test_a_batch_of_parts_without_names_passes(posting: Gateway, upstream: Upstream) -> None:
    body = b'--b\r\nContent-Type: application/json; name="x"\r\n\r\n{}\r\n--b--\r\n'
    assert post(posting, body, "multipart/mixed; boundary=b").status == 200
    assert upstream.last.body == body


@pytest.mark.parametrize(
    "told",
    [
        {"type": "GET", "parameters": {"_method": "DELETE", "a": "1"}},
        {"type": "GET", "parameters": "_method=DELETE&a=1"},
        {"type": "POST", "parameters": {"_method": "DELETE", "a": "1"}},
        {"type": "POST", "body": {"_method": "DELETE", "a": "1"}},
        {"type": "POST", "url": "/x?_method=DELETE", "body": "{}"},
        {"type": "POST", "headers": {"X-HTTP-Method-Override": "DELETE"}, "body": "text"},
        {
            "type": "POST",
            "parameters": {"_method": "DELETE"},
            "files": [{"paramName": "_method", "fileName": "a", "content": "REVMRVRF"}],
        },
        {
            "type": "POST",
            "headers": {"Content-Type": FORM},
            "body": "a=1&_method=DELETE",
        },
    ],
)
def test_no_task_names_another_method(narrowed: Gateway, upstream: Upstream, told: dict[str, Any]) -> None:
    assert narrowed.task(**({"connection": "desk", "url": "/x"} | told)).status == 200
    assert "DELETE" not in str(upstream.last)


def test_json_and_other_bodies_pass_as_they_are(narrowed: Gateway, upstream: Upstream) -> None:
    for content_type in ("application/json", "text/plain", "application/octet-stream"):
        body = json.dumps({"_method": "DELETE"}).encode()
        assert post(narrowed, body, content_type).status == 200
        assert (upstream.last.body, upstream.last.header("Content-Type")) == (body, content_type)


def test_a_body_without_a_type_is_named_as_bytes(narrowed: Gateway, upstream: Upstream) -> None:
    """Some services take it for a form."""
    assert narrowed.send("POST", "/invoke/desk/x", b"_method=DELETE").status == 200
    assert upstream.last.header("Content-Type") == "application/octet-stream"
    assert narrowed.send("POST", "/invoke/desk/x", b"").status == 200
    assert upstream.last.header("Content-Type") is None


def test_everything_passes_where_no_method_is_forbidden(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    body = b"_method=DELETE"
    got = gateway.send("POST", "/invoke/desk/x?_method=DELETE", body, {"Content-Type": FORM})
    assert got.status == 200
    assert (upstream.last.target, upstream.last.body) == ("/api/v1/x?_method=DELETE", body)


def test_a_signature_covers_what_is_left_of_a_form(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(auth="oauth1", client=CONSUMER, rules={"methods": ["POST"]})
    got = gateway.send(
        "POST", "/invoke/desk/x?_method=DELETE&q=1", b"_method=DELETE&a=1", {"Content-Type": FORM}
    )
    assert got.status == 200
    assert (upstream.last.target, upstream.last.body) == ("/api/v1/x?q=1", b"a=1")
    assert is_signed(upstream)


# --- What could be read in another way is refused ------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a=1", f"{FORM}; charset=ibm037"),
        (b"a=1", f"{FORM}; charset=utf-16"),
        (b"a=1", f"{FORM}; charset=klingon"),
        (b"a=1", f"{FORM}; charset=utf-8; Charset=utf-16"),
        (b"a=1", f'{FORM}; x="; charset=utf-16"'),
        (parts(("a", "1")), "multipart/form-data; boundary=b; boundary=c"),
        (parts(("a", "1")), 'multipart/form-data; boundary="b\\""'),
        (parts(("a", "1")), "multipart/form-data"),
        (parts(("a", "1\n--b\nContent-Disposition: form-data; name=_method\n\nDELETE")), PARTS),
        (b"--b\r\nContent-Disposition: form-data; name*=utf-8''%5Fmethod\r\n\r\nDELETE\r\n--b--", PARTS),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nDELETE\r\n--b--", PARTS),
        (b"--b\r\n%b\nContent-Disposition: form-data; name=_method\r\n\r\n1\r\n--b--" % NAMED_A, PARTS),
    ],
)
def test_a_form_that_others_may_read_otherwise_is_refused(
    posting: Gateway, upstream: Upstream, body: bytes, content_type: str
) -> None:
    assert post(posting, body, content_type).code == "invalid_request"
    assert upstream.seen == []


def test_a_form_that_is_compressed_is_refused(posting: Gateway, upstream: Upstream) -> None:
    packed = gzip.compress(b"_method=DELETE")
    assert post(posting, packed, Content_Encoding="gzip").code == "invalid_request"
    assert post(posting, b"a=1", Content_Encoding="identity").status == 200
    assert upstream.last.body == b"a=1"


def test_a_second_content_type_is_refused(posting: Gateway, upstream: Upstream) -> None:
    for second in ("Content-Type", "Content_Type"):
        pairs = [("Content-Type", "application/json"), (second, FORM)]
        got = posting.send("POST", "/invoke/desk/x", b"_method=DELETE", pairs)
        assert got.code == "invalid_request"
    assert upstream.seen == []


@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        f"{FORM}; charset=UTF-8",
        f'{FORM}; charset="Latin1"',
        f"{FORM},text/plain",
        f" {FORM.upper()} ; x=y",
    ],
)
def test_a_form_is_known_however_its_type_is_written(
    posting: Gateway, upstream: Upstream, content_type: str
) -> None:
    assert post(posting, b"_method=DELETE&a=1", content_type).status == 200
    assert upstream.last.body == b"a=1"


# --- Bounds --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("content_type", "size"), [(FORM, 2 * 1024 * 1024), (PARTS, 20 * 1024 * 1024)])
def test_a_form_over_the_cap_is_refused_before_it_is_read(
    posting: Gateway, upstream: Upstream, content_type: str, size: int
) -> None:
    head = (
        f"POST /invoke/desk/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {posting.token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {size + 1}\r\n\r\na="
    )
    with posting.opened(head.encode()) as answer:
        assert answer.status == 413
        assert json.loads(answer.read())["code"] == "payload_too_large"
    assert upstream.seen == []


def test_a_form_of_unknown_length_is_refused_once_it_is_over_the_cap(
    posting: Gateway, upstream: Upstream
) -> None:
    piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    headers = [("Content-Type", FORM), ("Transfer-Encoding", "chunked"), ("Connection", "close")]
    got = posting.send("POST", "/invoke/desk/x", piece * 33 + b"0\r\n\r\n", headers)
    assert got.code == "payload_too_large"
    assert upstream.seen == []


def test_a_form_at_the_cap_passes(posting: Gateway, upstream: Upstream) -> None:
    body = b"_method=DELETE&a=" + b"x" * (2 * 1024 * 1024 - 17)
    assert post(posting, body).status == 200
    assert upstream.last.body == body[15:]


def test_more_fields_than_are_taken_apart_are_refused(posting: Gateway, upstream: Upstream) -> None:
    assert post(posting, b"_method=DELETE" + b"&a" * 10_000).code == "payload_too_large"
    assert post(posting, b"--b\r\n\r\n" * 10_001 + b"--b--", PARTS).code == "payload_too_large"
    assert upstream.seen == []


def test_a_body_that_is_no_form_has_the_servers_own_cap(posting: Gateway, upstream: Upstream) -> None:
    body = b"_method=DELETE&" * (3 * 1024 * 1024 // 15)
    assert post(posting, body, "application/octet-stream").status == 200
    assert upstream.last.body == body
