"""The audit trail: appended, chained, read by those it concerns (J1 to J4, J6)."""

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from people import audit
from people.actor import Actor
from people.audit_events import Event
from people.models import AuditEvent, User
from tests.conftest import SignIn

TABLE = AuditEvent._meta.db_table
pytestmark = pytest.mark.django_db


def write(number: int, actor: User | None = None) -> list[AuditEvent]:
    act = Actor.of(actor) if actor else None
    return [
        audit.record(Event.PERSON_CHANGED, actor=act, target=f"person:{n}@x.example") for n in range(number)
    ]


def refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return "append-only" in str(error)
    return False


@pytest.fixture
def unguarded() -> None:
    """The triggers are gone: somebody with the database's own password."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        else:
            for name in ("no_update", "no_delete", "no_replace"):
                cursor.execute(f"DROP TRIGGER people_auditevent_{name}")


# --- Append-only (J3) -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE {TABLE} SET actor = 'somebody else'",
        f"UPDATE {TABLE} SET actor = actor WHERE sequence = 1",
        f"DELETE FROM {TABLE}",
        f"DELETE FROM {TABLE} WHERE sequence = 2",
    ],
)
def test_refuses_to_change_or_delete_a_row(statement: str) -> None:
    write(2)
    assert refused(statement)
    assert AuditEvent.objects.count() == 2


def test_refuses_to_replace_or_empty_the_table() -> None:
    write(2)
    columns = ", ".join(str(field.column) for field in AuditEvent._meta.fields)
    statement = (
        f"TRUNCATE {TABLE}"
        if connection.vendor == "postgresql"
        else f"INSERT OR REPLACE INTO {TABLE} ({columns}) SELECT {columns} FROM {TABLE} WHERE sequence = 1"
    )
    assert refused(statement)
    assert AuditEvent.objects.count() == 2


def test_refuses_the_orm_too() -> None:
    write(1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.update(actor="somebody else")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEvent.objects.all().delete()


def test_an_update_is_refused_even_while_retention_runs() -> None:
    write(1)
    with audit.retention(actor=None, before=timezone.now()):
        assert refused(f"UPDATE {TABLE} SET actor = 'somebody else'")


def test_retention_deletes_and_says_so_in_the_trail(administrator: User) -> None:
    write(3)
    before = AuditEvent.objects.get(sequence=2).at
    with audit.retention(actor=Actor.of(administrator), before=before):
        AuditEvent.objects.filter(sequence__lte=2).delete()
    assert list(AuditEvent.objects.order_by("sequence").values_list("sequence", flat=True)) == [3, 4]
    last = AuditEvent.objects.latest("sequence")
    assert (last.event, last.actor) == (Event.RETENTION_APPLIED, administrator.email)
    assert audit.first_broken() is None
    assert refused(f"DELETE FROM {TABLE}"), "the gate is shut again"


def test_the_gate_shuts_when_retention_fails() -> None:
    write(1)
    with pytest.raises(ZeroDivisionError), audit.retention(actor=None, before=timezone.now()):
        1 / 0  # noqa: B018
    assert refused(f"DELETE FROM {TABLE}")
    assert AuditEvent.objects.count() == 1


def test_no_foreign_key_leads_out_of_the_table() -> None:
    assert not [field.name for field in AuditEvent._meta.fields if field.is_relation]


# --- The chain (J4) -------------------------------------------------------------------------------
def verify() -> str:
    out = io.StringIO()
    call_command("audit_verify", stdout=out)
    return out.getvalue()


def test_a_whole_trail_is_told_with_its_last_hash() -> None:
    assert "no events yet" in verify()
    assert write(3)[-1].hash in verify()


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        (f"UPDATE {TABLE} SET actor = 'somebody else' WHERE sequence = 2", 2),
        (f"UPDATE {TABLE} SET detail = '{{}} ' WHERE sequence = 3", 3),
        (f"DELETE FROM {TABLE} WHERE sequence = 3", 4),
        (f"DELETE FROM {TABLE} WHERE sequence < 3", 3),
        (f"UPDATE {TABLE} SET hash = prev_hash WHERE sequence = 1", 1),
    ],
)
@pytest.mark.usefixtures("unguarded")
def test_names_the_first_row_that_was_tampered_with(statement: str, sequence: int) -> None:
    write(5)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(CommandError, match=f"Broken at sequence {sequence}:"):
        verify()


def test_an_event_that_is_rolled_back_leaves_no_gap() -> None:
    write(1)
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    write(1)
    assert audit.first_broken() is None


def test_control_characters_cannot_forge_a_line() -> None:
    row = audit.record(Event.PERSON_CHANGED, actor=None, target="person:a\r\nb\x1b[31m\u2028c")
    assert row.target.isprintable()


# --- Reading --------------------------------------------------------------------------------------
@pytest.fixture
def told(owner: User, teammate: User) -> None:
    audit.record(Event.CONNECTION_CREATED, actor=Actor.of(owner), target="connection:desk")
    audit.record(Event.CONNECTION_CREATED, actor=Actor.of(teammate), target="connection:deskpro")
    audit.record(Event.CONNECTION_DELETED, actor=Actor.of(owner), target="connection:desk")


def asked(client: Client, **query: Any) -> list[tuple[str, str]]:
    answer = client.get("/api/v1/audit", query)
    assert answer.status_code == 200, answer.content
    return [(item["event"], item["target"]) for item in answer.json()["items"]]


@pytest.mark.usefixtures("told")
def test_administrators_read_everything_newest_first(signed_in: SignIn, administrator: User) -> None:
    assert asked(signed_in(administrator)) == [
        ("connection.deleted", "connection:desk"),
        ("connection.created", "connection:deskpro"),
        ("connection.created", "connection:desk"),
    ]


@pytest.mark.usefixtures("told")
def test_others_read_what_they_did_themselves_whatever_they_filter_by(
    signed_in: SignIn, owner: User, teammate: User, stranger: User
) -> None:
    assert asked(signed_in(teammate)) == [("connection.created", "connection:deskpro")]
    assert asked(signed_in(teammate), actor=owner.email) == []
    assert asked(signed_in(stranger), target="connection:desk") == []
    page = signed_in(stranger).get("/audit/", {"actor": owner.email}).content.decode()
    assert "connection:desk<" not in page


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"event": "connection.created"}, 2),
        ({"actor": "OWNER@example.com"}, 2),
        ({"target": "connection:desk"}, 2),
        ({"target": "connection"}, 0),
        ({"event": "connection.created", "actor": "owner@example.com"}, 1),
        ({"since": "2000-01-01"}, 3),
        ({"since": "2999-01-01T00:00:00Z"}, 0),
    ],
)
def test_filters_narrow_the_api_and_the_page_alike(
    signed_in: SignIn, administrator: User, query: dict[str, str], number: int
) -> None:
    client = signed_in(administrator)
    assert len(asked(client, **query)) == number
    if "T" not in query.get("since", ""):
        assert len(client.get("/audit/", query).context["events"]) == number


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"event": "x"}, "event"),
        ({"since": "yesterday"}, "since"),
        ({"since": "9999-12-31T23:59:59-23:59"}, "since"),
    ],
)
def test_a_filter_that_makes_no_sense_is_told(
    signed_in: SignIn, administrator: User, query: dict[str, str], field: str
) -> None:
    client = signed_in(administrator)
    answer = client.get("/api/v1/audit", query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert client.get("/audit/", query).status_code == 422


def test_pages_hang_together_while_events_are_added(signed_in: SignIn, administrator: User) -> None:
    client = signed_in(administrator)
    rows = write(5)
    first = client.get("/api/v1/audit?limit=2").json()
    write(2)
    second = client.get("/api/v1/audit", {"limit": 2, "cursor": first["next"]}).json()
    seen = [item["id"] for item in (*first["items"], *second["items"])]
    assert seen == [str(row.pk) for row in reversed(rows[1:])]


def test_an_event_has_the_shape_of_the_contract(signed_in: SignIn, administrator: User) -> None:
    audit.record(Event.PERSON_CHANGED, actor=Actor.of(administrator), target="person:x", secret_fact="hidden")
    (item,) = signed_in(administrator).get("/api/v1/audit").json()["items"]
    assert set(item) == {"id", "at", "event", "actor", "token", "target", "ip", "request_id"}
    assert abs(datetime.fromisoformat(item["at"]) - timezone.now()) < timedelta(minutes=1)


def test_an_empty_page_says_what_will_be_there(signed_in: SignIn, administrator: User) -> None:
    client = signed_in(administrator)
    assert "Nothing happened yet" in client.get("/audit/").content.decode()
    assert "Nothing fits" in client.get("/audit/?target=x").content.decode()
