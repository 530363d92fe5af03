"""Authorisation links: ``/authorize/<token>/``, for one person, for a while, and for one use.

The token is signed and says everything, so that handing one out writes nothing; using it stores its
hash with the round trip that it began (``Grant.link_hash``, unique), and then it is spent.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils import timezone

from connections.errors import LinkSpent
from people.ids import uuid7
from vault import digest

LIFE = timedelta(days=3)
_SALT = "connections.authorize"
_LAYOUT = struct.Struct(">16s16s16sQ16s")  # connection, person, who asks, lapses at, something unique


@dataclass(frozen=True, slots=True)
class Link:
    """Who is asked, by whom, for which connection, and until when."""

    connection_id: UUID
    user_id: UUID
    asked_by_id: UUID
    lapses_at: datetime
    link_hash: str


def make(*, connection_id: UUID, user_id: UUID, asked_by_id: UUID, now: datetime | None = None) -> str:
    """The address of a new link."""
    lapses_at = int(((now or timezone.now()) + LIFE).timestamp())
    packed = _LAYOUT.pack(connection_id.bytes, user_id.bytes, asked_by_id.bytes, lapses_at, uuid7().bytes)
    token = _signer().sign(base64.urlsafe_b64encode(packed).decode().rstrip("="))
    return f"{settings.PUBLIC_URL}/authorize/{token}/"


def read(token: str, *, now: datetime | None = None) -> Link:
    """What a link says. Raises LinkSpent for one that is over, or never was ours."""
    try:
        text = _signer().unsign(token)
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        connection, user, asked_by, lapses_at_s, _ = _LAYOUT.unpack(packed)
    except (signing.BadSignature, binascii.Error, struct.error):
        raise LinkSpent from None
    lapses_at = datetime.fromtimestamp(lapses_at_s, tz=UTC)
    if lapses_at <= (now or timezone.now()):
        raise LinkSpent
    return Link(UUID(bytes=connection), UUID(bytes=user), UUID(bytes=asked_by), lapses_at, digest(token))


def _signer() -> signing.Signer:
    return signing.Signer(salt=_SALT, sep=".")
