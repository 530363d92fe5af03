"""A caller learns that a service was not reached, and nothing of what stands where it is not."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from invoke.models import Call
from outbound.resolver import RESOLVER
from people.models import Role, User
from tests.invoke.conftest import Desk, Gateway, Got, Recorded

NAMES = {
    "private.test": ["10.0.0.7"],
    "metadata.test": ["169.254.169.254"],
    "mixed.test": ["93.184.216.34", "192.168.0.1"],
    "ours.test": ["::ffff:10.0.0.7"],
}


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Knows a few names, and no others."""

    def answer(host: str) -> list[str]:
        if host not in NAMES:
            raise OSError(-2, "Name or service not known")
        return NAMES[host]

    monkeypatch.setattr(RESOLVER, "_lookup", answer)


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that nobody listens on, and nobody gets."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def deaf() -> Iterator[int]:
    """The port of a server that hangs up at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_hang_up, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _hang_up(listener: socket.socket) -> None:
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


@pytest.fixture
def callers(desk: Desk, administrator: User, make_person: Callable[..., User]) -> list[str]:
    """Tokens of a member, a builder and an administrator."""
    member = make_person("member@example.com", Role.MEMBER)
    return [desk.token(member), desk.token(), desk.token(administrator)]


def told(gateway: Gateway, desk: Desk, callers: list[str], base_urls: list[str]) -> list[Got]:
    """What each of the callers hears of each of the services."""
    answers: list[Got] = []
    for number, base_url in enumerate(base_urls):
        link_name = f"service_at_{number}"
        hosts = [base_url.partition("://")[2]]
        desk.share(desk.connection(link_name, service={"base_url": base_url, "hosts": hosts}))
        answers += [gateway.get(f"/invoke/{link_name}/x", token=token) for token in callers]
    return answers


def is_alike(answers: list[Got]) -> bool:
    """The same to the last byte, but for the call's id."""
    heads = {
        (
            got.status,
            *sorted((name, value) for name, value in got.headers if name.lower() != "switchboard-call"),
        )
        for got in answers
    }
    return len({got.body for got in answers}) == len(heads) == 1


def recorded_alike() -> bool:
    """Of what a caller may read of their calls afterwards."""
    told = Call.objects.order_by().values_list(
        "status", "code", "attempts", "request_bytes", "response_bytes"
    )
    return told.distinct().count() == 1


def test_a_closed_port_a_name_that_is_none_and_a_peer_that_is_odd_read_the_same(
    gateway: Gateway,
    desk: Desk,
    callers: list[str],
    name_server: None,
    closed: int,
    deaf: int,
    recorded: Recorded,
) -> None:
    addresses = [
        f"http://127.0.0.1:{closed}",
        f"https://127.0.0.1:{closed}",
        "https://no-such-name.test",
        f"http://127.0.0.1:{deaf}",
        f"https://127.0.0.1:{deaf}",
    ]
    answers = told(gateway, desk, callers, addresses)
    assert (answers[0].status, answers[0].code) == (502, "upstream_unreachable")
    assert is_alike(answers), [got.body for got in answers]
    recorded(len(answers))
    assert recorded_alike()


def test_an_address_that_calls_may_not_reach_reads_the_same_whatever_is_there(
    gateway: Gateway, desk: Desk, callers: list[str], name_server: None, recorded: Recorded
) -> None:
    """None of them is dialled: the wall around the tests would say so."""
    answers = told(gateway, desk, callers, [f"https://{name}" for name in NAMES])
    assert (answers[0].status, answers[0].code) == (403, "address_not_allowed")
    assert is_alike(answers), [got.body for got in answers]
    recorded(len(answers))
    assert recorded_alike()
