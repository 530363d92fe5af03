"""The form of a stored service says again what is stored."""

from typing import Any

import pytest
from django.http import QueryDict

from people.actor import Actor
from people.models import User
from services import operations
from services.forms import ServiceForm
from services.forms.fields import RowsField
from services.models import Service
from tests.services.conftest import Make


def sent_as_shown(service: Service) -> ServiceForm:
    """What a browser sends when the page is opened and its button pressed."""
    shown, data = ServiceForm(service=service), QueryDict(mutable=True)
    for bound in shown:
        value = (
            bound.field.prepare_value(bound.value())
            if hasattr(bound.field, "prepare_value")
            else bound.value()
        )
        if isinstance(bound.field, RowsField):
            for index, row in enumerate(value):
                data.update({f"{bound.name}.{index}.{key}": part or "" for key, part in row.items()})
        elif value is True:
            data[bound.name] = "on"
        elif value not in {None, False}:
            data[bound.name] = value
    return ServiceForm(data, service=service)


KEYED: dict[str, Any] = {
    "auth_type": "api_key",
    "param_type": "query",
    "api_key": {"params": [{"key": "k", "display_name": "Key", "prefix": "p "}, {"key": "o"}]},
}
FULL: dict[str, Any] = {
    "base_url": "https://commerce.zoho.{dc}",
    "hosts": ["commerce.zoho.{dc}", "*.zohostatic.eu"],
    "headers": {"Accept": "text/html: really", "X-Dc": "{dc}"},
    "query": {"format": "a=b"},
    "default_headers": {"X-Version": "2026-01-15"},
    "default_query": {"v": "5.199"},
    "cookies": "pass",
    "variables": [
        {
            "name": "dc",
            "choices": ["eu", "com"],
            "follow": {"api": {"eu": "x", "com": "y"}},
            "callback": {"location": {"eu": "eu", "us": "com"}},
        },
        {"name": "realm", "from": "callback.realmId"},
    ],
    "test": {"method": "HEAD", "path": "/me"},
    "identity": {"path": "/me", "id": "user.id"},
    "oauth2": {
        "pkce": False,
        "token_prefix": "",
        "scope_separator": "; ",
        "scopes": [{"name": "a", "description": "x | y"}, {"name": "b", "default": True}],
        "authorize_params": {"access_type": "offline", "claims": "{a: b}"},
        "client_auth": "none",
        "token_request": "json",
        "token_fields": {"refresh_token": "data.rt", "scope": "data.scope"},
        "scope_on_refresh": True,
        "token_params": {"account": "{dc}"},
    },
}


@pytest.mark.parametrize(
    "data",
    [
        {},
        FULL,
        KEYED,
        {"auth_type": "basic", "basic": {}},
        {"auth_type": "oauth1"},
        {"auth_type": "oauth1", "oauth1": {"require_callback_confirmed": False}},
    ],
)
def test_sending_what_is_shown_changes_nothing(owner: User, make_service: Make, data: dict[str, Any]) -> None:
    service = make_service(**data)
    form = sent_as_shown(service)
    assert form.is_valid(), form.errors
    planned = operations.plan_change(actor=Actor.of(owner), service=service, data=form.nested())
    assert planned.fields == ()


def test_a_service_with_several_ways_keeps_them(owner: User, make_service: Make) -> None:
    service = make_service(auth=[{"auth_type": "basic"}, {"auth_type": "oauth1"}])
    form = sent_as_shown(service)
    assert form.is_valid(), form.errors
    assert form.ways == []
    planned = operations.plan_change(actor=Actor.of(owner), service=service, data=form.nested())
    assert planned.fields == ()


def test_asks_neither_for_the_link_name_nor_for_the_app_again(make_service: Make) -> None:
    form = ServiceForm(service=make_service())
    assert "link_name" not in form.fields
    assert "oauth2.client_secret" not in form.fields
