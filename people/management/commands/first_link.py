"""``manage.py first_link``: the one-time link for the first administrator, while there is none."""

from typing import Any

from django.core.management.base import BaseCommand

from people import first_run


class Command(BaseCommand):
    """Prints the link alone; nothing when there is an administrator already."""

    help = "Prints the one-time link for the first administrator, while there is none."

    def handle(self, *args: Any, **options: Any) -> None:
        if link := first_run.link():
            self.stdout.write(link)
        else:
            self.stderr.write("There is an administrator already: sign in, or run manage.py add_person.")
