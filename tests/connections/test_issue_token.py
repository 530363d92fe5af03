"""``manage.py issue_token``."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from connections import tokens
from connections.models import ApiToken, Connection
from people.models import User

pytestmark = pytest.mark.django_db


def issue(*options: str) -> str:
    said = StringIO()
    call_command("issue_token", *options, stdout=said)
    return said.getvalue()


def test_prints_the_token_alone(owner: User) -> None:
    said = issue("--user", "owner@example.com", "--name", "nightly")
    assert said.count("\n") == 1
    parsed = tokens.parse(said.strip())
    assert parsed
    row = tokens.find(parsed)
    assert row
    assert (row.user, row.name, row.scopes) == (owner, "nightly", ["invoke"])
    assert (row.rules["connections"], row.expires_at) == (None, None)


def test_takes_scopes_connections_people_and_days(owner: User, teammate: User, keyed: Connection) -> None:
    issue(
        *("--user", "Owner@example.com", "--name", "x", "--scope", "invoke", "--scope", "manage"),
        *("--connection", "keyed", "--act-for", "teammate@example.com", "--days", "3"),
    )
    row = ApiToken.objects.get()
    assert row.scopes == ["invoke", "manage"]
    assert row.rules["connections"] == [str(keyed.pk)]
    assert row.rules["act_for"] == [str(teammate.pk)]
    assert row.expires_at


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--user", "nobody@example.com", "--name", "x"], "no active person"),
        (["--user", "owner@example.com", "--name", " "], "Enter a name"),
        (["--user", "owner@example.com", "--name", "x", "--connection", "absent"], "no connection"),
        (["--user", "owner@example.com", "--name", "x", "--act-for", "who@example.com"], "nobody here"),
        (["--user", "owner@example.com", "--name", "x", "--days", "0"], "days"),
        (["--user", "owner@example.com", "--name", "x", "--scope", "root"], "invalid choice"),
    ],
)
def test_says_what_is_wrong_and_makes_none(owner: User, options: list[str], said: Any) -> None:
    with pytest.raises(CommandError, match=said):
        issue(*options)
    assert not ApiToken.objects.exists()
