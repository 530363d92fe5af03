"""A process of its own that asks peers who flood, and tells what it got and how much its memory grew.

``python -m tests.outbound.flooded send|open|stall URL…``: a line for each URL, ``what-it-got KiB``. ``stall``
reads nothing of an answer until it is told to go on.
"""

import asyncio
import re
import sys
from pathlib import Path

from outbound import session
from outbound.client import Client
from outbound.guard import destination
from outbound.policy import Policy
from problems import UpstreamFailed
from tests.outbound.conftest import LOOPBACK

RULES = Policy(allow=LOOPBACK, listener=("127.0.0.1", 1))
MAX_BYTES = 1 << 20
DEADLINE_S = 60


def peak() -> int:
    """The most memory that this program has held, in KiB. ``getrusage`` would tell of who started it, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def send(url: str) -> int:
    host = url.split("/")[2]
    return session.send(
        "GET", url, hosts=[host], deadline_s=DEADLINE_S, max_bytes=MAX_BYTES, rules=RULES
    ).status


async def open_(url: str, *, reads_at_once: bool = True) -> int:
    async with (
        Client(rules=RULES) as client,
        client.open(
            "GET",
            url,
            headers=(),
            body=None,
            destination=destination(url, hosts=[url.split("/")[2]], rules=RULES),
            deadline=asyncio.get_running_loop().time() + DEADLINE_S,
            max_bytes=MAX_BYTES,
        ) as reply,
    ):
        if not reads_at_once:
            await asyncio.to_thread(sys.stdin.readline)
        async for _ in reply.iter_bytes():
            pass
        return reply.status


def got(way: str, url: str) -> str:
    try:
        status = send(url) if way == "send" else asyncio.run(open_(url, reads_at_once=way == "open"))
    except UpstreamFailed as failed:
        return type(failed).__name__
    return str(status)


if __name__ == "__main__":
    for each in sys.argv[2:]:
        before = peak()
        print(got(sys.argv[1], each), peak() - before, flush=True)  # noqa: T201
