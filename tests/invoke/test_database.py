"""The SELECT on the migrated schema, and a database that goes away and comes back."""

import asyncio
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from invoke import gateway as module
from invoke.asks import Caller
from invoke.errors import DatabaseUnavailable
from invoke.reader import PostgresReader, SqliteReader, _conninfo, open_reader, read_now
from invoke.resolve import SQL, Row, params
from people.ids import uuid7
from tests.invoke.conftest import Desk, Gateway
from tests.invoke.upstream import Upstream

on_postgres = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL's own")
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's own")


def test_the_select_runs_on_the_migrated_schema(db: None) -> None:
    row = read_now(params(Caller(token_id="nothing"), "nothing"))
    assert len(row) == len(Row._fields)
    assert (row.token_id, row.owner_id, row.connection_id, row.grant_id) == (None, None, None, None)
    assert read_now(params(Caller(user_id=uuid7()), "nothing")).owner_id is None


def test_both_databases_are_asked_for_the_same_columns() -> None:
    def columns(sql: str) -> int:
        depth, found = 0, 1
        for character in sql.partition("SELECT")[2].partition("\nFROM")[0]:
            depth += {"(": 1, ")": -1}.get(character, 0)
            found += character == "," and depth == 0
        return found

    assert {columns(sql) for sql in SQL.values()} == {len(Row._fields)}


def test_every_look_up_of_the_select_uses_an_index(transactional_db: None) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            found = cursor.connection.execute(
                f"EXPLAIN QUERY PLAN {SQL['sqlite']}", params(Caller(token_id="x"), "y")
            ).fetchall()
            steps = [str(step[3]) for step in found]
        else:
            cursor.execute("SET enable_seqscan = off")
            found = cursor.connection.execute(
                f"EXPLAIN {SQL['postgresql']}", params(Caller(token_id="x"), "y")
            ).fetchall()
            steps = [str(step[0]) for step in found]
    scans = [
        step
        for step in steps
        if ("SCAN" in step and "CONSTANT ROW" not in step and "one" not in step) or "Seq Scan" in step
    ]
    assert scans == []


def test_one_select_is_one_statement_a_call(
    gateway: Gateway, desk: Desk, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.connection()
    assert module._engine is not None
    reader = module._engine._reader
    asked: list[Any] = []
    plain = type(reader).row

    async def counted(self: Any, given: Any) -> Row:
        asked.append(given)
        return await plain(self, given)

    monkeypatch.setattr(type(reader), "row", counted)
    for _ in range(3):
        gateway.get("/invoke/desk/x")
    gateway.task(connection="desk", url="/x")
    assert len(asked) == 4


@on_sqlite
def test_a_database_that_is_away_is_told_and_nothing_is_sent(
    gateway: Gateway, desk: Desk, upstream: Upstream
) -> None:
    desk.connection()
    assert gateway.get("/invoke/desk/x").status == 200
    assert module._engine is not None
    kept, module._engine._reader = module._engine._reader, SqliteReader("/nowhere/at/all.sqlite3")
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code, got.header("Retry-After")) == (503, "database_unavailable", "2")
    assert len(upstream.seen) == 1
    module._engine._reader = kept
    assert gateway.get("/invoke/desk/x").status == 200


@on_sqlite
async def test_a_lock_that_is_met_is_waited_for_off_the_loop(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "locked.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(schema)
    reader = SqliteReader(str(path))
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.3, lambda: holder.execute("ROLLBACK"))
    timer.start()
    row = await reader.row(params(Caller(token_id="x"), "y"))
    assert row.token_id is None
    timer.join()
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DatabaseUnavailable):
        await reader.row(params(Caller(token_id="x"), "y"))
    holder.close()
    await reader.close()


@pytest.fixture
def schema(db: None) -> str:
    """The tables, as the migrations made them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return ";\n".join(sql for (sql,) in cursor.fetchall())


@on_postgres
async def test_connections_that_the_server_ended_are_replaced(transactional_db: None) -> None:
    reader = open_reader()
    asked = params(Caller(token_id="x"), "y")
    await reader.row(asked)

    def end_the_others() -> None:
        with connection.cursor() as cursor:
            ours = "query LIKE '-- Everything a call%'"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
        connection.close()

    await asyncio.to_thread(end_the_others)
    assert (await reader.row(asked)).token_id is None
    await reader.close()


class Wire:
    """A way to the database that can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self.port = 0
        self._server: asyncio.Server | None = None
        self._ends: list[asyncio.StreamWriter] = []

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._there)
        self._ends += [writer, far_writer]
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(65536):
                sink.write(piece)
        sink.close()


@on_postgres
async def test_postgres_that_is_away_is_told_soon_and_used_again_when_it_is_back(
    conninfo: dict[str, Any],
) -> None:
    wire = Wire(conninfo["host"], int(conninfo["port"]))
    await wire.mend()
    reader = PostgresReader(conninfo | {"host": "127.0.0.1", "port": wire.port}, most=8)
    asked = params(Caller(token_id="x"), "y")
    assert (await reader.row(asked)).token_id is None
    await wire.cut()
    for _ in range(2):
        began = asyncio.get_running_loop().time()
        with pytest.raises(DatabaseUnavailable):
            await reader.row(asked)
        assert asyncio.get_running_loop().time() - began < 5.5
    await wire.mend()
    assert (await reader.row(asked)).token_id is None
    await reader.close()
    await wire.cut()


@pytest.fixture
def conninfo(transactional_db: None) -> dict[str, Any]:
    """How Django connects, as psycopg takes it."""
    return _conninfo()
