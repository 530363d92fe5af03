"""What holds a thread, a lock, a place or a process, so that others go without."""

import asyncio
import contextlib
import os
import signal
import statistics
import time

from bench.abuse import stage, wire
from bench.abuse.server import worker_of
from bench.abuse.stage import Target
from bench.abuse.ways import repeat

API = "/api/v1"
FORM = "application/x-www-form-urlencoded"
LONG_WORD = "a" * 60
PATTERNS = ("(?x)(a+) +b", "a?" * 40 + "a" * 40, "(a|a)" * 39 + "b", "(a+)+b")
REFUSED = (
    wire.head("GET", f"{API}/connections"),
    wire.head("GET", f"{API}/connections", token="swb_nonsense"),
    wire.head("GET", "/invoke/any/thing"),
    wire.head("GET", "/invoke/any/thing", token="swb_nonsense"),
    wire.head("GET", "/accounts/signup/"),
    wire.head("GET", "/oauth/callback/google?state=none&code=none"),
    wire.head("GET", "/set-password/none/"),
    wire.head("GET", "/authorize/none/"),
    wire.with_body("POST", "/accounts/login/", b"login=a&password=b", FORM),
)
SIGN_INS = 32  # at once
CSRF = "c" * 32  # whoever sends the cookie and the field alike is believed to have read the page
DEATHS = 6


async def redos(at: Target, until: float) -> str:
    """A builder's variable, and connections whose value all but fits its pattern."""
    services = [await _with_pattern(at, pattern) for pattern in PATTERNS]
    requests = (
        wire.with_json("POST", f"{API}/connections", _connection(service), at.token)
        for service in services
        if service
    )
    made = await asyncio.gather(
        *(wire.status(at.port, request, timeout_s=stage.left(until)) for request in requests)
    )
    return f"patterns refused ×{services.count('')}; connections {stage.tally(made)}"


async def _with_pattern(at: Target, pattern: str) -> str:
    """A service's link name; empty where its pattern is refused."""
    told = {"variables": [{"name": "v", "pattern": pattern}], "headers": {"X-V": "{v}"}}
    try:
        return await stage.make_service(at, "api_key", stage.KEYED, **told)
    except stage.NotStaged:
        return ""


def _connection(service: str) -> dict[str, object]:
    return {"service": service, "name": service, "link_name": service, "variables": {"v": LONG_WORD}}


async def anonymous_refusals(at: Target, until: float) -> str:
    """500 within three seconds."""
    began = time.monotonic()

    async def one(number: int) -> object:
        await asyncio.sleep(max(0.0, began + 3 * number / 500 - time.monotonic()))
        return await wire.status(at.port, REFUSED[number % len(REFUSED)], timeout_s=stage.left(until))

    return stage.tally(await asyncio.gather(*map(one, range(500))))


async def sign_ins(at: Target, until: float) -> str:
    """Of accounts that there are not: each costs as much as one of those that there are."""
    fields = f"csrfmiddlewaretoken={CSRF}&login=nobody%d%%40example.com&password=wrong"
    cookie = f"Cookie: switchboard_csrf={CSRF}\r\n".encode()
    requests = [
        wire.with_body("POST", "/accounts/login/", (fields % number).encode(), FORM).replace(
            b"Host:", cookie + b"Host:", 1
        )
        for number in range(1000)
    ]
    return await repeat(at, until, requests, at_once=SIGN_INS)


async def slow_service(at: Target, until: float) -> str:
    """As many calls as a token may have under way, and more, to a service that takes twelve seconds."""
    link_name = await stage.make_keyed(at)
    call = wire.head("GET", f"/invoke/{link_name}/slow", token=at.token)
    return await repeat(at, until, [call], at_once=400)


async def slow_tests(at: Target, until: float) -> str:
    """Five people test five connections each, to a service that takes twelve seconds."""

    async def one(token: str) -> list[object]:
        service = await stage.make_service(at, "api_key", stage.KEYED, test={"path": "/slow?s=12"})
        made = [
            await stage.make_connection(at, service, token=token, credentials={"X-Key": "k"})
            for _ in range(5)
        ]
        tests = (wire.with_json("POST", f"{API}/connections/{name}/test", {}, token) for name in made)
        return await asyncio.gather(
            *(wire.status(at.port, test, timeout_s=stage.left(until)) for test in tests)
        )

    found = await asyncio.gather(*map(one, (at.token, *at.gang)))
    return stage.tally(outcome for outcomes in found for outcome in outcomes)


async def hanging_endpoint(at: Target, until: float) -> str:
    """30 connections whose token endpoint hangs; somebody else's refreshes are timed here."""
    good = await stage.make_robot(at, "/token", number=8, token=at.bystander)
    before = await _refreshes(at, good, time.monotonic() + 2)
    hanging = await stage.make_robot(at, "/token-that-hangs", number=30)
    calls = [wire.head("GET", f"/invoke/{link_name}/quick", token=at.token) for link_name in hanging]
    attack = asyncio.ensure_future(repeat(at, until, calls, at_once=len(calls)))
    during = await _refreshes(at, good, until)
    return f"{await attack}; another’s refresh {before} → {during}"


async def _refreshes(at: Target, link_names: list[str], until: float) -> str:
    """Each call finds a token that ran out, and refreshes it."""
    waits: list[float] = []
    number = 0
    while time.monotonic() < until:
        call = wire.head("GET", f"/invoke/{link_names[number % len(link_names)]}/quick", token=at.bystander)
        began, number = time.monotonic(), number + 1
        await wire.status(at.port, call, timeout_s=stage.left(until), is_attacker=False)
        waits.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(0.15)
    return f"{statistics.median(waits):,.0f}/{max(waits):,.0f} ms"


async def worker_deaths(at: Target, until: float) -> str:
    """As often as it comes back, six times at most."""
    killed: set[int] = set()
    while time.monotonic() < until and len(killed) < DEATHS:
        pid = worker_of(at.supervisor_pid)
        if pid is not None and pid not in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        await asyncio.sleep(0.05)
    return f"worker killed ×{len(killed)}"


async def tokens_everywhere(at: Target, until: float) -> str:
    """64 tokens at once, in both processes: each notes when they were last used."""

    async def new_token(number: int) -> str:
        told = {"name": f"t{number}", "scopes": ["invoke"]}
        answer = await wire.ask(
            at.port, wire.with_json("POST", f"{API}/tokens", told, at.token), timeout_s=10
        )
        return str(answer.json()["token"])

    link_name = await stage.make_keyed(at)
    tokens = [await new_token(number) for number in range(64)]
    calls = [wire.head("GET", f"/invoke/{link_name}/quick", token=token) for token in tokens]
    return await repeat(at, until, calls, at_once=16)
