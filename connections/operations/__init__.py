"""What people do with connections, grants and API tokens; and what touches both services and connections."""

from connections.operations.authorising import (
    connect,
    revoke_connection,
    set_credentials,
)
from connections.operations.connection import (
    change_connection,
    create_connection,
    delete_connection,
    disable,
    enable,
    switch_choice,
)
from connections.operations.internal import ensure_internal_connection
from connections.operations.service import change_service, delete_service, take_over_newer
from connections.operations.token import create_token, find_tokens, revoke_token

__all__ = [
    "change_connection",
    "change_service",
    "connect",
    "create_connection",
    "create_token",
    "delete_connection",
    "delete_service",
    "disable",
    "enable",
    "ensure_internal_connection",
    "find_tokens",
    "revoke_connection",
    "revoke_token",
    "set_credentials",
    "switch_choice",
    "take_over_newer",
]
