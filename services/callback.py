"""Where a service sends people back to after they authorised."""

from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from services.models import Service


def callback_url(service: "Service") -> str:
    """The address to register with the service; one per service unless the setting says one for all."""
    return callback_url_of(service.link_name)


def callback_url_of(link_name: str) -> str:
    return str(settings.OAUTH_CALLBACK_URL).replace("{service}", link_name)
