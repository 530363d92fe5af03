"""Switchboard's own connection: read-only, for administrators, made when the first one signs in."""

from collections.abc import Callable

import pytest

from connections import access, api_auth, operations, tokens
from connections.errors import ConnectionNotFound, TokenNotAllowed
from connections.models import ApiToken, Connection, Grant
from connections.status import Code, status_of
from people.actor import Actor
from people.models import Role, User
from people.signals import administrator_signed_in
from services.models import Service, ServiceAuth
from tests.connections.conftest import secrets_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_service(db: None) -> Service:
    """As the catalogue has it."""
    service = Service.objects.create(
        link_name="switchboard",
        name="Switchboard",
        kind="default",
        is_builtin=True,
        base_url="{public_url}/api/v1",
        hosts=["{public_url}"],
    )
    params = [{"key": "Authorization", "display_name": "API token", "prefix": "Bearer "}]
    ServiceAuth.objects.create(
        service=service, name="api_key", auth_type="api_key", param_type="header", config={"params": params}
    )
    return service


@pytest.fixture
def own(own_service: Service, administrator: User) -> Connection:
    connection = operations.ensure_internal_connection(actor=Actor.of(administrator))
    assert connection
    return connection


def token_in(connection: Connection) -> ApiToken | None:
    grant = Grant.objects.get(connection=connection, state=Grant.State.ACTIVE)
    parsed = tokens.parse(secrets_of(grant)["Authorization"])
    assert parsed
    return tokens.find(parsed)


def test_appears_when_an_administrator_signs_in(own_service: Service, administrator: User) -> None:
    for _ in range(2):
        administrator_signed_in.send(sender=User, actor=Actor.of(administrator))
    own = Connection.objects.get()
    assert (own.link_name, own.made_by, own.rules) == ("switchboard", "switchboard", {"methods": ["GET"]})
    assert status_of(own, Actor.of(administrator)).is_connected


def test_calls_with_a_token_that_reads_and_no_more(own: Connection, administrator: User) -> None:
    token = token_in(own)
    assert token
    assert (token.user, token.scopes, token.rules["methods"]) == (administrator, ["manage"], ["GET"])


def test_shows_its_token_in_no_list(own: Connection, administrator: User) -> None:
    assert not operations.find_tokens(actor=Actor.of(administrator)).exists()


def test_is_for_every_administrator_and_nobody_else(
    own: Connection, owner: User, make_person: Callable[..., User]
) -> None:
    second = make_person("second@example.com", Role.ADMINISTRATOR)
    assert access.may_use(Actor.of(second), own)
    assert not access.may_use(Actor.of(owner), own)
    with pytest.raises(ConnectionNotFound):
        access.get(actor=Actor.of(owner), link_name="switchboard")
    assert list(access.internal(Actor.of(second))) == [own]
    assert not access.shared(Actor.of(second)).exists()


def test_stops_with_its_administrators_role(own: Connection, administrator: User) -> None:
    administrator.role = Role.MEMBER
    administrator.save()
    assert not access.may_use(Actor.of(administrator), own)


def test_makes_a_new_token_when_it_is_reconnected(own: Connection, make_person: Callable[..., User]) -> None:
    before = token_in(own)
    assert before
    second = make_person("second@example.com", Role.ADMINISTRATOR)
    operations.connect(actor=Actor.of(second), connection=own)
    after = token_in(own)
    assert after
    assert after.user == second
    assert tokens.find(tokens.Parsed(before.token_id, before.secret_hash)) is None


def test_ends_its_token_when_it_is_revoked(own: Connection, administrator: User) -> None:
    token = token_in(own)
    assert token
    operations.revoke_connection(actor=Actor.of(administrator), connection=own)
    assert tokens.find(tokens.Parsed(token.token_id, token.secret_hash)) is None
    assert status_of(own, Actor.of(administrator)).code is Code.REVOKED


def test_stays_away_once_it_was_deleted(own: Connection, administrator: User) -> None:
    actor = Actor.of(administrator)
    operations.delete_connection(actor=actor, connection=own, confirm="switchboard")
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert operations.ensure_internal_connection(actor=actor) is None
    assert not Connection.objects.exists()


def test_waits_for_its_service(administrator: User) -> None:
    assert operations.ensure_internal_connection(actor=Actor.of(administrator)) is None


def test_is_made_for_no_builder(own_service: Service, owner: User) -> None:
    assert operations.ensure_internal_connection(actor=Actor.of(owner)) is None


def test_gives_its_token_no_right_to_write(own: Connection) -> None:
    token = token_in(own)
    assert token
    with pytest.raises(TokenNotAllowed):
        api_auth._check_rules(token, "POST", "127.0.0.1")
