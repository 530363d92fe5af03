"""A service's page, and the list of them."""

from django.test import Client

from people.models import User
from services import clients, loader
from services.models import OAuthClient, Service
from tests.conftest import SignIn
from tests.services.conftest import Make


def page(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_tells_what_the_service_is(owner: User, signed_in: SignIn, make_service: Make) -> None:
    make_service(headers={"Accept": "application/json"}, test={"path": "/me"})
    shown = page(signed_in(owner), "/services/zoho_commerce/")
    for text in (
        "Zoho Commerce",
        "http://localhost:8000/oauth/callback/zoho_commerce",
        "commerce.zoho.eu",
        "https://accounts.zoho.eu/oauth/v2/token",
        "commerce.read",
        "Read the shop",
        "Accept: application/json",
        "GET /me",
        "No app yet",
        "/services/zoho_commerce/edit/",
        "/services/zoho_commerce/delete/",
    ):
        assert text in shown


def test_a_key_service_speaks_of_no_callback(owner: User, signed_in: SignIn, make_service: Make) -> None:
    make_service(auth_type="api_key", api_key={"params": [{"key": "X-Key", "display_name": "Your key"}]})
    shown = page(signed_in(owner), "/services/zoho_commerce/")
    assert "Callback URL" not in shown
    assert "Your key" in shown


def test_an_app_is_asked_for_only_by_the_way_that_needs_one(owner: User, signed_in: SignIn) -> None:
    loader.load()
    browser = signed_in(owner)
    assert "To connect by OAuth 1, an app must be registered first; Key and token needs none." in page(
        browser, "/services/trello/"
    )
    assert "Nobody can connect until an app is registered." in page(browser, "/services/zoho/")


def test_folds_a_long_list_of_scopes_by_product(owner: User, signed_in: SignIn) -> None:
    loader.load()
    shown = page(signed_in(owner), "/services/zoho/")
    assert "Desk<span" in shown
    assert "ZohoCRM<span" in shown
    assert 'data-filter="scopes-oauth2"' in shown
    assert '<details class="more"' not in page(signed_in(owner), "/services/slack/")


def test_takes_the_app_beside_the_callback_url(owner: User, signed_in: SignIn, make_service: Make) -> None:
    service = make_service()
    browser = signed_in(owner)
    assert 'name="client_secret"' in page(browser, "/services/zoho_commerce/")
    answer = browser.post(
        "/services/zoho_commerce/client/",
        {"auth": "oauth2", "client_id": "1000.X", "client_secret": "canary"},
    )
    assert answer["Location"] == "/services/zoho_commerce/"
    shown = page(browser, "/services/zoho_commerce/")
    assert "App registered" in shown
    assert "1000.X" in shown
    assert "canary" not in shown
    assert clients.client_of(service.auths.get()) is not None


def test_says_what_is_wrong_with_the_app_and_keeps_its_id(
    owner: User, signed_in: SignIn, make_service: Make
) -> None:
    make_service(oauth2={"client_auth": "basic"})
    browser = signed_in(owner)
    answer = browser.post("/services/zoho_commerce/client/", {"client_id": "1000.X", "client_secret": ""})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert "Enter the client secret." in shown
    assert 'value="1000.X"' in shown
    answer = browser.post("/services/zoho_commerce/client/", {"client_id": "", "client_secret": "canary"})
    assert "Enter the ID that the service gave your app." in answer.content.decode()
    assert "canary" not in answer.content.decode()
    assert not OAuthClient.objects.exists()


def test_asks_for_a_fresh_sign_in_before_a_secret_is_typed(
    owner: User, signed_in: SignIn, make_service: Make
) -> None:
    make_service()
    browser = signed_in(owner, is_fresh=False)
    shown = page(browser, "/services/zoho_commerce/")
    assert 'name="client_secret"' not in shown
    assert "Sign in again" in shown
    answer = browser.get("/services/zoho_commerce/client/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    refused = browser.post("/services/zoho_commerce/client/", {"client_id": "x", "client_secret": "s"})
    assert refused.status_code in {302, 403}
    assert not OAuthClient.objects.exists()


def test_others_see_it_and_change_nothing(teammate: User, signed_in: SignIn, make_service: Make) -> None:
    make_service(oauth2={"client_id": "1000.X", "client_secret": "s"})
    browser = signed_in(teammate)
    shown = page(browser, "/services/zoho_commerce/")
    assert "/edit/" not in shown
    assert 'name="client_id"' not in shown
    refused = browser.post("/services/zoho_commerce/client/", {"client_id": "evil", "client_secret": "s"})
    assert refused.status_code == 403
    assert OAuthClient.objects.get().client_id == "1000.X"


def test_there_is_no_page_for_what_is_not_there(owner: User, signed_in: SignIn) -> None:
    assert signed_in(owner).get("/services/nothing/").status_code == 404


def test_lists_default_and_custom_services(owner: User, signed_in: SignIn, make_service: Make) -> None:
    loader.load()
    make_service(name="Our shop", link_name="our_shop")
    browser = signed_in(owner)
    default, custom = page(browser, "/services/"), page(browser, "/services/?kind=custom")
    assert "GitHub" in default
    assert "Our shop" not in default
    assert "Our shop" in custom
    found = page(browser, "/services/?q=github")
    assert "GitHub" in found
    assert "Slack" not in found
    assert "Nothing matches" in page(browser, "/services/?q=no+such+thing")


def test_an_empty_list_says_what_to_do(owner: User, teammate: User, signed_in: SignIn) -> None:
    assert "Create service" in page(signed_in(owner), "/services/?kind=custom")
    shown = page(signed_in(teammate), "/services/?kind=custom")
    assert "Builders and administrators define services" in shown
    assert "/services/new/" not in shown


def test_an_administrator_hides_a_default_service(
    owner: User, administrator: User, signed_in: SignIn
) -> None:
    loader.load()
    browser = signed_in(administrator)
    browser.post("/services/github/hide/", {"is_hidden": "1"})
    assert Service.objects.get(link_name="github").is_hidden
    assert "· hidden" in page(browser, "/services/")
    assert "/services/github/" not in page(signed_in(owner), "/services/")
    assert signed_in(owner).post("/services/github/hide/", {"is_hidden": "0"}).status_code == 403
    browser.post("/services/github/hide/", {"is_hidden": "0"})
    assert not Service.objects.get(link_name="github").is_hidden


def test_every_page_of_the_catalogue_opens(administrator: User, signed_in: SignIn) -> None:
    loader.load()
    browser = signed_in(administrator)
    for link_name in Service.objects.values_list("link_name", flat=True):
        assert browser.get(f"/services/{link_name}/").status_code == 200, link_name
