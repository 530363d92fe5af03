"""Definitions that were stored before a key was known get its default."""

from copy import deepcopy
from importlib import import_module

from django.apps import apps

from services import definition
from services.models import Service
from tests.services.conftest import Make

FILL_IN = import_module("services.migrations.0003_what_services_need").fill_in


def as_before(service: Service) -> Service:
    """As an earlier version stored it."""
    auth = service.auths.get()
    for name in ("token_request", "token_fields", "scope_on_refresh", "require_callback_confirmed"):
        auth.config.pop(name, None)
    auth.save()
    for variable in service.variables:
        del variable["from"]
    service.save()
    return service


def test_what_was_stored_is_as_if_it_were_said_today(make_service: Make) -> None:
    services = [
        make_service(variables=[{"name": "dc", "choices": ["eu"]}]),
        make_service(link_name="signed", auth_type="oauth1", oauth1={}),
        make_service(link_name="plain", auth_type="basic"),
    ]
    told = deepcopy([definition.describe(service) for service in services])
    stored = [as_before(service) for service in services]
    FILL_IN(apps, None)
    assert [definition.describe(Service.objects.get(pk=service.pk)) for service in stored] == told


def test_what_was_said_stays(make_service: Make) -> None:
    service = make_service(
        variables=[{"name": "site", "from": "token.site"}], oauth2={"token_request": "json"}
    )
    FILL_IN(apps, None)
    service.refresh_from_db()
    assert service.variables[0]["from"] == "token.site"
    assert service.auths.get().config["token_request"] == "json"
