"""One attack and what others notice of it: a stretch without, the attack, and until all is quick again."""

import asyncio
import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bench.abuse.attacks import Attack
from bench.abuse.server import ROOT, Server, Usage
from bench.abuse.stage import Target
from bench.abuse.watch import Figures, Watch

BEFORE_S = 1.5
UNDER_WAY_S = 0.25  # what was due in the last moment before the attack belongs to neither side
GRACE_S = 3.0  # for an attack to end by itself
SETTLE_S = 10.0
SHORTEST_S = 1.0  # what an attack that is over at once is judged by
CALM_S = 1.0  # as long as all must have been quick
LOOK_EVERY_S = 0.1
MOST_MEMORY_BYTES = 8 * 2**30  # the server is ended before it takes the machine along
NOTHING = Usage(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """What was found. ``settled_s``: until others were served well again; ``None``: not within SETTLE_S."""

    attack: Attack
    without: tuple[Figures, ...]
    during: tuple[Figures, ...]
    outcome: str
    left_behind: tuple[str, ...]
    settled_s: float | None


@dataclass(slots=True)
class Traces:
    """What an attack leaves in the server: looked at before, while and after."""

    server: Server
    before: Usage = NOTHING
    most: Usage = NOTHING
    audit_rows: int = 0
    log_length: int = 0
    deadlocks: int = 0

    def begin(self) -> None:
        self.before = self.most = self.server.usage()
        self.audit_rows = self.server.audit_rows()
        self.log_length = len(self.server.log())
        self.deadlocks = self.server.deadlocks()

    async def look(self) -> None:
        """On and on; ends the server where it takes too much memory."""
        while True:
            pairs = zip(dataclasses.astuple(self.most), dataclasses.astuple(self.server.usage()), strict=True)
            self.most = Usage(*(max(pair) for pair in pairs))
            if self.most.memory_bytes > MOST_MEMORY_BYTES:
                await self.server.stop()
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def found(self) -> tuple[str, ...]:
        """In words; what is little is left out."""
        megabytes = (self.most.memory_bytes - self.before.memory_bytes) // 2**20
        written = (self.most.written_bytes - self.before.written_bytes) // 2**20
        counted = {
            f"memory +{megabytes:,} MiB": megabytes >= 100,
            f"threads +{self.most.threads - self.before.threads}": self.most.threads - self.before.threads
            >= 20,
            f"disk +{written:,} MiB": written >= 20,
            f"audit rows +{(rows := self.server.audit_rows() - self.audit_rows)}": rows >= 20,
            f"tracebacks {(traces := self.server.log()[self.log_length :].count('Traceback (most'))}": traces
            > 0,
            f"deadlocks {(locks := self.server.deadlocks() - self.deadlocks)}": locks > 0,
            "the server ended": not self.server.is_running(),
        }
        return tuple(text for text, is_worth_telling in counted.items() if is_worth_telling)


async def run(server: Server, attack: Attack, target: Target, watched: str) -> Row:
    """``watched``: the link name that the bystander calls."""
    traces = Traces(server)
    async with (
        _thrower(attack, target) as thrower,
        Watch(target.port, server.web_pids(), watched, target.bystander) as watch,
    ):
        since = time.monotonic()
        await asyncio.sleep(BEFORE_S)
        traces.begin()
        looking = asyncio.create_task(traces.look())
        began = time.monotonic()
        outcome = await _throw(thrower, attack)
        ended = time.monotonic()
        settled_s = await _settle(server, watch)
        over = time.monotonic()
        until = over if settled_s is None else max(began + SHORTEST_S, ended + settled_s)
        looking.cancel()
    return Row(
        attack,
        without=tuple(kind.figures(since, began - UNDER_WAY_S, told_at=began) for kind in watch.kinds),
        during=tuple(kind.figures(began, until, told_at=over) for kind in watch.kinds),
        outcome=outcome,
        left_behind=traces.found(),
        settled_s=settled_s,
    )


@contextlib.asynccontextmanager
async def _thrower(attack: Attack, target: Target) -> AsyncIterator[asyncio.subprocess.Process]:
    """The attack's process, ready to begin; gone in the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.abuse.throw", attack.name),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(dataclasses.asdict(target)).encode() + b"\n")
        await process.stdout.readline()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _throw(process: asyncio.subprocess.Process, attack: Attack) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"go\n")
    try:
        async with asyncio.timeout(attack.seconds + GRACE_S):
            return (await process.stdout.readline()).decode().strip() or "the attack broke off"
    except TimeoutError:
        return "had to be stopped"


async def _settle(server: Server, watch: Watch) -> float | None:
    """Seconds until everybody was quick, and stayed so for a moment."""
    began = time.monotonic()
    calm_since: float | None = None
    while time.monotonic() < began + SETTLE_S and server.is_running():
        now = time.monotonic()
        calm_since = (calm_since or now) if watch.is_quick() else None
        if calm_since is not None and now >= calm_since + CALM_S:
            return calm_since - began
        await asyncio.sleep(LOOK_EVERY_S)
    return None
