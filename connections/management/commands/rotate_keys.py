"""``manage.py rotate_keys``: seal everything with the first of CREDENTIAL_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connections import key_rotation
from problems import AppError


class Command(BaseCommand):
    """Can be stopped and run again at any time; says when older keys can be removed."""

    help = "Seals every stored credential with the first of CREDENTIAL_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = key_rotation.rotate()
        except AppError as error:
            raise CommandError(f"{error.message} {error.hint}") from None
        self.stdout.write(f"{report.resealed} sealed anew, {report.left} left.")
        if report.broken:
            raise CommandError(
                f"{report.broken} do not open with any key of CREDENTIAL_KEYS: put their key back, or "
                "connect those connections again."
            )
        if report.left:
            raise CommandError("Some are being written just now: run this again.")
        self.stdout.write("Every key of CREDENTIAL_KEYS but the first can be removed now.")
