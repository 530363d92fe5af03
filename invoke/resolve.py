"""What a call needs to know, in one indexed SELECT, read anew for every call.

The SQL is a file per database; a test runs it on the migrated schema. Its one row is always there:
what is unknown is NULL, so that one SELECT tells an unknown token from an unknown connection.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from invoke.asks import Caller
from services import auth_types, target
from services.auth_types.base import ClientKeys, Reserved
from vault import Secret, unseal

SQL = {
    vendor: (Path(__file__).parent / "sql" / f"resolve_{vendor}.sql").read_text(encoding="utf-8")
    for vendor in ("postgresql", "sqlite")
}
LINK_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_PLANS = 1024  # services and variables seen lately; the key is their text, so an entry is never stale


class Row(NamedTuple):
    """The SELECT's columns, in its order. Times are seconds since 1970, JSON is text, ids are text."""

    token_id: str | None
    token_hash: str | None
    token_name: str | None
    token_scopes: str | None
    token_rules: str | None
    token_expires_at: float | None
    token_is_revoked: bool | None
    owner_id: str | None
    owner_email: str | None
    owner_is_active: bool | None
    owner_role: str | None
    person_id: str | None
    person_email: str | None
    person_is_active: bool | None
    connection_id: str | None
    credentials_of: str | None
    is_disabled: bool | None
    made_by: str | None
    rules: str | None
    variables: str | None
    owner_may_use: bool | None
    person_may_use: bool | None
    auth_type: str | None
    param_type: str | None
    config: str | None
    base_url: str | None
    hosts: str | None
    headers: str | None
    query: str | None
    default_headers: str | None
    default_query: str | None
    cookies: str | None
    is_builtin: bool | None
    grant_id: str | None
    secrets: bytes | None
    version: int | None
    health: str | None
    reason: str | None
    expires_at: float | None
    lifetime_s: int | None
    grant_variables: str | None
    client_row: str | None
    client_id: str | None
    client_secret: bytes | None
    private_key: bytes | None
    client_version: int | None


class Reader(Protocol):
    """Runs the SELECT. Raises DatabaseUnavailable."""

    async def row(self, params: Mapping[str, Any]) -> Row:
        """The row for these parameters."""
        ...

    async def close(self) -> None:
        """Give up what is held open."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from a service, an auth type and variables alone: no secret, no right."""

    target: target.Target
    reserved: Reserved  # all in lower case, headers in canonical form
    path_keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Credential:
    """A grant's sealed secrets, how long they are good, and what came with them: JSON, as in the row."""

    grant_id: UUID
    secrets: bytes | None = field(repr=False)
    version: int
    expires_at: float | None
    lifetime_s: int | None
    variables: str = "{}"

    def open(self) -> dict[str, Secret]:
        """The secrets inside. Raises Unsealable."""
        if self.secrets is None:
            return {}
        text = unseal(
            self.secrets, table="grant", row_id=self.grant_id, field="secrets", version=self.version
        ).reveal()
        return {name: Secret(value) for name, value in json.loads(text).items()}


def params(caller: Caller, link_name: str) -> dict[str, Any]:
    """The SELECT's parameters. Both databases take an id as hex digits; a name that is none finds nothing."""
    return {
        "token_id": caller.token_id,
        "user_id": caller.user_id.hex if caller.user_id else None,
        "act_for": caller.act_for,
        "link_name": link_name if LINK_NAME.fullmatch(link_name) else "",
    }


def plan_of(row: Row) -> Plan:
    """The plan of a row whose connection is known. Raises VariableMissing."""
    return _plan(
        row.base_url or "",
        row.hosts or "[]",
        row.headers or "{}",
        row.query or "{}",
        row.default_headers or "{}",
        row.default_query or "{}",
        row.cookies or "",
        bool(row.is_builtin),
        row.auth_type or "",
        row.param_type or "",
        row.config or "{}",
        row.variables or "{}",
        row.grant_variables or "{}",
    )


@lru_cache(maxsize=_PLANS)
def _plan(  # noqa: PLR0913, PLR0917 -- its key is all that it depends on
    base_url: str,
    hosts: str,
    headers: str,
    query: str,
    default_headers: str,
    default_query: str,
    cookies: str,
    is_builtin: bool,
    auth_type: str,
    param_type: str,
    config: str,
    variables: str,
    grant_variables: str,
) -> Plan:
    service = {
        "base_url": base_url,
        "hosts": json.loads(hosts),
        "headers": json.loads(headers),
        "query": json.loads(query),
        "default_headers": json.loads(default_headers),
        "default_query": json.loads(default_query),
        "cookies": cookies,
        "test": {},
        "identity": {},
        "is_builtin": is_builtin,
    }
    auth = {"auth_type": auth_type, "param_type": param_type, "config": json.loads(config)}
    values = json.loads(variables) | json.loads(grant_variables)
    filled = target.fill(service=service, auth=auth, variables=values)
    carried = filled.auth_type.reserved(filled.config, filled.param_type)
    return Plan(
        target=filled,
        reserved=Reserved(
            headers=frozenset(name.lower().replace("_", "-") for name in (*carried.headers, *filled.headers)),
            query=frozenset(name.lower() for name in (*carried.query, *filled.query)),
            form=frozenset(name.lower() for name in carried.form),
        ),
        path_keys=target.path_keys(filled.auth_type, filled.param_type, filled.config),
    )


def passes_cookies(row: Row | None) -> bool:
    """Does the service of this row take cookies, and set them?"""
    return row is not None and row.cookies == target.PASS


def token_url(row: Row) -> str:
    """Where this row's tokens are asked for, its variables as they stand."""
    return auth_types.get(row.auth_type or "").refresh_url(json_of(row.config or "{}"))


def credential_of(row: Row) -> Credential | None:
    """The grant that this call would run on."""
    if row.grant_id is None or row.version is None:
        return None
    secrets = None if row.secrets is None else bytes(row.secrets)
    variables = row.grant_variables or "{}"
    return Credential(UUID(row.grant_id), secrets, row.version, row.expires_at, row.lifetime_s, variables)


def with_credential(row: Row, credential: Credential) -> Row:
    """The row as it is with another credential of its grant."""
    return row._replace(
        secrets=credential.secrets,
        version=credential.version,
        expires_at=credential.expires_at,
        lifetime_s=credential.lifetime_s,
        grant_variables=credential.variables,
    )


def client_of(row: Row) -> ClientKeys | None:
    """The app registered with the service, opened. Raises Unsealable."""
    if row.client_row is None or row.client_version is None:
        return None
    row_id, version = UUID(row.client_row), row.client_version

    def opened(blob: bytes | None, name: str) -> Secret | None:
        if blob is None:
            return None
        return unseal(blob, table="oauth_client", row_id=row_id, field=name, version=version)

    return ClientKeys(
        client_id=row.client_id or "",
        client_secret=opened(row.client_secret, "client_secret"),
        private_key=opened(row.private_key, "private_key"),
    )


@lru_cache(maxsize=4096)
def json_of(text: str) -> Any:
    """JSON that is only read, parsed once a text."""
    return json.loads(text)
