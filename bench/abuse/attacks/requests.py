"""Whole requests that are dear to take apart."""

import json

from bench.abuse import stage, wire
from bench.abuse.stage import Target
from bench.abuse.ways import MB, pour, repeat

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
END = b"--b--\r\n"
API = "/api/v1"
ODD_PATHS = (
    *("/connections/²", "/connections/%C2%B2/calls", "/connections/%00", "/connections/%ED%A0%80"),
    *("/tokens/²", "/tokens/%C2%B2", "/calls/%C2%B2", "/people/%C2%B2", "/connections?limit=%C2%B2"),
    *("/connections?cursor=%C2%B2", "/connections?cursor=" + "A" * 5000, "/audit?cursor=%FF%FE"),
    *("/services?kind=%00", "/services/" + "%41" * 5000, "/connections/x/test?%ED%A0%80=1"),
)


# --- Bodies -----------------------------------------------------------------------------------------
async def signed_form(at: Target, until: float) -> str:
    """Once: it may take gigabytes of the server's memory."""
    link_name = await stage.make_signed(at)
    return await pour(at, until, _form_head(at, link_name, 50 * MB), b"a=b&" * 16_000, total=50 * MB, times=1)


async def signed_form_under_the_cap(at: Target, until: float) -> str:
    """Of 2 MB: one of half a million fields, one of 9,999."""
    link_name = await stage.make_signed(at)
    forms = (b"a=b&" * (2 * MB // 4 - 1), (b"a=" + b"b" * 197 + b"&") * 9_999)
    address = f"/invoke/{link_name}/quick"
    requests = [wire.with_body("POST", address, form, FORM, at.token) for form in forms]
    return await repeat(at, until, requests, at_once=4)


async def multipart_beside_a_key(at: Target, until: float) -> str:
    """Of parts of a byte each, 21 MB and then 19 MB."""
    params = {"params": [{"key": "key", "display_name": "Key"}]}
    service = await stage.make_service(at, "api_key", params, param_type="form")
    link_name = await stage.make_connection(at, service, credentials={"key": "a-key"})
    address = f"/invoke/{link_name}/quick"
    bodies = [PART * (size // len(PART)) + END for size in (21 * MB, 19 * MB)]
    requests = [wire.with_body("POST", address, body, MULTIPART, at.token) for body in bodies]
    return await repeat(at, until, requests, at_once=2)


async def large_task(at: Target, until: float) -> str:
    """Of 19 MB, as a map of a million entries."""
    entries = ",".join(",".join(f'"the key {m} {n}":1' for n in range(1000)) for m in range(1000))
    told = f'{json.dumps(_task(await stage.make_keyed(at)))[:-1]}, "parameters": {{{entries}}}}}'.encode()
    request = wire.with_body("POST", "/invoke", told, "application/json", at.token)
    return await repeat(at, until, [request], at_once=2)


def _form_head(at: Target, link_name: str, length: int) -> bytes:
    told = (f"Content-Type: {FORM}", f"Content-Length: {length}")
    return wire.head("POST", f"/invoke/{link_name}/quick", *told, token=at.token)


def _task(link_name: str) -> dict[str, object]:
    return {"connection": link_name, "url": "/quick", "type": "POST"}


# --- Shapes -----------------------------------------------------------------------------------------
async def deep_json(at: Target, until: float) -> str:
    """Nested 330 and 100,000 deep, as a whole and in a field, to the API and as a task."""
    link_name = await stage.make_keyed(at)
    requests = [
        wire.with_body("POST", address, _nested(depth, before, after), "application/json", at.token)
        for depth in (330, 100_000)
        for address, before, after in (
            (f"{API}/connections", '{"variables": ', "}"),
            (f"{API}/services", '{"headers": ', "}"),
            (f"{API}/tokens", "", ""),
            ("/invoke", json.dumps(_task(link_name))[:-1] + ', "parameters": {"a": ', "}}"),
            ("/invoke", "", ""),
        )
    ]
    return await repeat(at, until, requests, at_once=8)


def _nested(depth: int, before: str, after: str) -> bytes:
    return f"{before}{'[' * depth}{']' * depth}{after}".encode()


async def many_words(at: Target, until: float) -> str:
    """1,200 of them to search for."""
    words = "+".join(f"w{number}" for number in range(1200))
    requests = [
        wire.head("GET", f"{API}/{path}?q={words}", token=at.token) for path in ("connections", "services")
    ]
    return await repeat(at, until, requests, at_once=8)


async def odd_paths(at: Target, until: float) -> str:
    """Digits that are none, halves of characters, NUL, and far too much."""
    requests = [wire.head("GET", f"{API}{path}", token=at.token) for path in ODD_PATHS]
    return await repeat(at, until, requests, at_once=4)
