#!/usr/bin/env python
"""Switchboard's command line."""

import os
import sys
from typing import NoReturn

SERVE = "serve"


def main() -> None:
    """Run a management command; what the operator must mend is told in a line, without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415
    from django.db import InterfaceError, OperationalError, ProgrammingError  # noqa: PLC0415

    if any("\udc80" <= character <= "\udcff" for argument in sys.argv for character in argument):
        _refuse("An argument is not text in UTF-8.")
    try:
        if sys.argv[1:2] == [SERVE] and "--help" not in sys.argv:
            from config import first_start  # noqa: PLC0415  (makes the data folder before settings are read)

            first_start.prepare()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        told = " ".join(str(error).split())
        _refuse(f"DATABASE_URL: the database cannot be used ({told}). Is it up, and was `migrate` run?")
    except KeyboardInterrupt:
        sys.exit(130)


def _refuse(sentence: str) -> NoReturn:
    """Nothing was done (2, as for arguments that are wrong)."""
    sys.stderr.write(f"{sentence}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
