"""People's secrets: stored, opened, refreshed once, ended, revoked."""

from connections.grants.renewal import refresh
from connections.grants.revocation import Outcome, Revocation, revoke, tell_services
from connections.grants.store import (
    active_of,
    current,
    end,
    end_all,
    ends_soon,
    need_reconnect,
    needs_refresh,
    open_flow_secrets,
    open_secrets,
    seal,
    store,
)

__all__ = [
    "Outcome",
    "Revocation",
    "active_of",
    "current",
    "end",
    "end_all",
    "ends_soon",
    "need_reconnect",
    "needs_refresh",
    "open_flow_secrets",
    "open_secrets",
    "refresh",
    "revoke",
    "seal",
    "store",
    "tell_services",
]
