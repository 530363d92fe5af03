"""What a request for a page meets first: its body is bounded, and so is the number of those under way."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from config.door import Bodies, Door
from config.lanes import Lanes
from problems import InvalidInput

Message = dict[str, Any]


async def answers_204(_: Message, receive: Any, send: Any) -> None:
    assert (await receive())["more_body"] is False
    await send({"type": "http.response.start", "status": 204})


class Asked:
    """A request whose body comes in pieces, when they are sent: ``b""`` is the last."""

    def __init__(self, door: Door, *headers: tuple[bytes, bytes], method: str = "POST") -> None:
        self.pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.said: list[Message] = []
        self.read = 0
        scope = {"type": "http", "method": method, "path": "/", "headers": list(headers)}
        self.task = asyncio.create_task(door(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        piece = await self.pieces.get()
        if isinstance(piece, Exception):
            raise piece
        if piece is None:
            return {"type": "http.disconnect"}
        self.read += len(piece)
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    async def _send(self, message: Mapping[str, Any]) -> None:
        self.said.append(dict(message))

    def sends(self, *pieces: bytes | Exception | None) -> "Asked":
        for piece in pieces:
            self.pieces.put_nowait(piece)
        return self

    async def status(self) -> int:
        await self.task
        return int(self.said[0]["status"])

    @property
    def code(self) -> str:
        return str(json.loads(self.said[1]["body"])["code"])


def door(
    app: Any = answers_204, *, most: int = 9, wait_s: float = 5, held: int = 10**6, most_bytes: int = 10
) -> Door:
    return Door(
        app, lanes=Lanes("test", most=most, wait_s=wait_s), bodies=Bodies(held), most_bytes=most_bytes
    )


# --- Bodies -------------------------------------------------------------------------------------------
async def test_a_body_is_read_up_to_the_bound_whoever_sends_it() -> None:
    whole = Asked(door()).sends(b"a" * 6, b"a" * 4, b"")
    assert (await whole.status(), whole.read) == (204, 10)
    larger = Asked(door()).sends(b"a" * 6, b"a" * 5, b"a" * 1000, b"")
    assert (await larger.status(), larger.read, larger.code) == (413, 11, "payload_too_large")


async def test_a_length_over_the_bound_is_refused_before_any_byte() -> None:
    assert await Asked(door(), (b"content-length", b"10")).sends(b"a" * 10, b"").status() == 204
    refused = Asked(door(), (b"content-length", b"11")).sends(b"a" * 11, b"")
    assert (await refused.status(), refused.read) == (413, 0)
    head = Asked(door(), (b"content-length", b"11"), method="HEAD")
    assert await head.status() == 413
    assert head.said[1]["body"] == b""


async def test_no_body_at_all_where_none_is_taken() -> None:
    assert await Asked(door(most_bytes=0)).sends(b"").status() == 204
    assert await Asked(door(most_bytes=0)).sends(b"a", b"").status() == 413


async def test_what_a_body_failed_with_is_the_answer() -> None:
    failed = Asked(door()).sends(b"a", InvalidInput())
    assert (await failed.status(), failed.code) == (400, "invalid_request")


async def test_a_caller_who_hangs_up_amid_the_body_reaches_nobody() -> None:
    gone = Asked(door()).sends(b"a", None)
    await gone.task
    assert gone.said == []


async def test_a_caller_who_is_cut_after_the_body_has_gone_like_any_other() -> None:
    heard = asyncio.Queue[Message]()

    async def listens(_: Message, receive: Any, send: Any) -> None:
        for _each in range(2):
            heard.put_nowait(await receive())

    await Asked(door(listens)).sends(b"body", b"", InvalidInput()).task
    assert heard.get_nowait() == {"type": "http.request", "body": b"body", "more_body": False}
    assert heard.get_nowait() == {"type": "http.disconnect"}


async def test_the_body_that_began_first_goes_where_all_of_them_are_too_much() -> None:
    shared = door(held=25)
    first, second, third = (Asked(shared).sends(b"a" * 8) for _ in range(3))
    assert await until(lambda: first.read + second.read + third.read == 24)
    fourth = Asked(shared).sends(b"a" * 8)
    assert (await first.status(), first.code) == (503, "unavailable")
    for other in (second, third, fourth):
        assert await other.sends(b"").status() == 204
    assert await Asked(shared).sends(b"a" * 10, b"").status() == 204, "what went is no longer counted"


# --- Places -------------------------------------------------------------------------------------------
class Work:
    """An application that keeps a thread busy until it is told."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.finish = threading.Event()
        self.threads = set[int]()

    async def __call__(self, _: Message, receive: Any, send: Any) -> None:
        await receive()
        await sync_to_async(self._work)()
        await send({"type": "http.response.start", "status": 204})

    def _work(self) -> None:
        self.threads.add(threading.get_ident())
        self.begun.release()
        self.finish.wait(10)

    async def has_begun(self, number: int) -> None:
        for _ in range(number):
            assert await asyncio.to_thread(self.begun.acquire, timeout=10)


async def until(is_so: Callable[[], bool]) -> bool:
    """Soon, or never."""
    for _ in range(500):
        if is_so():
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.fixture
def work() -> Work:
    return Work()


async def test_more_than_so_many_wait_and_then_hear_a_problem(work: Work) -> None:
    busy = door(work, most=2, wait_s=0.1)
    under_way = [Asked(busy).sends(b"") for _ in range(2)]
    await work.has_begun(2)
    late, head = Asked(busy).sends(b""), Asked(busy, method="HEAD").sends(b"")
    assert (await late.status(), await head.status(), late.code) == (503, 503, "unavailable")
    assert (b"retry-after", b"1") in late.said[0]["headers"]
    assert head.said[1]["body"] == b""
    work.finish.set()
    assert [await each.status() for each in under_way] == [204, 204]
    assert await Asked(busy).sends(b"").status() == 204


async def test_whoever_waits_gets_the_place_that_is_left(work: Work) -> None:
    busy = door(work, most=1)
    first, second = Asked(busy).sends(b""), Asked(busy).sends(b"")
    await work.has_begun(1)
    work.finish.set()
    assert (await first.status(), await second.status()) == (204, 204)
    assert len(work.threads) == 1, "the thread is kept"


async def test_bodies_that_do_not_come_take_no_place() -> None:
    only = door(most=1, wait_s=0.1)
    waiting = [Asked(only).sends(b"a") for _ in range(50)]
    assert await until(lambda: all(each.read for each in waiting))
    assert await Asked(only).sends(b"").status() == 204
    assert {await each.sends(b"").status() for each in waiting} == {204}


async def test_a_place_is_left_when_the_thread_is_done_and_not_when_the_caller_has_gone(work: Work) -> None:
    only = door(work, most=1, wait_s=0.1)
    gone = Asked(only).sends(b"")
    await work.has_begun(1)
    gone.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone.task
    assert await Asked(only).sends(b"").status() == 503
    work.finish.set()
    assert await until(lambda: only._lanes._free.locked() is False)
    assert await Asked(only).sends(b"").status() == 204


async def test_a_request_that_fails_leaves_its_place_to_the_next() -> None:
    async def fails(*_: Any) -> None:
        raise RuntimeError

    only = door(fails, most=1, wait_s=1)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await Asked(only).sends(b"").task


async def test_each_thread_is_prepared_once_and_ends_with_the_server() -> None:
    prepared = list[str]()
    lanes = Lanes("mine", most=2, prepare=lambda: prepared.append(threading.current_thread().name))
    for _ in range(3):
        async with lanes.one():
            await sync_to_async(lambda: None)()
        assert await until(lambda: bool(lanes._idle))
    assert prepared == ["mine_0"]
    (thread,) = (each for each in threading.enumerate() if each.name == "mine_0")
    lanes.close()
    assert await until(lambda: not thread.is_alive())


async def test_whoever_takes_nothing_of_an_answer_holds_up_nobody() -> None:
    """The thread is free again once the answer is made."""
    lanes, is_taken = Lanes("pages", most=1, wait_s=0.05), asyncio.Event()

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    async def takes_nothing(_: Any) -> None:
        await is_taken.wait()

    only = Door(page, lanes=lanes, bodies=Bodies(1000), most_bytes=10)

    class TakesNothing(Asked):
        async def _send(self, message: Mapping[str, Any]) -> None:
            await is_taken.wait()

    stuck = [TakesNothing(only).sends(b"") for _ in range(3)]
    assert await Asked(only).sends(b"").status() == 200
    assert not any(each.task.done() for each in stuck)
    is_taken.set()
    await asyncio.gather(*(each.task for each in stuck))
    lanes.close()
