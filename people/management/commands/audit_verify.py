"""``manage.py audit_verify``: whether the audit trail is as it was written."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people import audit
from people.models import AuditEvent


class Command(BaseCommand):
    """Prints where the trail ends, to be compared with the log; or the first place where it is broken."""

    help = (
        "Checks the audit trail's chain of hashes, and names the first place that is not as it was written."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = audit.first_broken()
        if broken:
            raise CommandError(f"Broken at sequence {broken.sequence}: {broken.reason}")
        last = AuditEvent.objects.order_by("-sequence").first()
        if last is None:
            self.stdout.write("Whole: no events yet")
            return
        self.stdout.write(f"Whole: {last.sequence} events, last hash {last.hash}")
        self.stdout.write(
            "Compare it with the latest `audit.anchor` of the log, which no change here can alter."
        )
