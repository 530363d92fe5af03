"""A custom service as a person would define it, with any part replaced."""

from collections.abc import Callable
from typing import Any

import pytest

from people.actor import Actor
from people.models import User
from services import operations
from services.models import Service

Data = Callable[..., dict[str, Any]]
Make = Callable[..., Service]


@pytest.fixture
def service_data() -> Data:
    """``service_data(base_url=…, oauth2={"client_id": …})``: blocks are merged, the rest replaced."""

    def data(**changes: Any) -> dict[str, Any]:
        plain: dict[str, Any] = {
            "name": "Zoho Commerce",
            "link_name": "zoho_commerce",
            "auth_type": "oauth2",
            "param_type": "header",
            "base_url": "https://commerce.zoho.eu",
            "oauth2": {
                "authorize_url": "https://accounts.zoho.eu/oauth/v2/auth",
                "token_url": "https://accounts.zoho.eu/oauth/v2/token",
                "scopes": [{"name": "commerce.read", "description": "Read the shop"}],
            },
        }
        block = changes.pop("oauth2", {})
        if changes.get("auth_type", "oauth2") != "oauth2" or "auth" in changes:
            del plain["oauth2"]
        else:
            plain["oauth2"] |= block
        if "auth" in changes:
            del plain["auth_type"], plain["param_type"]
        return plain | changes

    return data


@pytest.fixture
def make_service(db: None, owner: User, service_data: Data) -> Make:
    """A custom service of the owner's: ``make_service(link_name=…)``."""

    def make(**changes: Any) -> Service:
        return operations.create_service(actor=Actor.of(owner), data=service_data(**changes))

    return make
