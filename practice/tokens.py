"""Codes and tokens: signed, so that only the rows of consents are stored."""

import time
from dataclasses import dataclass
from uuid import UUID

from django.core import signing

from practice.models import Authorization

LIFE_S = 300
SHORT_LIFE_S = 5
CODE_LIFE_S = 60
_ACCESS, _REFRESH, _CODE = "practice.access", "practice.refresh", "practice.code"


@dataclass(frozen=True, slots=True)
class Presented:
    """A sound token and the consent it names; ``generation`` is a refresh token's."""

    authorization: Authorization
    generation: int = 0


def life_of(authorization: Authorization) -> int:
    """Seconds that its access tokens live."""
    return SHORT_LIFE_S if "short_lived" in authorization.scopes else LIFE_S


def new_code(authorization: Authorization) -> str:
    return signing.dumps(str(authorization.pk), salt=_CODE)


def new_access_token(authorization: Authorization) -> str:
    until = int(time.time()) + life_of(authorization)
    return signing.dumps([str(authorization.pk), until], salt=_ACCESS)


def new_refresh_token(authorization: Authorization) -> str:
    return signing.dumps([str(authorization.pk), authorization.generation], salt=_REFRESH)


def open_code(code: str) -> Authorization | None:
    """The consent that a code stands for; ``None`` for a forged or an old one."""
    try:
        return _row(signing.loads(code, salt=_CODE, max_age=CODE_LIFE_S))
    except signing.BadSignature:
        return None


def open_access_token(token: str) -> Authorization | None:
    """The consent that a token stands for, unless it ran out or was revoked."""
    try:
        key, until = signing.loads(token, salt=_ACCESS)
    except signing.BadSignature:
        return None
    row = _row(key)
    return row if row and not row.revoked_at and time.time() < until else None


def open_refresh_token(token: str) -> Presented | None:
    """The consent and the generation; whether that one is still good is the caller's to say."""
    try:
        key, generation = signing.loads(token, salt=_REFRESH)
    except signing.BadSignature:
        return None
    row = _row(key)
    return Presented(row, generation) if row else None


def _row(key: str) -> Authorization | None:
    return Authorization.objects.filter(pk=UUID(key)).first()
