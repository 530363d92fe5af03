"""``manage.py audit_verify``: whether the audit trail is as it was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people import audit
from people.models import AuditEvent


class Command(BaseCommand):
    """Prints the number of events and the last hash, an anchor to keep elsewhere; or the first broken row."""

    help = "Checks the audit trail's chain of hashes, and names the first row that is not as it was written."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = audit.first_broken()
        if broken:
            raise CommandError(
                f"Broken at sequence {broken.sequence}: {broken.event} of {broken.at:%Y-%m-%d %H:%M:%S} "
                f"({broken.pk}) is not as it was written, or a row before it is missing."
            )
        last = AuditEvent.objects.order_by("-sequence").first()
        self.stdout.write(
            f"Whole: {last.sequence} events, last hash {last.hash}" if last else "Whole: no events yet"
        )
