"""One log, on stderr: structlog's events and the standard library's, a line each."""

import logging.config
import re
import traceback
from typing import Any

import structlog

from problems.database import DATABASE_AWAY

LINKS = re.compile(
    r"(/(?:welcome|set-password|authorize)/)[^/\s?#\"']+"
)  # one-time: whoever reads it could use it
AUDIT = "switchboard.audit"
CALLERS_FAULT = "django.security."
AWAY = {*(error.__name__ for error in DATABASE_AWAY), "PoolTimeout"}  # by name: the driver has its own


def _without_tracebacks_that_others_cause(
    _: Any, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A host that is not ours or a database that is away is one line, however often it comes."""
    exc_info = event.get("exc_info")
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if not isinstance(error, BaseException):
        return event
    is_callers = str(event.get("logger", "")).startswith(CALLERS_FAULT)
    if is_callers or type(error).__name__ in AWAY:
        event["error"] = type(error).__name__
        del event["exc_info"]
    return event


def _without_links(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """One-time links stay out of the log, wherever a path stands in it."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = LINKS.sub(r"\1…", value)
    return event


def _on_one_line(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Control characters and line separators in values cannot forge a line."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception" and not value.isprintable():
            event[key] = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return event


def _as_text(exc_info: Any) -> str:
    """The traceback, without local variables: they hold secrets."""
    return "".join(traceback.format_exception(*exc_info))


def tell_anchors() -> None:
    """From here on this process's log tells where the audit trail ends, at every event."""
    logging.getLogger(AUDIT).setLevel(logging.INFO)


def configure(config: dict[str, Any]) -> None:
    """Called by Django with ``settings.LOGGING``: ``{"level": name, "json": bool}``."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_tracebacks_that_others_cause,
        structlog.processors.ExceptionRenderer(_as_text),
        _without_links,
        _on_one_line,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_handlers(config, shared))


def _handlers(config: dict[str, Any], shared: list[Any]) -> dict[str, Any]:
    """The standard library's half: everything to stderr, through the same processors."""
    as_json = structlog.processors.JSONRenderer()
    renderer = as_json if config["json"] else structlog.dev.ConsoleRenderer(colors=False)
    line = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            "django.request": {"level": "ERROR"},  # the access line has told of a 4xx
            "psycopg.pool": {"level": "ERROR"},  # so has that of a database that is away
            AUDIT: {"level": "WARNING"},  # a command's errors are for people to read; see tell_anchors
            "urllib3": {"level": "CRITICAL"},  # its lines tell URLs, which may carry keys
        },
        "root": {"handlers": ["stderr"], "level": config["level"]},
    }
