"""What is done to people, each with its audit event."""

from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from people import audit, credentials, links, mails, roles
from people.actor import Actor
from people.audit_events import Event
from people.errors import EmailTaken, LastAdministrator, PersonNotFound
from people.models import Role, SetupLink, User


def find_people(*, actor: Actor) -> QuerySet[User]:
    """Everybody, for administrators. Raises AdministratorsOnly."""
    roles.require_administrator(actor)
    return User.objects.all()


def get_person(*, actor: Actor, person_id: UUID) -> User:
    """Raises AdministratorsOnly, PersonNotFound."""
    person = find_people(actor=actor).filter(pk=person_id).first()
    if not person:
        raise PersonNotFound
    return person


def add_person(*, actor: Actor | None, email: str, role: str = Role.MEMBER) -> tuple[User, str]:
    """A new person, and the link to set their password, empty when it went out by mail.

    ``actor`` is None at the command line. Raises ValidationFailed, EmailTaken, AdministratorsOnly.
    """
    _require_fresh_administrator(actor)
    with audit.atomic():
        person = _create(actor=actor, email=email, role=role)
        url = _password_link(person)
    return person, "" if actor and mails.send_password_link(person, url, is_new=True) else url


def add_person_with_password(*, email: str, role: str, password: str) -> User:
    """A new person whose password is known already; for the command line. Raises as ``add_person``."""
    with audit.atomic():
        person = _create(actor=None, email=email, role=role)
        _set_password(person, password, actor=None)
    return person


def add_superuser(*, email: str, password: str | None) -> User:
    """An administrator with what Django's createsuperuser has checked, and nothing checked besides."""
    with audit.atomic():
        person = User.objects.create_user(email, password, role=Role.ADMINISTRATOR)
        _audit_added(person, actor=None)
        if password:
            audit.record(Event.PASSWORD_SET, actor=None, target=f"person:{person.email}")
    return person


def change_person(
    *,
    actor: Actor,
    person: User,
    email: str | None = None,
    role: str | None = None,
    active: bool | None = None,
) -> User:
    """Change what is given. Raises ValidationFailed, EmailTaken, LastAdministrator, AdministratorsOnly."""
    _require_fresh_administrator(actor)
    with audit.atomic():
        administrators = roles.lock_administrators()
        locked = User.objects.select_for_update().filter(pk=person.pk).first()
        if locked is None:
            raise PersonNotFound
        changes = _changes(locked, email=email, role=role, active=active)
        if not changes:
            return locked
        if administrators == [locked.pk] and _steps_down(changes):
            raise LastAdministrator
        for field, value in changes.items():
            setattr(locked, field, value)
        _save(locked, update_fields=list(changes))
        audit.record(Event.PERSON_CHANGED, actor=actor, target=f"person:{locked.email}", **changes)
    return locked


def new_password_link(*, actor: Actor, person: User) -> str:
    """A link for somebody who cannot sign in; empty when it went out by mail. Raises AdministratorsOnly."""
    _require_fresh_administrator(actor)
    with audit.atomic():
        url = _password_link(person)
        audit.record(Event.PASSWORD_LINK_MADE, actor=actor, target=f"person:{person.email}")
    return "" if mails.send_password_link(person, url, is_new=False) else url


def request_password_link(*, email: str) -> None:
    """Mail a link to the person with this address, if there is one; the caller cannot tell.

    The work is another thread's, so that the answer takes as long for an address that nobody has.
    """
    Thread(target=_mail_password_link, args=[email.strip().lower()], name="password-link").start()


def set_password_by_link(*, link: SetupLink, password: str, ip: str = "", request_id: str = "") -> User:
    """Use the link up and set the password; other sessions end. Raises ValidationFailed, LinkSpent."""
    assert link.user
    with audit.atomic():
        links.spend(link)
        actor = Actor(user=link.user, ip=ip, request_id=request_id)
        _set_password(link.user, password, actor=actor)
    return link.user


def _require_fresh_administrator(actor: Actor | None) -> None:
    if actor:
        roles.require_administrator(actor)
        actor.require_fresh()


def _create(*, actor: Actor | None, email: str, role: str) -> User:
    person = User(email=_free_email(email), role=roles.check_role(role))
    person.set_unusable_password()
    _save(person, force_insert=True)
    _audit_added(person, actor=actor)
    return person


def _audit_added(person: User, *, actor: Actor | None) -> None:
    audit.record(Event.PERSON_ADDED, actor=actor, target=f"person:{person.email}", role=person.role)


def _save(person: User, **how: Any) -> None:
    """Of two who take an address at the same instant, the database lets one."""
    try:
        with transaction.atomic():
            person.save(**how)
    except IntegrityError:
        raise EmailTaken from None


def _free_email(email: str, *, of: User | None = None) -> str:
    email = email.strip().lower()
    credentials.check_email(email)
    others = User.objects.exclude(pk=of.pk) if of else User.objects.all()
    if others.filter(email=email).exists():
        raise EmailTaken
    return email


def _changes(person: User, *, email: str | None, role: str | None, active: bool | None) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if email is not None:
        asked["email"] = _free_email(email, of=person)
    if role is not None:
        asked["role"] = roles.check_role(role)
    if active is not None:
        asked["is_active"] = active
    return {field: value for field, value in asked.items() if getattr(person, field) != value}


def _steps_down(changes: dict[str, Any]) -> bool:
    return "role" in changes or changes.get("is_active") is False


def _password_link(person: User) -> str:
    lasts = timedelta(hours=settings.PASSWORD_LINK_HOURS)
    return links.make(SetupLink.Kind.SET_PASSWORD, user=person, lasts=lasts)


def _set_password(person: User, password: str, *, actor: Actor | None) -> None:
    credentials.check_password(password, person)
    person.set_password(password)
    person.save(update_fields=["password"])
    audit.record(Event.PASSWORD_SET, actor=actor, target=f"person:{person.email}")


def _mail_password_link(email: str) -> None:
    try:
        person = User.objects.filter(email=email, is_active=True, kind=User.Kind.PERSON).first()
        if person:
            mails.send_password_link(person, _password_link(person), is_new=False)
    finally:
        connection.close()
