"""Backups before a migration, and static files that are collected when they changed."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from invoke.management import preparation
from tests.conftest import NOW


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "switchboard.sqlite3"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE things (name TEXT)")
        made.execute("INSERT INTO things VALUES ('kept')")
        made.commit()
    return path


def names_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as copy:
        return [name for (name,) in copy.execute("SELECT name FROM things")]


def test_copies_the_database_with_what_it_holds(database: Path, tmp_path: Path) -> None:
    copy = preparation.back_up(database, tmp_path / "backups", now=NOW)
    assert names_in(copy) == ["kept"]
    assert copy.parent.stat().st_mode & 0o077 == 0


def test_keeps_the_last_three_copies(database: Path, tmp_path: Path) -> None:
    moments = [NOW + timedelta(days=day) for day in range(5)]
    copies = [preparation.back_up(database, tmp_path / "backups", now=moment) for moment in moments]
    assert sorted((tmp_path / "backups").iterdir()) == sorted(copies[-3:])


def test_a_copy_that_fails_leaves_nothing_half_made(database: Path, tmp_path: Path) -> None:
    database.write_bytes(b"this is no database" * 100)
    with pytest.raises(CommandError, match="could not be copied to"):
        preparation.back_up(database, tmp_path / "backups", now=NOW)
    assert list((tmp_path / "backups").iterdir()) == []


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> list[datetime]:
    """The moments at which a copy was asked for."""
    moments: list[datetime] = []

    def note(database: Path, folder: Path, *, now: datetime) -> Path:
        moments.append(now)
        return folder

    monkeypatch.setattr(preparation, "back_up", note)
    return moments


@pytest.mark.django_db
def test_copies_nothing_while_no_migration_is_pending(copied: list[datetime]) -> None:
    preparation.migrate(now=NOW, say=pytest.fail)
    assert copied == []


@pytest.mark.django_db
def test_refuses_a_database_of_another_version() -> None:
    MigrationRecorder(connection).record_applied("people", "0999_from_the_future")
    with pytest.raises(CommandError, match=r"people\.0999_from_the_future"):
        preparation.migrate(now=NOW, say=pytest.fail)


def test_collects_static_files_once_and_again_when_one_changed(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("a { color: red }")
    settings.DATA_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
    settings.STATICFILES_DIRS, settings.INSTALLED_APPS = [source], ["django.contrib.staticfiles"]
    preparation.collect_static()
    collected = tmp_path / "static" / "a.css"
    assert collected.exists()
    collected.unlink()
    preparation.collect_static()
    assert not collected.exists(), "nothing changed, so nothing is collected"
    (source / "a.css").write_text("a { color: blue; }")
    preparation.collect_static()
    assert collected.read_text() == "a { color: blue; }"
