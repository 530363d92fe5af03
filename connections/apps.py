"""Django's entry for this app."""

from typing import Any

from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    """Our own connection appears when the first administrator signs in; a new app heals what the old one
    broke."""

    name = "connections"

    def ready(self) -> None:
        from people.signals import administrator_signed_in  # noqa: PLC0415 -- models are loaded by now
        from services.signals import client_set  # noqa: PLC0415

        client_set.connect(_on_client, dispatch_uid="connections.heal")
        administrator_signed_in.connect(_on_administrator, dispatch_uid="connections.internal")


def _on_administrator(sender: Any, **signal: Any) -> None:
    from connections import operations  # noqa: PLC0415

    operations.ensure_internal_connection(actor=signal["actor"])


def _on_client(sender: Any, **signal: Any) -> None:
    from connections import grants  # noqa: PLC0415

    grants.heal(signal["client"])
