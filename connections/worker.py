"""The background loop: tokens refreshed ahead of time, and what has lapsed cleared away.

Nothing depends on it but promptness: a call refreshes for itself, and a lapsed flow is refused anyway.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.contrib.sessions.models import Session
from django.db import close_old_connections
from django.db.models import Q
from django.utils import timezone

import problems
from connections import exchanges, grants, links, status
from connections.models import Grant
from people import audit, clearing, installation, throttle
from people.models import SetupLink, Throttle
from problems.database import DATABASE_AWAY
from services import auth_types

log = structlog.get_logger(__name__)

PAUSE_S = 10.0
LONGEST_PAUSE_S = 60.0
AHEAD = timedelta(seconds=60)
BATCH = 100
TRACES_KEPT = links.LIFE + timedelta(hours=1)  # a used link stays known until it has lapsed

Chore = Callable[[datetime, threading.Event], None]


def run(stop: threading.Event, *, chores: "tuple[Chore, ...] | None" = None) -> None:
    """Rounds of chores until ``stop`` is set. Raises BadKeyRing where its keys are not the database's."""
    pause_s = PAUSE_S
    log.info("worker.started")
    while not stop.is_set():
        is_away = not do_round(timezone.now(), stop, chores=chores, is_news=pause_s == PAUSE_S)
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2) if is_away else PAUSE_S
        stop.wait(pause_s)
    log.info("worker.stopped")


def do_round(
    now: datetime, stop: threading.Event, *, chores: tuple[Chore, ...] | None = None, is_news: bool = True
) -> bool:
    """One round; was the database there? A chore that fails is logged and leaves the others be.

    Raises Misconfigured: what only the operator can mend would go wrong in every round.
    """
    close_old_connections()
    for chore in CHORES if chores is None else chores:
        if stop.is_set():
            break
        try:
            chore(now, stop)
        except DATABASE_AWAY as error:
            if is_news:
                log.warning("worker.database_away", error=type(error).__name__)
            return False
        except problems.Misconfigured:
            raise
        except Exception:
            log.exception("worker.chore_failed", chore=chore.__name__)
    return True


def check_keys(now: datetime, stop: threading.Event) -> None:
    """With other keys it would fail the refreshes that processes with the right ones can do."""
    installation.check_key()


def lapse_flows(now: datetime, stop: threading.Event) -> None:
    """Round trips that never came back are wiped; what explains nothing goes once no link could name it."""
    late = Grant.objects.filter(_is_free(now), state=Grant.State.PENDING, lapses_at__lte=now)
    grants.end_all(late, "lapsed")
    over = Grant.objects.filter(state=Grant.State.ENDED, created_at__lte=now - TRACES_KEPT)
    clearing.clear(over.exclude(ended_reason__in=status.ENDINGS), stop)


def refresh_ahead(now: datetime, stop: threading.Event) -> None:
    """Refresh what is about to run out, one slow service beside the others; each row is claimed, so that
    workers share the work. Goes on without those that are not over by the next round."""
    grants_due = Grant.objects.filter(pk__in=due(now)).select_related("connection__auth")
    under_way = {grant.pk: _start(grant) for grant in grants_due if not stop.is_set()}
    exchanges.release_database()
    done, _ = wait(under_way.values(), timeout=grants.WAIT_S)
    for grant_id, future in under_way.items():
        error = future.exception() if future in done else None
        if isinstance(error, problems.AppError):
            log.info("worker.refresh_failed", grant=str(grant_id), code=error.code)
        elif error is not None:
            raise error


def _start(grant: Grant) -> "Future[Grant]":
    auth = grant.connection.auth
    return grants.REFRESHES.start(grant.pk, endpoint=auth_types.get(auth.auth_type).refresh_url(auth.config))


def due(now: datetime) -> list[UUID]:
    """Active grants whose token ends soon, and that nobody refreshes or waits for."""
    may_try = Q(retry_at=None) | Q(retry_at__lte=now)
    found = Grant.objects.filter(
        _is_free(now),
        may_try,
        state=Grant.State.ACTIVE,
        health=Grant.Health.OK,
        is_renewable=True,
        secrets__isnull=False,
        expires_at__lte=now + AHEAD,
        connection__is_disabled=False,
    )
    return list(found.order_by("expires_at").values_list("pk", flat=True)[:BATCH])


def _is_free(now: datetime) -> Q:
    """Nobody asks the service about it just now."""
    return Q(claimed_until=None) | Q(claimed_until__lte=now)


def purge(now: datetime, stop: threading.Event) -> None:
    """Sessions and one-time links that are over, and counters that no longer count."""
    clearing.clear(Session.objects.filter(expire_date__lt=now), stop)
    clearing.clear(SetupLink.objects.filter(expires_at__lt=now), stop)
    clearing.clear(Throttle.objects.filter(window_start__lt=now - throttle.KEPT), stop)


def tell_anchor(now: datetime, stop: threading.Event) -> None:
    """What commands recorded, too, is anchored in a log within a round."""
    audit.tell_anchor()


CHORES: tuple[Chore, ...] = (check_keys, lapse_flows, refresh_ahead, purge, tell_anchor)
