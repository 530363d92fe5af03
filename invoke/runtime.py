"""What the calls of a process share, built from the settings; and a call outside the server."""

import asyncio
from functools import lru_cache

from django.conf import settings

from connections import exchanges
from invoke import resolve
from invoke.asks import Ask, Caller
from invoke.engine import Bounds, Deliver, Engine
from invoke.errors import ServerBusy, TooManyCalls
from invoke.reader import Given, open_reader, read_now
from invoke.recorder import Held, Keeper, Record, Recorder, store
from invoke.resolve import Reader
from outbound.client import Client
from problems.limits import Limits

MOST_IN_ALL = 2000  # calls of a process


async def open_engine() -> Engine:
    """The engine of a server process, its records flushed from now on."""
    recorder = Recorder(is_strict=is_strict())
    recorder.start()
    return await _engine(open_reader(), recorder)


def is_strict() -> bool:
    """Must a call's record be durable before its credential leaves?"""
    return bool(settings.CALL_RECORDS == "strict")


def call_now(caller: Caller, ask: Ask, record: Record, deliver: Deliver, *, is_test: bool = False) -> None:
    """One call from code that has no event loop: the command line, a page. Raises AppError.

    What it reads and records goes by Django's own connection; call it outside any transaction.
    """
    row = read_now(resolve.params(caller, ask.link_name))
    record.row = row
    if is_strict():
        store([record])
    exchanges.release_database()

    async def run() -> None:
        engine = await _engine(Given(row), Held())
        try:
            await engine.call(caller, ask, record, deliver, is_test=is_test)
        finally:
            await engine.close()

    try:
        asyncio.run(run())
    finally:
        store([record])


async def _engine(reader: Reader, keeper: Keeper) -> Engine:
    client = Client()
    await client.start()
    return Engine(
        reader=reader,
        client=client,
        recorder=keeper,
        limits=_limits(settings.CALL_MAX_IN_FLIGHT),
        bounds=Bounds(
            timeout_s=float(settings.CALL_TIMEOUT_S),
            max_request_bytes=settings.CALL_MAX_REQUEST_BYTES,
            max_response_bytes=settings.CALL_MAX_RESPONSE_BYTES,
        ),
    )


@lru_cache(maxsize=1)
def _limits(most: int) -> Limits:
    """For every call of this process, tests and the command line's too."""
    return Limits(most, TooManyCalls, most_in_all=MOST_IN_ALL, full=ServerBusy)
