"""May this caller make this call? Judged from the row that was just read: nothing is remembered. Pure."""

import hmac
from typing import Any
from uuid import UUID

from connections import api_auth
from connections.errors import ConnectionDisabled, ConnectionNotFound, TokenNotAllowed, Unauthenticated
from connections.token_rules import OPERATOR
from invoke.asks import Ask, Caller
from invoke.errors import MethodNotAllowed, PathNotAllowed
from invoke.paths import is_below
from invoke.resolve import Row, json_of

SCOPE = "invoke"
ADMINISTRATOR = "administrator"
OWN_API = "{public_url}/api/v1"  # the base URL of the service that our own connection is to


def judge(row: Row, caller: Caller, ask: Ask, now: float, *, is_test: bool = False) -> None:
    """The caller, then the connection, then what the token is narrowed to. Raises as the contract says.

    ``is_test``: the caller was found to be somebody who may edit or use the connection.
    """
    if caller.user_id is None:
        authenticate(row, caller, now)
    elif not row.owner_is_active:
        raise Unauthenticated
    rules = json_of(row.token_rules) if row.token_rules else {}
    if caller.user_id is None:
        _check_token(row, caller, rules)
    _check_connection(row, is_test=is_test)
    if caller.user_id is None:
        _check_narrowing(row, ask, rules)
    if row.person_id != row.owner_id or caller.act_for:
        _check_person(row, caller, rules)
    if row.is_disabled:
        raise ConnectionDisabled


def authenticate(row: Row, caller: Caller, now: float) -> None:
    """Is the token good, and its owner still with us? Raises Unauthenticated, with one text for all."""
    is_known = hmac.compare_digest(row.token_hash or "", caller.secret_hash) and row.token_id is not None
    is_over = bool(row.token_is_revoked) or (row.token_expires_at is not None and row.token_expires_at <= now)
    if not is_known or is_over or not row.owner_is_active:
        raise Unauthenticated


def _check_token(row: Row, caller: Caller, rules: dict[str, Any]) -> None:
    if SCOPE not in json_of(row.token_scopes or "[]"):
        raise TokenNotAllowed("This API token has no `invoke` scope: it manages, and does not call.")
    if not api_auth.is_within(caller.ip, rules.get("networks") or []):
        raise TokenNotAllowed("This API token may not be used from your network address.")


def _check_connection(row: Row, *, is_test: bool) -> None:
    if row.connection_id is None or not (row.owner_may_use or is_test):
        raise ConnectionNotFound
    if row.made_by and row.owner_role != ADMINISTRATOR:
        raise ConnectionNotFound


def _check_narrowing(row: Row, ask: Ask, rules: dict[str, Any]) -> None:
    connections = rules.get("connections")
    if row.is_builtin and row.base_url == OWN_API:
        _check_own_api(row, is_narrowed=connections is not None)
    if connections is not None and str(UUID(row.connection_id)) not in connections:
        raise TokenNotAllowed("This API token is narrowed to other connections.")
    methods = rules.get("methods")
    if methods and ask.method not in methods:
        raise TokenNotAllowed(f"This API token is narrowed to {', '.join(methods)}.")


def _check_own_api(row: Row, *, is_narrowed: bool) -> None:
    """The connection's own token reads all that its administrator may: the caller's must be as wide."""
    if api_auth.SCOPE not in json_of(row.token_scopes or "[]"):
        raise TokenNotAllowed("Calls to Switchboard itself take an API token with the `manage` scope, too.")
    if is_narrowed:
        raise TokenNotAllowed("An API token that is narrowed to connections reads nothing of Switchboard.")


def _check_person(row: Row, caller: Caller, rules: dict[str, Any]) -> None:
    may_act = row.owner_role == ADMINISTRATOR or rules.get("act_for_by") == OPERATOR
    allowed = (rules.get("act_for") or []) if may_act else []
    is_allowed = row.person_id is not None and ("*" in allowed or str(UUID(row.person_id)) in allowed)
    is_self = row.person_id is not None and row.person_id == row.owner_id
    if not (is_self or (is_allowed and row.person_is_active)):
        raise TokenNotAllowed(
            "This API token may not act for the person in Switchboard-User.",
            hint="An administrator can allow it with `act_for` when making the token.",
        )
    if not row.person_may_use:
        raise ConnectionNotFound("The person in Switchboard-User may not use a connection of that name.")


def check_rules(row: Row, method: str, path: str) -> None:
    """What the connection is narrowed to. ``path`` is the whole path of the URL."""
    rules = json_of(row.rules or "{}")
    methods, prefixes = rules.get("methods"), rules.get("paths")
    if methods and method not in methods:
        raise MethodNotAllowed(f"This connection allows {', '.join(methods)} only.")
    if prefixes and not is_below(path, prefixes):
        raise PathNotAllowed


def narrows_methods(row: Row) -> bool:
    """Are methods narrowed, so that nothing else in the request may name another one?"""
    token = json_of(row.token_rules) if row.token_rules else {}
    return bool(token.get("methods") or json_of(row.rules or "{}").get("methods"))
