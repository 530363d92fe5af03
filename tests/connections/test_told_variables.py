"""Variables that a service tells when somebody authorises: whose they are, what they may be, what follows."""

from typing import Any

import pytest

from connections import exchanges, grants, oauth, operations, variables
from connections.errors import ProviderRefused, VariableRefused
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import User
from services.auth_types.base import Tokens
from services.models import Service
from tests.conftest import Script
from tests.connections.conftest import (
    SESSION,
    MakeConnection,
    MakeService,
    arrive,
    depart,
    fresh,
    oauth_definition,
    round_trip,
)
from tests.connections.provider import Provider
from tests.connections.test_api import Api

pytestmark = pytest.mark.django_db

REALM = {"name": "realm", "label": "Company", "pattern": r"\d{1,20}", "from": "callback.realmId"}
PATH = {"name": "path", "label": "Area", "pattern": "https://[a-z.]+/([a-z]+)", "from": "token.home.url"}
DC = {"name": "dc", "choices": ["eu", "com"]}


@pytest.fixture
def books(make_service: MakeService, make_connection: MakeConnection, provider: Provider) -> Connection:
    """A service whose callback tells a company, and whose token answer an area of the API."""
    definition = oauth_definition(provider)
    definition |= {
        "base_url": f"{provider.url}/api/{{path}}/{{realm}}",
        "variables": [REALM, PATH, DC],
        "headers": {"X-Realm": "{realm}-{dc}"},
    }
    definition["identity"]["path"] = "/me"
    make_service("books", **definition)
    provider.extra = {"home": {"url": "https://home.example/north"}}
    return make_connection("books", link_name="books", variables={"dc": "eu"})


def comes_back(connection: Connection, *, user: User | None = None, **params: Any) -> Grant:
    return arrive(connection, user=user, state=depart(connection, user=user)["state"], **params)


def nothing_is_stored(connection: Connection) -> bool:
    return not Grant.objects.filter(connection=connection).exclude(state=Grant.State.ENDED).exists()


def test_are_kept_with_the_grant(books: Connection) -> None:
    grant = comes_back(books, realmId="4711")
    assert fresh(grant).variables == {"realm": "4711", "path": "north"}
    books.refresh_from_db()
    assert books.variables == {"dc": "eu"}


def test_fill_the_identity_request(books: Connection, provider: Provider) -> None:
    comes_back(books, realmId="4711")
    (asked,) = (seen for seen in provider.seen if seen.method == "GET")
    assert (asked.path, asked.headers["x-realm"]) == ("/api/north/4711/me", "4711-eu")


def test_are_asked_of_nobody(books: Connection, make_connection: MakeConnection) -> None:
    """What is sent for them counts for nothing, so that what was read may be sent again."""
    sent = {"dc": "eu", "realm": "1", "path": "evil"}
    assert make_connection("books", link_name="other", variables=sent).variables == {"dc": "eu"}
    grant = comes_back(books, realmId="4711")
    actor = Actor.of(books.created_by)
    told = {"variables": {"dc": "eu", "realm": "4711", "path": "north"}, "name": "Books"}
    operations.change_connection(actor=actor, connection=books, data=told)
    assert fresh(grant).state == Grant.State.ACTIVE


def test_are_told_to_the_asker(books: Connection, script: Script) -> None:
    api = Api(script)
    assert api.ask("GET", "/connections/books")[1]["variables"] == {"dc": "eu"}
    comes_back(books, realmId="4711")
    told = api.ask("GET", "/connections/books")[1]
    assert told["variables"] == {"dc": "eu", "realm": "4711", "path": "north"}


def test_are_each_users_own(
    books: Connection, make_connection: MakeConnection, teammate: User, owner: User, make_script: Any
) -> None:
    made = make_connection("books", link_name="each", variables={"dc": "eu"}, credentials_of="login_user")
    comes_back(made, user=teammate, realmId="1")
    comes_back(made, user=owner, realmId="2")
    told = [Api(make_script(user)).ask("GET", "/connections/each")[1] for user in (teammate, owner)]
    assert [each["variables"]["realm"] for each in told] == ["1", "2"]


@pytest.mark.parametrize("params", [{}, {"realmId": ""}, {"realmId": "47-11"}, {"realmId": "1" * 21}])
def test_a_callback_that_tells_them_wrong_is_refused_before_a_code_is_used(
    books: Connection, provider: Provider, params: dict[str, Any]
) -> None:
    with pytest.raises(VariableRefused, match="Company") as refused:
        comes_back(books, **params)
    assert provider.asked() == []
    assert nothing_is_stored(books)
    assert "47-11" not in str(refused.value.as_problem())


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"home": None},
        {"home": {"url": ""}},
        {"home": {"url": ["x"]}},
        {"home": {"url": "https://x.example/N"}},
    ],
)
def test_tokens_that_tell_them_wrong_are_given_back(
    books: Connection, provider: Provider, said: dict[str, Any]
) -> None:
    provider.extra = said
    with pytest.raises(VariableRefused, match="Area"):
        comes_back(books, realmId="4711")
    assert nothing_is_stored(books)
    assert [seen.form["token"] for seen in provider.asked("/revoke")] == ["refresh-1", "access-1"]


def test_no_secret_is_told_as_one(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    """Whoever defines the service would read other people's tokens on their connections."""
    variable = {"name": "v", "from": "token.hint"}
    make_service("sly", **oauth_definition(provider) | {"variables": [variable]})
    made = make_connection("sly", link_name="sly")
    provider.extra = {"access_token": "a-token-of-some-length", "hint": "it is a-token-of-some-length"}
    with pytest.raises(VariableRefused):
        comes_back(made)
    assert nothing_is_stored(made)


def test_an_error_of_the_service_is_told_before_what_is_missing(books: Connection) -> None:
    with pytest.raises(ProviderRefused, match="refused at the service"):
        oauth.complete(
            actor=Actor.of(books.created_by),
            service_link_name="books",
            params={"error": "access_denied", "state": depart(books)["state"]},
            session_key=SESSION,
        )


def test_in_a_host_they_are_one_label(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    definition = oauth_definition(provider) | {
        "base_url": "https://{site}.example.com",
        "identity": {},
        "variables": [{"name": "site", "from": "token.site"}],
    }
    make_service("hosted", **definition)
    made = make_connection("hosted", link_name="hosted")
    for bad in ("evil.example/", "a.b", "x@y", "-x", "evil.example#"):
        provider.extra = {"site": bad}
        with pytest.raises(VariableRefused):
            comes_back(made)
        assert nothing_is_stored(made)
    provider.extra = {"site": "Acme"}
    assert comes_back(made).variables == {"site": "acme"}


def test_a_choice_brings_what_follows_it(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    variable = {
        "name": "dc",
        "choices": ["eu", "com"],
        "follow": {"api": {"eu": "apis.eu", "com": "apis.com"}},
        "pattern": r"https://accounts\.example\.([a-z]+)",
        "from": "callback.accounts-server",
    }
    make_service(
        "zones", **oauth_definition(provider) | {"variables": [variable], "headers": {"X-Api": "{api}"}}
    )
    made = make_connection("zones", link_name="zones")
    europe: dict[str, Any] = {"accounts-server": "https://accounts.example.eu"}
    elsewhere: dict[str, Any] = {"accounts-server": "https://accounts.example.org"}
    with pytest.raises(VariableRefused):
        comes_back(made, **elsewhere)
    grant = comes_back(made, **europe)
    assert grant.variables == {"dc": "eu", "api": "apis.eu"}


def test_the_callback_may_fill_the_token_request(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    definition = oauth_definition(provider, token_params={"context": "stores/{store}", "scope": "{granted}"})
    variables = [
        {"name": "store", "pattern": "stores/([a-z0-9]+)", "from": "callback.context"},
        {"name": "granted", "from": "callback.scope"},
    ]
    make_service("stores", **definition | {"variables": variables})
    comes_back(make_connection("stores", link_name="stores"), context="stores/abc12", scope="a b")
    (asked,) = provider.asked()
    assert (asked.form["context"], asked.form["scope"]) == ("stores/abc12", "a b")


def test_what_the_callback_tells_openly_is_no_secret(books: Connection, provider: Provider) -> None:
    """It may stand in the names of scopes, which are shown."""
    provider.extra["scope"] = "read company.47114711"
    grant = comes_back(books, realmId="47114711")
    assert grant.granted_scopes == ["read", "company.47114711"]


# --- Afterwards -----------------------------------------------------------------------------------------
def refreshed(grant: Grant) -> Grant:
    return grants.refresh(grant.pk, stale_version=fresh(grant).version)


def test_a_refresh_tells_what_has_moved(books: Connection, provider: Provider) -> None:
    grant = comes_back(books, realmId="4711")
    provider.extra = {"home": {"url": "https://home.example/south"}}
    assert refreshed(grant).variables == {"realm": "4711", "path": "south"}


@pytest.mark.parametrize(
    "said", [{}, {"home": {"url": "https://x.example/NORTH"}}, {"home": {"url": "refresh-2"}}]
)
def test_a_refresh_that_tells_them_wrong_keeps_the_tokens_and_what_was_told(
    books: Connection, provider: Provider, said: dict[str, Any]
) -> None:
    grant = comes_back(books, realmId="4711")
    provider.extra = said
    after = refreshed(grant)
    assert after.variables == {"realm": "4711", "path": "north"}
    assert grants.open_secrets(after)["refresh_token"].reveal() == "refresh-2"


def test_they_fill_the_addresses_of_refresh_and_revocation(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    definition = oauth_definition(
        provider,
        refresh_url=f"{provider.url}/token?of={{path}}",
        revoke_url=f"{provider.url}/revoke?of={{path}}",
    )
    make_service("late", **definition | {"variables": [PATH]})
    provider.extra = {"home": {"url": "https://home.example/north"}}
    made = make_connection("late", link_name="late")
    refreshed(round_trip(made))
    outcome = operations.revoke_connection(actor=Actor.of(made.created_by), connection=made)
    assert outcome.is_confirmed
    assert len(provider.asked("/revoke")) == 2


def test_nothing_is_read_while_tokens_are_in_hand_that_are_not_stored(
    books: Connection, django_assert_num_queries: Any
) -> None:
    """The database may be away just then, and the refresh token is used up."""
    comes_back(books, realmId="4711")
    grant = Grant.objects.select_related("connection__auth__service").get(state=Grant.State.ACTIVE)
    side = exchanges.service_side(grant.connection, variables=grant.variables)
    tokens = Tokens(secrets={}, facts={"home.url": "https://home.example/south"})
    with django_assert_num_queries(0):
        assert variables.of_tokens(grant.connection.auth, tokens) == {"path": "south"}
        grant.variables = variables.after_refresh(grant, tokens)
        side = exchanges.with_variables(side, grant.connection, grant.variables)
    assert side.target.base_url.endswith("/api/south/4711")


def test_connecting_again_tells_them_anew(books: Connection) -> None:
    comes_back(books, realmId="1")
    assert comes_back(books, realmId="2").variables["realm"] == "2"


def test_what_was_entered_before_the_service_told_it_serves_until_it_does(
    books: Connection, script: Script
) -> None:
    """The variable was asked for when the connection was made."""
    books.variables = {"dc": "eu", "realm": "99"}
    books.save()
    api = Api(script)
    grant = comes_back(books, realmId="4711")
    assert variables.of(books, None)["realm"] == "99"
    assert variables.of(books, grant)["realm"] == "4711"
    status, told = api.ask("PATCH", "/connections/books", {"variables": {"dc": "eu"}, "name": "B"})
    assert (status, told["status"]) == (200, "connected")
    status, told = api.ask("PATCH", "/connections/books", {"variables": {"dc": "com"}})
    assert (status, told["status"]) == (200, "not_connected")


def test_pages_ask_for_the_others_alone_and_show_all(
    books: Connection, client: Any, owner: User, signed_in: Any
) -> None:
    visitor = signed_in(owner)
    for page in ("/connections/new/books/", "/connections/books/edit/"):
        text = visitor.get(page).text
        assert 'name="variables.dc"' in text
        assert "variables.realm" not in text
    comes_back(books, realmId="4711")
    text = visitor.get("/connections/books/").text
    assert "4711" in text
    assert f"{books.auth.service.base_url.split('/api')[0]}/api/north/4711" in text  # in the snippets


def test_a_way_without_consent_asks_for_them(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    block = oauth_definition(provider)["oauth2"]
    ways = [
        {"auth_type": "oauth2", "oauth2": block},
        {"auth_type": "api_key", "api_key": {"params": [{"key": "X-Key"}]}},
    ]
    definition = {"base_url": "https://{site}.example.com", "auth": ways}
    site = {"name": "site", "pattern": r"(?:https://)?([a-z]+)(?:\.example\.com)?", "from": "token.site"}
    service: Service = make_service("both", **definition, variables=[site])
    entered = {"variables": {"site": "https://acme.example.com"}, "credentials": {"X-Key": "k"}}
    keyed = make_connection("both", link_name="keyed", auth="api_key", **entered)
    assert keyed.variables == {"site": "acme"}
    assert make_connection("both", link_name="consented", auth="oauth2").variables == {}
    assert service.variables[0]["from"] == "token.site"
