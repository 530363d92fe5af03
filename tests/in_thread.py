"""The server in a thread of the test's own process."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

START_S = 10


@contextmanager
def running(configured: uvicorn.Config, listener: socket.socket) -> Generator[uvicorn.Server]:
    """It has started inside, has ended after, and its listener is closed."""
    server = uvicorn.Server(configured)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    until = time.monotonic() + START_S
    while not server.started and thread.is_alive() and time.monotonic() < until:
        threading.Event().wait(0.005)
    assert server.started
    yield server
    server.should_exit = True
    thread.join(START_S)
    assert not thread.is_alive()
    listener.close()
