"""Where a credential goes, for each auth type and param type; C2 for keys in queries and forms."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from oauthlib.oauth1 import RequestValidator, ResourceEndpoint

from invoke import bodies
from problems import InvalidInput
from tests.invoke.conftest import KEY, Desk, Gateway, Got, Recorded, slices
from tests.invoke.upstream import Upstream

FORM = "application/x-www-form-urlencoded"
TOKEN_BLOCK = {"authorize_url": "https://login.example/a", "token_url": "https://login.example/t"}


def keys(*names: str, prefix: str = "") -> dict[str, object]:
    return {"params": [{"key": name, "display_name": name, "prefix": prefix} for name in names]}


def pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def post(gateway: Gateway, body: bytes | None, content_type: str, path: str = "/invoke/desk/x") -> Got:
    return gateway.send("POST", path, body, {"Content-Type": content_type})


# --- API key ---------------------------------------------------------------------------------------
def test_an_api_key_travels_in_the_headers_named_with_its_prefix_as_it_stands(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    block = {"params": [{"key": "X-One", "prefix": "Key="}, {"key": "X-Two"}]}
    desk.connection(block=block, secrets={"X-One": "1", "X-Two": "2"})
    gateway.get("/invoke/desk/x")
    assert (upstream.last.header("X-One"), upstream.last.header("X-Two")) == ("Key=1", "2")


@pytest.mark.parametrize(
    "mine", ["api-key=evil", "%61pi-key=evil", "API-KEY=evil", "api%2Dkey=evil", "api-key", "+api-key=e"]
)
def test_a_callers_query_key_never_stands_beside_the_credential(
    gateway: Gateway, desk: Desk, upstream: Upstream, mine: str
) -> None:
    desk.connection(param="query", block=keys("api-key"), secrets={"api-key": "s &+é"})
    assert gateway.get(f"/invoke/desk/x?{mine}&limit=1&a=%41&{mine}").status == 200
    assert upstream.last.target.startswith("/api/v1/x?limit=1&a=%41&api-key=")
    assert pairs(urlsplit(upstream.last.target).query)[-1] == ("api-key", "s &+é")


def test_an_api_key_is_added_to_a_urlencoded_body(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(param="form", block=keys("token"), secrets={"token": KEY})
    assert post(gateway, b"a=%41+b&t%6Fken=evil&token=evil", FORM).status == 200
    assert upstream.last.body == f"a=%41+b&token={KEY}".encode()
    assert upstream.last.header("Content-Length") == str(len(upstream.last.body))


def test_an_api_key_is_added_to_a_multipart_body(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(param="form", block=keys("token"), secrets={"token": KEY})
    parts = [
        bodies.text_part("token", "evil"),
        bodies.file_part("f", 'a"b.bin', "image/png", b"\x00\r\n--x\r\n\xff"),
    ]
    assert post(gateway, bodies.assemble(parts, b"b0"), 'multipart/form-data; boundary="b0"').status == 200
    got = slices(upstream.last.body, b"b0")
    assert got == [parts[1], bodies.text_part("token", KEY)]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_request_becomes_a_form(
    gateway: Gateway, desk: Desk, upstream: Upstream, method: str
) -> None:
    desk.connection(param="form", block=keys("token"), secrets={"token": KEY})
    assert gateway.send(method, "/invoke/desk/x", b"").status == 200
    assert (upstream.last.header("Content-Type"), upstream.last.body) == (FORM, f"token={KEY}".encode())


@pytest.mark.parametrize(
    ("method", "body", "content_type"),
    [
        ("GET", None, ""),
        ("DELETE", b"a=1", FORM),
        ("POST", b"{}", "application/json"),
        ("POST", b"a=1", ""),
        ("POST", b"--b\r\nno end", "multipart/form-data; boundary=b"),
        ("POST", b"--b--\r\n", "multipart/form-data"),
        (
            "POST",
            b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\n1\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
        (
            "POST",
            b'--b\r\nContent-Disposition: form-data; name="a"; name="token"\r\n\r\n1\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_a_request_that_has_no_form_is_refused_and_told_so(
    gateway: Gateway, desk: Desk, upstream: Upstream, method: str, body: bytes | None, content_type: str
) -> None:
    desk.connection(param="form", block=keys("token"), secrets={"token": KEY})
    got = gateway.send(
        method, "/invoke/desk/x", body, {"Content-Type": content_type} if content_type else None
    )
    assert got.code == "invalid_request"
    assert "form" in got.json["detail"] or "multipart" in got.json["detail"]
    assert upstream.seen == []


def test_an_api_key_in_the_path_is_shown_as_its_placeholder(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    desk.connection(
        param="path",
        block=keys("token"),
        secrets={"token": "12:ab/c"},
        service={"base_url": f"{upstream.url}/bot{{token}}", "hosts": [upstream.netloc]},
    )
    assert gateway.get("/invoke/desk/send{token}?x={token}").status == 200
    assert upstream.last.target == "/bot12:ab%2Fc/send{token}?x={token}"
    assert recorded()[0].path == "/bot{token}/send{token}"
    assert gateway.get(f"/invoke/desk/~{upstream.netloc}/x").code == "invalid_request"


def test_a_services_own_headers_and_query_go_out_on_every_call(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(service={"headers": {"X-Version": "7"}, "query": {"org": "a b"}})
    gateway.get("/invoke/desk/x?%6Frg=evil&b=1", headers={"X_Version": "evil"})
    assert upstream.last.target == "/api/v1/x?b=1&org=a+b"
    assert upstream.last.headers_named("X-Version") == ["7"]
    assert "evil" not in str(upstream.last)


# --- Basic and OAuth 2 -----------------------------------------------------------------------------
def test_basic_is_an_authorization_header_in_utf_8(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(auth="basic", secrets={"username": "ädä", "password": "pä:ss"})
    gateway.get("/invoke/desk/x")
    assert upstream.last.headers_named("Authorization") == [
        "Basic " + base64.b64encode("ädä:pä:ss".encode()).decode()
    ]


@pytest.mark.parametrize(
    ("extra", "sent"),
    [
        ({}, ("Authorization", f"Bearer {KEY}")),
        ({"token_prefix": "Zoho-oauthtoken"}, ("Authorization", f"Zoho-oauthtoken {KEY}")),
        ({"token_prefix": ""}, ("Authorization", KEY)),
        ({"token_param": "X-Token"}, ("X-Token", f"Bearer {KEY}")),
    ],
)
def test_an_oauth_2_token_travels_in_the_header(
    gateway: Gateway, desk: Desk, upstream: Upstream, extra: dict[str, str], sent: tuple[str, str]
) -> None:
    desk.connection(auth="oauth2", block=TOKEN_BLOCK | extra)
    gateway.get("/invoke/desk/x")
    assert upstream.last.headers_named(sent[0]) == [sent[1]]


def test_an_oauth_2_token_travels_in_the_query_without_a_prefix(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(auth="oauth2", param="query")
    gateway.get("/invoke/desk/x?access_token=evil&a=1")
    assert upstream.last.target == f"/api/v1/x?a=1&access_token={KEY}"
    assert upstream.last.header("Authorization") is None


def test_an_oauth_2_token_travels_in_the_form(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(auth="oauth2", param="form")
    post(gateway, b"access_token=evil&a=1", FORM)
    assert upstream.last.body == f"a=1&access_token={KEY}".encode()


# --- OAuth 1, judged by oauthlib -------------------------------------------------------------------
class Validator(RequestValidator):  # type: ignore[misc]
    """Knows one consumer and one token."""

    enforce_ssl = False
    client_key_length = access_token_length = nonce_length = (1, 100)

    @property
    def dummy_client(self) -> str:
        return "dummy"

    @property
    def dummy_access_token(self) -> str:
        return "dummy"

    def get_client_secret(self, client_key: Any, request: Any) -> str:
        return "consumer secret"

    def get_access_token_secret(self, client_key: Any, token: Any, request: Any) -> str:
        return KEY

    def validate_client_key(self, client_key: Any, request: Any) -> bool:
        return bool(client_key == "consumer")

    def validate_access_token(self, client_key: Any, token: Any, request: Any) -> bool:
        return bool(token == "token-1")

    def validate_timestamp_and_nonce(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def validate_realms(self, *args: Any, **kwargs: Any) -> bool:
        return True

    def check_client_key(self, client_key: Any) -> bool:
        return True

    check_access_token = check_nonce = check_client_key


def is_signed(upstream: Upstream) -> bool:
    seen = upstream.last
    valid, _ = ResourceEndpoint(Validator()).validate_protected_resource_request(
        f"{upstream.url}{seen.target}", seen.method, seen.body.decode(), dict(seen.headers)
    )
    return bool(valid)


CONSUMER = {"client_id": "consumer", "client_secret": "consumer secret"}


@pytest.mark.parametrize("param", ["header", "query", "form"])
@pytest.mark.parametrize("body", [b"", b"b=2&a=%C3%A9+x&a=&c%20d=%3D"])
def test_oauth_1_signs_query_and_form_where_its_param_type_says(
    gateway: Gateway, desk: Desk, upstream: Upstream, param: str, body: bytes
) -> None:
    desk.connection(auth="oauth1", param=param, client=CONSUMER)
    assert post(gateway, body, FORM, "/invoke/desk/x%20y?q=a%2Bb&oauth_token=evil").status == 200
    assert is_signed(upstream)
    place = {
        "header": upstream.last.header("Authorization") or "",
        "query": upstream.last.target,
        "form": upstream.last.body.decode(),
    }
    assert {name for name, text in place.items() if "oauth_signature" in text} == {param}


def test_oauth_1_leaves_a_json_body_as_it_is(gateway: Gateway, desk: Desk, upstream: Upstream) -> None:
    desk.connection(auth="oauth1", client=CONSUMER)
    assert post(gateway, b'{"a": 1}', "application/json").status == 200
    assert upstream.last.body == b'{"a": 1}'
    assert is_signed(upstream)


def test_oauth_1_in_the_form_needs_an_urlencoded_one(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(auth="oauth1", param="form", client=CONSUMER)
    assert post(gateway, b"{}", "application/json").code == "invalid_request"
    body = bodies.assemble([bodies.text_part("a", "1")], b"b")
    assert post(gateway, body, "multipart/form-data; boundary=b").code == "invalid_request"
    assert upstream.seen == []


def test_oauth_1_refuses_a_form_that_brings_protocol_parameters(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(auth="oauth1", param="form", client=CONSUMER)
    assert post(gateway, b"oauth_token=evil&a=1", FORM).status == 200
    assert "evil" not in upstream.last.body.decode()
    assert is_signed(upstream)


# --- Forms, on their own ---------------------------------------------------------------------------
def test_fields_are_dropped_however_their_names_are_encoded() -> None:
    text = "a=1&%74oken=x&TOKEN=x&token&+token+=x&tok%65n=&b"
    assert bodies.without(text, frozenset({"token"})) == "a=1&b"


@pytest.mark.parametrize(
    ("disposition", "is_kept"),
    [
        ("name=f; filename*=utf-8''%C3%A4", True),
        ('filename="a; name=b"; name="f"', True),
        ('name="f; name=token"', False),
        ("name='Token'", False),
    ],
)
def test_a_part_is_dropped_that_any_reader_may_take_for_the_credential(
    disposition: str, is_kept: bool
) -> None:
    part = f"Content-Disposition: form-data; {disposition}\r\n\r\n1".encode()
    body, _ = bodies.with_credential(
        "POST",
        bodies.assemble([part], b"b"),
        "multipart/form-data; boundary=b",
        (("token", KEY),),
        frozenset({"token"}),
    )
    assert slices(body, b"b") == [*([part] if is_kept else []), bodies.text_part("token", KEY)]


def test_a_boundary_that_is_the_beginning_of_another_is_refused() -> None:
    with pytest.raises(InvalidInput):
        slices(b"--b\r\nX: 1\r\n\r\n1\r\n--bb\r\n\r\n--b--", b"b")


def test_stored_credentials_with_line_breaks_never_leave(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    """E1: also where one got into the database."""
    desk.connection(secrets={"X-Api-Key": "a\r\nX-Evil: 1"})
    got = gateway.get("/invoke/desk/x")
    assert got.code == "invalid_request"
    assert "Evil" not in json.dumps(got.json)
    assert upstream.seen == []
