"""J1, J2: what is recorded of a call, when, and what becomes of it where the database is away."""

import asyncio
import socket
import threading
from datetime import UTC, datetime

import pytest
from django.db import OperationalError, connection

from connections.models import ApiToken
from invoke import gateway as module
from invoke import recorder, redact, runtime
from invoke.asks import Ask, Caller
from invoke.models import Call
from invoke.recorder import Record, Recorder
from outbound.client import Reply
from people.models import AuditEvent, User
from tests.invoke.conftest import KEY, Desk, Gateway, Recorded
from tests.invoke.upstream import Seen, Upstream, answer


def test_a_call_is_on_record_within_half_a_second(
    gateway: Gateway, desk: Desk, upstream: Upstream, recorded: Recorded
) -> None:
    made = desk.connection()
    upstream.says(answer(201, b"12345"))
    got = gateway.send("POST", "/invoke/desk/tickets/%C3%A9?secret=query", b"abc", {"Cookie": "hidden"})
    call = recorded()[0]
    row = desk.token_row(gateway.token)
    assert str(call.id) == got.header("Switchboard-Call")
    assert (call.connection, call.connection_id, call.token, call.token_id) == (
        "desk",
        made.pk,
        "script",
        row.pk,
    )
    assert (call.user, call.user_id, call.ip) == (desk.owner.email, desk.owner.pk, "127.0.0.1")
    host = desk.upstream.url.removeprefix("http://")  # with its port, which is not http's own
    assert (call.method, call.host, call.path) == ("POST", host, "/api/v1/tickets/%C3%A9")
    assert (call.status, call.request_bytes, call.response_bytes, call.attempts, call.code) == (
        201,
        3,
        5,
        1,
        "",
    )
    assert abs((datetime.now(UTC) - call.at).total_seconds()) < 5
    assert row.last_used_at is not None
    stored = str([getattr(call, field.attname) for field in Call._meta.fields])
    assert not any(text in stored for text in (KEY, "secret", "hidden", gateway.token))


def test_every_column_of_a_call_is_written() -> None:
    assert Call._meta.db_table == recorder.TABLE
    assert set(Record().columns()) == {field.column for field in Call._meta.local_concrete_fields}


@pytest.mark.parametrize("path", ["/a\r\nb", "/a\u2028b", "/a\x1b[31m", "/a?b=c", "/" + "x" * 5000])
def test_a_recorded_path_breaks_no_line_and_has_no_query(path: str) -> None:
    kept = redact.path(path)
    assert kept.isprintable()
    assert "?" not in kept
    assert len(kept) <= 2000


def test_a_call_that_was_refused_is_on_record_too(gateway: Gateway, desk: Desk, recorded: Recorded) -> None:
    desk.connection()
    gateway.get("/invoke/nothing/x")
    gateway.get("/invoke/desk/../x")
    calls = recorded(2)
    assert [(call.connection, call.status, call.code) for call in calls] == [
        ("nothing", 404, "connection_not_found"),
        ("desk", 400, "invalid_request"),
    ]


def test_a_foreign_connection_leaves_no_id_in_a_strangers_record(
    gateway: Gateway, desk: Desk, stranger: User, recorded: Recorded
) -> None:
    desk.connection()
    gateway.get("/invoke/desk/x", token=desk.token(stranger))
    assert recorded()[0].connection_id is None


def test_an_address_that_may_not_be_reached_is_audited(gateway: Gateway, desk: Desk) -> None:
    """J5."""
    desk.connection(service={"base_url": "https://10.0.0.1/", "hosts": ["10.0.0.1"]})
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code) == (403, "address_not_allowed")
    assert AuditEvent.objects.get(event="call.egress_blocked").target == "connection:desk"


def test_a_script_that_tries_on_does_not_fill_the_audit_trail(gateway: Gateway, desk: Desk) -> None:
    desk.connection(service={"base_url": "https://10.0.0.1/", "hosts": ["10.0.0.1"]})
    for _ in range(25):
        assert gateway.get("/invoke/desk/x").code == "address_not_allowed"
    assert AuditEvent.objects.filter(event="call.egress_blocked").count() == 20


# --- strict -----------------------------------------------------------------------------------------
@pytest.fixture
def strict(gateway: Gateway) -> Recorder:
    assert module._engine is not None
    keeper = module._engine.recorder
    assert isinstance(keeper, Recorder)
    keeper.is_strict = True
    return keeper


def test_strict_records_are_durable_before_the_credential_leaves(
    gateway: Gateway, desk: Desk, upstream: Upstream, strict: Recorder, recorded: Recorded
) -> None:
    desk.connection()
    before: list[tuple[int, str]] = []

    def look(seen: Seen, _: socket.socket) -> bytes:
        try:
            before.extend(Call.objects.values_list("status", "path"))
        finally:
            connection.close()
        return answer(200, b"1")

    upstream.script = look
    assert gateway.get("/invoke/desk/x").status == 200
    assert before == [(0, "/api/v1/x")]
    call = recorded()[0]
    assert (call.status, call.attempts, call.response_bytes) == (200, 1, 1)
    assert Call.objects.count() == 1


def test_strict_sends_nothing_where_the_record_is_refused(
    gateway: Gateway, desk: Desk, upstream: Upstream, strict: Recorder
) -> None:
    """J1: the insert fails, the sink sees nothing."""
    desk.connection()

    def refuse(records: list[Record]) -> None:
        raise OperationalError("no")

    strict._write, kept = refuse, strict._write
    got = gateway.get("/invoke/desk/x")
    assert (got.status, got.code, got.header("Retry-After")) == (503, "database_unavailable", "2")
    assert upstream.seen == []
    strict._write = kept
    assert gateway.get("/invoke/desk/x").status == 200


def test_a_caller_who_leaves_while_a_strict_record_is_written_is_on_record(
    gateway: Gateway, desk: Desk, upstream: Upstream, strict: Recorder, recorded: Recorded
) -> None:
    desk.connection()
    is_written, is_over = threading.Event(), threading.Event()

    def write(records: list[Record]) -> None:
        kept_write(records)
        if not is_written.is_set():
            is_written.set()
            assert is_over.wait(10)

    def add(record: Record) -> None:
        kept_add(record)
        is_over.set()

    strict._write, kept_write = write, strict._write
    strict.add, kept_add = add, strict.add  # type: ignore[method-assign]
    head = (
        "GET /invoke/desk/x HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {gateway.token}",
        "",
        "",
    )
    with socket.create_connection(("127.0.0.1", gateway.port)) as caller:
        caller.sendall("\r\n".join(head).encode())
        assert is_written.wait(10)
        assert Call.objects.get().status == 0
    assert [(call.status, call.code) for call in recorded()] == [(499, "client_disconnected")]
    assert upstream.seen == []


def test_a_strict_record_whose_commit_had_no_answer_is_told_what_came_of_it(
    gateway: Gateway, desk: Desk, upstream: Upstream, strict: Recorder, recorded: Recorded
) -> None:
    desk.connection()

    def lose_the_answer(records: list[Record]) -> None:
        strict._write = kept
        kept(records)
        raise OperationalError("server closed the connection unexpectedly")

    strict._write, kept = lose_the_answer, strict._write
    assert gateway.get("/invoke/desk/x").status == 503
    assert [(call.status, call.code) for call in recorded()] == [(503, "database_unavailable")]
    assert upstream.seen == []


def test_a_call_that_the_servers_stop_cut_is_on_record(desk: Desk, upstream: Upstream) -> None:
    desk.connection()
    record = Record(link_name="desk", method="GET")

    async def deliver(reply: Reply) -> None:
        """No answer comes."""

    async def stop() -> None:
        engine = await runtime.open_engine()
        ask = Ask(link_name="desk", method="GET", path="/x")
        call = asyncio.create_task(engine.call(Caller(user_id=desk.owner.pk), ask, record, deliver))
        await asyncio.to_thread(upstream.arrived.acquire)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await engine.close()

    def hang(seen: Seen, _: socket.socket) -> None:
        upstream.hung_up.wait(10)

    upstream.script = hang
    asyncio.run(stop())
    assert [(call.status, call.code) for call in Call.objects.all()] == [(503, "unavailable")]


# --- The database is away ---------------------------------------------------------------------------
class Shelf:
    """A database that can be away."""

    def __init__(self) -> None:
        self.is_away = True
        self.rows: list[Record] = []

    def __call__(self, records: list[Record]) -> None:
        if self.is_away:
            raise OperationalError("away")
        self.rows += records


async def test_records_wait_while_the_database_is_away() -> None:
    shelf = Shelf()
    keeper = Recorder(is_strict=False, write=shelf)
    records = [Record() for _ in range(5)]
    for record in records:
        keeper.add(record)
    await keeper.flush()
    await keeper.flush()
    assert shelf.rows == []
    shelf.is_away = False
    keeper.add(Record())
    await keeper.flush()
    assert shelf.rows[:5] == records
    assert len(shelf.rows) == 6
    await keeper.stop()


async def test_the_oldest_records_go_first_and_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "MOST_KEPT", 3)
    shelf = Shelf()
    keeper = Recorder(is_strict=False, write=shelf)
    records = [Record() for _ in range(5)]
    for record in records[:4]:
        keeper.add(record)
    await keeper.flush()
    keeper.add(records[4])
    shelf.is_away = False
    await keeper.flush()
    assert shelf.rows == records[2:]
    assert "call.records_lost" in caplog.text
    await keeper.stop()


async def test_the_last_records_are_written_on_the_way_down() -> None:
    shelf = Shelf()
    shelf.is_away = False
    keeper = Recorder(is_strict=False, write=shelf)
    keeper.start()
    record = Record()
    keeper.add(record)
    await keeper.stop()
    assert shelf.rows == [record]


async def test_a_flush_under_way_is_not_cut_by_the_stop() -> None:
    entered, release = threading.Event(), threading.Event()
    rows: list[Record] = []

    def slow(records: list[Record]) -> None:
        entered.set()
        release.wait(5)
        rows.extend(records)

    keeper = Recorder(is_strict=False, write=slow)
    keeper.start()
    keeper.add(Record())
    await asyncio.to_thread(entered.wait, 5)
    keeper.add(Record())
    stopping = asyncio.create_task(keeper.stop())
    await asyncio.sleep(0)
    release.set()
    await stopping
    assert len(rows) == 2


def test_rows_that_are_there_already_are_left_alone(transactional_db: None) -> None:
    """A commit whose answer was lost is tried again."""
    record = Record(status=200, method="GET")
    recorder.store([record])
    recorder.store([record])
    assert Call.objects.count() == 1


def test_a_token_was_last_used_at_its_latest_call(gateway: Gateway, desk: Desk, recorded: Recorded) -> None:
    desk.connection()
    gateway.get("/invoke/desk/x")
    recorded()
    assert ApiToken.objects.get().last_used_at == Call.objects.get().at
