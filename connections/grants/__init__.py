"""People's secrets: stored, opened, refreshed once, ended, revoked."""

from connections.grants.persistence import insist
from connections.grants.refreshes import REFRESHES, WAIT_S, takes_long
from connections.grants.renewal import refresh
from connections.grants.revocation import (
    Outcome,
    Revocation,
    give_back,
    replaces_another,
    revoke,
    tell_services,
)
from connections.grants.store import (
    GOOD_FOR_S,
    LEASE,
    active_of,
    current,
    end,
    end_all,
    ends_soon,
    heal,
    need_reconnect,
    needs_refresh,
    open_flow_secrets,
    open_secrets,
    require_health,
    seal,
    store,
)

__all__ = [
    "GOOD_FOR_S",
    "LEASE",
    "REFRESHES",
    "WAIT_S",
    "Outcome",
    "Revocation",
    "active_of",
    "current",
    "end",
    "end_all",
    "ends_soon",
    "give_back",
    "heal",
    "insist",
    "need_reconnect",
    "needs_refresh",
    "open_flow_secrets",
    "open_secrets",
    "refresh",
    "replaces_another",
    "require_health",
    "revoke",
    "seal",
    "store",
    "takes_long",
    "tell_services",
]
