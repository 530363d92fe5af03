"""OAuth 2's block of a service's definition: endpoints, scopes, and the ways of a vendor's own."""

from typing import Annotated, Any, Literal

from pydantic import Field as Declared
from pydantic import (
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from services.auth_types.base import Config

Url = Annotated[str, StringConstraints(max_length=1000)]
Extra = dict[
    Annotated[str, StringConstraints(min_length=1, max_length=100)],
    Annotated[str, StringConstraints(max_length=2000)],
]
DOTTED = r"[^.\s]+(\.[^.\s]+){0,5}"
Path = Annotated[str, StringConstraints(pattern=rf"^({DOTTED})?$", max_length=200)]
RARE: dict[str, Any] = {"is_rare": True}  # shown under "More options" where people fill a block in


class Scope(Config):
    name: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^\S+$")]
    description: Annotated[str, StringConstraints(max_length=300)] = ""
    default: bool = False  # ticked when a connection is made

    @model_serializer(mode="wrap")
    def _brief(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As the contract has it: ``default`` only where it is so."""
        told: dict[str, Any] = whole(self)
        return told if self.default else {key: value for key, value in told.items() if key != "default"}


class TokenFields(Config):
    """Where a token answer holds what RFC 6749 5.1 has at its top. ``expires_at`` is a date, or seconds or
    milliseconds since 1970."""

    access_token: Path = ""
    refresh_token: Path = ""
    expires_in: Path = ""
    expires_at: Path = ""
    scope: Path = ""


class OAuth2Config(Config):
    grant_type: Literal["authorization_code", "client_credentials"] = Declared(
        "authorization_code",
        title="Grant type",
        json_schema_extra={
            "labels": {
                "authorization_code": "Authorization code: people authorise",
                "client_credentials": "Client credentials: the app alone",
            }
        },
    )
    authorize_url: Url = Declared("", title="Authorize URL")
    token_url: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Declared(title="Token URL")
    refresh_url: Url = Declared(
        "", title="Refresh URL", description="Empty: the token URL.", json_schema_extra=RARE
    )
    revoke_url: Url = Declared("", title="Revoke URL", json_schema_extra=RARE)
    scopes: list[Scope] = Declared(
        default_factory=list,
        max_length=2000,
        title="Scopes",
        description="One a line: its name, then | and what it allows, then | default to have it ticked.",
        json_schema_extra={"as_lines": True},
    )
    scope_separator: Annotated[
        str, StringConstraints(strip_whitespace=False, min_length=1, max_length=3, pattern=r"^[ ,;|+]+$")
    ] = Declared(
        " ",
        title="Scope separator",
        json_schema_extra={
            "labels": {" ": "Space", ",": "Comma", ";": "Semicolon", "|": "Vertical bar"},
            "is_rare": True,
        },
    )
    client_auth: Literal["post", "basic", "basic_raw", "none"] = Declared(
        "post",
        title="Client authentication",
        json_schema_extra={
            "labels": {
                "post": "In the form (client_secret_post)",
                "basic": "In the header (client_secret_basic)",
                "basic_raw": "In the header, not form-encoded",
                "none": "None: a public client",
            },
            "is_rare": True,
        },
    )
    pkce: bool = Declared(
        True,
        title="PKCE (S256)",
        description="Protects the authorisation code. Switch it off only for a service that refuses it.",
        json_schema_extra=RARE,
    )
    authorize_params: Extra = Declared(
        default_factory=dict,
        max_length=30,
        title="Extra authorize parameters",
        description="One a line, such as access_type=offline.",
        json_schema_extra=RARE,
    )
    token_params: Extra = Declared(
        default_factory=dict,
        max_length=30,
        title="Extra token parameters",
        description="One a line, such as audience=https://api.example.com.",
        json_schema_extra=RARE,
    )
    token_request: Literal["form", "json"] = Declared(
        "form",
        title="Token request",
        json_schema_extra={"labels": {"form": "As a form (RFC 6749)", "json": "As JSON"}, "is_rare": True},
    )
    scope_on_refresh: bool = Declared(
        False, title="Send the scopes with each refresh, too", json_schema_extra=RARE
    )
    token_param: Annotated[str, StringConstraints(max_length=100)] = Declared(
        "",
        title="Token parameter",
        description="Empty: Authorization in headers, access_token elsewhere.",
        json_schema_extra=RARE,
    )
    token_prefix: Annotated[str, StringConstraints(max_length=50)] | None = Declared(
        None,
        title="Token prefix",
        description="Empty: Bearer in headers, none elsewhere. A single - stands for none anywhere.",
        json_schema_extra=RARE,
    )
    token_path: Annotated[str, StringConstraints(pattern=rf"^{DOTTED}$", max_length=200)] = Declared(
        "access_token",
        title="Where the answer holds the token",
        description="Dots lead inwards, such as authed_user.access_token. The rest is looked for beside it.",
        json_schema_extra=RARE,
    )
    token_fields: TokenFields = Declared(
        default_factory=TokenFields,
        title="Where the answer holds the rest",
        description="Where it is not beside the token: one a line, such as refresh_token=data.refresh or"
        " expires_at=data.ends. Also access_token, expires_in and scope. Where a nested place is empty, the"
        " name at the top counts.",
        json_schema_extra=RARE,
    )
    issuer: Url = Declared(
        "",
        title="Issuer",
        description="Compared with `iss` in the callback (RFC 9207).",
        json_schema_extra=RARE,
    )
    require_iss: bool = Declared(
        False, title="The service always sends its issuer: refuse callbacks without", json_schema_extra=RARE
    )

    @field_validator("scopes")
    @classmethod
    def _scopes_differ(cls, scopes: list[Scope]) -> list[Scope]:
        seen: set[str] = set()
        for scope in scopes:
            if scope.name in seen:
                raise ValueError(f"The scope {scope.name} is there twice.")
            seen.add(scope.name)
        return scopes

    @model_validator(mode="after")
    def _one_place_for_the_token(self) -> "OAuth2Config":
        named = self.token_fields.access_token
        if named and self.token_path not in {named, "access_token"}:
            raise ValueError("token_path and token_fields.access_token name two places; give one of them.")
        return self

    @field_validator("scope_separator")
    @classmethod
    def _plus_is_a_space(cls, separator: str) -> str:
        return separator.replace("+", " ")  # what documentation calls "plus" is a space as URLs encode it
