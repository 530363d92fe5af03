"""What a caller asks for, whichever way it came in: pass-through, task, test or command line."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from uuid import UUID

Pairs = tuple[tuple[str, str], ...]

METHODS = frozenset(
    {
        *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"),
        *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"),  # RFC 4918
        *("REPORT", "MKCALENDAR", "ACL", "SEARCH"),  # RFC 3253, 4791, 3744, 5323
    }
)
FORM_METHODS = frozenset({"POST", "PUT", "PATCH"})  # empty, they become a form where the credential needs one


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: by API token (``token_id`` and the hash of its secret), or a person of ours by id."""

    token_id: str = ""
    secret_hash: str = field(default="", repr=False)
    user_id: UUID | None = None
    act_for: str = ""  # the e-mail address in Switchboard-User
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body: whole in ``data``, or ``stream`` after what ``data`` holds of it already.

    ``length`` is what the caller declared; ``None`` where a streamed body said nothing.
    """

    data: bytes = b""
    stream: Callable[[], AsyncIterator[bytes]] | None = None
    length: int | None = 0

    @classmethod
    def of(cls, data: bytes) -> "Body":
        """A body that is here whole."""
        return cls(data=data, length=len(data))

    @property
    def is_whole(self) -> bool:
        """Can it be sent a second time?"""
        return self.stream is None

    @property
    def is_empty(self) -> bool:
        return self.stream is None and not self.data


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a connection.

    ``path`` and ``query`` are as they travel, percent-encoding kept. ``host`` picks another of the
    service's hosts (``name``, or ``scheme://name``), and then ``path`` is the whole path; empty, ``path`` is
    appended to the base URL's. ``may_pick_host``: a path that begins with ``~`` may do that, too.
    ``headers`` are the caller's own, not yet cleaned.
    """

    link_name: str
    method: str
    path: str = ""
    query: str = ""
    host: str = ""
    headers: Pairs = field(default=(), repr=False)
    body: Body = field(default_factory=Body, repr=False)
    may_pick_host: bool = False
