"""The server's HTTP protocol: uvicorn's over httptools, with bounds on what comes in and on its time.

Bytes are counted before they are parsed. Each connection has one timer, which looks at who is waited for
and costs nothing while a request goes on. What is refused here is answered as every error of ours is.
"""

import asyncio
import math
import socket
import struct
from collections import deque
from enum import Enum, auto
from typing import Any
from urllib.parse import unquote

import httptools
import structlog
from django.conf import settings
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from config.cycle import Allowance, Cycle, Outlet
from config.errors import HeadTooLarge, NotHttp, RequestTimeout, TooManyConnections
from config.guests import Guests
from invoke import answers
from invoke.errors import ServerBusy
from people.ids import uuid7
from problems import AppError

log = structlog.get_logger("switchboard.access")

PIECE_BYTES = 16 * 1024  # parsed at once
MOST_HEADERS = 1000  # short ones take many times their bytes in memory
MOST_WAITING = 16  # requests sent ahead of their turn on one connection
_CHECKED = frozenset({b"expect", b"host", b"transfer-encoding"})
_RESET = struct.pack("ii", 1, 0)  # struct linger: end by a reset


class Stage(Enum):
    """What is expected next."""

    IDLE = auto()  # another request, perhaps
    HEAD = auto()
    BODY = auto()
    DEAF = auto()  # nothing: what comes is thrown away


IDLE, HEAD, BODY, DEAF = Stage


class Protocol(HttpToolsProtocol):
    """For ``uvicorn.Config(http=…)``."""

    allowance = Allowance()
    guests = Guests()
    cycle: Cycle
    scope: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stage = HEAD
        self._since = self.loop.time()  # the head is awaited, or the connection idle
        self._is_begun = False  # the head's first byte came
        self._head_left = self.allowance.head_bytes
        self._framing = self._trailers = 0  # bytes of a body that are not its content
        self._checked: list[tuple[bytes, bytes]] = []
        self._running: Cycle | None = None
        self._waiting: deque[Cycle] = deque()  # for their turn
        self._refusal: AppError | None = None  # told when it is its turn
        self._taken, self._taken_at = 0, 0.0  # of what was written, by the caller
        self._outlet: Outlet
        self._timer: asyncio.TimerHandle
        self._address = ""

    # --- Connections ----------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One address has so many connections, unless it is that of a proxy of ours."""
        super().connection_made(transport)
        self._outlet = Outlet(transport, self._end)
        self._timer = self.loop.call_later(self.allowance.shortest_s, self._look)
        if settings.TRUSTED_PROXY_COUNT or not self.client:
            return
        if self.guests.enter(self.client[0], settings.MAX_CONNECTIONS_PER_ADDRESS):
            self._address = self.client[0]
        else:
            self._stage = DEAF
            self._write(TooManyConnections())
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has gone, or we have."""
        self._timer.cancel()
        if self._address:
            self.guests.leave(self._address)
        if self._running is not None:
            self._running.hang_up()
        self._waiting.clear()
        super().connection_lost(exc)

    def _end(self) -> None:
        """Close; where something may still come, only our side at first: a reset would eat the answer."""
        if self._running is not None and self._running.is_unframed and not self._running.response_complete:
            self._reset()
        elif self._stage is IDLE:
            self.transport.close()
        else:
            self._stage = DEAF
            self._since = self.loop.time()
            self.flow.resume_reading()
            self.transport.write_eof()
            self._look_in(self.allowance.linger_s)

    def _reset(self) -> None:
        """Close so that nobody takes what was written for whole, and keep nothing that was not taken."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    # --- Time -----------------------------------------------------------------------------------------
    def _look_in(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Has somebody kept us waiting for too long? Comes again before the next bound can be over."""
        now = self.loop.time()
        unsent = self.transport.get_write_buffer_size()
        taken = self._outlet.written - unsent
        if taken != self._taken:
            self._taken, self._taken_at = taken, now
        if unsent:
            self._since = now  # nothing else is waited for before
            ends_at, give_up = self._taken_at + self.allowance.answer_s, self._cut
        elif self._outlet.is_ended:
            ends_at, give_up = self._since + self.allowance.linger_s, self.transport.close
        elif self._running is not None:
            ends_at, give_up = self._running.patience_ends_at, self._time_out
        elif self._stage is HEAD:
            ends_at, give_up = self._since + self.allowance.head_s, self._time_out
        else:
            ends_at, give_up = self._since + self.timeout_keep_alive, self.transport.close
        if ends_at <= now:
            give_up()
            ends_at = math.inf
        is_busy = unsent or self._outlet.is_ended or self._running is not None
        self._look_in(min(ends_at - now, self.allowance.look_s if is_busy else self.allowance.shortest_s))

    def _time_out(self) -> None:
        if self._stage is HEAD and not self._is_begun:
            self.transport.close()
        else:
            self._refuse(RequestTimeout())

    def _cut(self) -> None:
        """The caller takes nothing of the answer."""
        if self._running is not None:
            self._running.fail(RequestTimeout())
        self._reset()

    def pause_writing(self) -> None:
        """More was written than the caller has taken: see whether they go on."""
        super().pause_writing()
        self._look_in(self.allowance.look_s)

    # --- What comes in --------------------------------------------------------------------------------
    def data_received(self, data: bytes) -> None:
        """In pieces, so that what is over a bound is not parsed first."""
        if self._stage is IDLE:
            self._begin_head()
        start = 0
        while start < len(data) and self._stage is not DEAF:
            size = min(PIECE_BYTES, self._head_left) if self._stage is HEAD else PIECE_BYTES
            self._feed(data[start : start + size])
            start += size

    def _begin_head(self) -> None:
        self._stage = HEAD
        self._since = self.loop.time()
        self._head_left = self.allowance.head_bytes
        self._is_begun = False

    def _feed(self, piece: bytes) -> None:
        if self._stage is HEAD:
            self._head_left -= len(piece)
        else:
            self._framing += len(piece)
        head_bytes: int | None = None  # of the piece, where the request asks for another protocol behind it
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            head_bytes = upgrade.args[0]
        except httptools.HttpParserError as error:
            self._refuse(_reason(error))
        if head_bytes is not None:
            self._read_without_upgrade(piece[head_bytes:])
        elif (self._stage is HEAD and self._head_left <= 0) or (
            self._stage is BODY and self._framing > self.allowance.head_bytes
        ):
            self._refuse(HeadTooLarge())

    def _read_without_upgrade(self, rest: bytes) -> None:
        """Read the request as one that asks for no upgrade: none is taken (RFC 9110 7.8).

        llhttp takes what follows the head for another protocol, and would read a body as the next request.
        """
        parser, self.parser = self.parser, httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as the first one's
        head = [b"%b %b HTTP/%b" % (parser.get_method(), self.url, parser.get_http_version().encode())]
        head += [b"%b: %b" % pair for pair in self.headers if pair[0] != b"upgrade"]
        self._feed(b"\r\n".join(head) + b"\r\n\r\n")
        if rest and self._stage is not DEAF:
            self._feed(rest)

    def on_message_begin(self) -> None:
        """A request begins; behind another one where they are sent ahead of their turn."""
        super().on_message_begin()
        if self._stage is not HEAD:
            self._begin_head()
        self._is_begun = True
        self._checked = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those are dropped, since whoever checked the headers did not see them."""
        if self._stage is BODY:
            self._trailers += len(name) + len(value) + 4
            if self._trailers > self.allowance.head_bytes:
                raise HeadTooLarge
            return
        name = name.lower()
        self.headers.append((name, value))
        if name in _CHECKED:
            self._checked.append((name, value))
        if len(self.headers) > MOST_HEADERS:
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        """The request is handed on, or waits for its turn."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT" or version not in {"1.0", "1.1"}:
            raise NotHttp
        if self.parser.should_upgrade():
            return
        self._check_headers(version)
        path, query = self._target()
        scope = self.scope
        scope["method"], scope["http_version"] = method.decode(), version
        scope["raw_path"], scope["path"], scope["query_string"] = path, _unquoted(path), query
        ahead = sum(len(list(each.scope["headers"])) for each in self._waiting)
        if len(self._waiting) >= MOST_WAITING or ahead + len(self.headers) > MOST_HEADERS:
            raise ServerBusy
        self._stage = BODY
        self._framing = self._trailers = 0
        self.cycle = self._cycle(keep_alive=version != "1.0" and self.parser.should_keep_alive())
        if self._running is None:
            self._start(self.cycle)
        else:
            self.flow.pause_reading()
            self._waiting.append(self.cycle)

    def _check_headers(self, version: str) -> None:
        """Raises NotHttp where two readers could differ: on the host, or on where the body ends."""
        hosts = 0
        for name, value in self._checked:
            if name == b"host":
                hosts += 1
            elif name == b"expect":
                self.expect_100_continue = version != "1.0" and value.strip().lower() == b"100-continue"
            elif version == "1.0" or value.strip().lower() != b"chunked":
                raise NotHttp
        if hosts > 1:
            raise NotHttp

    def _target(self) -> tuple[bytes, bytes]:
        """Path and query. A host in the target stands in the header's place (RFC 9112 3.2.2)."""
        try:
            target = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            raise NotHttp from None
        path: bytes = target.path or b"/"
        is_web = not target.schema or target.schema.lower() in {b"http", b"https"}
        if not path.startswith(b"/") or target.userinfo or not is_web:
            raise NotHttp
        if target.host:
            host = b"[%b]" % target.host if b":" in target.host else target.host
            port = b":%d" % target.port if target.port else b""
            self.headers[:] = [*(pair for pair in self.headers if pair[0] != b"host"), (b"host", host + port)]
        return path, target.query or b""

    def _cycle(self, *, keep_alive: bool) -> Cycle:
        cycle = Cycle(
            scope=self.scope,
            transport=self._outlet,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.allowance, cycle.now = self.allowance, self.loop.time
        return cycle

    def _start(self, cycle: Cycle) -> None:
        self._running = cycle
        self._start_asgi_task(cycle, self.app)

    def on_body(self, body: bytes) -> None:
        """A piece of the content."""
        self._framing = max(0, self._framing - 3 * len(body))  # a byte of content excuses two of framing
        cycle = self.cycle
        cycle.body += body
        cycle.came(len(body))
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_chunk_header(self) -> None:
        """The line before a chunk."""
        self._framing = max(0, self._framing - 16)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._stage is BODY:
            self._stage = IDLE
            self.cycle.more_body = False
            self.cycle.message_event.set()

    # --- What goes out --------------------------------------------------------------------------------
    def on_response_complete(self) -> None:
        """An answer is written: the next request's turn, or a refusal's."""
        self.server_state.total_requests += 1
        self._running = None
        if self._outlet.is_closing():
            return
        self.flow.resume_reading()
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._refusal is not None:
            self._answer(self._refusal)
        else:
            self._since = self.loop.time()
            if self._stage is IDLE:
                self.cycle = self.scope = self.headers = None  # type: ignore[assignment]  # no old request

    def _refuse(self, error: AppError) -> None:
        """Read no further. The application answers for a body, and we for what is not yet a request."""
        is_body, self._stage = self._stage is BODY, DEAF
        if is_body:
            self.cycle.fail(error)
        elif self._running is not None:
            self._refusal = error
        else:
            self._answer(error)

    def _answer(self, error: AppError) -> None:
        log.info("refused", status=error.status, code=error.code)
        self._write(error)
        self._outlet.close()

    def _write(self, error: AppError) -> None:
        pairs, body = answers.problem(error, uuid7())
        head = b"".join(b"%b: %b\r\n" % pair for pair in pairs)
        self._outlet.write(STATUS_LINE[error.status] + head + b"connection: close\r\n\r\n" + body)


def _reason(error: httptools.HttpParserError) -> AppError:
    """What our own reading raised, inside the parser's; else it is the parser that cannot read on."""
    cause = error.__context__
    if isinstance(cause, AppError):
        return cause
    if cause is not None:
        log.error("protocol.error", exc_info=cause)
    return NotHttp()


def _unquoted(path: bytes) -> str:
    text = path.decode("ascii")
    return unquote(text) if "%" in text else text
