"""A service with several places names the account's in its callback; a connection is at home in one."""

from typing import Any

import pytest

from connections import operations
from connections.errors import AccountElsewhere
from connections.models import Connection, Grant
from people.actor import Actor
from people.models import AuditEvent, User
from problems import NotAllowed, ValidationFailed
from tests.connections.conftest import (
    MakeConnection,
    MakeService,
    arrive,
    depart,
    events,
    oauth_definition,
    round_trip,
)
from tests.connections.provider import Provider

pytestmark = pytest.mark.django_db

DC = {
    "name": "dc",
    "label": "Data centre",
    "choices": ["example.com", "example.eu"],
    "follow": {"api": {"example.com": "apis.com", "example.eu": "apis.eu"}},
    "callback": {
        "location": {"us": "example.com", "eu": "example.eu"},
        "accounts-server": {"https://accounts.example.eu": "example.eu"},
    },
}


@pytest.fixture
def regional(make_service: MakeService, make_connection: MakeConnection, provider: Provider) -> Connection:
    """A connection in the first of two data centres."""
    make_service("shop", variables=[DC, {"name": "store"}], **oauth_definition(provider))
    return make_connection("shop", variables={"dc": "example.com", "store": "acme"})


@pytest.mark.parametrize(
    "named",
    [
        {"location": "eu"},
        {"accounts-server": "https://accounts.example.eu"},
        {"location": "us", "accounts-server": "https://accounts.example.eu"},
    ],
)
def test_refuses_an_account_of_another_data_centre_and_says_which(
    regional: Connection, provider: Provider, named: dict[str, str]
) -> None:
    with pytest.raises(AccountElsewhere) as refused:
        arrive(regional, state=depart(regional)["state"], **named)
    assert "Data centre: your account is at example.eu" in refused.value.message
    assert "this connection is set to example.com" in refused.value.message
    assert refused.value.extra["choice"] == "example.eu"
    assert provider.asked() == []  # its code belongs to another data centre
    assert not Grant.objects.filter(state=Grant.State.ACTIVE).exists()
    assert "AccountElsewhere" in AuditEvent.objects.get(event="grant.flow_refused").detail


@pytest.mark.parametrize("named", [{}, {"location": "us"}, {"location": "mars"}, {"location": ""}])
def test_takes_an_account_of_the_connections_own_or_of_an_unknown_data_centre(
    regional: Connection, named: dict[str, str]
) -> None:
    grant = arrive(regional, state=depart(regional)["state"], **named)
    assert grant.state == Grant.State.ACTIVE


def test_a_refused_account_leaves_the_grant_that_is_there(regional: Connection) -> None:
    grant = round_trip(regional)
    with pytest.raises(AccountElsewhere):
        arrive(regional, state=depart(regional)["state"], location="eu")
    grant.refresh_from_db()
    assert grant.state == Grant.State.ACTIVE


def test_a_switch_changes_one_variable_with_what_follows_it(regional: Connection, owner: User) -> None:
    round_trip(regional)
    operations.switch_choice(actor=Actor.of(owner), connection=regional, variable="dc", choice="example.eu")
    regional.refresh_from_db()
    assert regional.variables == {"dc": "example.eu", "api": "apis.eu", "store": "acme"}
    assert events()[-2:] == ["connection.changed", "grant.ended"]
    grant = arrive(regional, state=depart(regional)["state"], location="eu")
    assert grant.state == Grant.State.ACTIVE


@pytest.mark.parametrize(("variable", "choice"), [("dc", "example.org"), ("dc", ""), ("other", "x")])
def test_a_switch_takes_one_of_the_choices(
    regional: Connection, owner: User, variable: str, choice: str
) -> None:
    with pytest.raises(ValidationFailed):
        operations.switch_choice(actor=Actor.of(owner), connection=regional, variable=variable, choice=choice)
    regional.refresh_from_db()
    assert regional.variables["dc"] == "example.com"


def test_what_follows_a_choice_is_not_switched_by_itself(regional: Connection, owner: User) -> None:
    operations.switch_choice(actor=Actor.of(owner), connection=regional, variable="api", choice="apis.eu")
    regional.refresh_from_db()
    assert regional.variables["api"] == "apis.com"


def test_a_switch_is_for_those_who_may_edit(regional: Connection, teammate: User) -> None:
    with pytest.raises(NotAllowed):
        operations.switch_choice(
            actor=Actor.of(teammate), connection=regional, variable="dc", choice="example.eu"
        )


@pytest.mark.parametrize(
    "callback",
    [{"location": {"eu": "example.org"}}, {"location": "eu"}, {"": {"eu": "example.eu"}}, "location"],
)
def test_a_callback_names_choices_of_its_variable(make_service: MakeService, callback: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        make_service("shop", auth_type="basic", variables=[DC | {"callback": callback}])
    assert refused.value.errors[0]["field"].startswith("variables.0.callback")
