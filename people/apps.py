"""Django's entry for this app."""

from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class PeopleConfig(AppConfig):
    """Connects what has to be there before the first request."""

    name = "people"

    def ready(self) -> None:
        """Signals, the audit gate of new connections, the key check after migrations, our own checks."""
        from people import audit_triggers, signals  # noqa: F401, PLC0415  (models are loaded by now)
        from people.checks import one_callback_for_all  # noqa: PLC0415

        connection_created.connect(audit_triggers.register_gate, dispatch_uid="audit_gate")
        post_migrate.connect(_seal_the_key_check, sender=self, dispatch_uid="key_check")
        checks.register(one_callback_for_all, "switchboard")


def _seal_the_key_check(using: str, **_: Any) -> None:
    from people import installation  # noqa: PLC0415
    from people.models import Installation  # noqa: PLC0415

    if using == "default" and not Installation.objects.exists():
        installation.check_key()
