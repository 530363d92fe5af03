"""What a call by link name costs, beside a bare ASGI handler that does nothing but pass a request on.

    .venv/bin/python -m bench.call_path [--calls 4000] [--connections 16]

Both run in one uvicorn process each and call the same service; processor time is the servers' own, from
/proc. Never asserted by a test: only the ratio of one run means anything. DATABASE_URL picks the database.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import django
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
BODY = b'{"tickets": [1, 2, 3, 4]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
CALL = b"GET /invoke/bench/tickets HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %b\r\n\r\n"
TICKS = os.sysconf("SC_CLK_TCK")
SECRET_KEY = "bench-only-" + "x" * 40
CREDENTIAL_KEYS = "b1:YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="

BARE = """
import aiohttp
URL = "http://localhost:{port}/api/v1"
session = None
async def application(scope, receive, send):
    global session
    if scope["type"] == "lifespan":
        await receive()
        session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await session.close()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    async with session.request(scope["method"], URL, headers={{"X-Api-Key": "key"}}) as answer:
        body = await answer.read()
        head = [(name.lower(), value) for name, value in answer.raw_headers]
    await send({{"type": "http.response.start", "status": answer.status, "headers": head}})
    await send({{"type": "http.response.body", "body": body}})
"""


class Service(asyncio.Protocol):
    """Answers every request the same."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[int]:
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


async def load(port: int, request: bytes, calls: int, connections: int) -> float:
    """Seconds for that many calls over that many kept connections."""

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(number):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head + await reader.read(2000)
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(one(calls // connections) for _ in range(connections)))
    return time.perf_counter() - started


@contextlib.asynccontextmanager
async def service() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(Service, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def prepared(service_port: int) -> str:
    """Rows for a connection with an API key; the token's text."""
    django.setup()
    import vault  # noqa: PLC0415 -- models exist after the set-up only
    from connections import tokens  # noqa: PLC0415
    from connections.models import Connection, Grant  # noqa: PLC0415
    from people.models import User  # noqa: PLC0415
    from services.models import Service as ServiceRow  # noqa: PLC0415
    from services.models import ServiceAuth  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    owner = User.objects.create_user(f"bench{time.time_ns()}@example.com")
    row = ServiceRow.objects.create(
        link_name=f"bench{time.time_ns()}",
        name="Bench",
        base_url=f"http://localhost:{service_port}/api/v1",
        hosts=[f"localhost:{service_port}"],
    )
    config = {"params": [{"key": "X-Api-Key", "display_name": "Key", "prefix": ""}]}
    auth = ServiceAuth.objects.create(
        service=row, name="api_key", auth_type="api_key", param_type="header", config=config
    )
    Connection.objects.filter(link_name="bench").delete()
    connection = Connection.objects.create(auth=auth, name="Bench", link_name="bench", created_by=owner)
    grant = Grant(connection=connection, user=owner, state="active")
    sealed = json.dumps({"X-Api-Key": "key"})
    grant.secrets = vault.seal(sealed, table="grant", row_id=grant.pk, field="secrets", version=1)
    grant.save()
    _, secret = tokens.issue(user=owner, name="bench", scopes=["invoke"], rules={})
    return secret.reveal()


async def measure(label: str, pid: int, port: int, request: bytes, options: argparse.Namespace) -> float:
    await load(port, request, options.calls // 4, options.connections)
    before = cpu_s(pid)
    seconds = await load(port, request, options.calls, options.connections)
    cpu_us: float = (cpu_s(pid) - before) / options.calls * 1e6
    print(f"{label:>8}: {cpu_us:7.0f} µs processor a call, {options.calls / seconds:7.0f} calls/s")
    return cpu_us


async def main(options: argparse.Namespace) -> None:
    async with service() as service_port:
        bare_port, gateway_port = free_port(), int(os.environ["PORT"])
        token = await asyncio.to_thread(prepared, service_port)
        bare = Path(os.environ["DATA_DIR"]) / "bare_handler.py"
        bare.write_text(BARE.format(port=service_port))
        uvicorn = [sys.executable, "-m", "uvicorn", "bare_handler:application", "--app-dir", str(bare.parent)]
        quiet = ["--port", str(bare_port), "--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
        web = [sys.executable, "-m", "config.web"]
        with (
            running(uvicorn + quiet, dict(os.environ), bare_port) as bare_pid,
            running(web, dict(os.environ), gateway_port) as pid,
        ):
            for _ in range(options.rounds):
                beside = await measure("bare", bare_pid, bare_port, CALL % b"none", options)
                ours = await measure("gateway", pid, gateway_port, CALL % token.encode(), options)
                print(f"{'ratio':>8}: {ours / beside:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DATA_DIR": folder,
            "SECRET_KEY": SECRET_KEY,
            "CREDENTIAL_KEYS": CREDENTIAL_KEYS,
            "EGRESS_ALLOW": "127.0.0.0/8",
            "WEB_WORKERS": "1",
            "PORT": str(free_port()),
            "LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        asyncio.run(main(parser.parse_args()))
