"""User name and password in the Authorization header (RFC 7617, UTF-8)."""

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from services.auth_types.base import (
    AuthType,
    ClientKeys,
    Config,
    Field,
    ParamType,
    Placement,
    Reserved,
    Unsigned,
)
from vault.secret import Secret


class BasicConfig(Config):
    """Nothing to say on the service's side."""


class Basic(AuthType):
    name = "basic"
    label = "Basic"
    summary = "User name and password"
    param_types = (ParamType.HEADER,)
    Config: ClassVar[type[Config]] = BasicConfig

    def fields(self, config: Mapping[str, Any]) -> tuple[Field, ...]:
        return (
            Field(
                key="username",
                label="User name",
                is_secret=False,
                is_required=False,
                hint="Some services leave this empty, and take a token as the password.",
            ),
            Field(
                key="password", label="Password", is_required=False, hint="Some services leave this empty."
            ),
        )

    def credential_problem(self, key: str, value: str) -> str:
        if key == "username" and ":" in value:
            return "A user name cannot hold a colon here."  # RFC 7617 2: it ends the name
        return ""

    def reserved(self, config: Mapping[str, Any], param_type: ParamType) -> Reserved:
        return Reserved(headers=frozenset({"authorization"}))

    def place(
        self,
        config: Mapping[str, Any],
        param_type: ParamType,
        client: ClientKeys | None,
        secrets: Mapping[str, Secret],
        request: Unsigned,
    ) -> Placement:
        username, password = (
            secrets[name].reveal() if name in secrets else "" for name in ("username", "password")
        )
        encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
        return Placement(headers=(("Authorization", f"Basic {encoded}"),))
