"""Our own system checks; what refuses to start is in the settings."""

from typing import Any

from django.conf import settings
from django.core import checks


def one_callback_for_all(**_: Any) -> list[checks.CheckMessage]:
    """One callback for all services leaves state and ``iss`` alone to tell services apart (RFC 9700 4.4)."""
    if "{service}" in settings.OAUTH_CALLBACK_URL:
        return []
    return [
        checks.Warning(
            "OAUTH_CALLBACK_URL is one address for all services: only state and iss tell them apart.",
            hint="Put {service} into it, unless a provider cannot take an address per service.",
            id="switchboard.W001",
        )
    ]
