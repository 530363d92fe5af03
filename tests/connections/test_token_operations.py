"""Making and revoking API tokens: none may more than the one who makes it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections import api_auth, operations, tokens
from connections.errors import ActingForOthers, TokenNotAllowed, TokenNotFound
from connections.models import ApiToken, Connection
from people.actor import Actor
from people.models import User
from problems import ConfirmationRequired, ValidationFailed
from tests.connections.conftest import MakeConnection, events

pytestmark = pytest.mark.django_db


def make(actor: Actor, **asked: Any) -> ApiToken:
    row, _ = operations.create_token(actor=actor, **({"name": "script", "scopes": ["invoke"]} | asked))
    return row


def through(row: ApiToken) -> Actor:
    return api_auth.actor_of_token(row, ip="127.0.0.1")


def test_makes_a_token_of_ones_own(owner: User) -> None:
    row = make(Actor.of(owner), days=30)
    assert (row.user, row.scopes, row.parent) == (owner, ["invoke"], None)
    assert row.expires_at is not None
    assert abs(row.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert events()[-1] == "token.created"


def test_stores_ids_of_what_it_is_narrowed_to(administrator: User, teammate: User, keyed: Connection) -> None:
    row = make(
        Actor.of(administrator),
        connections=["keyed"],
        methods=["get"],
        networks=["10.0.0.0/8", "192.168.7.4"],
        act_for=["Teammate@Example.com"],
    )
    assert row.rules == {
        "connections": [str(keyed.pk)],
        "methods": ["GET"],
        "networks": ["10.0.0.0/8", "192.168.7.4/32"],
        "act_for": [str(teammate.pk)],
    }


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"connections": ["not_there"]}, "connections"),
        ({"methods": ["GE T"]}, "methods"),
        ({"networks": ["10.0.0.1/8"]}, "networks"),
        ({"networks": ["office"]}, "networks"),
        ({"networks": ["fe80::1%eth0"]}, "networks"),
        ({"days": 0}, "days"),
        ({"days": 99999}, "days"),
        ({"act_for": ["nobody@example.com"]}, "act_for"),
    ],
)
def test_says_what_is_wrong_with_a_token(administrator: User, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make(Actor.of(administrator), **asked)
    assert [error["field"] for error in refused.value.errors] == [field]
    assert not ApiToken.objects.exists()


def test_names_no_connection_that_its_maker_does_not_see(stranger: User, keyed: Connection) -> None:
    with pytest.raises(ValidationFailed):
        make(Actor.of(stranger), connections=["keyed"])


def test_lets_only_administrators_act_for_others(owner: User, teammate: User) -> None:
    with pytest.raises(ActingForOthers):
        make(Actor.of(owner), act_for=[teammate.email])


def test_remembers_that_the_operator_let_a_token_act_for_others(owner: User, teammate: User) -> None:
    row = make(Actor.of(owner), act_for=["*"], is_by_operator=True)
    assert (row.rules["act_for"], row.rules["act_for_by"]) == (["*"], "operator")


def test_asks_a_session_for_a_fresh_sign_in(owner: User) -> None:
    with pytest.raises(ConfirmationRequired):
        make(Actor(user=owner, is_fresh=False))


# --- Never more than its maker --------------------------------------------------------------------------
WIDER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"scopes": ["manage"]}, {"scopes": ["invoke"]}),
    ({"scopes": ["manage"]}, {"scopes": ["invoke", "manage"]}),
    ({"methods": ["GET"]}, {"methods": ["GET", "POST"]}),
    ({"networks": ["10.0.0.0/8"]}, {"networks": ["0.0.0.0/0"]}),
    ({"networks": ["10.0.0.0/8"]}, {"networks": ["::/0"]}),
    ({"act_for": ["teammate@example.com"]}, {"act_for": ["stranger@example.com"]}),
    ({"act_for": ["teammate@example.com"]}, {"act_for": ["*"]}),
    ({}, {"act_for": ["teammate@example.com"]}),
]


@pytest.mark.parametrize(("maker", "asked"), WIDER)
def test_makes_no_token_wider_than_the_token_that_makes_it(
    administrator: User,
    teammate: User,
    stranger: User,
    maker: dict[str, Any],
    asked: dict[str, Any],
) -> None:
    parent = make(Actor.of(administrator), **({"scopes": ["manage"]} | maker))
    with pytest.raises(TokenNotAllowed):
        make(through(parent), **({"scopes": ["manage"]} | asked))
    assert ApiToken.objects.count() == 1


def test_hands_its_own_narrowing_down_where_nothing_is_said(owner: User, keyed: Connection) -> None:
    narrow = {"connections": ["keyed"], "methods": ["GET"], "networks": ["10.0.0.0/8"], "days": 5}
    parent = make(Actor.of(owner), scopes=["manage"], **narrow)
    child = make(through(parent), scopes=["manage"], days=500)
    assert child.rules == parent.rules
    assert child.expires_at == parent.expires_at
    assert child.parent == parent


def test_makes_a_narrower_token(owner: User) -> None:
    parent = make(Actor.of(owner), scopes=["invoke", "manage"], networks=["10.0.0.0/8"])
    child = make(through(parent), scopes=["invoke"], networks=["10.1.0.0/16"], methods=["GET"])
    assert child.rules["networks"] == ["10.1.0.0/16"]


def test_takes_a_network_of_ipv4_in_ipv6_clothes_for_what_it_is(owner: User) -> None:
    parent = make(Actor.of(owner), scopes=["manage"], networks=["::ffff:10.0.0.0/104"])
    assert parent.rules["networks"] == ["10.0.0.0/8"]
    child = make(through(parent), scopes=["manage"], networks=["::ffff:10.1.0.0/112"])
    assert child.rules["networks"] == ["10.1.0.0/16"]


def test_sees_no_connection_beyond_the_tokens_own(
    owner: User, keyed: Connection, make_connection: MakeConnection
) -> None:
    make_connection("keyed", link_name="second")
    parent = make(Actor.of(owner), scopes=["manage"], connections=["keyed"])
    with pytest.raises(ValidationFailed):
        make(through(parent), scopes=["manage"], connections=["keyed", "second"])


# --- Revoking -------------------------------------------------------------------------------------------
def test_revokes_a_token_and_those_made_with_it(owner: User) -> None:
    parent = make(Actor.of(owner), scopes=["manage"])
    child = make(through(parent), scopes=["manage"])
    grandchild = make(through(child), scopes=["manage"])
    operations.revoke_token(actor=Actor.of(owner), token_id=parent.pk)
    assert not operations.find_tokens(actor=Actor.of(owner)).exists()
    for row in (parent, child, grandchild):
        assert tokens.find(tokens.Parsed(row.token_id, row.secret_hash)) is None


def test_revokes_nobody_elses_token(owner: User, stranger: User) -> None:
    row = make(Actor.of(owner))
    with pytest.raises(TokenNotFound):
        operations.revoke_token(actor=Actor.of(stranger), token_id=row.pk)
    assert operations.find_tokens(actor=Actor.of(owner)).count() == 1


def test_lets_an_administrator_revoke_anybodys_token(owner: User, administrator: User) -> None:
    row = make(Actor.of(owner))
    operations.revoke_token(actor=Actor.of(administrator), token_id=row.pk)
    assert not operations.find_tokens(actor=Actor.of(owner)).exists()


def test_shows_a_narrowed_token_only_itself_and_what_it_made(owner: User, keyed: Connection) -> None:
    make(Actor.of(owner), name="other")
    parent = make(Actor.of(owner), scopes=["manage"], connections=["keyed"])
    child = make(through(parent), scopes=["manage"])
    assert set(operations.find_tokens(actor=through(parent))) == {parent, child}


@pytest.mark.parametrize("case", ["expired", "revoked", "disabled"])
def test_finds_no_token_that_is_over(owner: User, case: str) -> None:
    row, _ = operations.create_token(actor=Actor.of(owner), name="script", scopes=["invoke"])
    parsed = tokens.Parsed(row.token_id, row.secret_hash)
    assert tokens.find(parsed) == row
    match case:
        case "expired":
            ApiToken.objects.update(expires_at=timezone.now())
        case "revoked":
            ApiToken.objects.update(revoked_at=timezone.now())
        case _:
            User.objects.filter(pk=owner.pk).update(is_active=False)
    assert tokens.find(parsed) is None
