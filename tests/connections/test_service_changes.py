"""C4: where a service's credentials go does not change under them."""

from typing import Any

import pytest

from connections import grants, operations
from connections.errors import RetargetUnconfirmed, ServiceInUse, WideningUnconfirmed
from connections.models import Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import User
from problems import ConfirmationRequired, NotAllowed, ValidationFailed
from services.models import RetiredLinkName, Service
from tests.connections.conftest import MakeConnection, MakeService, arrive, depart, events, fresh
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db

ELSEWHERE = {"base_url": "https://sink.example.net", "hosts": ["sink.example.net"]}


def change(service: Service, actor: Actor, **data: Any) -> None:
    service = Service.objects.get(pk=service.pk)
    operations.change_service(actor=actor, service=service, data=data)


def test_changes_words_without_asking(key_service: Service, keyed: Connection, owner: User) -> None:
    change(key_service, Actor.of(owner), name="Renamed")
    assert Service.objects.get(pk=key_service.pk).name == "Renamed"
    assert status_of(keyed, Actor.of(owner)).is_connected
    assert events()[-1] == "service.changed"


@pytest.mark.parametrize("confirm", [{}, {"confirm": ""}, {"confirm": "other"}, {"confirm": True}])
def test_sends_credentials_nowhere_else_without_confirmation(
    key_service: Service, keyed: Connection, owner: User, confirm: dict[str, Any]
) -> None:
    with pytest.raises(RetargetUnconfirmed):
        change(key_service, Actor.of(owner), **ELSEWHERE, **confirm)
    assert Service.objects.get(pk=key_service.pk).base_url == "https://api.example.com"
    assert status_of(keyed, Actor.of(owner)).is_connected


def test_asks_a_session_for_a_fresh_sign_in_before_it_retargets(
    key_service: Service, keyed: Connection, owner: User
) -> None:
    with pytest.raises(ConfirmationRequired):
        change(key_service, Actor(user=owner, is_fresh=False), **ELSEWHERE, confirm="keyed")
    assert Service.objects.get(pk=key_service.pk).base_url == "https://api.example.com"


def test_ends_live_grants_when_it_retargets(key_service: Service, keyed: Connection, owner: User) -> None:
    change(key_service, Actor.of(owner), **ELSEWHERE, confirm="keyed")
    stands = status_of(keyed, Actor.of(owner))
    assert stands.code is Code.NOT_CONNECTED
    assert "hosts or endpoints were changed" in stands.reason
    assert not Grant.objects.filter(secrets__isnull=False).exists()
    assert events()[-2:] == ["service.retargeted", "grant.ended"]


def test_ends_round_trips_under_way_when_an_endpoint_moves(
    oauth_service: Service, shop: Connection, owner: User, provider: Provider
) -> None:
    depart(shop)
    change(oauth_service, Actor.of(owner), oauth2={"token_url": f"{provider.url}/other"}, confirm="shop")
    assert not Grant.objects.filter(state=Grant.State.PENDING).exists()


# --- Further places -------------------------------------------------------------------------------------
FURTHER = {"hosts": ["api.example.com", "files.example.com"]}


def test_a_further_host_needs_confirmation_and_says_which(
    key_service: Service, keyed: Connection, owner: User
) -> None:
    with pytest.raises(WideningUnconfirmed) as refused:
        change(key_service, Actor.of(owner), **FURTHER)
    problem = refused.value.as_problem()
    assert (problem["status"], problem["code"]) == (403, "confirmation_required")
    assert problem["added"] == ["files.example.com"]
    assert "nobody has to connect again" in problem["detail"]
    assert Service.objects.get(pk=key_service.pk).hosts == ["api.example.com"]


def test_a_further_host_needs_a_fresh_sign_in(key_service: Service, keyed: Connection, owner: User) -> None:
    with pytest.raises(ConfirmationRequired):
        change(key_service, Actor(user=owner, is_fresh=False), **FURTHER, confirm="keyed")
    assert Service.objects.get(pk=key_service.pk).hosts == ["api.example.com"]


def test_a_further_host_ends_no_grant(key_service: Service, keyed: Connection, owner: User) -> None:
    change(key_service, Actor.of(owner), **FURTHER, confirm="keyed")
    assert Service.objects.get(pk=key_service.pk).hosts == FURTHER["hosts"]
    assert status_of(keyed, Actor.of(owner)).is_connected
    assert events()[-1] == "service.widened"


def test_a_further_host_leaves_round_trips_under_way(
    oauth_service: Service, shop: Connection, owner: User, provider: Provider
) -> None:
    state = depart(shop)["state"]
    hosts = [*oauth_service.hosts, "files.example.com"]
    change(oauth_service, Actor.of(owner), hosts=hosts, confirm="shop")
    assert arrive(shop, state=state).state == Grant.State.ACTIVE


@pytest.mark.parametrize("further", ["files.example.com", "*.example.com"])
def test_a_host_that_goes_ends_grants_whatever_comes(
    make_service: MakeService, make_connection: MakeConnection, owner: User, further: str
) -> None:
    service = make_service("plain", auth_type="basic", hosts=["api.example.com", "old.example.com"])
    credentials = {"username": "u", "password": "p"}
    connection = make_connection("plain", credentials=credentials)
    hosts = ["api.example.com", further]
    with pytest.raises(RetargetUnconfirmed):
        change(service, Actor.of(owner), hosts=hosts)
    change(service, Actor.of(owner), hosts=hosts, confirm="plain")
    assert not status_of(connection, Actor.of(owner)).is_connected


def test_whoever_made_a_service_sends_nobody_elses_credentials_to_a_further_host(
    key_service: Service, keyed: Connection, make_connection: MakeConnection, owner: User, teammate: User
) -> None:
    User.objects.filter(pk=teammate.pk).update(role="builder")
    teammate.refresh_from_db()
    credentials = {"X-Api-Key": "theirs", "X-Tenant": "theirs"}
    theirs = make_connection("keyed", by=teammate, link_name="theirs", credentials=credentials)
    with pytest.raises(WideningUnconfirmed, match="ends what other people authorised"):
        change(key_service, Actor.of(owner), **FURTHER)

    change(key_service, Actor.of(owner), **FURTHER, confirm="keyed")

    assert status_of(keyed, Actor.of(owner)).is_connected
    assert not status_of(theirs, Actor.of(teammate)).is_connected
    assert events()[-2:] == ["service.widened", "grant.ended"]


def test_an_administrator_lets_everybodys_credentials_go_to_a_further_host(
    key_service: Service, keyed: Connection, owner: User, administrator: User
) -> None:
    change(key_service, Actor.of(administrator), **FURTHER, confirm="keyed")
    assert status_of(keyed, Actor.of(owner)).is_connected


FOLLOW = {"api": {"eu": "zohoapis.eu", "in": "zohoapis.in"}}
REGIONS = {"name": "dc", "choices": ["eu", "in"], "follow": FOLLOW}


@pytest.mark.parametrize(
    ("follow", "values"),
    [
        (FOLLOW | {"cdn": {"eu": "cdn.eu", "in": "cdn.in"}}, {"api": "zohoapis.eu", "cdn": "cdn.eu"}),
        ({"api": {"eu": "newapis.eu", "in": "newapis.in"}}, {"api": "newapis.eu"}),
    ],
)
def test_what_follows_a_choice_goes_with_it_for_the_connections_that_are_there(
    make_service: MakeService,
    make_connection: MakeConnection,
    owner: User,
    follow: dict[str, Any],
    values: dict[str, str],
) -> None:
    service = make_service("regional", auth_type="basic", variables=[REGIONS])
    connection = make_connection("regional", variables={"dc": "eu"})
    change(service, Actor.of(owner), variables=[{**REGIONS, "follow": follow}], confirm="regional")
    connection.refresh_from_db()
    assert connection.variables == {"dc": "eu"} | values


def test_moves_a_service_freely_while_nobody_uses_it(key_service: Service, owner: User) -> None:
    change(key_service, Actor.of(owner), **ELSEWHERE)
    assert Service.objects.get(pk=key_service.pk).base_url == ELSEWHERE["base_url"]


@pytest.mark.parametrize(
    "data",
    [
        {"link_name": "other"},
        {"auth_type": "basic"},
        {"api_key": {"params": [{"key": "X-Other-Key", "display_name": "API key"}]}},
    ],
)
def test_keeps_the_wire_names_of_a_service_in_use(
    key_service: Service, keyed: Connection, owner: User, data: dict[str, Any]
) -> None:
    with pytest.raises(ValidationFailed):
        change(key_service, Actor.of(owner), **data, confirm="keyed")
    assert status_of(keyed, Actor.of(owner)).is_connected


def test_is_for_its_creator_and_administrators(
    key_service: Service, keyed: Connection, stranger: User, administrator: User
) -> None:
    with pytest.raises(NotAllowed):
        change(key_service, Actor.of(stranger), name="Mine")
    change(key_service, Actor.of(administrator), name="Fixed")
    assert Service.objects.get(pk=key_service.pk).name == "Fixed"


# --- Deleting -------------------------------------------------------------------------------------------
def test_refuses_to_delete_a_service_in_use_and_lists_what_uses_it(
    key_service: Service, keyed: Connection, make_connection: MakeConnection, owner: User
) -> None:
    make_connection("keyed", link_name="another")
    with pytest.raises(ServiceInUse) as refused:
        operations.delete_service(actor=Actor.of(owner), service=key_service)
    assert refused.value.as_problem()["connections"] == ["another", "keyed"]
    assert (refused.value.status, refused.value.code) == (409, "service_in_use")


def test_deletes_a_service_that_nobody_uses(key_service: Service, owner: User) -> None:
    operations.delete_service(actor=Actor.of(owner), service=key_service)
    assert not Service.objects.filter(link_name="keyed").exists()
    assert RetiredLinkName.objects.get().link_name == "keyed"
    assert events()[-1] == "service.deleted"


def test_tells_nobody_else_what_uses_a_service(
    key_service: Service, keyed: Connection, stranger: User
) -> None:
    with pytest.raises(NotAllowed) as refused:
        operations.delete_service(actor=Actor.of(stranger), service=key_service)
    assert "connections" not in refused.value.as_problem()


def test_leaves_the_client_that_a_grant_was_made_with(
    oauth_service: Service, authorised: Grant, owner: User, provider: Provider
) -> None:
    """A new app beside the old one: what the old one obtained is refreshed with the old one."""
    from services import operations as services_operations
    from vault import Secret

    services_operations.set_client(
        actor=Actor.of(owner), service=oauth_service, client_id="new-app", client_secret=Secret("new")
    )
    grants.refresh(authorised.pk, stale_version=fresh(authorised).version)
    assert provider.asked()[-1].form["client_id"] == "our-app"
