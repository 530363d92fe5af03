"""``manage.py issue_token``: make an API token and print it, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connections import operations, tokens
from people.actor import Actor
from people.models import User
from problems import AppError, ValidationFailed


class Command(BaseCommand):
    """The token alone on stdout; whoever runs this may set ``act_for`` for anybody."""

    help = "Makes an API token for a person and prints it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, metavar="EMAIL")
        parser.add_argument("--name", required=True)
        parser.add_argument("--scope", action="append", choices=tokens.SCOPES, help="invoke unless said")
        parser.add_argument(
            "--connection",
            action="append",
            metavar="LINK_NAME",
            help="every usable one unless said",
        )
        parser.add_argument("--act-for", action="append", default=[], metavar="EMAIL|*")
        parser.add_argument("--days", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["user"].strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person with the e-mail address {options['user']}.")
        try:
            _, secret = operations.create_token(
                actor=Actor.of(user),
                name=options["name"],
                scopes=options["scope"] or ["invoke"],
                connections=options["connection"],
                act_for=options["act_for"],
                days=options["days"],
                is_by_operator=True,
            )
        except ValidationFailed as error:
            raise CommandError(" ".join(entry["message"] for entry in error.errors)) from None
        except AppError as error:
            raise CommandError(f"{error.message} {error.hint}") from None
        self.stdout.write(secret.reveal())
