"""Work beside the loop: by whom, how much of it waits, and what becomes of it."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from invoke.aside import AT_ONCE_BYTES, SHORT_BYTES, Aside
from invoke.errors import TooMuchAtOnce

LOOP = threading.main_thread().name


def thread_name() -> str:
    return threading.current_thread().name


class Gate:
    """Work that begins, says so, and ends when it is let."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.may_end.wait(10)
        return thread_name()


async def begun(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.begun.wait, 10)


async def test_what_is_small_is_done_at_once() -> None:
    here = thread_name()
    assert await Aside().do(thread_name, AT_ONCE_BYTES) == here
    assert await Aside().do(thread_name, AT_ONCE_BYTES + 1) != here


async def test_what_is_short_does_not_wait_for_what_is_long() -> None:
    aside, gate = Aside(), Gate()
    long = asyncio.create_task(aside.do(gate, SHORT_BYTES + 1))
    await begun(gate)
    assert await aside.do(thread_name, SHORT_BYTES) != LOOP
    gate.may_end.set()
    assert await long != await aside.do(thread_name, SHORT_BYTES)


async def test_the_loop_goes_on_meanwhile() -> None:
    aside, gate = Aside(), Gate()
    work = asyncio.create_task(aside.do(gate, SHORT_BYTES))
    await begun(gate)
    await asyncio.sleep(0)
    assert not work.done()
    gate.may_end.set()
    await work


async def test_raises_what_the_work_raises() -> None:
    def fail() -> None:
        raise ValueError("of its own")

    aside = Aside(most=1)
    for _ in range(3):  # and keeps no place
        with pytest.raises(ValueError, match="of its own"):
            await aside.do(fail, SHORT_BYTES)


@pytest.mark.parametrize("aside", [Aside(most=2), Aside(most_bytes=5 * SHORT_BYTES)], ids=["number", "bytes"])
async def test_refuses_more_than_it_keeps_and_takes_more_when_there_is_room(aside: Aside) -> None:
    gate = Gate()
    kept = [asyncio.create_task(aside.do(gate, 2 * SHORT_BYTES)) for _ in range(2)]
    await begun(gate)
    with pytest.raises(TooMuchAtOnce) as raised:
        await aside.do(thread_name, 2 * SHORT_BYTES)
    assert (raised.value.status, raised.value.headers()) == (503, {"Retry-After": "1"})
    assert await aside.do(thread_name, AT_ONCE_BYTES) == thread_name()
    gate.may_end.set()
    await asyncio.gather(*kept)
    assert await aside.do(thread_name, 2 * SHORT_BYTES)


async def test_an_answer_waits_instead_of_being_refused() -> None:
    aside, gate = Aside(most=1), Gate()
    first = asyncio.create_task(aside.do(gate, SHORT_BYTES))
    await begun(gate)
    second = asyncio.create_task(aside.do(thread_name, SHORT_BYTES, may_refuse=False))
    await asyncio.sleep(0)
    gate.may_end.set()
    assert await first == await second


async def test_who_leaves_gives_the_place_up() -> None:
    aside, gate = Aside(most=2), Gate()
    done: list[str] = []
    work: Callable[[], None] = lambda: done.append("never")  # noqa: E731
    first = asyncio.create_task(aside.do(gate, SHORT_BYTES))
    await begun(gate)
    second = asyncio.create_task(aside.do(work, SHORT_BYTES))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    third = asyncio.create_task(aside.do(thread_name, SHORT_BYTES))
    await asyncio.sleep(0)
    gate.may_end.set()
    await asyncio.gather(first, third)
    assert done == []
