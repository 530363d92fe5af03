"""API tokens: ``swb_<id>_<secret><checksum>``. The database holds a hash of the secret and no more."""

import hmac
import re
import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from connections.models import ApiToken
from people.models import User
from vault import Secret, digest

SCOPES = ("invoke", "manage")
_ALPHABET = string.digits + string.ascii_letters
_SECRET_LENGTH = 32  # characters of base 62: 190 bits
_SHAPE = re.compile(r"(swb_([0-9a-z]{16})_([0-9A-Za-z]{32}))([0-9A-Za-z]{6})")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a token's text says."""

    token_id: str
    secret_hash: str = field(repr=False)


def parse(text: str) -> Parsed | None:
    """The token that a text spells; ``None`` where its form or checksum is wrong. Asks no database."""
    found = _SHAPE.fullmatch(text)
    if found is None or _checksum(found[1]) != found[4]:
        return None
    return Parsed(token_id=found[2], secret_hash=digest(found[3]))


def issue(
    *,
    user: User,
    name: str,
    scopes: list[str],
    rules: dict[str, Any],
    expires_at: datetime | None = None,
    kind: ApiToken.Kind = ApiToken.Kind.API,
    parent_id: Any = None,
) -> tuple[ApiToken, Secret]:
    """A new row and the token's text, which is nowhere else."""
    token_id = "".join(secrets.choice(string.digits + string.ascii_lowercase) for _ in range(16))
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))
    row = ApiToken.objects.create(
        kind=kind,
        parent_id=parent_id,
        user=user,
        name=name,
        token_id=token_id,
        secret_hash=digest(secret),
        scopes=scopes,
        rules=rules,
        expires_at=expires_at,
    )
    text = f"swb_{token_id}_{secret}"
    return row, Secret(text + _checksum(text))


def find(parsed: Parsed, *, now: datetime | None = None) -> ApiToken | None:
    """The live token of a live person; ``None`` for every other case alike."""
    row = ApiToken.objects.select_related("user").filter(token_id=parsed.token_id).first()
    is_known = hmac.compare_digest(row.secret_hash if row else "", parsed.secret_hash)
    if row is None or not is_known or not row.user.is_active:
        return None
    is_over = row.expires_at is not None and row.expires_at <= (now or timezone.now())
    return None if is_over or row.revoked_at is not None else row


def touch(last_used: Mapping[UUID, datetime]) -> None:
    """Note when tokens were last used, by row id: one UPDATE a token, and only forward in time.

    In the order of the ids, as every transaction locks several tokens: two processes then never wait for each
    other.
    """
    for row_id, at in sorted(last_used.items()):
        earlier = Q(last_used_at=None) | Q(last_used_at__lt=at)
        ApiToken.objects.filter(earlier, pk=row_id).update(last_used_at=at)


def revoke(rows: QuerySet[ApiToken]) -> list[UUID]:
    """Revoke what is not revoked yet, in the caller's transaction and in the order of the ids; which."""
    held = rows.filter(revoked_at=None).order_by("pk").select_for_update(of=("self",))
    ids = list(held.values_list("pk", flat=True))
    ApiToken.objects.filter(pk__in=ids).update(revoked_at=timezone.now())
    return ids


def revoke_family(root_id: UUID) -> list[UUID]:
    """Revoke a token, what was made with it, and what that made; which. In the caller's transaction.

    Whoever makes one holds its maker: those that were made before the makers were held here are found when
    they are looked for again, and none is made after.
    """
    seen: list[UUID] = []
    revoked: list[UUID] = []
    while family := [row_id for row_id in _family(root_id) if row_id not in seen]:
        seen += family
        revoked += revoke(ApiToken.objects.filter(pk__in=family))
    return revoked


def _family(root_id: UUID) -> list[UUID]:
    found = [root_id]
    for parent in found:  # grows while it is walked
        found += ApiToken.objects.filter(parent=parent).values_list("pk", flat=True)
    return found


def live(at: datetime | None = None) -> Q:
    """Neither revoked nor over."""
    return Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=at or timezone.now()))


def _checksum(text: str) -> str:
    """CRC-32 in six characters of base 62, as GitHub's tokens have it: a typo shows before any look-up."""
    number, characters = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        characters = _ALPHABET[digit] + characters
    return characters
