"""Names that hang hold up the calls to their own domain, and nobody else."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from outbound.errors import UpstreamUnreachable
from outbound.resolver import MOST, MOST_OF_A_DOMAIN, Resolver, domain_of


class NameServer:
    """Answers for most names; for those below ``hangs`` only once it is told to."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def __call__(self, host: str) -> list[str]:
        with self._lock:
            self.asked.append(host)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        if "hangs" in host:
            self.released.wait(20)
        with self._lock:
            self._at_once -= 1
        return ["127.0.0.1"]


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.released.set()


async def asking(resolver: Resolver, names: list[str]) -> list[asyncio.Task[object]]:
    """Callers that have asked, and wait."""
    tasks = [asyncio.create_task(resolver(name)) for name in names]
    await asyncio.sleep(0)
    return list(tasks)


async def leave(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("number", [256, 1000])
async def test_names_that_hang_under_the_wildcards_of_one_service_hold_up_no_other(
    server: NameServer, number: int
) -> None:
    """``*.evil.test``, ``*.a.evil.test``, ``*.b.a.evil.test``: a label more costs nobody anything."""
    below = ["", "a.", "b.", "b.a.", "c.b.a."]
    names = [f"hangs{each}.{below[each % len(below)]}evil.test" for each in range(number)]
    resolver = Resolver(server)
    stuck = await asking(resolver, names)
    async with asyncio.timeout(5):
        assert [str(address) for address in await resolver("api.good.test")] == ["127.0.0.1"]
    assert server.most_at_once <= MOST_OF_A_DOMAIN + 1
    assert not any(task.done() for task in stuck), "they wait: nobody refused them"
    await leave(stuck)


async def test_many_domains_that_hang_leave_room_for_another(server: NameServer) -> None:
    resolver = Resolver(server)
    stuck = await asking(
        resolver, [f"hangs{name}.evil{domain}.test" for name in range(30) for domain in range(100)]
    )
    async with asyncio.timeout(5):
        for number in range(3):
            await resolver(f"api.good{number}.test")
    await leave(stuck)


async def test_all_get_their_turn(server: NameServer) -> None:
    resolver = Resolver(server)
    names = [f"hangs{number}.slow.test" for number in range(300)]
    waiting = await asking(resolver, names)
    server.released.set()
    async with asyncio.timeout(10):
        found = await asyncio.gather(*waiting)
    assert len(found) == 300
    assert sorted(server.asked) == sorted(names)
    assert server.most_at_once <= MOST_OF_A_DOMAIN


async def test_with_every_thread_stuck_the_next_waits_for_one(server: NameServer) -> None:
    resolver = Resolver(server)
    stuck = await asking(resolver, [f"api.hangs{number}.test" for number in range(MOST)])
    next_one = (await asking(resolver, ["api.good.test"]))[0]
    while len(server.asked) < MOST:  # the threads are at it, and need no loop
        threading.Event().wait(0.001)
    assert "api.good.test" not in server.asked
    server.released.set()
    async with asyncio.timeout(10):
        await next_one
        await asyncio.gather(*stuck)
    assert server.most_at_once <= MOST


async def test_what_nobody_waits_for_any_more_is_not_looked_up(server: NameServer) -> None:
    resolver = Resolver(server)
    names = [f"hangs{number}.slow.test" for number in range(MOST_OF_A_DOMAIN + 10)]
    waiting = await asking(resolver, names)
    patient = await asking(resolver, names[-1:])
    await leave(waiting)
    server.released.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*patient)
    assert set(server.asked) == {*names[:MOST_OF_A_DOMAIN], names[-1]}


async def test_a_caller_who_leaves_late_takes_nobody_elses_turn(server: NameServer) -> None:
    """A look-up is over, and one for the same name waits, before the first one's caller has heard of it."""
    resolver = Resolver(server)
    first = (await asking(resolver, ["api.slow.test"]))[0]
    while resolver._searches:  # its thread is done, and this loop has not run since
        threading.Event().wait(0.001)
    names = [f"hangs{number}.slow.test" for number in range(MOST_OF_A_DOMAIN)]
    others = await asking(resolver, [*names, "api.slow.test"])
    await first
    server.released.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*others)


async def test_a_machine_without_threads_is_told_and_loses_no_place(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver(server)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        for _ in range(MOST + 1):
            with pytest.raises(UpstreamUnreachable):
                await resolver("api.good.test")
    async with asyncio.timeout(5):
        await resolver("api.good.test")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("api.example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("example.com", "example.com"),
        ("intranet", "intranet"),
        ("api.shop.co.uk", "shop.co.uk"),
        ("a.api.shop.com.au", "shop.com.au"),
        ("co.uk", "co.uk"),
        ("api.abc.io", "abc.io"),
        ("api.net.example", "net.example"),
    ],
)
def test_a_domain_is_what_somebody_paid_for(host: str, domain: str) -> None:
    assert domain_of(host) == domain


async def test_a_name_is_looked_up_once_however_many_ask_at_once() -> None:
    asked: list[str] = []
    go = threading.Event()

    def answer(host: str) -> list[str]:
        asked.append(host)
        go.wait(5)
        return ["127.0.0.1"]

    resolver = Resolver(answer)
    waiting = [asyncio.create_task(resolver("api.test")) for _ in range(20)]
    impatient = asyncio.create_task(resolver("api.test"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    go.set()

    assert len({tuple(map(str, found)) for found in await asyncio.gather(*waiting)}) == 1
    assert asked == ["api.test"]
    assert [str(ip) for ip in await resolver("api.test")] == ["127.0.0.1"]
    assert len(asked) == 2
