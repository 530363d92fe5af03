"""I1 and I2: who sees, uses, edits and connects what."""

from uuid import uuid4

import pytest

from connections import access
from connections.errors import ConnectionNotFound, NotYourConnection
from connections.models import Access, Connection
from people.actor import Actor
from people.models import User
from services.models import Service
from tests.connections.conftest import MakeConnection

pytestmark = pytest.mark.django_db

RIGHTS = {
    "see": lambda actor, connection: access.visible(actor).filter(pk=connection.pk).exists(),
    "use": access.may_use,
    "edit": access.may_edit,
    "connect": access.may_connect,
}


def rights(user: User, connection: Connection) -> set[str]:
    return {name for name, may in RIGHTS.items() if may(Actor.of(user), connection)}


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("owner", {"see", "use", "edit", "connect"}),
        ("administrator", {"see", "edit", "connect"}),
        ("teammate", set()),
        ("stranger", set()),
    ],
)
def test_keeps_a_private_connection_to_its_creator(
    request: pytest.FixtureRequest, keyed: Connection, who: str, expected: set[str]
) -> None:
    assert rights(request.getfixturevalue(who), keyed) == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("owner", {"see", "use", "edit", "connect"}),
        ("administrator", {"see", "use", "edit", "connect"}),
        ("stranger", {"see", "use"}),
    ],
)
def test_lets_everyone_use_a_shared_connection_and_not_change_it(
    request: pytest.FixtureRequest,
    key_service: Service,
    make_connection: MakeConnection,
    who: str,
    expected: set[str],
) -> None:
    shared = make_connection("keyed", audience="everyone")
    assert rights(request.getfixturevalue(who), shared) == expected


def test_lets_each_user_connect_their_own_credentials(
    key_service: Service, make_connection: MakeConnection, stranger: User
) -> None:
    shared = make_connection("keyed", credentials_of="login_user")
    assert rights(stranger, shared) == {"see", "use", "connect"}


def test_lets_an_administrator_connect_their_own_only_where_included(
    key_service: Service, make_connection: MakeConnection, administrator: User
) -> None:
    private = make_connection("keyed", credentials_of="login_user", audience="private")
    assert rights(administrator, private) == {"see", "edit"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"can_use": True}, {"see", "use"}),
        ({"can_use": False}, {"see"}),
        ({"can_use": False, "can_edit": True}, {"see", "edit", "connect"}),
    ],
)
def test_keeps_the_rights_apart(
    keyed: Connection, teammate: User, given: dict[str, bool], expected: set[str]
) -> None:
    Access.objects.create(connection=keyed, user=teammate, **given)
    assert rights(teammate, keyed) == expected


def test_answers_the_same_for_foreign_and_for_absent(keyed: Connection, stranger: User) -> None:
    said = []
    for link_name in ("keyed", "absent", "key", "keyed_"):
        with pytest.raises(ConnectionNotFound) as refused:
            access.get(actor=Actor.of(stranger), link_name=link_name)
        said.append(refused.value.as_problem())
    assert said == [said[0]] * len(said)


def test_refuses_to_edit_what_one_only_sees(
    key_service: Service, make_connection: MakeConnection, stranger: User
) -> None:
    make_connection("keyed", audience="everyone")
    with pytest.raises(NotYourConnection):
        access.get_editable(actor=Actor.of(stranger), link_name="storefront")


def test_narrows_everything_to_the_tokens_connections(
    keyed: Connection, make_connection: MakeConnection, administrator: User, owner: User
) -> None:
    make_connection("keyed", link_name="second")
    for user in (owner, administrator):
        actor = Actor(user=user, token_id=uuid4(), connection_ids=frozenset({keyed.pk}))
        assert [found.link_name for found in access.visible(actor)] == ["keyed"]
        second = Connection.objects.get(link_name="second")
        assert not access.may_edit(actor, second)
        assert not access.may_use(actor, second)
    nothing = Actor(user=owner, token_id=uuid4(), connection_ids=frozenset())
    assert not access.visible(nothing).exists()


def test_sorts_connections_into_lists(
    key_service: Service,
    make_connection: MakeConnection,
    owner: User,
    administrator: User,
    teammate: User,
) -> None:
    make_connection("keyed", link_name="private_one")
    make_connection("keyed", link_name="shared_one", audience="everyone")
    make_connection("keyed", link_name="admins", by=administrator)

    def names(user: User) -> list[list[str]]:
        lists = (access.mine, access.shared, access.internal)
        return [sorted(row.link_name for row in found(Actor.of(user))) for found in lists]

    assert names(owner) == [["private_one", "shared_one"], [], []]
    assert names(teammate) == [[], ["shared_one"], []]
    assert names(administrator) == [["admins"], ["shared_one"], []]


def test_takes_nothing_for_granted_of_a_role_that_was_lost(keyed: Connection, administrator: User) -> None:
    administrator.role = "member"
    administrator.save()
    assert rights(administrator, keyed) == set()
