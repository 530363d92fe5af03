"""Changing and deleting a custom service, and the connections that a service's page lists."""

from typing import Any

import pytest
from django.forms import BoundField
from django.template import Context, Template
from django.test import Client, RequestFactory

from connections.models import Connection, Grant
from people.actor import Actor
from people.models import User
from services.forms import ServiceForm
from services.models import Service
from tests.conftest import SignIn
from tests.connections.pages.conftest import MakeConnection, text_of
from tests.connections.pages.test_summary import access_to_everyone

EDIT, DELETE = "/services/weather/edit/", "/services/weather/delete/"


@pytest.fixture
def owners(signed_in: SignIn, owner: User) -> Client:
    return signed_in(owner)


def filled(service: Service, **changed: Any) -> dict[str, Any]:
    """The edit form as a browser sends it back, with something changed."""
    values = dict(pair for field in ServiceForm(service=service) for pair in sent(field))
    return values | changed


def sent(field: BoundField) -> list[tuple[str, Any]]:
    """What a browser sends for a field: nothing for an unticked box, a part for each box of a row."""
    if field.widget_type == "checkbox":
        return [(field.html_name, "on")] if field.value() else []
    widget = field.field.widget.get_context(field.html_name, field.value(), {})["widget"]
    if "rows" in widget:
        return [(cell["name"], cell["value"] or "") for row in widget["rows"] for cell in row]
    value = field.value()
    return [(field.html_name, "" if value is None else value)]


# --- Edit ---------------------------------------------------------------------------------------------
def test_edit_changes_the_name_and_keeps_grants(
    owners: Client, key_service: Service, weather: Connection
) -> None:
    page = text_of(owners.get(EDIT))
    assert 'value="Weather"' in page
    assert "Connections use this service" in page
    response = owners.post(EDIT, filled(key_service, name="Rain radar"))
    assert response.status_code == 302, text_of(response)
    assert response["Location"] == "/services/weather/"
    assert Service.objects.get(link_name="weather").name == "Rain radar"
    assert Grant.objects.filter(state="active").count() == 1


def test_moving_a_service_in_use_asks_for_the_link_name_and_then_ends_its_grants(
    owners: Client, key_service: Service, weather: Connection
) -> None:
    moved = filled(key_service, base_url="https://elsewhere.example.com", hosts="elsewhere.example.com")
    response = owners.post(EDIT, moved)
    page = text_of(response)
    assert response.status_code == 422
    assert "Type weather to confirm" in page
    assert 'value="https://elsewhere.example.com"' in page
    assert "This is not weather." in text_of(owners.post(EDIT, moved | {"confirm": "wether"}))
    assert Grant.objects.filter(state="active").count() == 1
    assert owners.post(EDIT, moved | {"confirm": "weather"}).status_code == 302
    assert Service.objects.get(link_name="weather").base_url == "https://elsewhere.example.com"
    assert not Grant.objects.filter(state="active").exists()


def test_a_further_host_asks_for_the_link_name_and_ends_nothing(
    owners: Client, key_service: Service, weather: Connection
) -> None:
    further = filled(key_service, hosts="api.example.com\nfiles.example.com")
    response = owners.post(EDIT, further)
    page = text_of(response)
    assert response.status_code == 422
    assert "nobody has to connect again" in page
    assert '<span class="chip">files.example.com</span>' in page
    assert owners.post(EDIT, further | {"confirm": "weather"}).status_code == 302
    assert Service.objects.get(link_name="weather").hosts == ["api.example.com", "files.example.com"]
    assert Grant.objects.filter(state="active").count() == 1


def test_edit_says_what_is_wrong_beside_the_field(owners: Client, key_service: Service) -> None:
    response = owners.post(EDIT, filled(key_service, base_url="http://plain.example.com"))
    assert response.status_code == 422
    assert "https" in text_of(response).split('id="id_base_url_error"')[1].split("</div>")[0]
    assert Service.objects.get(link_name="weather").base_url == "https://api.example.com"


def test_editing_what_is_in_use_asks_for_a_fresh_sign_in_before_anything_is_typed(
    signed_in: SignIn, owner: User, weather: Connection
) -> None:
    response = signed_in(owner, is_fresh=False).get(EDIT)
    assert response["Location"].startswith("/accounts/reauthenticate/")


@pytest.mark.parametrize("address", [EDIT, DELETE])
def test_only_its_maker_and_administrators_change_a_service(
    signed_in: SignIn, teammate: User, administrator: User, key_service: Service, address: str
) -> None:
    assert signed_in(teammate).get(address).status_code == 403
    assert signed_in(teammate).post(address, {"confirm": "weather"}).status_code == 403
    assert signed_in(administrator).get(address).status_code == 200
    assert Service.objects.filter(link_name="weather").exists()


@pytest.mark.parametrize("address", ["edit", "delete"])
def test_nobody_changes_a_default_service(signed_in: SignIn, administrator: User, address: str) -> None:
    Service.objects.create(
        name="Default", link_name="fixed", kind="default", base_url="https://x.example.com"
    )
    response = signed_in(administrator).get(f"/services/fixed/{address}/")
    assert response.status_code == 403
    assert "default service cannot be edited or deleted" in text_of(response)


# --- Delete -------------------------------------------------------------------------------------------
def test_delete_is_refused_while_connections_use_it_and_lists_them(
    owners: Client, weather: Connection
) -> None:
    page = text_of(owners.get(DELETE))
    assert "cannot be deleted while connections use it" in page
    assert "/connections/rain/" in page
    assert "Delete service" not in page
    response = owners.post(DELETE, {"confirm": "weather"})
    assert response.status_code == 409
    assert Service.objects.filter(link_name="weather").exists()


def test_delete_tells_of_connections_that_the_person_does_not_see_and_names_none(
    owners: Client, administrator: User, key_service: Service, make_connection: MakeConnection
) -> None:
    make_connection(key_service, "hers", by=administrator)
    response = owners.post(DELETE, {"confirm": "weather"})
    assert response.status_code == 409
    assert "Connections of other people use it, too" in text_of(response)
    assert "hers" not in text_of(response)
    assert Service.objects.filter(link_name="weather").exists()


def test_delete_wants_the_link_name_and_then_deletes(owners: Client, key_service: Service) -> None:
    assert "Type weather to confirm" in text_of(owners.get(DELETE))
    assert owners.post(DELETE, {"confirm": "sun"}).status_code == 422
    response = owners.post(DELETE, {"confirm": "weather"}, follow=True)
    assert "Weather is deleted." in text_of(response)
    assert not Service.objects.filter(link_name="weather").exists()


# --- On a service's page --------------------------------------------------------------------------------
def listed(service: Service, user: User, rf: RequestFactory) -> str:
    request = rf.get("/")
    request.user = user
    request.actor = Actor.of(user)  # type: ignore[attr-defined]
    template = Template("{% load connections_parts %}{% connections_of service %}")
    return " ".join(template.render(Context({"service": service, "request": request})).split())


def test_a_services_page_lists_the_connections_that_the_person_sees(
    rf: RequestFactory, owner: User, teammate: User, key_service: Service, weather: Connection
) -> None:
    assert "/connections/rain/" in listed(key_service, owner, rf)
    assert "None that you can see." in listed(key_service, teammate, rf)
    access_to_everyone(weather)
    assert "/connections/rain/" in listed(key_service, teammate, rf)
