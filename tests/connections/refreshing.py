"""A process that refreshes one grant when it is told to: ``python -m tests.connections.refreshing ID``."""

import sys
from uuid import UUID

import django


def main() -> None:
    """Say that it is ready, wait for a line, and print the version that it got."""
    django.setup()
    from connections import grants
    from connections.models import Grant

    grant_id = UUID(sys.argv[1])
    Grant.objects.filter(pk=grant_id).exists()  # connected to the database before the start
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    print(grants.refresh(grant_id).version, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
