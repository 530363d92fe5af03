"""A total bound on an exchange over a blocking socket."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self

from outbound.errors import UpstreamTimeout
from problems import UpstreamFailed


class Deadline:
    """``with Deadline(5) as deadline``: shuts the connection down when the time is over, wherever it waits.

    A socket's own timeout starts anew with every byte, so that a peer who drips them would never meet it.
    Raises UpstreamTimeout at its end, in place of what a shut connection looked like: an answer that is cut
    off, or, where its length is unknown, a whole one.
    """

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self.is_past = False

    @property
    def seconds_left(self) -> float:
        """Never below zero."""
        return max(0.0, self._ends_at - time.monotonic())

    def watch(self, connection: socket.socket) -> None:
        """Bound this connection. Held by a descriptor of our own: TLS takes the given one over."""
        with self._lock:
            self._socket = connection.dup()
            if self.is_past:
                self._shut()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
        if self.is_past and isinstance(error, UpstreamFailed | None):
            raise UpstreamTimeout from None

    def _end(self) -> None:
        with self._lock:
            self.is_past = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # closed by the peer already
                self._socket.shutdown(socket.SHUT_RDWR)
