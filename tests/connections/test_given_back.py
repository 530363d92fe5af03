"""What a service gave and is not stored is ended there, unless that would end what lives on."""

from collections.abc import Callable

import pytest

from connections import grants, operations
from connections.errors import AuthorizationRequired, FlowOvertaken
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import User
from services.models import Service
from tests.connections.conftest import MakeConnection, arrive, depart, fresh, round_trip, while_asked
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db(transaction=True)


def ended(provider: Provider) -> list[str]:
    """The tokens that the service was told to forget, in order."""
    return [request.form["token"] for request in provider.asked("/revoke")]


def stale(grant: Grant) -> Callable[[], object]:
    version = fresh(grant).version
    return lambda: grants.refresh(grant.pk, stale_version=version)


def person(number: int) -> dict[str, object]:
    return {"user": {"id": number, "email": f"{number}@example.net"}}


# --- A refresh --------------------------------------------------------------------------------------------
def test_a_refresh_that_meets_a_revocation_ends_what_it_got(authorised: Grant, provider: Provider) -> None:
    shop, outcomes = authorised.connection, list[grants.Outcome]()
    actor = Actor.of(shop.created_by)
    while_asked(provider, lambda: outcomes.append(operations.revoke_connection(actor=actor, connection=shop)))
    with pytest.raises(AuthorizationRequired):
        stale(authorised)()
    assert ended(provider) == ["refresh-1", "access-1", "refresh-2", "access-2"]
    assert outcomes == [grants.Outcome(is_confirmed=False)]  # something was still to come
    assert fresh(authorised).secrets is None


def test_a_refresh_that_meets_a_deletion_ends_what_it_got(authorised: Grant, provider: Provider) -> None:
    shop = authorised.connection
    actor, link_name = Actor.of(shop.created_by), shop.link_name
    while_asked(
        provider, lambda: operations.delete_connection(actor=actor, connection=shop, confirm=link_name)
    )
    with pytest.raises(AuthorizationRequired):
        stale(authorised)()
    assert ended(provider) == ["refresh-1", "access-1", "refresh-2", "access-2"]


def test_a_refresh_that_meets_new_scopes_ends_what_it_got(authorised: Grant, provider: Provider) -> None:
    shop = authorised.connection
    actor = Actor.of(shop.created_by)
    while_asked(
        provider,
        lambda: operations.change_connection(actor=actor, connection=shop, data={"scopes": ["write"]}),
    )
    with pytest.raises(AuthorizationRequired):
        stale(authorised)()
    assert ended(provider) == ["refresh-2", "access-2"]


def test_a_refresh_that_meets_a_new_consent_of_the_same_account_ends_nothing(
    authorised: Grant, provider: Provider
) -> None:
    shop = authorised.connection
    state = depart(shop)["state"]
    while_asked(provider, lambda: arrive(shop, state=state))
    with pytest.raises(AuthorizationRequired):
        stale(authorised)()
    assert ended(provider) == []
    assert Grant.objects.get(state=Grant.State.ACTIVE).pk != authorised.pk


def test_a_revocation_ends_the_newest_tokens(authorised: Grant, provider: Provider) -> None:
    """Those of the row, not those that whoever asks had read before."""
    shop = authorised.connection
    stale(authorised)()
    outcome = operations.revoke_connection(actor=Actor.of(shop.created_by), connection=shop)
    assert ended(provider) == ["refresh-2", "access-2"]
    assert outcome == grants.Outcome(is_confirmed=True)


# --- A consent --------------------------------------------------------------------------------------------
def test_a_consent_that_is_overtaken_is_given_back(shop: Connection, provider: Provider) -> None:
    state, actor = depart(shop)["state"], Actor.of(shop.created_by)
    while_asked(
        provider,
        lambda: operations.change_connection(actor=actor, connection=shop, data={"disabled": True}),
    )
    with pytest.raises(FlowOvertaken):
        arrive(shop, state=state)
    assert ended(provider) == ["refresh-1", "access-1"]


def test_a_consent_that_is_overtaken_ends_nothing_that_lives_on(
    oauth_service: Service, make_connection: MakeConnection, shop: Connection, provider: Provider
) -> None:
    """The same account of the same app serves another connection: some services would end both."""
    round_trip(make_connection("shop", link_name="other"))
    state, actor = depart(shop)["state"], Actor.of(shop.created_by)
    while_asked(
        provider,
        lambda: operations.change_connection(actor=actor, connection=shop, data={"disabled": True}),
    )
    with pytest.raises(FlowOvertaken):
        arrive(shop, state=state)
    assert ended(provider) == []


def test_the_same_account_again_is_not_ended(authorised: Grant, provider: Provider) -> None:
    round_trip(authorised.connection)
    assert ended(provider) == []
    assert fresh(authorised).ended_reason == "replaced"


def test_another_account_takes_the_former_ones_access_away(authorised: Grant, provider: Provider) -> None:
    provider.person = person(8)
    round_trip(authorised.connection)
    assert ended(provider) == ["refresh-1", "access-1"]


def test_another_app_takes_the_former_ones_access_away(
    authorised: Grant, oauth_service: Service, owner: User, provider: Provider
) -> None:
    from services import operations as services_operations
    from vault import Secret

    services_operations.set_client(
        actor=Actor.of(owner), service=oauth_service, client_id="newer", client_secret=Secret("its-secret")
    )
    round_trip(Connection.objects.get(pk=authorised.connection_id))
    assert ended(provider) == ["refresh-1", "access-1"]
    assert provider.asked("/revoke")[0].form["client_id"] == "our-app"
