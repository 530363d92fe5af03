"""OAuth 1 (RFC 5849): every request is signed; tokens come by a three-legged round trip or from a page.

The signature's parts are Authlib's. Its ``ClientAuth`` is not used: it refuses some lawful queries,
unescapes tokens twice and knows no HMAC-SHA256.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Generator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit

from authlib.common.security import generate_token
from authlib.common.urls import add_params_to_uri
from authlib.oauth1.rfc5849.parameters import prepare_headers
from authlib.oauth1.rfc5849.signature import (
    hmac_sha1_signature,
    normalize_base_string_uri,
    normalize_parameters,
    plaintext_signature,
    rsa_sha1_signature,
)
from authlib.oauth1.rfc5849.util import escape
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field as Declared
from pydantic import StringConstraints, model_validator

from services.auth_types import token_answer
from services.auth_types.base import (
    Answer,
    AuthType,
    ClientKeys,
    Config,
    Consent,
    Exchange,
    Field,
    Flow,
    Pairs,
    ParamType,
    Placement,
    Reserved,
    Tokens,
    Unsigned,
)
from services.auth_types.errors import CallbackIncomplete, CannotSign, ConsentRefused, TokenAnswerRefused
from services.auth_types.text import parts_of
from vault.secret import Secret

Url = Annotated[str, StringConstraints(max_length=1000)]
PROTOCOL_PARAMS = frozenset(
    {
        "oauth_consumer_key",
        "oauth_token",
        "oauth_signature_method",
        "oauth_signature",
        "oauth_timestamp",
        "oauth_nonce",
        "oauth_version",
        "oauth_callback",
        "oauth_verifier",
        "oauth_body_hash",
    }
)
_PIECE = 32 * 1024
_ENDPOINTS = ("request_token_url", "authorize_url", "access_token_url")


class OAuth1Config(Config):
    request_token_url: Url = Declared(
        "",
        title="Request token URL",
        description="Leave all three URLs empty where the service hands out tokens on a page of its own.",
    )
    authorize_url: Url = Declared("", title="Authorize URL")
    access_token_url: Url = Declared("", title="Access token URL")
    signature_method: Literal["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT"] = Declared(
        "HMAC-SHA1", title="Signature method"
    )
    realm: Annotated[str, StringConstraints(max_length=200, pattern=r'^[^"\\]*$')] = Declared(
        "", title="Realm", json_schema_extra={"is_rare": True}
    )
    require_callback_confirmed: bool = Declared(
        True,
        title="The service confirms the callback URL",
        description="RFC 5849 2.1 asks for it. Switch it off only for a service that never does.",
        json_schema_extra={"is_rare": True},
    )

    @model_validator(mode="after")
    def _all_endpoints_or_none(self) -> "OAuth1Config":
        given = [bool(getattr(self, name)) for name in _ENDPOINTS]
        if any(given) and not all(given):
            raise ValueError(
                "Give all three URLs (request token, authorize, access token), or none where the service"
                " hands out tokens on a page."
            )
        return self


class OAuth1(AuthType):
    name = "oauth1"
    label = "OAuth 1"
    summary = "Signed requests"
    param_types = (ParamType.HEADER, ParamType.QUERY, ParamType.FORM)
    Config: ClassVar[type[Config]] = OAuth1Config
    signs_requests = True
    takes_nothing = True  # requests without a token are signed by the consumer alone (RFC 5849 3.1)
    before_consent = frozenset({"request_token_url", "authorize_url"})
    before_token = before_consent | {"access_token_url"}
    client_fields = ("consumer_key", "consumer_secret", "private_key")

    def __init__(
        self, clock: Callable[[], float] = time.time, nonce: Callable[[], str] = generate_token
    ) -> None:
        self._clock = clock
        self._nonce = nonce

    def fields(self, config: Mapping[str, Any]) -> tuple[Field, ...]:
        if self.needs_consent(config):
            return ()
        return (
            Field(
                key="token",
                label="Access token",
                is_required=False,
                hint="Leave both empty for a service that knows the consumer alone.",
            ),
            Field(key="token_secret", label="Token secret", is_required=False),
        )

    def credential_problem(self, key: str, value: str) -> str:
        return "Remove the space at its beginning or end." if value != value.strip() else ""

    def credentials_problems(self, given: Mapping[str, Any]) -> dict[str, str]:
        if given.get("token_secret") and not given.get("token"):
            return {"token": "Enter the access token that the secret belongs to."}
        return {}

    def config_problems(
        self, config: Mapping[str, Any], param_type: ParamType, base_url: str
    ) -> dict[str, str]:
        addresses = (base_url, *self.urls(config).values())
        if config["signature_method"] == "PLAINTEXT" and any(
            parts_of(address).scheme == "http" for address in addresses
        ):
            return {"signature_method": "PLAINTEXT sends the secret itself, so every URL must be https."}
        return {}

    def client_problems(self, config: Mapping[str, Any], client: ClientKeys) -> dict[str, str]:
        if config["signature_method"] != "RSA-SHA1":
            return {} if client.client_secret else {"client_secret": "Enter the consumer secret."}
        if not client.private_key:
            return {"private_key": "RSA-SHA1 signs with a private key: paste it in PEM form."}
        if not _is_rsa_key(client.private_key):
            return {"private_key": "This is not an RSA private key in PEM form without a passphrase."}
        return {}

    def reserved(self, config: Mapping[str, Any], param_type: ParamType) -> Reserved:
        headers = frozenset({"authorization"}) if param_type is ParamType.HEADER else frozenset()
        return Reserved(headers=headers, query=PROTOCOL_PARAMS, form=PROTOCOL_PARAMS)

    def place(
        self,
        config: Mapping[str, Any],
        param_type: ParamType,
        client: ClientKeys | None,
        secrets: Mapping[str, Secret],
        request: Unsigned,
    ) -> Placement:
        token = {"oauth_token": secrets["token"].reveal()} if "token" in secrets else {}
        signed = self._sign(config, client, secrets.get("token_secret"), token, request)
        match param_type:
            case ParamType.QUERY:
                return Placement(query=signed)
            case ParamType.FORM:
                return Placement(form=signed)
            case _:
                return Placement(headers=(_authorization(signed, config["realm"]),))

    def needs_client(self, config: Mapping[str, Any]) -> bool:
        return True

    def needs_consent(self, config: Mapping[str, Any]) -> bool:
        return bool(config["authorize_url"])

    def urls(self, config: Mapping[str, Any]) -> dict[str, str]:
        return {name: config[name] for name in _ENDPOINTS if config[name]}

    def begin(self, flow: Flow) -> Generator[Exchange, Answer, Consent]:
        """Fetch temporary credentials (RFC 5849 2.1), which come with a confirmation of our callback URL."""
        answer = yield self._exchange(flow, "request_token_url", None, {"oauth_callback": flow.callback_url})
        given = token_answer.oauth1_pairs(answer)
        is_confirmed = given.get("oauth_callback_confirmed") == "true"
        if flow.config["require_callback_confirmed"] and not is_confirmed:
            raise TokenAnswerRefused(
                "The service did not confirm our callback URL (RFC 5849 2.1).",
                hint="Does it never do so? Then say so on the service’s page.",
            )
        token, token_secret = _token_of(given)
        url = add_params_to_uri(flow.config["authorize_url"], [("oauth_token", token)])
        return Consent(
            url=url, state=token, secrets={"token": Secret(token), "token_secret": Secret(token_secret)}
        )

    def state_in(self, params: Mapping[str, str]) -> str:
        return params.get("oauth_token") or params.get("denied", "")

    def complete(
        self, flow: Flow, secrets: Mapping[str, Secret], params: Mapping[str, str]
    ) -> Generator[Exchange, Answer, Tokens]:
        """Swap the temporary credentials for a token (RFC 5849 2.3)."""
        if "denied" in params:
            raise ConsentRefused
        token, verifier = secrets["token"].reveal(), params.get("oauth_verifier", "")
        if params.get("oauth_token") != token or not verifier:
            raise CallbackIncomplete("The service sent you back without a verifier for this authorisation.")
        answer = yield self._exchange(
            flow,
            "access_token_url",
            secrets["token_secret"],
            {"oauth_token": token, "oauth_verifier": verifier},
        )
        given = token_answer.oauth1_pairs(answer)
        token, token_secret = _token_of(given)
        return Tokens(
            secrets={"token": Secret(token), "token_secret": Secret(token_secret)},
            facts={name: given[name] for name in flow.facts if name in given},
        )

    def _exchange(
        self, flow: Flow, endpoint: str, token_secret: Secret | None, params: Mapping[str, str]
    ) -> Exchange:
        request = Unsigned(method="POST", url=flow.config[endpoint])
        signed = self._sign(flow.config, flow.client, token_secret, params, request)
        return Exchange("POST", request.url, headers=(_authorization(signed, flow.config["realm"]),))

    def _sign(
        self,
        config: Mapping[str, Any],
        client: ClientKeys | None,
        token_secret: Secret | None,
        params: Mapping[str, str],
        request: Unsigned,
    ) -> Pairs:
        if client is None:
            raise CannotSign("No app is registered with this service yet, so that nothing can be signed.")
        if config["signature_method"] == "PLAINTEXT" and urlsplit(request.url).scheme != "https":
            raise CannotSign("PLAINTEXT sends the secret itself, so it goes over https only.")
        pairs = (
            ("oauth_consumer_key", client.client_id),
            ("oauth_nonce", self._nonce()),
            ("oauth_signature_method", config["signature_method"]),
            ("oauth_timestamp", str(int(self._clock()))),
            ("oauth_version", "1.0"),
            *params.items(),
        )
        text = _base_string(request, pairs)
        signature = _signature(config["signature_method"], text, client, token_secret)
        return (*pairs, ("oauth_signature", signature))


def _base_string(request: Unsigned, pairs: Pairs) -> str:
    """RFC 5849 3.4.1; ``realm`` and the signature are no part of it."""
    try:
        query = parse_qsl(urlsplit(request.url).query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise CannotSign("The query is not UTF-8, and only such can be signed.") from None
    params = normalize_parameters([*query, *(request.form or ()), *pairs])
    parts = (request.method.upper(), normalize_base_string_uri(request.url), params)
    return "&".join(_escaped(part) for part in parts)


def _escaped(text: str) -> str:
    """RFC 5849 3.6, piece by piece: a form's parameters are megabytes of ASCII by now."""
    return "".join(escape(text[at : at + _PIECE]) for at in range(0, len(text), _PIECE))


def _signature(method: str, text: str, client: ClientKeys, token_secret: Secret | None) -> str:
    consumer_secret = client.client_secret.reveal() if client.client_secret else ""
    shared = token_secret.reveal() if token_secret else ""
    match method:
        case "HMAC-SHA1":
            signature = hmac_sha1_signature(text, consumer_secret, shared)
        case "HMAC-SHA256":
            key = plaintext_signature(consumer_secret, shared)  # the key of RFC 5849 3.4.2
            digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
            signature = base64.b64encode(digest).decode()
        case "RSA-SHA1":
            if not client.private_key:
                raise CannotSign("RSA-SHA1 signs with a private key, and none is set on the service’s page.")
            signature = rsa_sha1_signature(text, client.private_key.reveal())
        case _:
            signature = plaintext_signature(consumer_secret, shared)
    return str(signature)


def _authorization(signed: Pairs, realm: str) -> tuple[str, str]:
    return ("Authorization", prepare_headers(signed, realm=realm)["Authorization"])


def _token_of(given: Mapping[str, str]) -> tuple[str, str]:
    token, token_secret = given.get("oauth_token", ""), given.get("oauth_token_secret", "")
    if not token_answer.is_token(token) or not (token_secret == "" or token_answer.is_token(token_secret)):
        raise TokenAnswerRefused("The service’s answer holds no usable token.")
    return token, token_secret


def _is_rsa_key(pem: Secret) -> bool:
    try:
        return isinstance(load_pem_private_key(pem.reveal().encode(), password=None), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
