"""Refreshing a grant from the call path: behind the loop, for as long as a caller waits.

Across threads and processes it is ``connections.grants`` that sees to one refresh at a time.
"""

import asyncio
import json
from collections.abc import Callable

from django.db import Error as DatabaseError

from connections import grants
from connections.models import Grant
from invoke.errors import DatabaseUnavailable
from invoke.resolve import Credential

_MARGIN_S = 0.2  # before the call's own deadline, so that the answer names what failed


def is_due(credential: Credential, now: float) -> bool:
    """Is less than a tenth of the access token's life left, at most 60 s?"""
    expires_at = credential.expires_at
    return expires_at is not None and grants.ends_soon(expires_at - now, credential.lifetime_s)


async def refresh(
    credential: Credential,
    *,
    endpoint: str,
    clock: Callable[[], float],
    deadline: float,
    is_refused: bool,
) -> Credential:
    """The grant after its refresh; as it was where its token is still good and no other is to be had.

    ``is_refused``: the service has just answered this token with a 401. ``deadline`` is in the loop's time.
    Raises ReconnectNeeded, RefreshUnavailable, DatabaseUnavailable.
    """
    stale_version = credential.version if is_refused else None
    under_way = grants.REFRESHES.start(credential.grant_id, endpoint=endpoint, stale_version=stale_version)
    until = min(deadline - _MARGIN_S, asyncio.get_running_loop().time() + grants.WAIT_S)
    try:
        async with asyncio.timeout_at(until):
            return _credential(await asyncio.wrap_future(under_way))
    except TimeoutError:
        if is_refused or not _is_good(credential, clock()):
            raise grants.takes_long() from None
        return credential
    except DatabaseError:
        raise DatabaseUnavailable from None


def _is_good(credential: Credential, now: float) -> bool:
    expires_at = credential.expires_at
    return credential.secrets is not None and (expires_at is None or expires_at > now + grants.GOOD_FOR_S)


def _credential(grant: Grant) -> Credential:
    return Credential(
        grant_id=grant.pk,
        secrets=None if grant.secrets is None else bytes(grant.secrets),
        version=grant.version,
        expires_at=grant.expires_at.timestamp() if grant.expires_at else None,
        lifetime_s=grant.lifetime_s,
        variables=json.dumps(grant.variables),
    )
