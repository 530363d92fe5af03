"""The processes of the web server, behind one listening socket: one that ends, or hangs, is replaced.

uvicorn's own keeper starts it anew every half second, for ever, and ends them all where a new one cannot
start: for want of a database that is away for a moment, say.
"""

import socket
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from invoke.management.processes import Pauses

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Place:
    """One of the processes, whichever it is by now. ``due_at``: when the next one is to be started."""

    started_at: float
    pauses: Pauses = field(default_factory=Pauses)
    due_at: float | None = None


class WebProcesses(Multiprocess):
    """``run()`` until SIGTERM. Until one process has served, the first that ends by itself ends them all:
    what is wrong would be wrong again. From then on there are growing pauses between its replacements."""

    def __init__(
        self,
        config: uvicorn.Config,
        sockets: Sequence[socket.socket],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(config, list(sockets))
        self._clock = clock
        self._has_served = False
        self._places: defaultdict[int, _Place] = defaultdict(lambda: _Place(clock()))

    def keep_subprocess_alive(self) -> None:
        """Look at each process; called twice a second."""
        for index, process in enumerate(self.processes):
            place = self._places[index]
            if place.due_at is None and not self._is_well(process):
                self._bury(process, place)
            if self.should_exit.is_set():
                return
            if place.due_at is not None and place.due_at <= self._clock():
                self._replace(index, place)

    def _is_well(self, process: Process) -> bool:
        timeout_s = self.config.timeout_worker_healthcheck
        if not process.is_alive(timeout_s):
            return False
        self._has_served = self._has_served or process.is_ready(timeout_s)
        return True

    def _bury(self, process: Process, place: _Place) -> None:
        process.kill()  # it may hang
        process.join()
        if not self._has_served and (process.exitcode or 0) >= 0:
            self.should_exit.set()
            return
        now = self._clock()
        pause_s = place.pauses.after(now - place.started_at)
        place.due_at = now + pause_s
        log.warning("web.process_ended", status=process.exitcode, started_again_in_s=pause_s)

    def _replace(self, index: int, place: _Place) -> None:
        self.processes[index] = Process(self.config, self.sockets)
        self.processes[index].start()
        place.started_at, place.due_at = self._clock(), None
