"""Keys of rows: UUIDv7 (RFC 9562 5.7), made in Python, so that a row's key is known before it is stored."""

import uuid
from datetime import datetime

import uuid_utils


def uuid7() -> uuid.UUID:
    """A new key; keys sort by the millisecond they were made in."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def first_of(at: datetime) -> uuid.UUID:
    """No key that was made at that millisecond, or later, sorts before this one."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)
