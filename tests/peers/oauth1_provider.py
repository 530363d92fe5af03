"""An OAuth 1 provider whose every judgement is oauthlib's, served by the standard library."""

import contextlib
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import request_uri

from oauthlib.oauth1 import (
    SIGNATURE_HMAC_SHA1,
    SIGNATURE_HMAC_SHA256,
    SIGNATURE_RSA_SHA1,
    AccessTokenEndpoint,
    AuthorizationEndpoint,
    OAuth1Error,
    RequestTokenEndpoint,
    RequestValidator,
    ResourceEndpoint,
)

CONSUMER_KEY = "switchboard-consumer-key"
CONSUMER_SECRET = "a consumer's secret & more"
Answer = tuple[int, dict[str, str], str]


@dataclass(slots=True)
class Judge(RequestValidator):  # type: ignore[misc]
    """What oauthlib asks of a provider: it keeps tokens and nonces in memory and accepts nothing twice."""

    rsa_public_key: str = ""
    temporary: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    nonces: set[tuple[Any, ...]] = field(default_factory=set)

    enforce_ssl = False
    allowed_signature_methods = (SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, SIGNATURE_RSA_SHA1)
    dummy_client = "dummy-client-key-of-some-length"
    dummy_request_token = "dummy-request-token-of-length"
    dummy_secret = "a-secret-that-fits-no-token"  # so that a wrong token takes as long as a wrong secret
    dummy_access_token = "dummy-access-token-of-some-length"
    client_key_length = request_token_length = access_token_length = nonce_length = (16, 100)
    verifier_length = (16, 100)
    safe_characters = frozenset(map(chr, range(33, 127)))

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == CONSUMER_KEY

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return CONSUMER_SECRET

    def get_rsa_key(self, client_key: str, request: Any) -> str:
        return self.rsa_public_key

    def validate_timestamp_and_nonce(
        self, client_key: str, timestamp: str, nonce: str, request: Any, **tokens: Any
    ) -> bool:
        seen = (client_key, timestamp, nonce)
        is_new = seen not in self.nonces
        self.nonces.add(seen)
        return is_new

    def validate_redirect_uri(self, client_key: str, redirect_uri: str, request: Any) -> bool:
        return redirect_uri.startswith("http://localhost:")

    def validate_requested_realms(self, client_key: str, realms: Any, request: Any) -> bool:
        return True

    def get_default_realms(self, client_key: str, request: Any) -> list[str]:
        return []

    def get_realms(self, token: str, request: Any) -> list[str]:
        return []

    def save_request_token(self, token: dict[str, str], request: Any) -> None:
        self.temporary[token["oauth_token"]] = {**token, "callback": request.redirect_uri}

    def verify_request_token(self, token: str, request: Any) -> bool:
        return token in self.temporary

    def verify_realms(self, token: str, realms: Any, request: Any) -> bool:
        return True

    def save_verifier(self, token: str, verifier: dict[str, str], request: Any) -> None:
        self.temporary[token]["verifier"] = verifier["oauth_verifier"]

    def get_redirect_uri(self, token: str, request: Any) -> str:
        return str(self.temporary[token]["callback"])

    def validate_request_token(self, client_key: str, token: str, request: Any) -> bool:
        return token in self.temporary

    def get_request_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return str(self.temporary.get(token, {}).get("oauth_token_secret", self.dummy_secret))

    def validate_verifier(self, client_key: str, token: str, verifier: str, request: Any) -> bool:
        return bool(verifier) and self.temporary.get(token, {}).get("verifier") == verifier

    def invalidate_request_token(self, client_key: str, request_token: str, request: Any) -> None:
        del self.temporary[request_token]

    def save_access_token(self, token: dict[str, str], request: Any) -> None:
        self.tokens[token["oauth_token"]] = token["oauth_token_secret"]

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return token in self.tokens

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        return self.tokens.get(token, self.dummy_secret)

    def validate_realms(self, client_key: str, token: str, request: Any, **other: Any) -> bool:
        return True


@dataclass(slots=True)
class OAuth1Provider:
    """The provider: three endpoints and ``/me``, at ``url``."""

    judge: Judge
    url: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    confirms: bool = True  # RFC 5849 2.1; TripIt and others never do

    def definition(self, link_name: str, param_type: str = "header", **oauth1: Any) -> dict[str, Any]:
        """The provider as a custom service of ours."""
        block = {
            "request_token_url": f"{self.url}/request_token",
            "authorize_url": f"{self.url}/authorize",
            "access_token_url": f"{self.url}/access_token",
            "consumer_key": CONSUMER_KEY,
            "consumer_secret": CONSUMER_SECRET,
        }
        return {
            "name": "Peer",
            "link_name": link_name,
            "auth_type": "oauth1",
            "param_type": param_type,
            "base_url": self.url,
            "test": {"method": "GET", "path": "/me?a=b%20c&a=%C3%A9"},
            "oauth1": block | oauth1,
        }

    def consent(self, authorize_url: str) -> str:
        """A person allows it; returns the callback's whole URL."""
        endpoint = AuthorizationEndpoint(self.judge)
        headers, _, _ = endpoint.create_authorization_response(authorize_url, http_method="POST")
        return str(headers["Location"])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length).decode()
        status, headers, text = self._answer(environ, body)
        start_response(f"{status} {'OK' if status < 400 else 'Refused'}", [*headers.items()])
        return [text.encode()]

    def _answer(self, environ: WSGIEnvironment, body: str) -> Answer:
        sent = {"Authorization": "HTTP_AUTHORIZATION", "Content-Type": "CONTENT_TYPE"}
        headers = {name: environ[key] for name, key in sent.items() if environ.get(key)}
        request = (request_uri(environ), environ["REQUEST_METHOD"], body, headers)
        try:
            return self._judged(environ["PATH_INFO"], request)
        except OAuth1Error as refusal:
            return 401, {"Content-Type": "text/plain"}, urlencode({"oauth_problem": str(refusal)})

    def _judged(self, path: str, request: tuple[str, str, str, dict[str, str]]) -> Answer:
        if path == "/request_token":
            headers, text, status = RequestTokenEndpoint(self.judge).create_request_token_response(*request)
            text = text if self.confirms else text.replace("oauth_callback_confirmed=true", "lang=en")
        elif path == "/access_token":
            headers, text, status = AccessTokenEndpoint(self.judge).create_access_token_response(*request)
        else:
            is_good, _ = ResourceEndpoint(self.judge).validate_protected_resource_request(*request)
            self.calls.append({"path": path, "body": request[2], "is_good": str(is_good)})
            status, text = (200, '{"id": "ada"}') if is_good else (401, '{"error": "not signed"}')
            headers = {"Content-Type": "application/json"}
        return status, dict(headers), text or ""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: what matters is asserted."""


@contextlib.contextmanager
def running(rsa_public_key: str = "") -> Generator[OAuth1Provider]:
    """Serve it on a loopback port."""
    provider = OAuth1Provider(Judge(rsa_public_key=rsa_public_key))
    with make_server("127.0.0.1", 0, provider, handler_class=_Quiet) as server:
        provider.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield provider
        server.shutdown()
        thread.join(timeout=5)
