"""A server on ``::`` tells of an IPv4 caller in IPv6 clothes, and both doors know them all the same."""

import json
from collections.abc import Generator

import pytest

from config import first_start
from invoke.models import Call
from people.models import AuditEvent, Throttle, User
from tests.invoke.conftest import Desk, Gateway, Recorded, serving
from tests.invoke.upstream import Upstream
from vault import digest


@pytest.fixture
def everywhere(transactional_db: None, loopback_allowed: None) -> Generator[Gateway]:
    """The server as it ships with ``HOST=::``; ``Gateway`` calls it by IPv4."""
    listener = first_start.listen("::", 0)
    listener.listen()
    with serving(listener) as started:
        yield started


@pytest.fixture
def desk(everywhere: Gateway, owner: User, upstream: Upstream) -> Desk:
    made = Desk(owner, upstream)
    made.connection()
    return made


def test_a_token_for_ipv4_networks_works_at_both_doors(everywhere: Gateway, desk: Desk) -> None:
    scopes = ["invoke", "manage"]
    here = desk.token(scopes=scopes, networks=["127.0.0.0/8"])
    clothed = desk.token(scopes=scopes, networks=["::ffff:127.0.0.0/104"])
    away = desk.token(scopes=scopes, networks=["10.0.0.0/8"])
    for token, status in ((here, 200), (clothed, 200), (away, 403)):
        for path in ("/invoke/desk/x", "/api/v1/connections"):
            assert everywhere.get(path, token=token).status == status, path


def test_a_call_is_recorded_with_the_address_as_it_is(
    everywhere: Gateway, desk: Desk, recorded: Recorded
) -> None:
    assert everywhere.get("/invoke/desk/x", token=desk.token()).status == 200
    recorded()
    assert Call.objects.get().ip == "127.0.0.1"


def test_an_act_is_audited_with_the_address_as_it_is(everywhere: Gateway, desk: Desk) -> None:
    body = json.dumps({"name": "another"}).encode()
    made = everywhere.send("POST", "/api/v1/tokens", body, token=desk.token(scopes=["invoke", "manage"]))
    assert made.status == 201
    assert AuditEvent.objects.latest("sequence").ip == "127.0.0.1"


def test_guesses_at_both_doors_are_counted_together_and_for_their_address_alone(
    everywhere: Gateway, desk: Desk
) -> None:
    for path in ("/invoke/desk/x", "/api/v1/connections"):
        assert everywhere.get(path, token="swb_guess").status == 401
    counted = list(Throttle.objects.filter(scope="token").values_list("key", flat=True))
    assert len(set(counted)) == 1
    assert counted[0] == digest("127.0.0.1")
