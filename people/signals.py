"""What other rooms may listen to, and what the audit trail hears of sign-ins."""

from typing import Any

from allauth.account.signals import password_changed, user_logged_in
from django.contrib.auth.signals import user_logged_out
from django.dispatch import Signal, receiver
from django.http import HttpRequest

from people import audit, sessions
from people.actor import Actor
from people.audit_events import Event
from people.models import User

administrator_signed_in = Signal()
"""Sent with ``actor`` after an administrator signed in, also through the first administrator's link."""


@receiver(user_logged_in, dispatch_uid="audit_signed_in")
def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    actor = _actor(request, user)
    audit.record(Event.SIGNED_IN, actor=actor, target=f"person:{user.email}")
    if actor.is_administrator:
        administrator_signed_in.send(sender=User, actor=actor)


@receiver(user_logged_out, dispatch_uid="audit_signed_out")
def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user:
        audit.record(Event.SIGNED_OUT, actor=_actor(request, user), target=f"person:{user.email}")


@receiver(password_changed, dispatch_uid="audit_password_changed")
def _password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    audit.record(Event.PASSWORD_SET, actor=_actor(request, user), target=f"person:{user.email}")


def _actor(request: HttpRequest, user: User) -> Actor:
    return Actor(user=user, ip=sessions.ip_of(request), request_id=getattr(request, "id", ""))
