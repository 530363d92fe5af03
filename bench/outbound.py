"""What our checks cost on top of bare aiohttp: processor time a call, as a ratio in one run.

.venv/bin/python -m bench.outbound
"""

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import cast

import aiohttp
import uvloop
from yarl import URL

from outbound.client import Client
from outbound.guard import Policy, destination
from outbound.resolver import Resolver

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: upstream\r\nCache-Control: no-store\r\n"
    b'Content-Length: 14\r\n\r\n{"hello":true}'
)
HEADERS = (("Accept", "application/json"), ("Authorization", "Bearer token"), ("User-Agent", "bench"))
CALLS, ROUNDS = 500, 15


class Upstream(asyncio.Protocol):
    """Answers every packet, in a process of its own."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)


def serve(port: "multiprocessing.Queue[int]") -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


async def cost(call: Callable[[], Awaitable[None]]) -> float:
    """Microseconds of processor time a call."""
    began = time.process_time()
    for _ in range(CALLS):
        await call()
    return (time.process_time() - began) / CALLS * 1e6


async def compare(port: int) -> tuple[list[float], list[float]]:
    rules = Policy(allow=(ip_network("127.0.0.0/8"),), listener=("127.0.0.1", 1))
    url, hosts = f"http://api.test:{port}/v1/things?limit=10", (f"api.test:{port}",)
    bare_url = f"http://127.0.0.1:{port}/v1/things?limit=10"
    loop = asyncio.get_running_loop()

    async with (
        Client(rules=rules, resolver=Resolver(lambda host: ["127.0.0.1"])) as client,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):

        async def ours() -> None:
            async with client.open(
                "GET",
                url,
                headers=HEADERS,
                body=None,
                destination=destination(url, hosts=hosts, rules=rules),
                deadline=loop.time() + 40,
                max_bytes=1 << 20,
            ) as reply:
                async for _ in reply.iter_bytes():
                    pass

        async def bare() -> None:
            async with session.get(
                URL(bare_url, encoded=True), headers=HEADERS, allow_redirects=False
            ) as response:
                async for _ in response.content.iter_any():
                    pass

        await cost(ours), await cost(bare)
        costs = [(await cost(ours), await cost(bare)) for _ in range(ROUNDS)]
    return [pair[0] for pair in costs], [pair[1] for pair in costs]


def main() -> None:
    port: multiprocessing.Queue[int] = multiprocessing.Queue()
    upstream = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    upstream.start()
    ours, bare = uvloop.run(compare(port.get()))
    upstream.terminate()
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    medians = f"{statistics.median(ours):.0f} to {statistics.median(bare):.0f} µs"
    print(f"{ratio:.2f} times bare aiohttp ({medians} of processor time a call)")


if __name__ == "__main__":
    main()
