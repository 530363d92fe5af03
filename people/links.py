"""One-time links: only their hash is kept, they work once and not for long."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from people.errors import LinkSpent
from people.models import SetupLink, User
from vault import digest

_PAGES = {SetupLink.Kind.FIRST_RUN: "welcome", SetupLink.Kind.SET_PASSWORD: "set_password"}


def make(kind: SetupLink.Kind, *, lasts: timedelta, user: User | None = None) -> str:
    """A new link's address. Earlier links of the same kind for the same person stop working."""
    SetupLink.objects.filter(kind=kind, user=user).delete()
    token = secrets.token_urlsafe(32)
    SetupLink.objects.create(
        kind=kind, user=user, token_hash=digest(token), expires_at=timezone.now() + lasts
    )
    return str(settings.PUBLIC_URL) + reverse(_PAGES[kind], args=[token])


def find(kind: SetupLink.Kind, token: str, *, now: datetime | None = None) -> SetupLink:
    """The link, still good. Raises LinkSpent."""
    link = SetupLink.objects.select_related("user").filter(kind=kind, token_hash=digest(token)).first()
    if not link or link.used_at or link.expires_at <= (now or timezone.now()):
        raise LinkSpent
    if link.user and not link.user.is_active:
        raise LinkSpent
    return link


def spend(link: SetupLink, *, now: datetime | None = None) -> None:
    """Use it up, in the caller's transaction: of two at the same instant, one gets LinkSpent."""
    at = now or timezone.now()
    unspent = SetupLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=at)
    if not unspent.update(used_at=at):
        raise LinkSpent
