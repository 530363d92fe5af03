"""What the API takes and gives for services."""

from typing import Any

from ninja import Schema

from api.schemas import Strict


class ClientIn(Strict):
    """An app registered with a service; for OAuth 1 its consumer key and secret."""

    client_id: str
    client_secret: str = ""
    private_key: str = ""
    auth: str | None = None


class ServiceList(Schema):
    items: list[dict[str, Any]]
    next: str | None
