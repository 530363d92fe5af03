"""What the API takes and gives for connections and API tokens."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from api.pages import Paging
from api.schemas import Strict, example, told

NAME: dict[str, Any] = told("What people read: visible characters.", minLength=1, maxLength=100)
AUDIENCE: dict[str, Any] = {"enum": ["private", "everyone"]}


class ConnectionIn(Strict):
    """A new connection. What is left out has the contract's default."""

    model_config = example(
        service="practice_api_key",
        name="Storefront",
        link_name="storefront",
        audience="everyone",
        credentials={"X-Api-Key": "practice-key-storefront"},
    )

    service: str = Field(description="The service’s link name.")
    name: str = Field(json_schema_extra=NAME)
    link_name: str = Field(
        "",
        json_schema_extra=told(
            "What scripts call it by; by default made of the name.", pattern=r"^([a-z][a-z0-9_]{0,49})?$"
        ),
    )
    auth: str | None = Field(None, description="Which way to authenticate, where the service offers several.")
    scopes: list[str] = Field(default_factory=list, description="Scopes that the service declares.")
    variables: dict[str, str] = Field(
        default_factory=dict, description="A value for each of the service’s variables."
    )
    credentials_of: str = Field(
        "owner",
        json_schema_extra=told(
            "Whose account it runs on: its owner’s, or each user’s.", enum=["owner", "login_user"]
        ),
    )
    audience: str | None = Field(
        None,
        description="Who may use it: its creator, or everybody (the default with `login_user`).",
        json_schema_extra={"anyOf": [{"type": "string", **AUDIENCE}, {"type": "null"}]},
    )
    credentials: dict[str, str] | None = Field(
        None,
        description="A value for each key of an API key, or `username` and `password`, or `token` and"
        " `token_secret`.",
    )


class ConnectionPatch(Strict):
    """Only what is given changes; changed scopes or variables need consent again."""

    model_config = example(name="Storefront, renamed", audience="private")

    name: str = Field("", json_schema_extra=NAME)
    scopes: list[str] = Field(default_factory=list)
    variables: dict[str, str] = Field(default_factory=dict)
    audience: str = Field("", json_schema_extra=AUDIENCE)
    disabled: bool = False


class ConnectIn(Strict):
    """Nothing for OAuth."""

    model_config = example(credentials={"X-Api-Key": "practice-key-storefront"})

    credentials: dict[str, str] | None = Field(
        None, description="A value for each thing that the service asks for."
    )


class Listed(Paging):
    """``list``: mine, shared or internal; ``q``: words of the name, link name or service."""

    list: str = Field(
        "mine",
        json_schema_extra=told(
            "`mine`: made by you; `shared`: made by others; `internal`: to Switchboard’s own API.",
            enum=["mine", "shared", "internal"],
        ),
    )
    q: str = Field("", description="Words of the name, the link name or the service’s name.")


class ConnectionOut(Schema):
    """A connection, as it stands for the asker. Never a secret."""

    link_name: str
    name: str
    service: str
    service_name: str
    auth: str
    auth_type: str
    scopes: list[str]
    variables: dict[str, str]
    credentials_of: str
    audience: str
    disabled: bool
    status: str
    status_reason: str
    expires_at: datetime | None
    authorized_as: str | None
    granted_scopes: list[str]
    created_by: str
    created_at: datetime
    callback_url: str
    authorize_url: str | None = None
    shared_as: str | None = None
    made_by: str | None = None
    rules: dict[str, list[str]]


class ConnectionList(Schema):
    items: list[ConnectionOut]
    next: str | None


class AuthorizeOut(Schema):
    """Where the asker authorises: a page of ours."""

    authorize_url: str


class RevokedOut(ConnectionOut):
    """``confirmed``: did the service agree? Null where it has no address to be told at."""

    confirmed: bool | None
    detail: str


class TokenIn(Strict):
    """A new token, which never may more than the one who makes it."""

    model_config = example(name="nightly", scopes=["invoke"], methods=["GET"], days=90)

    name: str = Field(json_schema_extra=NAME)
    scopes: list[str] = Field(
        default_factory=lambda: ["invoke"],
        json_schema_extra=told(
            "`invoke` calls services, `manage` uses this API.",
            items={"enum": ["invoke", "manage"]},
            minItems=1,
            default=["invoke"],
        ),
    )
    connections: list[str] | None = Field(None, description="Link names; null: all.")
    methods: list[str] = Field(
        default_factory=list,
        json_schema_extra=told(
            "HTTP methods; none: all.", items={"type": "string", "pattern": r"^[A-Za-z]{1,20}$"}
        ),
    )
    networks: list[str] = Field(
        default_factory=list, description="Where it may be used from, such as 10.1.0.0/16; none: anywhere."
    )
    act_for: list[str] = Field(
        default_factory=list, description="E-mail addresses, or `*`: for administrators."
    )
    days: int | None = Field(
        None,
        description="How long it lasts; null: until it is revoked.",
        json_schema_extra={"anyOf": [{"type": "integer", "minimum": 1, "maximum": 3650}, {"type": "null"}]},
    )


class TokenOut(Schema):
    id: UUID
    name: str
    scopes: list[str]
    connections: list[str] | None
    methods: list[str]
    networks: list[str]
    act_for: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewTokenOut(TokenOut):
    token: str = Field(description="The secret, in this answer and nowhere else.")


class TokenList(Schema):
    items: list[TokenOut]
    next: str | None
