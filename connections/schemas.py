"""What the API takes and gives for connections and API tokens."""

from datetime import datetime
from uuid import UUID

from ninja import Field, Schema

from api.pages import Paging
from api.schemas import Strict


class ConnectionIn(Strict):
    """A new connection. What is left out has the contract's default."""

    service: str
    name: str
    link_name: str = ""
    auth: str | None = None
    scopes: list[str] = Field(default_factory=list)
    variables: dict[str, str] = Field(default_factory=dict)
    credentials_of: str = "owner"
    audience: str | None = None
    credentials: dict[str, str] | None = None


class ConnectionPatch(Strict):
    """Only what is given changes; changed scopes or variables need consent again."""

    name: str = ""
    scopes: list[str] = Field(default_factory=list)
    variables: dict[str, str] = Field(default_factory=dict)
    audience: str = ""
    disabled: bool = False


class ConnectIn(Strict):
    credentials: dict[str, str] | None = None


class Listed(Paging):
    """``list``: mine, shared or internal; ``q``: words of the name, link name or service."""

    list: str = "mine"
    q: str = ""


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


class RevokedOut(ConnectionOut):
    """``confirmed``: did the service agree? Null where it has no address to be told at."""

    confirmed: bool | None
    detail: str


class TokenIn(Strict):
    name: str
    scopes: list[str] = Field(default_factory=lambda: ["invoke"])
    connections: list[str] | None = None
    methods: list[str] = Field(default_factory=list)
    networks: list[str] = Field(default_factory=list)
    act_for: list[str] = Field(default_factory=list)
    days: int | None = None


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
    token: str


class TokenList(Schema):
    items: list[TokenOut]
    next: str | None
