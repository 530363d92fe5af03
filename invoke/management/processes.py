"""The web server and the worker as children of one process: watched, restarted or ended together."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog

log = structlog.get_logger(__name__)

READY = b"listening"  # config.web writes this line
STOP_WITHIN_S = 50.0  # calls in flight get five seconds, a refresh under way as long as its lease
START_WITHIN_S = 60.0
LONGEST_PAUSE_S = 60.0
IS_WELL_AFTER_S = 60.0
_DIE_WITH_PARENT = 1  # Linux: PR_SET_PDEATHSIG
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Commands:
    """The two children: ``web`` writes READY once it listens; ``worker`` is started again when it ends."""

    web: Sequence[str]
    worker: Sequence[str]
    pause_s: float = 1.0  # before the second new start of the worker, twice that before the third, and so on


@dataclass(slots=True)
class Pauses:
    """How long to wait before what ended is started again: not at all the first time, then longer each time,
    up to a minute. What had lived for a minute begins anew."""

    shortest_s: float = 1.0
    _next_s: float = 0.0

    def after(self, lived_s: float) -> float:
        """The pause after a life of ``lived_s`` seconds."""
        if lived_s >= IS_WELL_AFTER_S:
            self._next_s = 0.0
        pause_s = self._next_s
        self._next_s = min(LONGEST_PAUSE_S, max(self.shortest_s, 2 * pause_s))
        return pause_s


def run(commands: Commands, *, on_ready: Callable[[], None], say: Callable[[str], None]) -> int:
    """Start both, call ``on_ready`` once the web server listens, stay until told to stop; the exit status."""
    return asyncio.run(_supervise(commands, on_ready, say))


async def _supervise(commands: Commands, on_ready: Callable[[], None], say: Callable[[str], None]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
            loop.add_signal_handler(number, stop.set)
    web = await _start(commands.web, stdout=asyncio.subprocess.PIPE)
    stopping = asyncio.create_task(stop.wait())
    tasks: list[asyncio.Task[Any]] = [stopping]
    try:
        if not await _is_listening(web, stopping):
            return _verdict(stop, say, "The web server did not start; the lines above say why.")
        on_ready()
        tasks += [asyncio.create_task(web.wait()), asyncio.create_task(_keep(commands))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return _verdict(stop, say, "The web server ended: everything stops. The lines above say why.")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, _end(web), return_exceptions=True)


def _verdict(stop: asyncio.Event, say: Callable[[str], None], problem: str) -> int:
    if stop.is_set():
        return 0
    say(problem)
    return 1


async def _is_listening(web: asyncio.subprocess.Process, stopping: asyncio.Task[bool]) -> bool:
    assert web.stdout is not None
    line = asyncio.create_task(web.stdout.readline())
    await asyncio.wait({line, stopping}, timeout=START_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    if line.done():
        return line.result().strip() == READY
    line.cancel()
    return False


async def _keep(commands: Commands) -> NoReturn:
    """Keep the worker running, however often it ends: calls do without it."""
    clock = asyncio.get_running_loop().time
    pauses = Pauses(commands.pause_s)
    while True:
        began = clock()
        ended = await _run_once(commands.worker)
        pause_s = pauses.after(clock() - began)
        log.warning("worker.ended", status=ended, started_again_in_s=pause_s)
        await asyncio.sleep(pause_s)


async def _run_once(command: Sequence[str]) -> int | str:
    """Run a child to its end; its exit status, or why it could not be started."""
    try:
        process = await _start(command)
    except OSError as error:
        return str(error)
    try:
        return await process.wait()
    finally:
        await _end(process)


async def _start(command: Sequence[str], stdout: int | None = None) -> asyncio.subprocess.Process:
    """A child in a session of its own: Ctrl-C reaches this process alone, which ends the others in order."""
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # one system call, no lock is taken
    )


def _die_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent is killed, so that no orphan keeps the port."""
    _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGTERM)


async def _end(process: asyncio.subprocess.Process) -> None:
    """SIGTERM, and SIGKILL to its whole group for what has not ended in time."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
