"""The two mails that go out, where EMAIL_URL says by which server."""

import smtplib

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from people.models import User

log = structlog.get_logger(__name__)


def send_password_link(person: User, url: str, *, is_new: bool) -> bool:
    """Mail a link to set a password; whether a server took it. Never inside a transaction."""
    if not settings.MAILS_GO_OUT:
        return False
    facts = {"person": person, "url": url, "is_new": is_new, "hours": settings.PASSWORD_LINK_HOURS}
    subject = "You are invited to Switchboard" if is_new else "Your new Switchboard password"
    text = render_to_string("people/password_link.txt", facts)
    try:
        return bool(send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [person.email]))
    except (smtplib.SMTPException, OSError) as error:
        log.warning("mail.not_sent", error=type(error).__name__)
        return False
