"""``manage.py catalogue check``: what is in the catalogue, and what is wrong with it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from services import catalogue_check, loader

AT_ONCE = 16


class Command(BaseCommand):
    """Counts entries, names files that are wrong, and asks OAuth services whether they still answer."""

    help = "Look at the files of the catalogue. No database is touched."

    def add_arguments(self, parser: CommandParser) -> None:
        """``check``, so far the only thing to do with it."""
        parser.add_argument("action", choices=["check"], help="count the entries and name what is wrong")
        parser.add_argument(
            "--online", action="store_true", help="ask each OAuth service whether it answers at its address"
        )

    def handle(self, *, online: bool, **options: Any) -> None:
        """Print the table; fail if a file is wrong or a service does not answer."""
        entries, problems = loader.entries()
        self.stdout.write(f"{len(entries)} services")
        for title, counts in catalogue_check.table(entries):
            self.stdout.write(f"\n{title}")
            for name, count in counts:
                self.stdout.write(f"  {name:<28}{count:>5}")
        wrong = [str(problem) for problem in problems]
        if online:
            wrong += self._asked(catalogue_check.endpoints(entries))
        for line in wrong:
            self.stderr.write(line)
        if wrong:
            raise CommandError(f"{len(wrong)} to look at.")

    def _asked(self, endpoints: list[catalogue_check.Endpoint]) -> list[str]:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            failures = list(threads.map(catalogue_check.failure, endpoints))
        silent = [
            f"{endpoint.link_name}: {endpoint.url}: {why}"
            for endpoint, why in zip(endpoints, failures, strict=True)
            if why
        ]
        self.stdout.write(f"\nOnline\n  {'answer':<28}{len(endpoints) - len(silent):>5}")
        self.stdout.write(f"  {'do not':<28}{len(silent):>5}")
        return silent
