"""What can go wrong, by who has to act, and how it is told (RFC 9457)."""

from problems.families import (
    AppError,
    ConfirmationRequired,
    Conflict,
    FlowFailed,
    InvalidInput,
    Misconfigured,
    NotAllowed,
    NotFound,
    ReconnectNeeded,
    Throttled,
    Unavailable,
    UpstreamFailed,
    ValidationFailed,
)

__all__ = [
    "AppError",
    "ConfirmationRequired",
    "Conflict",
    "FlowFailed",
    "InvalidInput",
    "Misconfigured",
    "NotAllowed",
    "NotFound",
    "ReconnectNeeded",
    "Throttled",
    "Unavailable",
    "UpstreamFailed",
    "ValidationFailed",
]
