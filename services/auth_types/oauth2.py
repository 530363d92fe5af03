"""OAuth 2: authorization code with PKCE (RFC 6749 4.1, RFC 7636) and client credentials (RFC 6749 4.4)."""

import base64
import secrets as randomness
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote_plus

from authlib.oauth2.rfc7636 import create_s256_code_challenge

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
from services.auth_types.errors import CallbackIncomplete, CannotSign, GrantDead, IssuerMismatch
from services.auth_types.oauth2_config import OAuth2Config
from services.auth_types.text import header_name_problem, parts_of, with_query
from vault.secret import Secret

# Parameters that are the protocol's own: an extra one of that name would undo a protection.
AUTHORIZE_OWN = frozenset(
    {
        "response_type",
        "response_mode",
        "client_id",
        "client_secret",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
    }
)
TOKEN_OWN = frozenset(
    {"client_id", "client_secret", "code", "code_verifier", "redirect_uri", "refresh_token"}
)
_VERIFIER_BYTES = 48  # 64 characters; RFC 7636 4.1 takes 43 to 128
_ENDPOINTS = ("authorize_url", "token_url", "refresh_url", "revoke_url")
# How client id and secret are encoded where they travel in the Authorization header.
_IN_HEADER: Mapping[str, Callable[[str], str]] = {"basic": quote_plus, "basic_raw": str}


class OAuth2(AuthType):
    name = "oauth2"
    label = "OAuth 2"
    summary = "Tokens and scopes"
    param_types = (ParamType.HEADER, ParamType.QUERY, ParamType.FORM)
    Config: ClassVar[type[Config]] = OAuth2Config
    client_fields = ("client_id", "client_secret")
    filled_fields = ("issuer",)  # what comes back in `iss` is compared with it
    filled_maps = ("authorize_params", "token_params")
    before_consent = frozenset({"authorize_url", "authorize_params", "issuer"})
    before_token = before_consent | {"token_url", "token_params"}

    def fields(self, config: Mapping[str, Any]) -> tuple[Field, ...]:
        return ()

    def config_problems(
        self, config: Mapping[str, Any], param_type: ParamType, base_url: str
    ) -> dict[str, str]:
        found: dict[str, str] = {}
        if self.needs_consent(config) and not config["authorize_url"]:
            found["authorize_url"] = "Enter the address where people authorise."
        if config["require_iss"] and not config["issuer"]:
            found["issuer"] = "Enter the issuer that `iss` must equal."
        if param_type is ParamType.HEADER and config["token_param"]:
            found["token_param"] = header_name_problem(config["token_param"])
        found["authorize_params"] = _own_problem(config["authorize_params"], AUTHORIZE_OWN)
        if not found.get("authorize_url"):
            written = dict(parse_qsl(parts_of(config["authorize_url"]).query))
            found["authorize_url"] = _own_problem(written, AUTHORIZE_OWN)
        own = TOKEN_OWN | {"scope" if self.is_automatic(config) else "grant_type"}
        found["token_params"] = _own_problem(config["token_params"], own)
        return {field: problem for field, problem in found.items() if problem}

    def client_problems(self, config: Mapping[str, Any], client: ClientKeys) -> dict[str, str]:
        if config["client_auth"] == "basic_raw" and ":" in client.client_id:
            return {"client_id": "A colon ends the ID where it is not form-encoded: choose basic."}
        if config["client_auth"] == "none" or client.client_secret:
            return {}
        if config["pkce"] and self.needs_consent(config) and config["client_auth"] == "post":
            return {}  # a public client: PKCE stands in for the secret (RFC 7636)
        return {"client_secret": "Enter the client secret."}

    def reserved(self, config: Mapping[str, Any], param_type: ParamType) -> Reserved:
        name, _ = _token_place(config, param_type)
        match param_type:
            case ParamType.QUERY:
                return Reserved(query=frozenset({name}))
            case ParamType.FORM:
                return Reserved(form=frozenset({name}))
            case _:
                return Reserved(headers=frozenset({name.lower()}))

    def place(
        self,
        config: Mapping[str, Any],
        param_type: ParamType,
        client: ClientKeys | None,
        secrets: Mapping[str, Secret],
        request: Unsigned,
    ) -> Placement:
        name, prefix = _token_place(config, param_type)
        token = secrets["access_token"].reveal()
        pairs = ((name, f"{prefix} {token}" if prefix else token),)
        match param_type:
            case ParamType.QUERY:
                return Placement(query=pairs)
            case ParamType.FORM:
                return Placement(form=pairs)
            case _:
                return Placement(headers=pairs)

    def needs_client(self, config: Mapping[str, Any]) -> bool:
        return True

    def needs_consent(self, config: Mapping[str, Any]) -> bool:
        return bool(config["grant_type"] == "authorization_code")

    def is_automatic(self, config: Mapping[str, Any]) -> bool:
        return bool(config["grant_type"] == "client_credentials")

    def urls(self, config: Mapping[str, Any]) -> dict[str, str]:
        return {name: config[name] for name in _ENDPOINTS if config[name]}

    def refresh_url(self, config: Mapping[str, Any]) -> str:
        return str((not self.is_automatic(config) and config["refresh_url"]) or config["token_url"])

    def scope_names(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(scope["name"] for scope in config["scopes"])

    def can_refresh(self, config: Mapping[str, Any], secrets: Mapping[str, Secret]) -> bool:
        return self.is_automatic(config) or bool(secrets.get("refresh_token"))

    def begin(self, flow: Flow) -> Generator[Exchange, Answer, Consent]:
        """The address of the consent page (RFC 6749 4.1.1), with a 256-bit state and an S256 challenge."""
        yield from ()
        state = randomness.token_urlsafe(32)
        extra: dict[str, str] = dict(flow.config["authorize_params"])
        kept: dict[str, Secret] = {}
        if flow.config["pkce"]:
            verifier = randomness.token_urlsafe(_VERIFIER_BYTES)
            kept["verifier"] = Secret(verifier)
            challenge = create_s256_code_challenge(verifier)
            extra |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        pairs = {
            "response_type": "code",
            "client_id": _client_of(flow).client_id,
            "redirect_uri": flow.callback_url,
            **({"scope": _scope_of(flow)} if flow.scopes else {}),
            "state": state,
            **extra,
        }
        return Consent(url=with_query(flow.config["authorize_url"], pairs.items()), state=state, secrets=kept)

    def state_in(self, params: Mapping[str, str]) -> str:
        return params.get("state", "")

    def complete(
        self, flow: Flow, secrets: Mapping[str, Secret], params: Mapping[str, str]
    ) -> Generator[Exchange, Answer, Tokens]:
        """Swap the code for tokens (RFC 6749 4.1.3), once ``iss`` has been looked at (RFC 9207)."""
        _check_issuer(flow.config, params.get("iss"))
        code = params.get("code", "")
        if not code:
            raise CallbackIncomplete
        pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", flow.callback_url),
        ]
        if "verifier" in secrets:
            pairs.append(("code_verifier", secrets["verifier"].reveal()))
        answer = yield _request(flow, flow.config["token_url"], pairs)
        if token_answer.is_refusal(answer):
            token_answer.refuse(answer)
        return token_answer.parse(flow.config, answer, flow.facts)

    def refresh(self, flow: Flow, secrets: Mapping[str, Secret]) -> Generator[Exchange, Answer, Tokens]:
        """New tokens; a refresh token that the answer leaves out stays (RFC 6749 6)."""
        pairs, kept = self._refresh_pairs(flow, secrets)
        answer = yield _request(flow, self.refresh_url(flow.config), pairs)
        if token_answer.is_refusal(answer):
            token_answer.refuse_refresh(answer, flow.meaning(answer))
        tokens = token_answer.parse(flow.config, answer, flow.facts)
        return replace(tokens, secrets={**kept, **tokens.secrets})

    def _refresh_pairs(
        self, flow: Flow, secrets: Mapping[str, Secret]
    ) -> tuple[list[tuple[str, str]], dict[str, Secret]]:
        scope = [("scope", _scope_of(flow))] if flow.scopes else []
        if self.is_automatic(flow.config):
            grant_type = flow.config["token_params"].get("grant_type", "client_credentials")
            return [("grant_type", grant_type), *scope], {}
        refresh_token = secrets.get("refresh_token")
        if not refresh_token:
            raise GrantDead("expired", "It gave no refresh token, so a person has to authorise again.")
        pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())]
        if flow.config["scope_on_refresh"] and "scope" not in flow.config["token_params"]:
            pairs += scope
        return pairs, {"refresh_token": refresh_token}

    def revoke(self, flow: Flow, secrets: Mapping[str, Secret]) -> Generator[Exchange, Answer, bool]:
        """Revoke the refresh token, then the access token (RFC 7009), which some no longer know by then."""
        url = flow.config["revoke_url"]
        statuses: list[int] = []
        for hint in ("refresh_token", "access_token"):
            token = secrets.get(hint)
            if url and token:
                pairs = [("token", token.reveal()), ("token_type_hint", hint)]
                answer = yield _authenticated(flow, url, pairs)  # a form always (RFC 7009 2.1)
                statuses.append(answer.status)
        return bool(statuses) and 200 <= statuses[0] < 300 and all(s < 300 or s == 400 for s in statuses[1:])


def _token_place(config: Mapping[str, Any], param_type: ParamType) -> tuple[str, str]:
    """Name and prefix of the token where it travels (RFC 6750 2)."""
    in_header = param_type is ParamType.HEADER
    name = config["token_param"] or ("Authorization" if in_header else "access_token")
    prefix = config["token_prefix"]
    if prefix is None:
        prefix = "Bearer" if in_header else ""
    return name, prefix


def _client_of(flow: Flow) -> ClientKeys:
    if flow.client is None:
        raise CannotSign(
            "No OAuth app is registered with this service yet.",
            hint="Enter its client ID and secret on the service’s page.",
        )
    return flow.client


def _scope_of(flow: Flow) -> str:
    return str(flow.config["scope_separator"].join(flow.scopes))


def _request(flow: Flow, url: str, pairs: list[tuple[str, str]]) -> Exchange:
    """A token request (RFC 6749 4.1.3, 4.4.2, 6) with the service's own parameters, in its own form."""
    extra = [(key, value) for key, value in flow.config["token_params"].items() if key != "grant_type"]
    asked = _authenticated(flow, url, [*pairs, *extra])
    return replace(asked, is_json=flow.config["token_request"] == "json")


def _authenticated(flow: Flow, url: str, pairs: list[tuple[str, str]]) -> Exchange:
    """A form to one of the service's endpoints, with the client's authentication (RFC 6749 2.3.1)."""
    client = _client_of(flow)
    headers: Pairs = (("Accept", "application/json"),)
    secret = client.client_secret.reveal() if client.client_secret else ""
    encode = _IN_HEADER.get(flow.config["client_auth"])
    if encode:
        pair = base64.b64encode(f"{encode(client.client_id)}:{encode(secret)}".encode()).decode()
        return Exchange(
            "POST", url, headers=(*headers, ("Authorization", f"Basic {pair}")), form=tuple(pairs)
        )
    own = [("client_id", client.client_id)]
    if secret and flow.config["client_auth"] == "post":
        own.append(("client_secret", secret))
    return Exchange("POST", url, headers=headers, form=(*pairs, *own))


def _check_issuer(config: Mapping[str, Any], iss: str | None) -> None:
    if iss is None:
        if config["require_iss"]:
            raise IssuerMismatch("The service did not say who answered (`iss`), though it always should.")
    elif config["issuer"] and iss != config["issuer"]:
        raise IssuerMismatch


def _own_problem(params: Mapping[str, str], own: frozenset[str]) -> str:
    taken = sorted(own & {name.lower() for name in params})
    return f"Leave out {', '.join(taken)}: Switchboard sends that itself." if taken else ""
