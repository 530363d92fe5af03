"""``manage.py add_person EMAIL [--role …]``: make a person and print the link to set their password."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from people import operations
from people.models import Role
from problems import AppError, ValidationFailed


class Command(BaseCommand):
    """Prints the one-time link; with NEW_PASSWORD in the environment it sets that and prints nothing."""

    help = "Makes a person and prints a one-time link to set the password (or sets NEW_PASSWORD)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER.value)

    def handle(self, *args: Any, **options: Any) -> None:
        email, role = options["email"], options["role"]
        password = os.environ.get("NEW_PASSWORD")
        try:
            if password:
                operations.add_person_with_password(email=email, role=role, password=password)
                return
            _, url = operations.add_person(actor=None, email=email, role=role)
        except ValidationFailed as error:
            raise CommandError(" ".join(entry["message"] for entry in error.errors)) from None
        except AppError as error:
            raise CommandError(f"{error.message} {error.hint}") from None
        self.stdout.write(url)
