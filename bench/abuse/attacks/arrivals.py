"""What comes in: heads and bodies that never end, never begin, or whose answers nobody reads."""

from bench.abuse import stage, wire
from bench.abuse.stage import Target
from bench.abuse.ways import MB, crowd, pour, repeat, take_nothing

LINES = (b"X-Filler: " + b"a" * 100 + b"\r\n") * 500
LETTERS = b"a" * 64_000
SIGN_IN = "/accounts/login/"
CHUNKED = "Transfer-Encoding: chunked"


# --- Many connections -------------------------------------------------------------------------------
async def half_heads(at: Target, until: float) -> str:
    return await crowd(at, until, b"GET /healthz HTTP/1.1\r\nHost: loc", connections=4000)


async def slow_heads(at: Target, until: float) -> str:
    return await crowd(at, until, b"GET /healthz HTTP/1.1\r\nX-Slow: ", connections=1000, drip=b"a")


async def no_bodies(at: Target, until: float) -> str:
    first = wire.head("POST", SIGN_IN, "Content-Length: 1000")
    return await crowd(at, until, first, connections=4400)


async def no_bodies_of_tasks(at: Target, until: float) -> str:
    first = wire.head("POST", "/invoke", "Content-Length: 1000", token=at.token)
    return await crowd(at, until, first, connections=2000)


async def slow_bodies(at: Target, until: float) -> str:
    first = wire.head("POST", SIGN_IN, "Content-Length: 1000")
    return await crowd(at, until, first, connections=1000, drip=b"a")


async def page_flood(at: Target, until: float) -> str:
    return await repeat(at, until, [wire.head("GET", SIGN_IN)], at_once=300)


# --- Much from a few --------------------------------------------------------------------------------
async def endless_address(at: Target, until: float) -> str:
    return await pour(at, until, b"GET /", LETTERS, total=64 * MB)


async def endless_header(at: Target, until: float) -> str:
    return await pour(at, until, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", LETTERS, total=64 * MB)


async def many_headers(at: Target, until: float) -> str:
    return await pour(at, until, b"GET / HTTP/1.1\r\nHost: localhost\r\n", LINES, total=256 * MB)


async def body_to_a_probe(at: Target, until: float) -> str:
    first = wire.head("POST", "/healthz", f"Content-Length: {300 * MB}")
    return await pour(at, until, first, LETTERS, total=300 * MB)


async def body_to_a_page(at: Target, until: float) -> str:
    """In chunks, so that no length tells beforehand."""
    chunk = b"%x\r\n%b\r\n" % (len(LETTERS), LETTERS)
    return await pour(at, until, wire.head("POST", SIGN_IN, CHUNKED), chunk, total=300 * MB)


async def chunk_extensions(at: Target, until: float) -> str:
    first = wire.head("POST", "/invoke", CHUNKED, token=at.token) + b"1;a="
    return await pour(at, until, first, LETTERS, total=64 * MB)


async def trailers(at: Target, until: float) -> str:
    first = wire.head("POST", "/invoke", CHUNKED, token=at.token) + b"2\r\n{}\r\n0\r\n"
    return await pour(at, until, first, LINES, total=64 * MB)


# --- Nothing taken ----------------------------------------------------------------------------------
async def calls_not_read(at: Target, until: float) -> str:
    link_name = await stage.make_keyed(at)
    request = wire.head("GET", f"/invoke/{link_name}/large", token=at.token)
    return await take_nothing(at, until, request, connections=60)


async def pages_not_read(at: Target, until: float) -> str:
    """The style sheet, whose name is in every page."""
    page = await wire.ask(at.port, wire.head("GET", SIGN_IN), timeout_s=stage.left(until))
    name = page.body.partition(b'rel="stylesheet"')[2].partition(b'href="')[2].partition(b'"')[0]
    request = wire.head("GET", name.decode(), is_last=False) * 100
    return await take_nothing(at, until, request, connections=200)
