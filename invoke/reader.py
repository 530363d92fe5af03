"""The call path's own way to the database: one SELECT, beside Django's connections and never through them."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import connection
from django.db import utils as django_errors

from invoke.errors import DatabaseUnavailable
from invoke.resolve import SQL, Reader, Row

Cursor = psycopg.AsyncCursor[tuple[Any, ...]]

log = structlog.get_logger(__name__)

WAIT_S = 5  # for PostgreSQL's answer, all told
CONNECT_S = 2
_BROKEN = (psycopg.OperationalError, psycopg.InterfaceError)
_BUSY_S = 2


class PostgresReader:
    """A few autocommitting connections, each with its statement prepared; made when needed, and then kept.

    psycopg_pool does the same at twice the processor time a call, and leaves a caller waiting while the
    database is away, where this one is told at once.
    """

    def __init__(self, conninfo: Mapping[str, Any], *, most: int) -> None:
        self._conninfo = conninfo
        self._idle: list[Cursor] = []
        self._room = asyncio.Semaphore(most)

    async def row(self, params: Mapping[str, Any]) -> Row:
        """The row. A connection that broke since it was last used is replaced, and the SELECT run again."""
        try:
            async with asyncio.timeout(WAIT_S), self._room:
                return await self._select(params)
        except (*_BROKEN, TimeoutError) as error:
            log.warning("call.database_away", error=type(error).__name__)
            raise DatabaseUnavailable from None

    async def _select(self, params: Mapping[str, Any]) -> Row:
        if self._idle:
            try:
                return await self._run(self._idle.pop(), params)
            except _BROKEN:
                await self.close()  # the others were left by the same server
        return await self._run(await self._connect(), params)

    async def _connect(self) -> Cursor:
        wanted = {**self._conninfo, "autocommit": True, "prepare_threshold": 0, "connect_timeout": CONNECT_S}
        made = await psycopg.AsyncConnection.connect(**wanted)
        return made.cursor()

    async def _run(self, cursor: Cursor, params: Mapping[str, Any]) -> Row:
        try:
            await cursor.execute(SQL["postgresql"], params)
            found = await cursor.fetchone()
        except BaseException:  # also a call that was cancelled meanwhile: its answer is still to come
            await cursor.connection.close()
            raise
        self._idle.append(cursor)
        assert found is not None  # the SELECT's row is always there
        return Row._make(found)

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            await self._idle.pop().connection.close()


class SqliteReader:
    """A read-only connection, used on the loop itself.

    Readers wait for nobody in SQLite's write-ahead mode and the row is in the page cache: the SELECT takes
    a quarter of what it costs to hand it to a thread and back. A lock that is met all the same is waited
    for in a thread.
    """

    def __init__(self, path: str) -> None:
        is_uri = path.startswith("file:")
        self._uri = path if is_uri else f"{Path(path).resolve().as_uri()}?mode=ro"
        self._held: sqlite3.Connection | None = None

    async def row(self, params: Mapping[str, Any]) -> Row:
        """The row; the connection is opened when it is first needed, and anew after it failed."""
        try:
            if self._held is None:
                self._held = self._connect(0)
            return Row._make(self._held.execute(SQL["sqlite"], params).fetchone())
        except sqlite3.Error:
            self._drop()
        return await asyncio.to_thread(self._wait_for_row, params)

    def _wait_for_row(self, params: Mapping[str, Any]) -> Row:
        try:
            with closing(self._connect(_BUSY_S)) as patient:
                return Row._make(patient.execute(SQL["sqlite"], params).fetchone())
        except sqlite3.Error as error:
            log.warning("call.database_away", error=type(error).__name__)
            raise DatabaseUnavailable from None

    def _connect(self, wait_s: float) -> sqlite3.Connection:
        return sqlite3.connect(self._uri, uri=True, timeout=wait_s, isolation_level=None)

    def _drop(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    async def close(self) -> None:
        """Close the connection."""
        self._drop()


class Given:
    """A row that was read beforehand, for a call outside the server."""

    def __init__(self, row: Row) -> None:
        self._row = row

    async def row(self, params: Mapping[str, Any]) -> Row:
        """That row, whatever the parameters."""
        return self._row

    async def close(self) -> None:
        """Nothing is held."""


def open_reader() -> Reader:
    """The reader for the database that Django is set up with."""
    if connection.vendor == "postgresql":
        return PostgresReader(_conninfo(), most=settings.DATABASE_READERS)
    return SqliteReader(str(connection.settings_dict["NAME"]))


def read_now(params: Mapping[str, Any]) -> Row:
    """The row by Django's own connection: for code that runs inside its transactions."""
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.connection.row_factory, kept = None, cursor.connection.row_factory
                found = cursor.connection.execute(SQL["sqlite"], params).fetchone()
                cursor.connection.row_factory = kept
            else:
                found = cursor.connection.execute(SQL["postgresql"], params).fetchone()
    except (django_errors.OperationalError, sqlite3.Error, psycopg.Error) as error:
        log.warning("call.database_away", error=type(error).__name__)
        raise DatabaseUnavailable from None
    return Row._make(found)


def _conninfo() -> dict[str, Any]:
    """How Django connects, as psycopg takes it: libpq's own keywords, less what Django's cursors need."""
    wanted = connection.get_connection_params()
    ours = {"cursor_factory", "context", "prepare_threshold", "server_side_binding", "pool"}
    return {key: value for key, value in wanted.items() if key not in ours and value is not None}
