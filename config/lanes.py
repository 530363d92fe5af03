"""Threads for Django: a request under way has one of its own, and a process has so many and no more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from asgiref.sync import ThreadSensitiveContext
from django.db import connections

from invoke.errors import ServerBusy


class Lanes:
    """``most`` threads, each made when it is first needed and then kept, for one request at a time.

    ``prepare`` runs at the beginning of each. Opened and closed with the server that they are for.
    """

    def __init__(
        self, name: str, *, most: int, wait_s: float = 5, prepare: Callable[[], None] | None = None
    ) -> None:
        self._name = name
        self._most = most
        self._wait_s = wait_s
        self._prepare = prepare
        self.open()

    def open(self) -> None:
        """Before the first request."""
        self._free = asyncio.Semaphore(self._most)
        self._idle: list[Executor] = []

    def close(self) -> None:
        """After the last."""
        while self._idle:
            lane = self._idle.pop()
            lane.submit(connections.close_all)
            lane.shutdown(wait=False)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A thread for what Django runs inside. Raises ServerBusy where none is free for ``wait_s``."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise ServerBusy from None
        lane = self._idle.pop() if self._idle else self._made()
        try:
            async with ThreadSensitiveContext(executor=lane):
                yield
        finally:
            self._give_back(lane)

    def _made(self) -> Executor:
        return ThreadPoolExecutor(1, thread_name_prefix=self._name, initializer=self._prepare)

    def _give_back(self, lane: Executor) -> None:
        """Once the thread is done: a request whose caller has gone may still be at work in it."""
        loop = asyncio.get_running_loop()

        def is_done(_: Future[None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: the server has ended
                loop.call_soon_threadsafe(self._put_back, lane)

        lane.submit(_nothing).add_done_callback(is_done)

    def _put_back(self, lane: Executor) -> None:
        self._idle.append(lane)
        self._free.release()


def _nothing() -> None:
    """What a thread that is done does next."""
