"""The first administrator: a one-time link, while there is none."""

from datetime import timedelta

from django.db import transaction

from people import audit, credentials, links
from people.actor import Actor
from people.audit_events import Event
from people.errors import LinkSpent
from people.models import Role, SetupLink, User
from problems import ValidationFailed

LASTS = timedelta(hours=1)


def link() -> str | None:
    """A fresh link for the first administrator, or None when there is one. Earlier links stop working."""
    if has_administrator():
        return None
    with transaction.atomic():
        return links.make(SetupLink.Kind.FIRST_RUN, lasts=LASTS)


def has_administrator() -> bool:
    """Whether anybody may administer."""
    return User.objects.filter(role=Role.ADMINISTRATOR).exists()


def find(token: str) -> SetupLink:
    """The link, still good and still needed. Raises LinkSpent."""
    if has_administrator():
        raise LinkSpent(hint="Sign in, or ask an administrator to add you.")
    return links.find(SetupLink.Kind.FIRST_RUN, token)


def create_administrator(
    *, link: SetupLink, email: str, password: str, ip: str = "", request_id: str = ""
) -> User:
    """Use the link up and make the first administrator. Raises ValidationFailed, LinkSpent."""
    email = email.strip().lower()
    _check(email, password)
    with audit.atomic():
        links.spend(link)
        if has_administrator():
            raise LinkSpent
        user = _promoted(email, password)
        actor = Actor(user=user, ip=ip, request_id=request_id)
        audit.record(Event.PERSON_ADDED, actor=actor, target=f"person:{email}", role=user.role)
        audit.record(Event.PASSWORD_SET, actor=actor, target=f"person:{email}")
    return user


def _check(email: str, password: str) -> None:
    errors: list[dict[str, str]] = []
    try:
        credentials.check_email(email)
    except ValidationFailed as failed:
        errors += failed.errors
    try:
        credentials.check_password(password, User(email=email))
    except ValidationFailed as failed:
        errors += failed.errors
    if errors:
        raise ValidationFailed(errors)


def _promoted(email: str, password: str) -> User:
    """The new administrator; a person that the command line added before becomes it."""
    user = User.objects.filter(email=email).first() or User(email=email)
    user.role, user.is_active = Role.ADMINISTRATOR, True
    user.set_password(password)
    user.save()
    return user
