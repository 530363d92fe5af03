"""I5 on the way of a call: ids decide, and a path that begins like an allowed one is another path."""

from collections.abc import Callable

import pytest

from invoke import paths
from people.models import User
from tests.invoke.conftest import Desk, Gateway
from tests.invoke.upstream import Upstream

LINK_NAMES = ("abc", "ab", "abcdef", "abc_", "a_c", "xabc")


def is_made(gateway: Gateway, link_name: str, token: str, **headers: str) -> bool:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    got = gateway.get(f"/invoke/{link_name}/x", token=token, headers=named)
    return got.header("Switchboard-Source") == "upstream"


def test_a_token_calls_the_connection_it_is_narrowed_to_and_none_that_is_called_alike(
    gateway: Gateway, desk: Desk
) -> None:
    made = {link_name: desk.connection(link_name) for link_name in LINK_NAMES}
    for link_name, connection in made.items():
        token = desk.token(connections=[str(connection.pk)])
        assert [other for other in LINK_NAMES if is_made(gateway, other, token)] == [link_name]


def test_a_person_calls_their_own_and_none_that_is_called_alike(
    gateway: Gateway, desk: Desk, make_person: Callable[..., User]
) -> None:
    emails = ("ann@example.com", "ann@example.co", "joann@example.com", "a_n@example.com")
    people = [make_person(email) for email in emails]
    for person, link_name in zip(people, LINK_NAMES, strict=False):
        desk.connection(link_name, created_by=person)
    for person, link_name in zip(people, LINK_NAMES, strict=False):
        token = desk.token(person)
        assert [other for other in LINK_NAMES if is_made(gateway, other, token)] == [link_name]


def test_a_token_acts_for_whom_it_names_and_nobody_whose_address_is_alike(
    gateway: Gateway, desk: Desk, upstream: Upstream, administrator: User, make_person: Callable[..., User]
) -> None:
    emails = ("ann@example.com", "ann@example.co", "joann@example.com", "a_n@example.com", "a%n@example.com")
    connection = desk.connection(credentials_of="login_user", grant={})
    desk.share(connection, None)
    people = {email: make_person(email) for email in emails}
    for email, person in people.items():
        desk.grant(connection, {"X-Api-Key": f"key of {email}"}, user=person)
    for email, person in people.items():
        token = desk.token(administrator, act_for=[str(person.pk)])
        may = [other for other in emails if is_made(gateway, "desk", token, Switchboard_User=other)]
        assert may == [email]
        assert upstream.last.header("X-Api-Key") == f"key of {email}"
        for odd in (f"{email}.", f" {email} x", email.replace("@", "@@"), "%", "_nn@example.com"):
            assert not is_made(gateway, "desk", token, Switchboard_User=odd)


def test_a_connection_allows_paths_below_its_own_and_none_that_begin_alike(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection(rules={"paths": ["/api/v1/abc"]})
    for path in ("/abc", "/abc/", "/abc/def", "/abc%2Fdef", "/%61bc"):
        assert gateway.get(f"/invoke/desk{path}").status == 200, path
    for path in ("/abcdef", "/ab", "/abc.json", "/abc_", "/abc;x", "/abc%20", "/ABC", "/x/abc", "/xabc", ""):
        got = gateway.get(f"/invoke/desk{path}")
        assert (got.status, got.code) == (403, "path_not_allowed"), path
    assert len(upstream.seen) == 5


@pytest.mark.parametrize(
    ("path", "allowed", "is_below"),
    [
        ("/abc", ["/abc"], True),
        ("/abc/d", ["/abc/"], True),
        ("/abcd", ["/abc"], False),
        ("/abcd", ["/abc/"], False),
        ("/abc", ["/abc/d"], False),
        ("/abc", ["/", "/x"], True),
        ("/abc", ["abc"], False),
        ("/a/abc", ["/abc"], False),
    ],
)
def test_a_path_is_below_another_at_a_slash(path: str, allowed: list[str], is_below: bool) -> None:
    assert paths.is_below(path, allowed) is is_below
