"""A3: an authorisation link is for one person and one use, and looking at it does nothing."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from connections import links, oauth, operations
from connections.errors import ConnectionDisabled, ConnectionNotFound, LinkNotYours, LinkSpent, NotForYou
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import User
from problems import FlowFailed
from services.models import Service
from tests.connections.conftest import SESSION, MakeConnection, MakeService, oauth_definition
from tests.connections.provider import Provider, Said

pytestmark = pytest.mark.django_db


def token_for(connection: Connection, user: User, *, asked_by: User | None = None) -> str:
    actor = Actor.of(asked_by or connection.created_by)
    address = oauth.link(actor=actor, connection=connection, for_user=user)
    assert address.startswith("http://localhost:8000/authorize/")
    return urlsplit(address).path.split("/")[2]


def test_shows_who_asks_for_what(shop: Connection, owner: User) -> None:
    asked = oauth.pending(actor=Actor.of(owner), token=token_for(shop, owner))
    assert (asked.connection, asked.asked_by, asked.scopes) == (shop, owner, ["read"])
    assert asked.provider_origin.startswith("http://127.0.0.1:")


def test_writes_nothing_when_it_is_made_or_looked_at(shop: Connection, owner: User) -> None:
    oauth.pending(actor=Actor.of(owner), token=token_for(shop, owner))
    assert not Grant.objects.exists()


def test_refuses_another_person(shop: Connection, owner: User, administrator: User) -> None:
    token = token_for(shop, owner)
    with pytest.raises(LinkNotYours) as refused:
        oauth.pending(actor=Actor.of(administrator), token=token)
    assert refused.value.status == 403
    with pytest.raises(LinkNotYours):
        oauth.begin_link(actor=Actor.of(administrator), token=token, session_key=SESSION)
    assert not Grant.objects.exists()


def test_refuses_a_second_use(shop: Connection, owner: User) -> None:
    actor, token = Actor.of(owner), token_for(shop, owner)
    oauth.begin_link(actor=actor, token=token, session_key=SESSION)
    with pytest.raises(LinkSpent) as refused:
        oauth.pending(actor=actor, token=token)
    assert refused.value.status == 410
    with pytest.raises(LinkSpent):
        oauth.begin_link(actor=actor, token=token, session_key=SESSION)


def test_lets_one_of_two_uses_at_the_same_instant_through(shop: Connection, owner: User) -> None:
    """Both have looked already: the row that is there first has it."""
    actor = Actor.of(owner)
    oauth.begin(actor=actor, connection=shop, session_key=SESSION, link_hash="the same")
    with pytest.raises(LinkSpent):
        oauth.begin(actor=actor, connection=shop, session_key=SESSION, link_hash="the same")


def test_lapses(shop: Connection, owner: User) -> None:
    later = timezone.now() + links.LIFE + timedelta(seconds=1)
    with pytest.raises(LinkSpent):
        oauth.pending(actor=Actor.of(owner), token=token_for(shop, owner), now=later)


@pytest.mark.parametrize("change", ["", "x", "AAAA"])
def test_refuses_a_link_that_is_not_ours(shop: Connection, owner: User, change: str) -> None:
    token = token_for(shop, owner)
    forged = change + token if change else token[:-1] + ("A" if token[-1] != "A" else "B")
    for text in (forged, "", ".", "a.b", "ü.ü"):
        with pytest.raises(LinkSpent):
            oauth.pending(actor=Actor.of(owner), token=text)


def test_gives_no_right_that_its_person_lacks(shop: Connection, stranger: User) -> None:
    with pytest.raises(ConnectionNotFound):
        oauth.pending(actor=Actor.of(stranger), token=token_for(shop, stranger))


def test_connects_no_owner_account_for_somebody_who_only_uses_it(
    oauth_service: Service, make_connection: MakeConnection, teammate: User
) -> None:
    shared = make_connection("shop", audience="everyone")
    with pytest.raises(NotForYou):
        oauth.pending(actor=Actor.of(teammate), token=token_for(shared, teammate))


def test_is_refused_while_the_connection_is_disabled(shop: Connection, owner: User) -> None:
    token = token_for(shop, owner)
    operations.disable(actor=Actor.of(owner), connection=shop)
    with pytest.raises(ConnectionDisabled):
        oauth.pending(actor=Actor.of(owner), token=token)


def test_is_not_used_up_when_the_service_could_not_be_asked(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider, owner: User
) -> None:
    """OAuth 1 asks for a request token before anybody is sent there."""
    make_service(
        "flaky",
        auth_type="oauth1",
        param_type="header",
        base_url=provider.url,
        oauth1={
            "request_token_url": f"{provider.url}/token",
            "authorize_url": f"{provider.url}/authorize",
            "access_token_url": f"{provider.url}/token",
            "consumer_key": "key",
            "consumer_secret": "secret",
        },
    )
    connection = make_connection("flaky")
    actor, token = Actor.of(owner), token_for(connection, owner)
    provider.say(Said(500, {}))
    with pytest.raises(FlowFailed):
        oauth.begin_link(actor=actor, token=token, session_key=SESSION)
    assert not Grant.objects.exists()
    confirmed = b"oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true"
    provider.say(Said(200, confirmed, {"Content-Type": "application/x-www-form-urlencoded"}))
    redirect = oauth.begin_link(actor=actor, token=token, session_key=SESSION)
    assert redirect.url == f"{provider.url}/authorize?oauth_token=t"


def test_cannot_be_made_to_name_another_service_than_the_records(
    make_service: MakeService, make_connection: MakeConnection, provider: Provider
) -> None:
    """A9: the callback comes from the settings."""
    make_service("other", **oauth_definition(provider))
    connection = make_connection("other")
    redirect = oauth.begin(actor=Actor.of(connection.created_by), connection=connection, session_key=SESSION)
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A8000%2Foauth%2Fcallback%2Fother" in redirect.url
