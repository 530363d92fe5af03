"""Connections as the pages list them: with the reader's own status, in a fixed number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import prefetch_related_objects

from connections.models import Connection
from connections.status import Status, shared_as, statuses_of
from people.actor import Actor
from services import auth_types, search


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list. ``shared_as``: the contract's word, empty for one's own."""

    connection: Connection
    status: Status
    shared_as: str

    @property
    def is_waiting(self) -> bool:
        """Somebody else made it, and it wants the reader's authorisation."""
        return self.shared_as == "waiting" and not self.connection.is_disabled

    @property
    def from_label(self) -> str:
        return f"by {self.connection.created_by}" if self.shared_as else ""

    @property
    def takes_fields(self) -> bool:
        """Is a credential typed here, rather than granted at the service?"""
        auth = self.connection.auth
        return bool(auth_types.get(auth.auth_type).fields(auth.config))

    @property
    def auth_label(self) -> str:
        return auth_types.get(self.connection.auth.auth_type).label

    def matches(self, *, q: str, status: str, service: str) -> bool:
        """Does it fit a search? Every word has to be found somewhere."""
        of_service = self.connection.auth.service
        text = f"{self.connection.name} {self.connection.link_name} {of_service.name}".lower()
        return (
            all(word in text for word in search.words_of(q.lower()))
            and status in {"", self.status.code.value}
            and service in {"", of_service.link_name}
        )


def of(connections: Iterable[Connection], actor: Actor) -> list[Row]:
    """The rows, in the order of the connections."""
    listed = list(connections)
    prefetch_related_objects(listed, "auth__clients")
    statuses = statuses_of(listed, actor)
    return [
        Row(connection, statuses[connection.pk], shared_as(connection, actor, statuses[connection.pk]))
        for connection in listed
    ]
