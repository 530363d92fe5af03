"""Refreshing a grant from the call path: in a thread, once for all who wait for it in this process.

Across processes it is ``connections.grants`` that sees to one refresh at a time.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connections as databases

from connections import grants
from connections.errors import RefreshUnavailable
from invoke.reader import away
from invoke.resolve import Credential

_THREADS = 16  # a token endpoint that hangs holds up its own grants, and others only when there are 16 such
_MARGIN_S = 0.2  # before the call's own deadline, so that the answer names what failed
_RETRY_AFTER_S = 5
Key = tuple[UUID, int, bool]

_LEAST_OF_LIFE, _MOST_S = 0.1, 60.0


def is_due(credential: Credential, now: float) -> bool:
    """Is less than a tenth of the access token's life left, at most 60 s?"""
    if credential.expires_at is None:
        return False
    early = min(_MOST_S, _LEAST_OF_LIFE * credential.lifetime_s) if credential.lifetime_s else _MOST_S
    return credential.expires_at - now <= early


class Renewal:
    """The refreshes under way in this process."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="refresh")
        self._under_way: dict[Key, asyncio.Task[Credential]] = {}

    async def refresh(self, credential: Credential, deadline: float, *, is_refused: bool) -> Credential:
        """The grant after its refresh; as it was where its token is still good and no other is to be had.

        ``is_refused``: the service has just answered this token with a 401. Raises ReconnectNeeded,
        RefreshUnavailable, DatabaseUnavailable.
        """
        key = (credential.grant_id, credential.version, is_refused)
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._run(credential, is_refused))
            task.add_done_callback(lambda done: self._over(key, done))
        try:
            async with asyncio.timeout_at(deadline - _MARGIN_S):
                return await asyncio.shield(task)
        except TimeoutError:
            raise RefreshUnavailable(retry_after=_RETRY_AFTER_S) from None

    async def _run(self, credential: Credential, is_refused: bool) -> Credential:
        loop = asyncio.get_running_loop()
        stale_version = credential.version if is_refused else None
        return await loop.run_in_executor(self._threads, _refreshed, credential, stale_version)

    def _over(self, key: Key, done: asyncio.Task[Credential]) -> None:
        self._under_way.pop(key, None)
        if not done.cancelled():
            done.exception()  # everybody who waited may have left: it is theirs no more

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False)


def _refreshed(credential: Credential, stale_version: int | None) -> Credential:
    try:
        grant = grants.refresh(credential.grant_id, stale_version=stale_version)
    except DatabaseError:
        raise away() from None
    finally:
        databases.close_all()
    return Credential(
        grant_id=grant.pk,
        secrets=None if grant.secrets is None else bytes(grant.secrets),
        version=grant.version,
        expires_at=grant.expires_at.timestamp() if grant.expires_at else None,
        lifetime_s=grant.lifetime_s,
    )
