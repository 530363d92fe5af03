#!/usr/bin/env python
"""Switchboard's command line."""

import os
import sys

SERVE = "serve"


def main() -> None:
    """Run a management command; what the operator must mend is told in a line, without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == [SERVE] and "--help" not in sys.argv:
        from config import first_start  # noqa: PLC0415  (makes the data folder before settings are read)

        first_start.prepare()
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
