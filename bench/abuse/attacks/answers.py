"""What a service answers that somebody else's server would choke on; whoever attacks has made the service."""

from bench.abuse import stage, wire
from bench.abuse.stage import Target
from bench.abuse.ways import repeat

ODD_CHARSETS = ("idna", "utf-7", "unicode_escape", "raw_unicode_escape", "hex", "zlib_codec", "undefined")


async def punycode(at: Target, until: float) -> str:
    return await _tasks(at, until, "/text?charset=punycode")


async def odd_charsets(at: Target, until: float) -> str:
    return await _tasks(at, until, *(f"/text?charset={name}" for name in ODD_CHARSETS))


async def asked_decoding(at: Target, until: float) -> str:
    """The task itself asks for it."""
    return await _tasks(at, until, "/text?charset=utf-8", **{"response-decoding": "punycode"})


async def brackets(at: Target, until: float) -> str:
    return await _tasks(at, until, "/brackets")


async def gzip_tail(at: Target, until: float) -> str:
    return await _tasks(at, until, "/gzip-tail")


async def gzip_members(at: Target, until: float) -> str:
    return await _tasks(at, until, "/gzip-members")


async def token_in_members(at: Target, until: float) -> str:
    """Read by the control plane, each time that a token is fetched."""
    link_names = await stage.make_robot(at, "/token-in-members", number=8)
    calls = [wire.head("GET", f"/invoke/{link_name}/quick", token=at.token) for link_name in link_names]
    return await repeat(at, until, calls, at_once=8)


async def _tasks(at: Target, until: float, *urls: str, **others: object) -> str:
    """Four at a time."""
    link_name = await stage.make_keyed(at)
    told = [{"connection": link_name, "url": url, "type": "GET"} | others for url in urls]
    requests = [wire.with_json("POST", "/invoke", each, at.token) for each in told]
    return await repeat(at, until, requests, at_once=4)
