"""The ways in which attacks are thrown: by a crowd that stays, by pouring, and over and over."""

import asyncio
import time
from collections.abc import Sequence

from bench.abuse import stage, wire
from bench.abuse.stage import Target

MB = 1_000_000
OUTSIDE = "not let in"
STILL_OPEN = "still open"
DRIP_EVERY_S = 1.0
APART_S = (
    0.1  # what has stopped one process does not take the next connection, so that every one has its share
)


async def crowd(at: Target, until: float, first: bytes, *, connections: int, drip: bytes = b"") -> str:
    """Each sends ``first``, and stays as long as it may, with a ``drip`` more each second."""
    return stage.tally(await asyncio.gather(*(_stay(at, until, first, drip) for _ in range(connections))))


async def _stay(at: Target, until: float, first: bytes, drip: bytes) -> object:
    outcome: object = OUTSIDE
    try:
        async with asyncio.timeout(stage.left(until)), wire.connected(at.port) as (reader, writer):
            outcome = STILL_OPEN
            writer.write(first)
            while (status := await _status_soon(reader)) is None:
                writer.write(drip)
            outcome = status
    except TimeoutError:
        pass
    except (OSError, EOFError):
        return wire.GONE
    return outcome


async def _status_soon(reader: asyncio.StreamReader) -> int | None:
    """The answer's status, if it begins before the next drip."""
    try:
        async with asyncio.timeout(DRIP_EVERY_S):
            return await wire.read_status(reader)
    except TimeoutError:
        return None


async def pour(at: Target, until: float, first: bytes, piece: bytes, *, total: int, times: int = 4) -> str:
    """``first`` and then ``piece`` again and again, up to so many bytes, on a few connections at once. Tells
    how much left us, whatever the server took of it."""

    async def one(number: int) -> tuple[object, int]:
        await asyncio.sleep(number * APART_S)
        return await _pour_one(at, until, first, piece, total)

    poured = await asyncio.gather(*map(one, range(times)))
    sizes = sorted(sent / MB for _, sent in poured)
    span = " to ".join(dict.fromkeys((f"{sizes[0]:,.1f}", f"{sizes[-1]:,.1f}")))
    return f"{stage.tally(outcome for outcome, _ in poured)} after {span} MB"


async def _pour_one(at: Target, until: float, first: bytes, piece: bytes, total: int) -> tuple[object, int]:
    sent = 0

    async def write(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < total:
            part = piece[: total - sent]
            writer.write(part)
            sent += len(part)
            await writer.drain()

    outcome: object = None
    try:
        async with asyncio.timeout(stage.left(until)), wire.connected(at.port) as (reader, writer):
            writer.write(first)
            writing = asyncio.create_task(write(writer))
            try:
                outcome = await wire.read_status(reader)
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
    except TimeoutError:
        pass
    except (OSError, EOFError):
        outcome = wire.GONE
    return outcome, sent


async def repeat(at: Target, until: float, requests: Sequence[bytes], *, at_once: int) -> str:
    """The requests in turn, so many at a time, over and over."""

    async def one(first: int) -> list[object]:
        await asyncio.sleep(min(first, 8) * APART_S)
        found: list[object] = []
        while time.monotonic() < until:
            request = requests[(first + len(found)) % len(requests)]
            found.append(await wire.status(at.port, request, timeout_s=stage.left(until)))
        return found

    found = await asyncio.gather(*(one(number) for number in range(at_once)))
    return stage.tally(outcome for outcomes in found for outcome in outcomes)


async def take_nothing(at: Target, until: float, request: bytes, *, connections: int) -> str:
    """Each asks, reads how the answer begins, and takes no more of it for as long as it may."""
    return stage.tally(await asyncio.gather(*(_take_little(at, until, request) for _ in range(connections))))


async def _take_little(at: Target, until: float, request: bytes) -> object:
    outcome: object = None
    try:
        async with (
            asyncio.timeout(stage.left(until)),
            wire.connected(at.port, most_taken=4096) as (reader, writer),
        ):
            writer.write(request)
            outcome = await wire.read_status(reader)
            await asyncio.sleep(stage.left(until) + 1)
    except TimeoutError:
        pass
    except (OSError, EOFError):
        outcome = wire.GONE
    return outcome
