"""Who is acting. Every operation takes one; every look-up starts from one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import UUID

from people.errors import FreshSignInNeeded

if TYPE_CHECKING:
    from django.http import HttpRequest

    from people.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, in a session or through an API token.

    ``connection_ids``: what the token is narrowed to; ``None`` narrows nothing. ``is_fresh``: a session
    that signed in lately, or a bearer token, which is never asked to sign in again.
    """

    user: "User"
    token_id: UUID | None = None
    token_name: str = ""
    connection_ids: frozenset[UUID] | None = None
    is_fresh: bool = True
    ip: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, user: "User") -> Self:
        """The person themselves, at the command line or in a background job."""
        return cls(user=user)

    @property
    def id(self) -> UUID:
        return self.user.pk

    @property
    def role(self) -> str:
        return self.user.role

    @property
    def is_narrowed(self) -> bool:
        """Is it a token that reaches certain connections and nothing else?"""
        return self.connection_ids is not None

    @property
    def is_administrator(self) -> bool:
        """Everywhere: a narrowed token never is, whoever owns it. What an administrator may do with the
        connections that it reaches is for ``connections.access`` to say."""
        return self.user.is_administrator and not self.is_narrowed

    @property
    def is_builder(self) -> bool:
        """May make things; a narrowed token makes none."""
        return self.user.is_builder and not self.is_narrowed

    @property
    def is_token(self) -> bool:
        return self.token_id is not None

    def require_fresh(self) -> None:
        """Raises FreshSignInNeeded unless the person signed in lately."""
        if not self.is_fresh:
            raise FreshSignInNeeded


def from_request(request: "HttpRequest") -> Actor:
    """The actor that the middleware put on a signed-in request."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor
