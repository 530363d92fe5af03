"""Creating a service in the visitor, with no script."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from people.models import User
from services import clients
from services.models import Service
from tests.conftest import SignIn


def form(**changes: str) -> dict[str, str]:
    plain = {
        "name": "Zoho Commerce",
        "link_name": "zoho_commerce",
        "base_url": "https://commerce.zoho.eu",
        "auth_type": "oauth2",
        "oauth2.param_type": "header",
        "oauth2.grant_type": "authorization_code",
        "oauth2.authorize_url": "https://accounts.zoho.eu/oauth/v2/auth",
        "oauth2.token_url": "https://accounts.zoho.eu/oauth/v2/token",
        "oauth2.scopes": "commerce.read | Read the shop\ncommerce.write",
        "oauth2.scope_separator": ",",
        "oauth2.client_auth": "basic",
        "oauth2.pkce": "on",
        "oauth2.authorize_params": "access_type=offline\nprompt=consent",
        "oauth2.token_path": "access_token",
    }
    return plain | changes


@pytest.fixture
def visitor(owner: User, signed_in: SignIn) -> Client:
    return signed_in(owner)


def test_makes_an_oauth_2_service(visitor: Client) -> None:
    answer = visitor.post("/services/new/", form(hosts="commerce.zoho.eu\n*.zohostatic.eu"))
    assert answer.status_code == 302
    assert answer["Location"] == "/services/zoho_commerce/"
    service = Service.objects.get(link_name="zoho_commerce")
    auth = service.auths.get()
    assert service.hosts == ["commerce.zoho.eu", "*.zohostatic.eu"]
    assert auth.config["scopes"] == [
        {"name": "commerce.read", "description": "Read the shop"},
        {"name": "commerce.write", "description": ""},
    ]
    assert auth.config["scope_separator"] == ","
    assert auth.config["client_auth"] == "basic"
    assert auth.config["pkce"] is True
    assert auth.config["token_prefix"] is None
    assert auth.config["authorize_params"] == {"access_type": "offline", "prompt": "consent"}


def test_makes_an_api_key_service_from_rows(visitor: Client) -> None:
    data = {
        "name": "Weather",
        "base_url": "https://api.weather.example",
        "auth_type": "api_key",
        "api_key.param_type": "query",
        "api_key.params.0.key": "appid",
        "api_key.params.0.display_name": "API key",
        "api_key.params.0.prefix": "",
        "api_key.params.1.key": "",
        "api_key.params.1.display_name": "",
        "api_key.params.1.prefix": "",
        "api_key.params.2.key": "org",
        "api_key.params.2.display_name": "",
        "api_key.params.2.prefix": "org ",
    }
    assert visitor.post("/services/new/", data).status_code == 302
    auth = Service.objects.get(link_name="weather").auths.get()
    assert auth.param_type == "query"
    assert auth.config["params"] == [
        {"key": "appid", "display_name": "API key", "prefix": ""},
        {"key": "org", "display_name": "", "prefix": "org "},
    ]


def test_makes_a_basic_service(visitor: Client) -> None:
    data = {"name": "Old shop", "base_url": "https://shop.example.com", "auth_type": "basic"}
    assert visitor.post("/services/new/", data).status_code == 302
    assert Service.objects.get(link_name="old_shop").auths.get().auth_type == "basic"


def test_makes_an_oauth_1_service(visitor: Client) -> None:
    data = {
        "name": "Old social",
        "base_url": "https://api.social.example",
        "auth_type": "oauth1",
        "oauth1.param_type": "header",
        "oauth1.signature_method": "HMAC-SHA256",
        "oauth1.consumer_key": "ck",
        "oauth1.consumer_secret": "cs",
    }
    assert visitor.post("/services/new/", data).status_code == 302
    keys = clients.client_of(Service.objects.get(link_name="old_social").auths.get())
    assert keys is not None
    assert keys.client_id == "ck"


def test_stores_the_client_with_the_service(visitor: Client) -> None:
    visitor.post("/services/new/", form(**{"oauth2.client_id": "1000.X", "oauth2.client_secret": "canary"}))
    keys = clients.client_of(Service.objects.get().auths.get())
    assert keys is not None
    assert keys.client_secret is not None
    assert keys.client_secret.reveal() == "canary"
    page = visitor.get("/services/zoho_commerce/").content.decode()
    assert "canary" not in page
    assert "App registered" in page


def refused(visitor: Client, **changes: str) -> str:
    answer = visitor.post("/services/new/", form(**changes))
    assert answer.status_code == 422
    assert not Service.objects.exists()
    return answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter a name, such as “Zoho Commerce”."),
        ("link_name", "Zoho Commerce", "Small letters, digits and underscores"),
        ("base_url", "http://commerce.zoho.eu", "https"),
        ("oauth2.authorize_url", "http://accounts.zoho.eu/auth", "https"),
        ("oauth2.token_url", "", "Enter the address where tokens are fetched."),
        ("hosts", "other.example.com", "Add commerce.zoho.eu"),
        ("oauth2.authorize_params", "access_type", "lacks its ="),
        ("oauth2.scopes", "a b | two in one", "A scope has no spaces in it"),
        ("headers", "Authorization: Bearer x", "belongs to the credential"),
        ("auth_type", "", "Choose how this service authenticates."),
    ],
)
def test_says_what_is_wrong_beside_the_field_and_keeps_what_was_typed(
    visitor: Client, field: str, value: str, sentence: str
) -> None:
    page = refused(visitor, **{field: value})
    assert sentence in page
    assert f'id="id_{field}_error"' in page
    assert "Zoho Commerce" in page
    assert escape(value) in page
    assert "access_type" in page


def test_says_everything_that_is_wrong_at_once(visitor: Client) -> None:
    wrong = {
        "name": "",
        "link_name": "Zoho Commerce",
        "base_url": "ftp://commerce.zoho.eu",
        "hosts": "169.254.169.254",
        "oauth2.authorize_url": "http://accounts.zoho.eu/auth",
        "oauth2.token_url": "ftp://accounts.zoho.eu/token",
        "headers": "Host: x",
    }
    page = refused(visitor, **wrong)
    for field in wrong:
        assert f'id="id_{field}_error"' in page, field
    assert page.count('class="errors"') == len(wrong)


def test_puts_the_cursor_where_the_first_mistake_is(visitor: Client) -> None:
    page = refused(visitor, base_url="", **{"oauth2.token_url": ""})
    assert page.count("autofocus") == 1
    assert re.search(r'<input[^>]* name="base_url"[^>]* autofocus', page)
    assert "autofocus" not in visitor.get("/services/new/").content.decode()


def test_opens_the_part_that_holds_the_error(visitor: Client) -> None:
    assert '<details class="more" open>' in refused(visitor, headers="Host: x")


def test_never_shows_a_typed_secret_again(visitor: Client) -> None:
    page = refused(visitor, base_url="", **{"oauth2.client_id": "1000.X", "oauth2.client_secret": "canary"})
    assert "canary" not in page
    assert "1000.X" in page
    assert page.count("It was not kept, as nothing was saved: enter it again.") == 1


def test_does_not_mind_what_stands_in_the_other_blocks(visitor: Client) -> None:
    data = form(auth_type="basic", **{"oauth2.authorize_params": "broken", "oauth2.token_url": "nonsense"})
    assert visitor.post("/services/new/", data).status_code == 302


def test_says_that_a_link_name_is_taken(visitor: Client) -> None:
    visitor.post("/services/new/", form())
    answer = visitor.post("/services/new/", form(name="Another"))
    assert answer.status_code == 422
    assert "has this link name already" in answer.content.decode()
    assert Service.objects.count() == 1


@pytest.mark.parametrize(
    ("back", "location"),
    [
        ("/connections/new/?kind=custom", "/connections/new/zoho_commerce/"),
        ("/services/?kind=custom", "/services/?kind=custom"),
        ("https://evil.example/", "/services/zoho_commerce/"),
        ("//evil.example/", "/services/zoho_commerce/"),
        ("/\\evil.example/", "/services/zoho_commerce/"),
    ],
)
def test_leads_back_to_where_the_person_came_from_and_nowhere_else(
    visitor: Client, back: str, location: str
) -> None:
    assert visitor.post("/services/new/", form(next=back))["Location"] == location


def test_shows_each_types_own_fields_without_a_script(visitor: Client) -> None:
    page = visitor.get("/services/new/").content.decode()
    for name in (
        "oauth2.token_url",
        "oauth1.request_token_url",
        "api_key.params.0.key",
        "oauth1.private_key",
    ):
        assert f'name="{name}"' in page
    assert "http://localhost:8000/oauth/callback/{service}" in page


def test_is_for_builders(teammate: User, signed_in: SignIn) -> None:
    visitor = signed_in(teammate)
    assert visitor.get("/services/new/").status_code == 403
    assert visitor.post("/services/new/", form()).status_code == 403
    assert not Service.objects.exists()


def test_needs_a_sign_in() -> None:
    answer: Any = Client().get("/services/new/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
