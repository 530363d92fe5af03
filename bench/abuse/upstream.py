"""A service on loopback that answers as ours would rather not be answered. Run as a process of its own.

It prints its port, and ends with its standard input.
"""

import asyncio
import gzip
import json
import logging
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web

MB = 1024 * 1024
NESTED = 200_000  # brackets
DIGITS = b"abababababab" * 100_000  # 1.2 MB; as punycode, each inserts a character among those before it
PIECE = b"x" * 64 * 1024
GZIP_TAIL = gzip.compress(b'{"ok": true}') + b"\0" * 14 * MB
GZIP_MEMBERS = gzip.compress(b"") * (MB // len(gzip.compress(b"")) - 1) + gzip.compress(b'{"ok": true}')
HANGS_S = 60.0


async def quick(request: web.Request) -> web.StreamResponse:
    return web.json_response({"ok": True})


async def slow(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(float(request.query.get("s", "12")))
    return web.json_response({"ok": True})


async def text(request: web.Request) -> web.StreamResponse:
    """``?charset=``: what the answer says of itself."""
    kind = f"text/plain; charset={request.query['charset']}"
    return web.Response(body=DIGITS, headers={"Content-Type": kind})


async def gzip_tail(request: web.Request) -> web.StreamResponse:
    return _gzipped(GZIP_TAIL)


async def gzip_members(request: web.Request) -> web.StreamResponse:
    return _gzipped(GZIP_MEMBERS)


async def brackets(request: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * NESTED + "]" * NESTED, content_type="application/json")


async def large(request: web.Request) -> web.StreamResponse:
    """14 MB, as fast as they are taken."""
    response = web.StreamResponse(headers={"Content-Length": str(14 * MB)})
    await response.prepare(request)
    for _ in range(14 * MB // len(PIECE)):
        await response.write(PIECE)
    return response


async def token(request: web.Request) -> web.StreamResponse:
    """A token that is over in a second."""
    return web.json_response({"access_token": "a-token", "token_type": "Bearer", "expires_in": 1})


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(HANGS_S)
    return web.json_response({"error": "temporarily_unavailable"}, status=503)


def _gzipped(body: bytes) -> web.Response:
    kind = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    return web.Response(body=body, headers=kind)


@web.middleware
async def take_everything(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Read whatever comes before answering, as services do."""
    async for _ in request.content.iter_chunked(MB):
        pass
    return await handler(request)


PLACES = {
    "/quick": quick,
    "/slow": slow,
    "/text": text,
    "/gzip-tail": gzip_tail,
    "/gzip-members": gzip_members,
    "/brackets": brackets,
    "/large": large,
    "/token": token,
    "/token-that-hangs": hang,
    "/token-in-members": gzip_members,
}


async def main() -> None:
    """Serve until nobody holds our standard input any more."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # whoever calls us here may hang up
    application = web.Application(middlewares=[take_everything])
    for path, handler in PLACES.items():
        application.router.add_route("*", path, handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(json.dumps(runner.addresses[0][1]) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
