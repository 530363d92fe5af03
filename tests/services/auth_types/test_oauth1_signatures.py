"""Our signatures, verified by oauthlib: an implementation by other people."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from oauthlib.common import Request
from oauthlib.oauth1.rfc5849 import signature as judge

from services.auth_types.base import ClientKeys, Pairs, ParamType, Unsigned
from services.auth_types.errors import CannotSign
from services.auth_types.oauth1 import OAuth1
from vault.secret import Secret

OAUTH1 = OAuth1(clock=lambda: 1893456000.9, nonce=lambda: "nonce123")
TOKEN = {"token": Secret("token+/=ü"), "token_secret": Secret("token-secret")}
CLIENT = ClientKeys("consumer", Secret("consumer-secret"))
METHODS = ["HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"]


@pytest.fixture(scope="module")
def key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public


def config_of(**values: Any) -> dict[str, Any]:
    return OAUTH1.Config(**values).model_dump()


def signed(method: str, param_type: ParamType, request: Unsigned, client: ClientKeys = CLIENT) -> Request:
    """The request as a server sees it."""
    placed = OAUTH1.place(config_of(signature_method=method), param_type, client, TOKEN, request)
    form = (*(request.form or ()), *placed.form)
    uri = request.url
    if placed.query:
        uri += ("&" if urlsplit(uri).query else "?") + urlencode(placed.query)
    headers = dict(placed.headers)
    body = ""
    if form:
        body, headers["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
    return seen_by_judge(request.method, uri, body, headers)


def seen_by_judge(method: str, uri: str, body: str, headers: dict[str, str]) -> Request:
    pairs: Pairs = tuple(
        judge.collect_parameters(
            uri_query=urlsplit(uri).query, body=body, headers=headers, exclude_oauth_signature=False
        )
    )
    request = Request(uri, method, body, headers)
    request.params = [pair for pair in pairs if pair[0] not in {"oauth_signature", "realm"}]
    request.signature = dict(pairs)["oauth_signature"]
    return request


def is_verified(request: Request, method: str) -> bool:
    verify = {
        "HMAC-SHA1": judge.verify_hmac_sha1,
        "HMAC-SHA256": judge.verify_hmac_sha256,
        "PLAINTEXT": judge.verify_plaintext,
    }[method]
    return bool(verify(request, "consumer-secret", "token-secret"))


REQUESTS = [
    Unsigned("GET", "https://api.example.com/items"),
    Unsigned("GET", "https://API.example.com:443/items?b=2&a=1&a=%20x%2B&empty=&q=a+b"),
    Unsigned("GET", "https://api.example.com:8443/r%20v/X;p=1?x=%C3%BC"),
    Unsigned("POST", "https://api.example.com/items", form=(("name", "Zoë & co"), ("a", ""), ("a", "1"))),
    Unsigned("DELETE", "https://api.example.com"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: f"{request.method} {request.url[8:30]}")
@pytest.mark.parametrize("param_type", [ParamType.HEADER, ParamType.QUERY])
@pytest.mark.parametrize("method", METHODS)
def test_is_accepted_by_oauthlib(method: str, param_type: ParamType, request_: Unsigned) -> None:
    assert is_verified(signed(method, param_type, request_), method)


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
def test_secrets_may_hold_any_character(method: str) -> None:
    client = ClientKeys("consumer", Secret("c+n&s%m r"))
    secrets = {"token": Secret("t"), "token_secret": Secret("ü%26/=")}
    placed = OAUTH1.place(config_of(signature_method=method), ParamType.HEADER, client, secrets, REQUESTS[1])
    request = seen_by_judge("GET", REQUESTS[1].url, "", dict(placed.headers))
    verify = judge.verify_hmac_sha1 if method == "HMAC-SHA1" else judge.verify_hmac_sha256
    assert verify(request, "c+n&s%m r", "ü%26/=")


def test_signs_queries_that_oauthlib_would_not_even_read() -> None:
    request = Unsigned("GET", "https://api.example.com/?ids[]=1&name='x'")
    assert OAUTH1.place(config_of(), ParamType.HEADER, CLIENT, TOKEN, request).headers


@pytest.mark.parametrize("method", METHODS)
def test_is_accepted_in_a_form(method: str) -> None:
    request = Unsigned("POST", "https://api.example.com/items?page=1", form=(("name", "x y"),))
    assert is_verified(signed(method, ParamType.FORM, request), method)


@pytest.mark.parametrize("param_type", [ParamType.HEADER, ParamType.QUERY])
def test_signs_with_an_rsa_key(param_type: ParamType, key_pair: tuple[str, str]) -> None:
    private, public = key_pair
    client = ClientKeys("consumer", None, Secret(private))
    request = signed("RSA-SHA1", param_type, REQUESTS[1], client)
    assert judge.verify_rsa_sha1(request, public)


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
def test_a_changed_parameter_breaks_the_signature(method: str) -> None:
    request = signed(method, ParamType.HEADER, REQUESTS[1])
    request.params = [(key, "changed" if key == "b" else value) for key, value in request.params]
    assert not is_verified(request, method)


def test_plaintext_never_goes_over_http() -> None:
    with pytest.raises(CannotSign, match="https"):
        OAUTH1.place(
            config_of(signature_method="PLAINTEXT"),
            ParamType.HEADER,
            CLIENT,
            TOKEN,
            Unsigned("GET", "http://10.0.0.1/items"),
        )


def test_hmac_is_fine_over_http() -> None:
    assert is_verified(
        signed("HMAC-SHA1", ParamType.HEADER, Unsigned("GET", "http://10.0.0.1:80/x")), "HMAC-SHA1"
    )


def test_the_realm_is_sent_and_not_signed() -> None:
    placed = OAUTH1.place(config_of(realm="Photos"), ParamType.HEADER, CLIENT, TOKEN, REQUESTS[0])
    ((_, value),) = placed.headers
    assert value.startswith('OAuth realm="Photos", ')
    request = seen_by_judge("GET", REQUESTS[0].url, "", {"Authorization": value})
    assert is_verified(request, "HMAC-SHA1")


def test_says_when_the_query_cannot_be_signed() -> None:
    with pytest.raises(CannotSign, match="UTF-8"):
        OAUTH1.place(
            config_of(), ParamType.HEADER, CLIENT, TOKEN, Unsigned("GET", "https://a.example/?q=%ff")
        )


def test_says_when_no_app_is_registered() -> None:
    with pytest.raises(CannotSign, match="No app"):
        OAUTH1.place(config_of(), ParamType.HEADER, None, TOKEN, REQUESTS[0])


def test_a_signature_is_made_anew_each_time() -> None:
    fresh = OAuth1()
    first, second = (
        dict(fresh.place(config_of(), ParamType.QUERY, CLIENT, TOKEN, REQUESTS[0]).query) for _ in range(2)
    )
    assert first["oauth_nonce"] != second["oauth_nonce"]


def test_a_caller_cannot_bring_protocol_parameters() -> None:
    reserved = OAUTH1.reserved(config_of(), ParamType.HEADER)
    assert "authorization" in reserved.headers
    assert "oauth_token" in reserved.query
    assert "oauth_signature" in reserved.form


def test_refuses_a_quote_in_the_realm() -> None:
    with pytest.raises(ValueError, match="realm"):
        config_of(realm='a", oauth_token="b')


@pytest.mark.parametrize("key", ["not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_says_that_a_private_key_is_none(key: str) -> None:
    client = ClientKeys("consumer", None, Secret(key))
    assert "private_key" in OAUTH1.client_problems(config_of(signature_method="RSA-SHA1"), client)


def test_takes_a_private_key_for_rsa_and_a_secret_otherwise(key_pair: tuple[str, str]) -> None:
    rsa_config, hmac_config = config_of(signature_method="RSA-SHA1"), config_of()
    assert not OAUTH1.client_problems(rsa_config, ClientKeys("c", None, Secret(key_pair[0])))
    assert "private_key" in OAUTH1.client_problems(rsa_config, ClientKeys("c", Secret("s")))
    assert not OAUTH1.client_problems(hmac_config, ClientKeys("c", Secret("s")))
    assert "client_secret" in OAUTH1.client_problems(hmac_config, ClientKeys("c"))
