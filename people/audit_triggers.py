"""Why an audit event stays as it was written: triggers refuse UPDATE, DELETE and TRUNCATE.

Deleting alone may pass a gate. On PostgreSQL the gate is a setting of the transaction; on SQLite it is
a function that only our own connections have, so that any other client finds it missing and fails.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SETTING = "switchboard.audit_gate"
FUNCTION = "audit_gate"
_gate: ContextVar[bool] = ContextVar("audit_gate", default=False)

SQLITE = """
CREATE TRIGGER people_auditevent_no_update BEFORE UPDATE ON people_auditevent
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;

CREATE TRIGGER people_auditevent_no_delete BEFORE DELETE ON people_auditevent WHEN audit_gate() IS NOT 1
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;

CREATE TRIGGER people_auditevent_no_replace BEFORE INSERT ON people_auditevent
WHEN EXISTS (SELECT 1 FROM people_auditevent WHERE id = NEW.id OR sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
"""

POSTGRESQL = """
CREATE FUNCTION people_auditevent_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'UPDATE' AND current_setting('switchboard.audit_gate', true) = 'open' THEN
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER people_auditevent_rows BEFORE UPDATE OR DELETE ON people_auditevent
FOR EACH ROW EXECUTE FUNCTION people_auditevent_append_only();

CREATE TRIGGER people_auditevent_truncate BEFORE TRUNCATE ON people_auditevent
FOR EACH STATEMENT EXECUTE FUNCTION people_auditevent_append_only();
"""


def install(_: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The migration: create the triggers of this database."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL)
        return
    for statement in SQLITE.strip().split("\n\n"):
        schema_editor.execute(statement)


def remove(_: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The migration's way back."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION people_auditevent_append_only() CASCADE")
        return
    for name in ("no_update", "no_delete", "no_replace"):
        schema_editor.execute(f"DROP TRIGGER people_auditevent_{name}")


def register_gate(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give a new SQLite connection the gate's function; shut unless ``gate_open`` is around it."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(FUNCTION, 0, lambda: int(_gate.get()))


@contextmanager
def gate_open() -> Iterator[None]:
    """Let audit events be deleted: by retention, and where tests empty their tables.

    Inside a transaction the gate shuts with it at the latest; outside one, with this block.
    """
    token = _gate.set(True)
    _set_gate("open")
    try:
        yield
    finally:
        _gate.reset(token)
        if not connection.needs_rollback:  # a transaction that rolls back takes the setting with it
            _set_gate("")


def _set_gate(state: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, %s)", [SETTING, state, connection.in_atomic_block])
