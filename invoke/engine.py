"""A call by link name, in six steps: authorise, resolve, guard, sign, send, record.

The caller's token was taken apart at the edge; that it is good, and what it may, is judged from the
row that resolving reads. Nothing is remembered from one call to the next.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

import structlog

from connections import grants
from connections.errors import AuthorizationRequired, RefreshUnavailable
from invoke import aside, overrides, paths, renewal, resolve, rights, signing, streams, trail
from invoke.asks import Ask, Body, Caller
from invoke.errors import ServerStopped
from invoke.recorder import Keeper, Record
from invoke.resolve import Credential, Reader, Row
from outbound import guard
from outbound.client import Client, Reply
from outbound.errors import AddressNotAllowed, HostNotAllowed, UnsendableRequest, UpstreamTimeout
from outbound.guard import Destination
from people.audit_events import Event
from problems import AppError, InvalidInput, NotFound, ReconnectNeeded
from problems.limits import Limits
from services.errors import VariableMissing
from vault import Secret
from vault.errors import Unsealable

log = structlog.get_logger(__name__)

Deliver = Callable[[Reply], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a call may take, and how much it may bring."""

    timeout_s: float
    max_request_bytes: int
    max_response_bytes: int


@dataclass(slots=True)
class Work:
    """A call that passed the guard: nothing of its credential is open yet."""

    row: Row
    draft: signing.Draft
    destination: Destination
    credential: Credential | None
    record: Record
    deadline: float
    body: Body
    is_test: bool
    bound: streams.Bound | None = None  # on a body that is taken apart
    secrets: dict[str, Secret] = field(default_factory=dict, repr=False)


class Engine:
    """What the calls of one process share."""

    def __init__(
        self,
        *,
        reader: Reader,
        client: Client,
        recorder: Keeper,
        limits: Limits,
        bounds: Bounds,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.recorder = recorder
        self._reader = reader
        self._client = client
        self._limits = limits
        self._bounds = bounds
        self._clock = clock

    async def call(
        self, caller: Caller, ask: Ask, record: Record, deliver: Deliver, *, is_test: bool = False
    ) -> None:
        """Make the call; ``deliver`` gets the service's answer. Raises AppError for whatever is ours.

        ``is_test``: for whoever may edit the connection, and with a grant that needs reconnecting, too.
        """
        deadline = asyncio.get_running_loop().time() + self._bounds.timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                row = await self._resolve(caller, ask, record, is_test=is_test)
                with self._limits.held(row.token_id, row.connection_id):
                    work = await self._pass_guard(row, ask, record, deadline, is_test=is_test)
                    await self._sign(work)
                    await self._send(work, deliver)
        except TimeoutError:
            raise await self._explained(UpstreamTimeout(), record, caller) from None
        except UnsendableRequest as error:
            raise await self._explained(InvalidInput(str(error)), record, caller) from None
        except AppError as error:
            raise await self._explained(error, record, caller) from None
        except asyncio.CancelledError:
            told(record, ServerStopped())  # unless the caller left, which the record says already
            raise
        finally:
            self._record(record)

    async def identify(self, caller: Caller, record: Record) -> None:
        """Is the caller's token good? For what is refused, or read, before there is a call."""
        row = await self._reader.row(resolve.params(caller, ""))
        record.row = row
        rights.authenticate(row, caller, self._clock())

    def place(self, record: Record) -> AbstractContextManager[None]:
        """For a task that is read before it is called; none is needed where nobody knows whose it is."""
        return self._limits.held(record.row.token_id) if record.row else nullcontext()

    async def refuse(self, caller: Caller, record: Record, error: AppError) -> NoReturn:
        """A task that makes no call: record it as its caller's. Raises the error, or Unauthenticated."""
        try:
            if record.row is None:
                await self.identify(caller, record)
        except AppError as worse:
            error = worse
        told(record, error)
        self._record(record)
        raise error

    async def _resolve(self, caller: Caller, ask: Ask, record: Record, *, is_test: bool) -> Row:
        row = await self._reader.row(resolve.params(caller, ask.link_name))
        record.row = row
        rights.judge(row, caller, ask, self._clock(), is_test=is_test)
        return row

    async def _pass_guard(
        self, row: Row, ask: Ask, record: Record, deadline: float, *, is_test: bool
    ) -> Work:
        """Past the guard; where the address is told with the first token, that is fetched before."""
        try:
            return self._guard(row, ask, record, deadline, is_test=is_test)
        except VariableMissing:
            credential = resolve.credential_of(row)
            if credential is None:
                raise AuthorizationRequired from None
            if credential.secrets is not None:
                raise
        fetched = await renewal.refresh(
            credential,
            endpoint=resolve.token_url(row),
            clock=self._clock,
            deadline=deadline,
            is_refused=False,
        )
        record.refreshed = True
        row = resolve.with_credential(row, fetched)
        return self._guard(row, ask, record, deadline, is_test=is_test)

    def _guard(self, row: Row, ask: Ask, record: Record, deadline: float, *, is_test: bool) -> Work:
        """The guard rails: method, path, host. What is sent, and where to, is settled here."""
        plan = resolve.plan_of(row)
        draft = signing.draft(ask, plan, narrows_methods=rights.narrows_methods(row))
        record.path = paths.path_of(draft.url)
        rights.check_rules(row, ask.method, record.path)
        destination = guard.destination(
            draft.address, hosts=plan.target.hosts, is_builtin=plan.target.is_builtin
        )
        record.host = destination.origin.netloc
        credential = resolve.credential_of(row)
        return Work(row, draft, destination, credential, record, deadline, ask.body, is_test)

    async def _sign(self, work: Work) -> None:
        """Open the credential, renewed where it is about to end; in strict mode once the record is safe."""
        credential = work.credential
        if credential is None:
            raise AuthorizationRequired
        if not work.is_test:
            grants.require_health(work.row.health, work.row.reason or "")
        if rights.narrows_methods(work.row):
            work.body = await overrides.remove_from_body(work.body, work.draft.headers)
        bound = work.bound = signing.bound_of(work.draft)
        cap = self._bounds.max_request_bytes
        work.body = await (
            streams.read_caller(work.body, bound) if bound else streams.prepare(work.body, cap)
        )
        await self.recorder.begin(work.record)
        work.secrets = credential.open()
        if self._is_over(credential) or (self._is_due(credential) and self._can_renew(work)):
            await self._renew(work, credential, is_refused=False)

    def _is_over(self, credential: Credential) -> bool:
        """Is there nothing that could be sent as it is?"""
        expires_at = credential.expires_at
        return credential.secrets is None or (expires_at is not None and expires_at <= self._clock())

    def _is_due(self, credential: Credential) -> bool:
        return renewal.is_due(credential, self._clock())

    def _can_renew(self, work: Work) -> bool:
        target = work.draft.plan.target
        return target.auth_type.can_refresh(target.config, work.secrets)

    async def _renew(self, work: Work, credential: Credential, *, is_refused: bool) -> None:
        renewed = await renewal.refresh(
            credential,
            endpoint=resolve.token_url(work.row),
            clock=self._clock,
            deadline=work.deadline,
            is_refused=is_refused,
        )
        if renewed.secrets is None:
            raise AuthorizationRequired
        work.credential, work.secrets = renewed, renewed.open()
        work.record.refreshed = renewed.version != credential.version

    async def _send(self, work: Work, deliver: Deliver) -> None:
        """Send; after a 401 refresh, where that can be done, and send once more if the body is at hand."""
        may_refresh = not work.record.refreshed and self._can_renew(work)
        if await self._attempt(work, deliver, may_refresh=may_refresh):
            await self._attempt(work, deliver, may_refresh=False)

    async def _attempt(self, work: Work, deliver: Deliver, *, may_refresh: bool) -> bool:
        """One request. Is it to be sent again, its answer kept from the caller?"""
        signed = await aside.do(
            partial(signing.sign, work.draft, work.row, work.secrets, work.body),
            len(work.body.data) * work.bound.cost if work.bound else 0,
        )
        work.record.attempts += 1
        work.record.request_bytes = len(signed.body.data)
        async with self._client.open(
            signed.method,
            signed.url,
            headers=signed.headers,
            body=self._outgoing(signed.body, work.record),
            destination=work.destination,
            deadline=work.deadline,
            max_bytes=self._bounds.max_response_bytes,
        ) as reply:
            if may_refresh and reply.status == 401 and await self._is_refreshed(work) and work.body.is_whole:
                return True
            await deliver(reply)
        return False

    async def _is_refreshed(self, work: Work) -> bool:
        """After a 401: is there a new token? Raises ReconnectNeeded, and RefreshUnavailable where another
        token would have let the call through."""
        assert work.credential is not None
        try:
            await self._renew(work, work.credential, is_refused=True)
        except RefreshUnavailable:
            if work.body.is_whole:
                raise
        return work.record.refreshed

    def _outgoing(self, body: Body, record: Record) -> bytes | AsyncIterator[bytes] | None:
        if body.stream is None:
            return body.data or None
        return _counted(body.stream(), record)

    def _record(self, record: Record) -> None:
        record.end()
        self.recorder.add(record)

    async def _explained(self, error: AppError, record: Record, caller: Caller) -> AppError:
        """The error with what a person needs to act on it; the record is told, and the audit trail."""
        told(record, error)
        row, event = record.row, _AUDITED.get(error.code)
        if row is None:
            return error
        try:
            if event is not None:
                await trail.in_thread(lambda: trail.tell(event, row, caller.ip, error.code))
            if isinstance(error, ReconnectNeeded) and "authorize_url" not in error.extra:
                error.extra["authorize_url"] = await trail.in_thread(lambda: trail.authorize_url(row))
        except NotFound as gone:  # deleted meanwhile
            record.code, record.status = gone.code, gone.status
            return gone
        except AppError as failed:
            log.warning("call.trail_failed", call=str(record.id), code=failed.code)
        return error

    async def close(self) -> None:
        """Flush the records and give up what is held open."""
        await self._client.close()
        await self.recorder.stop()
        await self._reader.close()


_AUDITED = {
    Unsealable.code: Event.UNSEAL_FAILED,
    HostNotAllowed.code: Event.EGRESS_BLOCKED,
    AddressNotAllowed.code: Event.EGRESS_BLOCKED,
}


def told(record: Record, error: AppError) -> None:
    """Put an error into the record; the status stays the service's where its answer had begun."""
    record.code = record.code or error.code
    record.status = record.status or error.status


async def _counted(stream: AsyncIterator[bytes], record: Record) -> AsyncIterator[bytes]:
    async for chunk in stream:
        record.request_bytes += len(chunk)
        yield chunk
