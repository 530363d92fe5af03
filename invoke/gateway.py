"""The ASGI edge for ``/invoke``: parse and answer. No Django request cycle on this path.

An answer that fails after its headers went out is left unfinished: the server then ends the connection
without the final chunk, and no client takes it for whole.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from connections import grants, tokens
from connections.errors import Unauthenticated
from invoke import (
    answers,
    aside,
    deluge,
    headers,
    paths,
    redirects,
    resolve,
    runtime,
    streams,
    task_answer,
    trail,
)
from invoke.asks import Ask, Body, Caller, Pairs
from invoke.engine import Engine, told
from invoke.errors import ClientGone, PayloadTooLarge, TooMuchAtOnce
from invoke.recorder import Record
from outbound import json_text
from outbound.client import Reply
from outbound.errors import ResponseTooLarge
from people.addresses import client_ip
from problems import AppError, InvalidInput

log = structlog.get_logger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = answers.Send

T = TypeVar("T")

TASK_PATH = "/invoke"
TASK_PATHS = frozenset({b"/invoke", b"/invoke/"})
SCHEME = "bearer"
SWITCH_S = 0.0005  # how long a busy thread keeps the loop waiting; Python's own 5 ms add up over a call
WATCH_AFTER_S = 0.05
_engine: Engine | None = None


async def startup() -> None:
    """Open what calls share. The server's lifespan calls it; a database that is away does not stop it."""
    global _engine  # noqa: PLW0603 -- one a process, as the server's lifespan is
    sys.setswitchinterval(SWITCH_S)
    json_text.prepare()
    _engine = await runtime.open_engine()


async def shutdown() -> None:
    """Flush the records and close every connection, and wait for the refreshes under way."""
    global _engine  # noqa: PLW0603
    if _engine is not None:
        await _engine.close()
        _engine = None
    await asyncio.to_thread(grants.REFRESHES.finish)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """One call, or one task."""
    assert _engine is not None, "The server's lifespan starts the gateway: run it with lifespan on."
    await Exchange(_engine, scope, receive, send).run()


class Exchange:
    """One request and its answer."""

    __slots__ = (
        *("_body_error", "_engine", "_headers", "_is_done", "_is_gone", "_is_started", "_receive", "_record"),
        *("_scope", "_send", "_task", "_timer", "_watch"),
    )

    def __init__(self, engine: Engine, scope: Scope, receive: Receive, send: Send) -> None:
        self._engine = engine
        self._scope = scope
        self._receive = receive
        self._send = send
        self._record = Record(method=scope["method"])
        self._headers = _decoded(scope["headers"])
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._body_error: AppError | None = None
        self._is_started = False  # the answer's headers went out
        self._is_done = False  # its last byte, too
        self._is_gone = False  # the caller hung up

    async def run(self) -> None:
        """Answer, whatever happens."""
        try:
            await self._answer()
        except AppError as error:
            await self._fail(self._body_error or error)
        except asyncio.CancelledError:
            if not self._is_gone or self._task is None:
                raise  # the server is closing
            self._task.uncancel()
        except Exception:  # the gateway's edge: nothing leaves it unanswered
            log.exception("call.error", call=str(self._record.id))
            told(self._record, AppError())
            await self._fail(AppError())
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._watch is not None:
                self._watch.cancel()

    async def _fail(self, error: AppError) -> None:
        if self._is_started or self._is_gone:
            return
        self._is_started = self._is_done = True
        is_head = self._scope["method"] == "HEAD"
        await answers.send_problem(self._send, error, self._record.id, is_head=is_head)

    async def _answer(self) -> None:
        _check_host(headers.value_of(self._headers, "host"))
        caller = await self._caller()
        if self._scope["raw_path"] in TASK_PATHS:
            await self._run_task(caller)
        else:
            await self._pass_through(caller)

    # --- What came in ---------------------------------------------------------------------------------
    async def _caller(self) -> Caller:
        """Who the Authorization header says it is; the look-up comes later. Raises Unauthenticated."""
        ip = self._ip()
        self._record.ip = ip
        header = headers.value_of(self._headers, "authorization")
        scheme, _, text = header.partition(" ")
        parsed = tokens.parse(text.strip()) if scheme.lower() == SCHEME else None
        if parsed is None:
            if header:
                await trail.in_thread(lambda: trail.count_bad_token(ip))
            raise Unauthenticated
        act_for = headers.value_of(self._headers, "switchboard-user").strip().lower()
        if "\x00" in act_for:
            raise InvalidInput("The header Switchboard-User holds a control character.")
        return Caller(token_id=parsed.token_id, secret_hash=parsed.secret_hash, act_for=act_for, ip=ip)

    def _ip(self) -> str:
        peer = self._scope["client"][0] if self._scope.get("client") else ""
        trusted = settings.TRUSTED_PROXY_COUNT
        named = self._headers if trusted else ()
        return client_ip(peer, [value for name, value in named if name == "x-forwarded-for"], trusted)

    def _body(self) -> Body:
        """The request's body, unread. Raises PayloadTooLarge where its length alone says so."""
        length = headers.value_of(self._headers, "content-length")
        if not length and not headers.value_of(self._headers, "transfer-encoding"):
            self._watch_caller()
            return Body()
        declared = int(length) if length.isascii() and length.isdigit() else None
        if declared is not None and declared > settings.CALL_MAX_REQUEST_BYTES:
            raise PayloadTooLarge
        return Body(stream=self._stream_in, length=declared)

    async def _stream_in(self) -> AsyncIterator[bytes]:
        size, more = 0, True
        while more:
            try:
                message = await self._receive()
            except AppError as error:
                raise self._broken(error) from None
            if message["type"] == "http.disconnect":
                self._is_gone = True
                raise self._broken(ClientGone())
            chunk, more = message.get("body", b""), message.get("more_body", False)
            size += len(chunk)
            if size > settings.CALL_MAX_REQUEST_BYTES:
                raise self._broken(PayloadTooLarge())
            if chunk:
                yield chunk
        self._watch_caller()

    def _broken(self, error: AppError) -> AppError:
        """What is wrong with the caller's body, remembered whatever the client makes of it."""
        self._body_error = error
        told(self._record, error)
        return error

    def _watch_caller(self) -> None:
        """From here on nothing more is read from the caller, so that what comes is that they hung up.

        Most calls are over before a task that watches would be worth its making.
        """
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin_to_watch)

    def _begin_to_watch(self) -> None:
        self._watch = asyncio.create_task(self._cancel_when_gone())

    async def _cancel_when_gone(self) -> None:
        why: AppError = ClientGone()
        try:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        except AppError as error:
            why = error
        if not self._is_done and self._task is not None:
            self._is_gone = True
            told(self._record, why)
            self._task.cancel()

    # --- Calls ----------------------------------------------------------------------------------------
    async def _pass_through(self, caller: Caller) -> None:
        link_name, path = paths.split_call(paths.from_wire(self._scope["raw_path"]))
        ask = Ask(
            link_name=link_name,
            method=self._scope["method"],
            path=path,
            query=paths.from_wire(self._scope["query_string"]),
            headers=self._headers,
            body=self._body(),
            may_pick_host=True,
        )
        await self._call(caller, ask, self._stream_back)

    async def _run_task(self, caller: Caller) -> None:
        self._record.path = TASK_PATH
        try:
            task = await self._read_task(caller)
        except (InvalidInput, TooMuchAtOnce) as error:
            await self._counting(self._engine.refuse(caller, self._record, error))
        await self._call(caller, task.ask, lambda reply: self._tell(task, reply))

    async def _read_task(self, caller: Caller) -> deluge.Task:
        """The task, understood; a long one is read for a good token only. Raises InvalidInput."""
        if self._scope["method"] != "POST":
            raise InvalidInput("A task is sent with POST; a call goes to /invoke/<link_name>/<path>.")
        body = self._body()
        if body.length is None or body.length > aside.AT_ONCE_BYTES:
            await self._counting(self._engine.identify(caller, self._record))
        with self._engine.place(self._record):
            text = (await streams.read_caller(body, deluge.BOUND)).data
            content_type = headers.value_of(self._headers, "content-type")
            return await aside.do(partial(deluge.parse, content_type, text), len(text))

    async def _call(self, caller: Caller, ask: Ask, deliver: Callable[[Reply], Awaitable[None]]) -> None:
        self._record.link_name, self._record.method, self._record.path = ask.link_name, ask.method, ask.path
        await self._counting(self._engine.call(caller, ask, self._record, deliver))

    async def _counting(self, work: Awaitable[T]) -> T:
        """A token that turns out to be no good is counted, and only then pays for it."""
        try:
            return await work
        except Unauthenticated:
            await trail.in_thread(lambda: trail.count_bad_token(self._record.ip))
            raise

    # --- What goes back -------------------------------------------------------------------------------
    async def _stream_back(self, reply: Reply) -> None:
        """The service's answer as it comes. Raises ResponseTooLarge and UpstreamInvalid."""
        status = answers.valid_status(reply.status)
        has_body = self._scope["method"] != "HEAD" and status not in {204, 304}
        length = reply.content_length if has_body else None
        if length is not None and length > settings.CALL_MAX_RESPONSE_BYTES:
            raise ResponseTooLarge
        passes_cookies = resolve.passes_cookies(self._record.row)
        pairs = headers.of_service(reply.headers, status, passes_cookies=passes_cookies)
        if status in redirects.STATUSES:
            pairs = redirects.kept_inside(pairs, self._record)
        pairs += (answers.call_header(self._record.id), answers.UPSTREAM)
        self._is_started = True
        self._record.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})
        if has_body:
            await self._stream_body(reply, length)
        else:
            await self._end(b"")

    async def _stream_body(self, reply: Reply, length: int | None) -> None:
        """The last piece ends the answer where the length tells which one it is."""
        record = self._record
        async for chunk in reply.iter_bytes():
            record.response_bytes += len(chunk)
            if record.response_bytes == length:
                await self._end(chunk)
            else:
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        if not self._is_done:
            await self._end(b"")

    async def _end(self, chunk: bytes) -> None:
        self._is_done = True
        await self._send({"type": "http.response.body", "body": chunk, "more_body": False})

    async def _tell(self, task: deluge.Task, reply: Reply) -> None:
        """The service's answer as the task wants it told."""
        got = await task_answer.read(reply, self._record, settings.CALL_MAX_RESPONSE_BYTES)
        answer = await task_answer.tell(task, got, self._record.row)
        pairs = [
            (b"content-type", answer.content_type.encode()),
            (b"switchboard-upstream-status", str(got.status).encode()),
            answers.UPSTREAM,
        ]
        self._is_started = self._is_done = True
        await answers.send_whole(self._send, 200, pairs, answer.body, call_id=self._record.id)


def _decoded(raw: list[tuple[bytes, bytes]]) -> Pairs:
    return tuple((name.decode("latin-1"), _text(value)) for name, value in raw)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _check_host(host: str) -> None:
    if not _is_allowed(host, tuple(settings.ALLOWED_HOSTS)):
        raise InvalidInput(
            "This server does not answer under that host name.",
            hint="Use the address in PUBLIC_URL, or have the name added to ALLOWED_HOSTS.",
        )


@lru_cache(maxsize=64)
def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
