"""Misbehaviours of the API: query keys ``practice_…``, or headers ``Practice-…``, of any call."""

import asyncio
import gzip
import math
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

MAX_DELAY_S = 120.0
MAX_MEGABYTES = 1024
CHUNK = b"practice " * 7282  # about 64 KiB
ELSEWHERE = "https://elsewhere.invalid/landed"
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Switches:
    """What a call asks to go wrong.

    ``delay``: seconds before answering · ``status`` · ``body``: ``broken`` (JSON cut short), ``html`` (a
    script in a page), ``huge`` (``megabytes`` of text), ``stall`` (a beginning, then silence), ``drop``
    (a beginning, then the connection ends) · ``gzip``: ``yes``, ``twice``, ``bomb`` (of ``megabytes``),
    ``cut`` · ``redirect``: ``same``, ``elsewhere`` · ``cookie``: any value.
    """

    delay: float = 0.0
    status: int = 0
    body: str = ""
    megabytes: int = 16
    gzip: str = ""
    redirect: str = ""
    cookie: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Switches":
        return cls(
            delay=_number(_asked(request, "delay"), 0.0, MAX_DELAY_S),
            status=int(_number(_asked(request, "status"), 0, 599)),
            body=_asked(request, "body"),
            megabytes=int(_number(_asked(request, "megabytes"), 16, MAX_MEGABYTES)),
            gzip=_asked(request, "gzip"),
            redirect=_asked(request, "redirect"),
            cookie=_asked(request, "cookie"),
        )

    def applied(self, response: HttpResponseBase) -> HttpResponseBase:
        """The answer as it is asked to be."""
        response = self._body(response)
        if self.gzip and isinstance(response, HttpResponse):
            response = self._gzipped(response)
        if self.redirect:
            response.status_code = 302
            response["Location"] = "/practice/api/me" if self.redirect == "same" else ELSEWHERE
        if self.status >= 200:
            response.status_code = self.status
        if self.cookie:
            response.set_cookie("practice", "crumbs")
        return response

    def _body(self, response: HttpResponseBase) -> HttpResponseBase:
        match self.body:
            case "broken":
                return HttpResponse('{"items": [{"id": 1, "na', content_type="application/json")
            case "html":
                return HttpResponse("<!doctype html><script>document.title = 'ran'</script><p>Practice</p>")
            case "huge":
                return StreamingHttpResponse(_huge(self.megabytes), content_type="text/plain")
            case "stall":
                return StreamingHttpResponse(_stall(), content_type="text/plain")
            case "drop":
                return StreamingHttpResponse(_drop(), content_type="text/plain")
            case _:
                return response

    def _gzipped(self, response: HttpResponse) -> HttpResponseBase:
        if self.gzip == "bomb":
            bomb = StreamingHttpResponse(_bomb(self.megabytes), content_type="application/json")
            bomb["Content-Encoding"] = "gzip"
            return bomb
        packed = gzip.compress(response.content)
        response.content = {"twice": gzip.compress(packed), "cut": packed[:-9]}.get(self.gzip, packed)
        response["Content-Encoding"] = "gzip"
        return response


def switched(view: View) -> Callable[..., Any]:
    """Make a view of the API's: no sign-in of ours, no CSRF, and the switches."""

    @login_not_required
    @csrf_exempt
    @wraps(view)
    async def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        switches = Switches.of(request)
        await asyncio.sleep(switches.delay)
        response = await sync_to_async(view)(request, **kwargs)
        return switches.applied(response)

    return answer


def _asked(request: HttpRequest, name: str) -> str:
    return str(request.GET.get(f"practice_{name}") or request.headers.get(f"Practice-{name}", ""))


def _number(text: str, unset: float, highest: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return unset
    return unset if math.isnan(number) else min(max(number, 0.0), highest)


async def _huge(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes * 16):
        yield CHUNK


async def _stall() -> AsyncIterator[bytes]:
    yield b"A beginning, "
    await asyncio.sleep(MAX_DELAY_S)
    yield b"and much later an end."


async def _drop() -> AsyncIterator[bytes]:
    yield b"A beginning, "
    raise asyncio.CancelledError  # Django takes it for a client that left, and the server hangs up


async def _bomb(megabytes: int) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    for _ in range(megabytes):
        yield packer.compress(zeros)
    yield packer.flush()
