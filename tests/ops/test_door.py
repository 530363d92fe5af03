"""A process takes so many requests at once; the next hears a problem and disturbs none of them."""

import asyncio
import json
from typing import Any

from config.door import Bounded, Door


async def ask(door: Door, method: str = "GET") -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await door({"type": "http", "method": method, "path": "/"}, None, send)
    return said


async def test_one_too_many_is_told_to_come_back_and_has_room_later() -> None:
    free, inside = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(_: dict[str, Any], __: Any, send: Any) -> None:
        inside.release()
        await free.wait()
        await send({"type": "http.response.start", "status": 204})

    door = Door(slow, most=2)
    async with asyncio.TaskGroup() as group:
        taken = [group.create_task(ask(door)) for _ in range(2)]
        for _ in taken:
            await inside.acquire()
        start, body = await ask(door)
        start_of_head, body_of_head = await ask(door, "HEAD")
        free.set()

    assert start["status"] == start_of_head["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert json.loads(body["body"])["code"] == "unavailable"
    assert body_of_head["body"] == b""
    assert [each.result()[0]["status"] for each in taken] == [204, 204]
    assert (await ask(door))[0]["status"] == 204


async def test_a_request_that_fails_leaves_its_place_to_the_next() -> None:
    async def fails(*_: Any) -> None:
        raise RuntimeError

    door = Door(fails, most=1)
    for _ in range(2):
        outcome = await asyncio.gather(ask(door), return_exceptions=True)
        assert isinstance(outcome[0], RuntimeError)


async def test_the_start_of_the_server_needs_no_room() -> None:
    heard: list[str] = []

    async def app(scope: dict[str, Any], _: Any, __: Any) -> None:
        heard.append(scope["type"])

    await Door(app, most=0)({"type": "lifespan"}, None, None)

    assert heard == ["lifespan"]


# --- Bodies -------------------------------------------------------------------------------------------
async def upload(sizes: list[int], *headers: tuple[bytes, bytes]) -> tuple[int, int]:
    """The status, and how many bytes were read, of a body in pieces of these sizes where 10 are allowed."""
    pieces, read, said = iter(sizes), 0, list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        nonlocal read
        size = next(pieces, 0)
        read += size
        return {"type": "http.request", "body": bytes(size), "more_body": size > 0}

    async def reads_it_whole(_: dict[str, Any], receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 204})

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}
    await Bounded(reads_it_whole, most=10)(scope, receive, send)
    return said[0]["status"], read


async def test_a_body_is_read_up_to_the_bound_whoever_sends_it() -> None:
    assert await upload([6, 4]) == (204, 10)
    assert await upload([6, 5, 1000]) == (413, 11)
    assert await upload([6, 4], (b"content-length", b"10")) == (204, 10)
    assert await upload([6, 5], (b"content-length", b"11")) == (413, 0)
