"""Whether this process can do its work: database, key, migrations."""

from functools import lru_cache

import structlog
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from people import installation
from people.installation import check_key
from problems import AppError

__all__ = ["check_key", "is_ready"]

log = structlog.get_logger(__name__)


class MigrationsMissing(AppError):
    """The database is older than this code."""

    message = "Migrations are missing."
    hint = "Run manage.py migrate."


def is_ready() -> bool:
    """Whether the database answers, is migrated, and was sealed with our keys. The log says why not."""
    try:
        _check_migrations()
        installation.check_key()
    except DatabaseError as error:
        log.warning("health.database_away", error=type(error).__name__)
        return False
    except AppError as error:
        log.warning("health.not_ready", reason=error.message, hint=error.hint)
        return False
    return True


def use_own_connection() -> None:
    """Let this thread ask the database beside the pool: one that is used up says nothing of the database."""
    pooled = connections[DEFAULT_DB_ALIAS]
    if pooled.settings_dict["OPTIONS"].get("pool"):
        own = pooled.copy()
        del own.settings_dict["OPTIONS"]["pool"]
        own.settings_dict["CONN_MAX_AGE"] = None
        connections[DEFAULT_DB_ALIAS] = own


@lru_cache(maxsize=1)
def _check_migrations() -> None:
    """Raises MigrationsMissing; that all were there is remembered, since nothing takes them away."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise MigrationsMissing
