"""``manage.py load_catalogue``: bring the default services to what the files say."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from services import loader


class Command(BaseCommand):
    """Loads what is right, names what is wrong, and fails if anything was."""

    help = "Load the default services from services/catalogue and CATALOGUE_DIR."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and tell."""
        report = loader.load()
        for problem in report.problems:
            self.stderr.write(str(problem))
        for link_name in report.waiting:
            self.stdout.write(
                f"{link_name}: it has new addresses; an administrator takes them over on its page."
            )
        self.stdout.write(f"{len(report.loaded)} services loaded, {len(report.retired)} retired.")
        if report.problems:
            raise CommandError(f"{len(report.problems)} problems in the catalogue; the rest is loaded.")
