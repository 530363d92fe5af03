"""Rows that are gone from either end of the audit trail, or all of them, show (J4)."""

import importlib
import io
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from connections import worker
from people import audit
from people.audit_events import Event
from people.models import AuditAnchor, AuditEvent
from tests.server import Server

TABLE = AuditEvent._meta.db_table
LOGGER = "switchboard.audit"
pytestmark = pytest.mark.django_db


def write(number: int) -> list[AuditEvent]:
    return [audit.record(Event.PERSON_CHANGED, actor=None, target=f"person:{n}") for n in range(number)]


def delete(condition: str) -> None:
    """By somebody with the database's own password, who takes the triggers away first."""
    with audit.gate_open(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE} WHERE {condition}")


def retain(condition: dict[str, Any]) -> None:
    with audit.retention(actor=None, before=timezone.now()):
        AuditEvent.objects.filter(**condition).delete()


def verify() -> str:
    out = io.StringIO()
    call_command("audit_verify", stdout=out)
    return out.getvalue()


def broken_at() -> int:
    with pytest.raises(CommandError, match=r"Broken at sequence \d+: "):
        verify()
    found = audit.first_broken()
    assert found
    return found.sequence


# --- What is gone --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("gone", "sequence"),
    [
        ("sequence <= 1", 2),
        ("sequence <= 4", 5),
        ("sequence = 3", 4),
        ("sequence = 5", 5),
        ("sequence >= 3", 3),
        ("sequence > 0", 1),
    ],
)
def test_names_where_events_are_gone(gone: str, sequence: int) -> None:
    write(5)
    delete(gone)
    assert broken_at() == sequence


@pytest.mark.parametrize("gone", ["sequence >= 4", "sequence > 0"])
def test_an_event_that_follows_does_not_cover_up_what_is_gone(gone: str) -> None:
    write(5)
    delete(gone)
    write(2)
    assert broken_at() == 6


def test_says_that_everything_is_gone() -> None:
    write(5)
    delete("sequence > 0")
    with pytest.raises(CommandError, match="missing, up to 5"):
        verify()


def test_an_anchor_that_was_moved_to_another_event_shows() -> None:
    rows = write(5)
    AuditAnchor.objects.update(sequence=3, hash=rows[3].hash)
    assert broken_at() == 3
    AuditAnchor.objects.update(sequence=5, hash=rows[3].hash)
    assert broken_at() == 5


@pytest.mark.parametrize("gone", ["sequence < 0", "sequence >= 2", "sequence > 0"])
def test_an_anchor_that_is_gone_shows_and_goes_on_showing(gone: str) -> None:
    write(2)
    AuditAnchor.objects.all().delete()
    delete(gone)
    for _ in range(2):
        with pytest.raises(CommandError, match="the anchor, which says where the trail ends, is missing"):
            verify()
        write(1)


def test_a_trail_that_was_written_without_its_anchor_goes_on_and_is_whole() -> None:
    """A process of the version before writes on while this one starts."""
    first = write(3)[0]
    AuditAnchor.objects.update(sequence=1, hash=first.hash)
    write(1)
    assert [row.sequence for row in AuditEvent.objects.order_by("sequence")] == [1, 2, 3, 4]
    assert audit.first_broken() is None
    assert audit.anchor() == audit.End(4, AuditEvent.objects.latest("sequence").hash)


def test_a_trail_that_is_there_is_anchored_by_the_migration() -> None:
    last = write(3)[-1]
    AuditAnchor.objects.all().delete()
    migration = importlib.import_module("people.migrations.0003_audit_anchor")
    migration.anchor_the_trail(apps, None)
    assert audit.anchor() == audit.End(3, last.hash)
    assert audit.first_broken() is None


def test_an_empty_trail_begins_with_an_anchor() -> None:
    assert audit.anchor() == audit.NOTHING
    assert "no events yet" in verify()


# --- What retention says -------------------------------------------------------------------------------
@pytest.mark.parametrize("through", [1, 4, 5])
def test_retention_explains_the_beginning_that_it_took(through: int) -> None:
    write(5)
    retain({"sequence__lte": through})
    assert audit.first_broken() is None
    write(2)
    retain({"sequence__lte": through + 1})
    assert audit.first_broken() is None


def test_retention_that_takes_nothing_explains_nothing() -> None:
    write(3)
    retain({"at__lt": timezone.now() - timedelta(days=1)})
    assert audit.first_broken() is None
    delete("sequence <= 2")
    assert broken_at() == 3


def test_a_beginning_that_is_shorter_or_longer_than_retention_says_shows() -> None:
    write(5)
    retain({"sequence__lte": 2})
    delete("sequence = 3")
    assert broken_at() == 4


@pytest.mark.parametrize(
    "told", [{}, {"through": 1}, {"through": 3}, {"through": 2, "hash": "0" * 64}, {"through": "2"}]
)
def test_a_retention_event_that_lies_about_what_is_gone_explains_nothing(told: dict[str, Any]) -> None:
    rows = write(5)
    delete("sequence <= 2")
    audit.record(Event.RETENTION_APPLIED, actor=None, **({"hash": rows[1].hash} | told))
    assert broken_at() == 3


@pytest.mark.parametrize("detail", ["", "[]", "null", "{", '{"through": 2}'])
def test_a_retention_event_that_was_tampered_with_shows(detail: str) -> None:
    write(3)
    retain({"sequence__lte": 2})
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        else:
            cursor.execute("DROP TRIGGER people_auditevent_no_update")
        cursor.execute(f"UPDATE {TABLE} SET detail = %s WHERE sequence = 4", [detail])
    assert broken_at() == 3


def test_an_older_retention_does_not_bring_back_what_a_later_one_took() -> None:
    write(6)
    retain({"sequence__lte": 2})
    kept = AuditEvent.objects.get(sequence=4)
    retain({"sequence__lte": 4})
    kept.save(force_insert=True)
    assert broken_at() == 4


def test_retention_that_takes_from_the_middle_breaks_the_trail() -> None:
    write(5)
    retain({"sequence": 3})
    assert broken_at() == 4


# --- The log -------------------------------------------------------------------------------------------
def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [record.msg for record in caplog.records if record.name == LOGGER]
    return [line for line in lines if isinstance(line, dict) and line["event"] == "audit.anchor"]


def test_each_event_is_anchored_in_the_log_once_it_is_committed(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with caplog.at_level(logging.INFO, logger=LOGGER):
        with django_capture_on_commit_callbacks(execute=True):
            row = write(1)[0]
            assert told(caplog) == []
        assert [(line["sequence"], line["hash"]) for line in told(caplog)] == [(1, row.hash)]


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_rolled_back_is_not_anchored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=LOGGER):
        with transaction.atomic():
            write(1)
            transaction.set_rollback(True)
        assert told(caplog) == []
        assert audit.anchor() == audit.NOTHING
        write(1)
        assert [line["sequence"] for line in told(caplog)] == [1]


@pytest.mark.django_db(transaction=True)
def test_the_worker_tells_an_anchor_that_its_log_does_not_have_yet(caplog: pytest.LogCaptureFixture) -> None:
    row = write(2)[-1]
    audit._last_told = None  # another process wrote them
    caplog.clear()
    with caplog.at_level(logging.INFO, logger=LOGGER):
        for _ in range(3):
            worker.do_round(timezone.now(), threading.Event(), chores=(worker.tell_anchor,))
    assert worker.tell_anchor in worker.CHORES
    assert [(line["sequence"], line["hash"]) for line in told(caplog)] == [(2, row.hash)]


def test_the_log_of_a_server_tells_what_audit_verify_tells(server: Server) -> None:
    added = server.run("add_person", "ada@example.com", NEW_PASSWORD="correct horse battery staple")
    assert (added.returncode, added.stdout, added.stderr) == (0, "", "")
    token = server.issue_token("ada@example.com", "--scope", "manage")
    made = requests.post(
        f"{server.url}/api/v1/tokens",
        json={"name": "x", "scopes": ["manage"]},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert made.status_code == 201
    last_hash = server.manage("audit_verify").splitlines()[0].rpartition(" ")[2]
    lines = [line for line in server.log.splitlines() if '"audit.anchor"' in line]
    assert [line for line in lines if f'"hash": "{last_hash}"' in line] == lines[-1:]


# --- Many at once --------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_events_written_at_once_make_one_chain() -> None:
    start = threading.Barrier(6)

    def several(_: int) -> None:
        try:
            start.wait(20)
            write(5)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(several, range(6)))
    assert AuditEvent.objects.latest("sequence").sequence == 30
    assert audit.first_broken() is None
