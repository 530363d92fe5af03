"""Create connection: pick a service, give the details, authorise."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from connections import grants
from connections.models import Connection
from people.actor import Actor
from people.models import User
from services import loader
from services import operations as service_operations
from services.models import Service
from tests.conftest import SignIn
from tests.connections.pages.conftest import OAUTH2, MakeConnection, MakeService, Page, text_of

NEW = "/connections/new/"
KEY = "a-key-nobody-may-see"


@pytest.fixture
def owners(signed_in: SignIn, owner: User) -> Client:
    return signed_in(owner)


def send(owners: Client, service: Service, **fields: Any) -> Page:
    """The details form as a browser sends it."""
    form = {"name": "Rain today", "link_name": "", "credentials_of": "owner", "audience": "private"}
    return owners.post(f"{NEW}{service.link_name}/", form | fields)


# --- Pick your service --------------------------------------------------------------------------------
def test_offers_custom_services_in_a_tab_of_their_own(owners: Client, key_service: Service) -> None:
    assert "Weather" not in text_of(owners.get(NEW))
    page = text_of(owners.get(NEW, {"kind": "custom"}))
    assert "<strong>Weather</strong>" in page
    assert "/connections/new/weather/" in page


def test_groups_default_services_by_category_and_searches_them(owners: Client) -> None:
    for name, category in (("Zoho Desk", "Support"), ("Acme Mail", "Mail")):
        Service.objects.create(
            name=name,
            link_name=name.lower().replace(" ", "_"),
            kind="default",
            category=category,
            base_url="x",
        )
    page = text_of(owners.get(NEW))
    assert page.index("<h2>Mail</h2>") < page.index("Acme Mail") < page.index("<h2>Support</h2>")
    assert "Zoho Desk" not in text_of(owners.get(NEW, {"q": "acme"}))
    assert "Acme Mail" not in text_of(owners.get(NEW, {"category": "Support"}))
    assert "No service is called that, or nearly so." in text_of(owners.get(NEW, {"q": "nowhere"}))


def test_shows_what_is_used_here_and_the_best_known_first(
    owners: Client, stranger: User, key_service: Service, make_connection: MakeConnection
) -> None:
    rows = {"name": "Acme", "link_name": "acme", "kind": "default", "category": "Zebras", "base_url": "x"}
    known = Service.objects.create(**rows, meta={"rank": 3})
    assert "Used here" not in text_of(owners.get(NEW))
    make_connection(key_service, "rain")
    Service.objects.filter(pk=key_service.pk).update(kind="default", category="Weather")
    page = text_of(owners.get(NEW))
    heads = [page.index(f"<h2>{title}</h2>") for title in ("Used here", "Best known", "Weather", "Zebras")]
    assert heads == sorted(heads)
    assert page.count(f"{NEW}{known.link_name}/") == page.count(f"{NEW}{key_service.link_name}/") == 2


def test_leads_to_a_new_service_and_back_here(owners: Client) -> None:
    assert "/services/new/?next=%2Fconnections%2Fnew%2F%3Fkind%3Dcustom" in text_of(owners.get(NEW))
    assert "No custom services yet" in text_of(owners.get(NEW, {"kind": "custom"}))


def test_members_are_told_whom_to_ask(signed_in: SignIn, teammate: User, key_service: Service) -> None:
    for address in (NEW, f"{NEW}weather/"):
        response = signed_in(teammate).get(address)
        assert response.status_code == 403
        assert "role of a builder" in text_of(response)


# --- Connection details -------------------------------------------------------------------------------
def test_asks_for_what_the_service_declares(owners: Client, key_service: Service) -> None:
    page = text_of(owners.get(f"{NEW}weather/"))
    assert 'name="credentials.X-Api-Key"' in page
    assert 'name="credentials.X-App.Id"' in page
    assert 'name="scopes"' not in page
    assert "Create and connect" in page


def test_offers_the_declared_scopes_with_their_descriptions(owners: Client, oauth_service: Service) -> None:
    page = text_of(owners.get(f"{NEW}desk/"))
    assert "<code>desk.tickets.read</code><small>Read tickets</small>" in page
    assert "of 2 chosen" in page


def test_folds_a_long_list_of_scopes_and_opens_what_is_ticked(
    owners: Client, make_service: MakeService
) -> None:
    scopes = [{"name": f"{product}.thing{n}"} for product in ("Desk", "CRM") for n in range(20)]
    make_service("zoho", "oauth2", oauth2=OAUTH2 | {"scopes": scopes})
    page = text_of(owners.post(f"{NEW}zoho/", {"name": "", "scopes": ["CRM.thing3"]}))
    desk, crm = re.findall(r'<details class="more"( open)?>', page)
    assert (desk, crm) == ("", " open")


def test_tells_what_a_practice_service_accepts(owners: Client, settings: Settings) -> None:
    settings.PRACTICE = True
    loader.load()
    assert "To try it out: practice-key-ada" in text_of(owners.get(f"{NEW}practice_api_key/"))
    assert "To try it out" not in text_of(owners.get(f"{NEW}openai/"))


def test_creates_and_connects_with_a_key(owners: Client, owner: User, key_service: Service) -> None:
    credentials = {"credentials.X-Api-Key": KEY, "credentials.X-App.Id": "app"}
    response = send(owners, key_service, **credentials)
    assert response.status_code == 302
    assert response["Location"] == "/connections/rain_today/"
    connection = Connection.objects.get(link_name="rain_today")
    grant = grants.current(connection, owner)
    assert grant is not None
    assert grants.open_secrets(grant)["X-Api-Key"].reveal() == KEY
    assert "Rain today is created" in text_of(owners.get(response["Location"]))


def test_derives_the_link_name_from_the_name_as_the_script_does(
    owners: Client, basic_service: Service
) -> None:
    send(owners, basic_service, name="  Büro: Köln (EU) ", **{"credentials.username": "u"})
    assert Connection.objects.get().link_name == "buro_koln_eu"


def test_sends_the_person_on_to_authorise(owners: Client, oauth_service: Service) -> None:
    response = send(owners, oauth_service, scopes=["desk.tickets.read"])
    assert response.status_code == 302
    assert response["Location"].startswith("http://localhost:8000/authorize/")
    assert Connection.objects.get().scopes == ["desk.tickets.read"]


def test_creates_for_each_users_own_account(owners: Client, oauth_service: Service) -> None:
    send(owners, oauth_service, credentials_of="login_user", audience="everyone")
    connection = Connection.objects.get()
    assert connection.is_per_user
    assert connection.access.filter(user=None).exists()


def test_asks_for_variables(owners: Client, make_service: MakeService) -> None:
    service = make_service(
        "regional",
        "basic",
        base_url="https://api.{dc}.example.com",
        variables=[{"name": "dc", "label": "Data centre", "choices": ["eu", "us"]}],
    )
    response = send(owners, service, **{"credentials.username": "u"})
    assert response.status_code == 422
    assert "Enter the Data centre." in text_of(response)
    send(owners, service, **{"credentials.username": "u", "variables.dc": "eu"})
    assert Connection.objects.get().variables == {"dc": "eu"}


def test_lets_the_person_choose_how_to_authenticate(owners: Client, owner: User) -> None:
    key = {"params": [{"key": "X-Key", "display_name": "Key"}]}
    ways = [
        {"name": "key", "label": "A key", "auth_type": "api_key", "param_type": "header", "api_key": key},
        {"name": "login", "label": "A login", "auth_type": "basic", "param_type": "header"},
    ]
    data = {"name": "Both", "link_name": "both", "base_url": "https://api.example.com", "auth": ways}
    service = service_operations.create_service(actor=Actor.of(owner), data=data)
    assert 'name="credentials.X-Key"' in text_of(owners.get(f"{NEW}both/"))
    assert 'name="credentials.username"' in text_of(owners.get(f"{NEW}both/?auth=login"))
    form = {"name": "B", "credentials_of": "owner", "audience": "private", "credentials.username": "u"}
    owners.post(f"{NEW}{service.link_name}/?auth=login", form)
    assert Connection.objects.get().auth.name == "login"


def test_says_what_is_wrong_beside_the_field_and_keeps_the_rest(owners: Client, key_service: Service) -> None:
    response = send(owners, key_service, name="", link_name="Not A Name", **{"credentials.X-Api-Key": KEY})
    page = text_of(response)
    assert response.status_code == 422
    assert "Enter a name, such as" in page
    assert "Small letters, digits and underscores" in page
    assert "Enter the App." in page
    assert 'value="Not A Name"' in page
    assert not Connection.objects.exists()


def test_never_shows_a_typed_secret_again(owners: Client, key_service: Service) -> None:
    response = send(owners, key_service, name="", **{"credentials.X-Api-Key": KEY})
    assert response.status_code == 422
    assert KEY not in text_of(response)


def test_lays_what_the_operation_refuses_at_its_field(owners: Client, key_service: Service) -> None:
    credentials = {"credentials.X-Api-Key": "line\nbreak", "credentials.X-App.Id": "app"}
    page = text_of(send(owners, key_service, **credentials))
    at_field = page.split('id="id_credentials.X-Api-Key_error"')[1].split("</div>")[0]
    assert "control character" in at_field
    assert not Connection.objects.exists()


def test_refuses_a_link_name_that_is_taken(
    owners: Client, basic_service: Service, weather: Connection
) -> None:
    response = send(owners, basic_service, link_name="rain", **{"credentials.username": "u"})
    page = text_of(response)
    assert response.status_code == 422
    assert "another connection has this link name" in page.split('id="id_link_name_error"')[1].lower()


@pytest.mark.parametrize("name", ["new", "Rain", "1rain", "rain-today", "a" * 51])
def test_refuses_what_is_no_link_name(owners: Client, basic_service: Service, name: str) -> None:
    response = send(owners, basic_service, link_name=name, **{"credentials.username": "u"})
    assert response.status_code == 422
    assert "id_link_name_error" in text_of(response)
    assert not Connection.objects.exists()


def test_asks_for_a_link_name_where_the_name_gives_none(owners: Client, basic_service: Service) -> None:
    page = text_of(send(owners, basic_service, name="天気", **{"credentials.username": "u"}))
    assert "the name has no letter to make one from" in page


def test_refuses_a_scope_that_the_service_does_not_have(owners: Client, oauth_service: Service) -> None:
    response = send(owners, oauth_service, scopes=["desk.everything"])
    assert response.status_code == 422
    assert "no scope desk.everything" in text_of(response)


def test_says_whose_turn_it_is_where_no_app_is_registered(owners: Client, make_service: MakeService) -> None:
    urls = {"authorize_url": "https://a.example.com/a", "token_url": "https://a.example.com/t"}
    service = make_service("later", "oauth2", oauth2=urls)
    page = text_of(owners.get(f"{NEW}later/"))
    assert "no app registered yet" in page
    assert "Create and connect" not in page
    assert send(owners, service)["Location"] == "/connections/rain_today/"


def test_ignores_fields_that_are_not_the_forms(owners: Client, owner: User, basic_service: Service) -> None:
    more = {"credentials.username": "u", "created_by": "1", "made_by": "me", "is_disabled": "on"}
    send(owners, basic_service, **more)
    connection = Connection.objects.get()
    assert connection.created_by == owner
    assert not connection.made_by
    assert not connection.is_disabled


@pytest.mark.parametrize("address", ["nowhere/", "weather/?auth=nothing"])
def test_a_service_or_way_that_is_not_there_is_not_found(
    owners: Client, key_service: Service, address: str
) -> None:
    assert owners.get(NEW + address).status_code == 404


def test_makes_two_connections_to_one_service(
    owners: Client, key_service: Service, weather: Connection, make_connection: MakeConnection
) -> None:
    credentials = {"credentials.X-Api-Key": "k", "credentials.X-App.Id": "a"}
    send(owners, key_service, **credentials)
    assert Connection.objects.count() == 2
