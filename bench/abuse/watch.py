"""How long others wait: a caller on a kept connection to each web process, /healthz and the API on new ones.

A request counts from when it was due, so that those that a stall keeps from being sent are counted, too.
"""

import asyncio
import contextlib
import os
import signal
import statistics
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from bench.abuse import wire

CALL_EVERY_S = 0.05
PROBE_EVERY_S = 0.1
API_EVERY_S = 0.2
QUICK_S = 0.5
LONGEST_S = 60.0  # longer than anything here is watched


@dataclass(slots=True)
class Wait:
    """A request that was due at ``began``, and is over at ``ended``; ``status`` GONE: it got no answer."""

    began: float
    ended: float | None = None
    status: int = wire.GONE

    def end(self, status: int) -> None:
        self.ended, self.status = time.monotonic(), status


@dataclass(frozen=True, slots=True)
class Figures:
    """Of those who asked in a stretch of time; the waits are in seconds, and of those who were answered well.

    ``is_open``: the longest is not over. ``refused``: answered otherwise, or cut off.
    """

    median: float | None
    worst: float | None
    is_open: bool
    refused: int
    asked: int

    def __str__(self) -> str:
        if self.median is None or self.worst is None:
            return "–"
        return f"{self.median * 1000:,.0f} / {'>' if self.is_open else ''}{self.worst * 1000:,.0f}"


@dataclass(slots=True)
class Kind:
    """Those who ask for one thing."""

    waits: list[Wait] = field(default_factory=list)

    def is_quick(self) -> bool:
        """Is nobody waiting for long, and was the latest answer a good and a quick one?"""
        open_since = [wait.began for wait in self.waits if wait.ended is None]
        over = [wait for wait in self.waits if wait.ended is not None]
        if not over or (open_since and min(open_since) < time.monotonic() - QUICK_S):
            return False
        last = max(over, key=lambda wait: wait.began)
        return last.status == 200 and (last.ended or 0) - last.began < QUICK_S

    def figures(self, since: float, until: float, *, told_at: float) -> Figures:
        """Of what was due between the first two moments, as it stood at the third."""
        due = [wait for wait in self.waits if since <= wait.began < until]
        over = [wait for wait in due if wait.ended is not None and wait.ended <= told_at]
        good = [wait.ended - wait.began for wait in over if wait.ended is not None and wait.status == 200]
        still = [told_at - wait.began for wait in due if wait.ended is None or wait.ended > told_at]
        waited = good + still
        return Figures(
            median=statistics.median(waited) if waited else None,
            worst=max(waited, default=None),
            is_open=bool(still) and max(still) == max(waited),
            refused=len(over) - len(good),
            asked=len(due),
        )


class Watch:
    """Asks from when it is entered until it is left."""

    def __init__(self, port: int, pids: Sequence[int], link_name: str, token: str) -> None:
        self.calls = Kind()
        self.probes = Kind()
        self.pages = Kind()
        self._port = port
        self._pids = pids
        self._call = wire.head("GET", f"/invoke/{link_name}/quick", token=token, is_last=False)
        self._api = wire.head("GET", "/api/v1/connections", token=token)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return self.calls, self.probes, self.pages

    def is_quick(self) -> bool:
        """Are all of them served as they should be?"""
        return all(kind.is_quick() for kind in self.kinds)

    async def __aenter__(self) -> Self:
        for number, pid in enumerate(self._pids):
            kept = contextlib.AsyncExitStack()
            with _alone(pid, self._pids):
                streams = await kept.enter_async_context(wire.connected(self._port, is_attacker=False))
                await _exchange(streams, self._call)
            due: asyncio.Queue[Wait] = asyncio.Queue()
            self._start(self._keep_calling(kept, streams, due))
            every_s = CALL_EVERY_S * len(self._pids)
            self._start(_tick(self.calls, due.put_nowait, every_s, first_s=number * CALL_EVERY_S))
        self._ask_anew(self.probes, wire.head("GET", "/healthz"), PROBE_EVERY_S)
        self._ask_anew(self.pages, self._api, API_EVERY_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_calling(
        self, kept: contextlib.AsyncExitStack, streams: wire.Streams, due: "asyncio.Queue[Wait]"
    ) -> None:
        """One call after the other on a connection; on another one where that is cut."""
        async with kept:
            while True:
                wait = await due.get()
                try:
                    wait.end(await _exchange(streams, self._call))
                except (OSError, EOFError):
                    wait.end(wire.GONE)
                    await kept.aclose()
                    streams = await self._connect_again(kept)

    async def _connect_again(self, kept: contextlib.AsyncExitStack) -> wire.Streams:
        """As soon as the server lets us; which process takes us is chance."""
        while True:
            try:
                return await kept.enter_async_context(wire.connected(self._port, is_attacker=False))
            except OSError:
                await asyncio.sleep(CALL_EVERY_S)

    def _ask_anew(self, kind: Kind, request: bytes, every_s: float) -> None:
        """On a new connection each time, whatever became of those before."""
        self._start(_tick(kind, lambda wait: self._start(self._ask_once(wait, request)), every_s))

    async def _ask_once(self, wait: Wait, request: bytes) -> None:
        answer = await wire.ask(self._port, request, timeout_s=LONGEST_S, is_attacker=False)
        wait.end(answer.status)


async def _tick(kind: Kind, ask: Callable[[Wait], None], every_s: float, *, first_s: float = 0.0) -> None:
    """Have ``ask`` asked in even time, however long the answers take."""
    due = time.monotonic() + first_s
    while True:
        await asyncio.sleep(due - time.monotonic())
        wait = Wait(due)
        kind.waits.append(wait)
        ask(wait)
        due += every_s


async def _exchange(streams: wire.Streams, request: bytes) -> int:
    reader, writer = streams
    writer.write(request)
    return (await wire.read_one(reader)).status


@contextlib.contextmanager
def _alone(pid: int, pids: Sequence[int]) -> Iterator[None]:
    """Stop the other processes, so that a new connection is this one's."""
    others = [other for other in pids if other != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(other, signal.SIGCONT)
