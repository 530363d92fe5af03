"""What a connection needs before it works, and where a person goes for that."""

from dataclasses import dataclass
from typing import Any

from connections import status
from connections.models import Connection
from services import auth_types
from services.auth_types.base import AuthType


@dataclass(frozen=True, slots=True)
class Way:
    """How a connection comes by its credential: typed, by consent, or (neither) by itself."""

    takes_fields: bool
    needs_consent: bool
    needs_client: bool


def way_of(connection: Connection) -> Way:
    auth_type, config = _type_of(connection)
    return Way(
        takes_fields=bool(auth_type.fields(config)) and not connection.is_internal,
        needs_consent=auth_type.needs_consent(config),
        needs_client=status.lacks_client(connection),
    )


def can_tell_service(connection: Connection) -> bool:
    """Does the service have an address to be told that a grant is over (RFC 7009)?"""
    auth_type, config = _type_of(connection)
    return "revoke_url" in auth_type.urls(config)


def _type_of(connection: Connection) -> tuple[AuthType, dict[str, Any]]:
    return auth_types.get(connection.auth.auth_type), connection.auth.config
